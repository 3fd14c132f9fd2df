"""The same cores serve nodes and images: each objective, on a graph and on pictures, against plain autograd."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import graphcond
from graphcond import ImageDataset
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.objectives.unrolled_loss import OutcomeMatching
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.targets import SingleLabel
from graphcond.images.reading import read_images
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.source import surrogate_batch
from graphcond.nodes.surrogate_models import GCNSurrogate, SGCSurrogate
from graphcond.surrogates.convnet import ConvNet, network
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.surrogates.network_kernel import NetworkKernel

NODES, IMAGES = ("citeseer", "cora"), ("digit-images", "mnist")
ROWS = 40  # real rows of a test
LOADED: dict[str, object] = {}


def double(batch: Batch) -> Batch:
    adj = None if batch.adj is None else batch.adj.double()
    return Batch(batch.x.double(), batch.y, adj, batch.rows)


def nodes(name: str, data: Callable[[str], object]) -> tuple[Surrogate, Batch]:
    """A GCN and training nodes, each with the neighbours that its last hop gathers."""
    task = read_nodes(data(name))
    real = double(surrogate_batch(task.train, GCNSurrogate()).take(torch.arange(ROWS)))
    return GCNSurrogate(hidden=8).build(real.x.size(1), task.targets, real.x), real


def few(dataset: ImageDataset) -> ImageDataset:
    """The first thousand images, to be quick."""
    return ImageDataset(tuple(part[:1000] for part in dataset.train))


def images(name: str, data: Callable[[str], object]) -> tuple[Surrogate, Batch]:
    """A ConvNet and training images."""
    task = read_images(few(data(name)))
    real = double(task.batch(task.train.take(torch.arange(ROWS))))

    def build(shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        return ConvNet(width=4, depth=2)(shape, num_classes)

    made = network(build, task.shape, task.num_classes, task.scale.mean)

    class Double(type(made)):  # type: ignore[misc]
        def init(self) -> Weights:
            return tuple(weight.double() for weight in super().init())

    return Double(made.build, made.num_classes, made.like, made.taps), real


@pytest.fixture
def data(request):
    """Loads a dataset by name, from inside the package or from where raw files lie."""

    def load(name: str) -> object:
        if name in LOADED:
            return LOADED[name]
        folder = {"cora": "Planetoid/Cora", "mnist": "MNIST"}.get(name)
        root = None if folder is None else request.getfixturevalue("real_data")(folder)
        return LOADED.setdefault(name, graphcond.datasets.load(name, root))

    return load


@pytest.fixture(params=[*NODES, *IMAGES])
def seen(request, data):
    torch.manual_seed(0)
    return (nodes if request.param in NODES else images)(request.param, data)


@pytest.fixture
def synthetic(seen) -> Batch:
    """Two free rows of each class, near real ones."""
    surrogate, real = seen
    y = torch.arange(surrogate.num_classes).repeat_interleave(2)
    rows = real.own(real.x)[torch.arange(len(y)) % ROWS]
    return Batch((rows + 0.1 * torch.randn_like(rows)).requires_grad_(), y)


def class_gradients(surrogate: Surrogate, weights: Weights, batch: Batch) -> dict[int, list[Tensor]]:
    """The gradient of the mean cross-entropy of each class, by the textbook."""
    losses = F.cross_entropy(surrogate.layers(weights, batch)[-1], batch.y, reduction="none")
    return {
        c: list(torch.autograd.grad(losses[batch.y == c].mean(), weights, create_graph=True))
        for c in torch.unique(batch.y).tolist()
    }


def leaves(weights: Weights) -> Weights:
    return tuple(weight.detach().clone().requires_grad_() for weight in weights)


def assert_alike(loss: Tensor, expected: Tensor, x: Tensor, tolerance: float = 1e-9) -> None:
    """Same value, same gradient in the synthetic rows."""
    (mine,) = torch.autograd.grad(loss, x)
    (theirs,) = torch.autograd.grad(expected, x)
    torch.testing.assert_close(loss, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))
    assert float(theirs.abs().max()) > 0


def test_gradient_matching(seen, synthetic):
    surrogate, real = seen
    weights = surrogate.init()
    objective = GradientMatching(distance="squared")
    loss = objective.loss(surrogate, weights, objective.observe(surrogate, weights, real), synthetic)
    theirs, mine = (class_gradients(surrogate, leaves(weights), batch) for batch in (real, synthetic))
    pairs = [(g.detach(), h) for c in theirs for g, h in zip(theirs[c], mine[c], strict=True)]
    assert_alike(loss, torch.stack([(g - h).square().sum() for g, h in pairs]).sum(), synthetic.x)


def test_distribution_matching(seen, synthetic):
    surrogate, real = seen
    weights = surrogate.init()
    objective = DistributionMatching(layers=(-2,))
    loss = objective.loss(surrogate, weights, objective.observe(surrogate, weights, real), synthetic)
    far, near = (surrogate.layers(weights, batch)[-2].flatten(1) for batch in (real, synthetic))
    gaps = [far[real.y == c].mean(0) - near[synthetic.y == c].mean(0) for c in torch.unique(real.y)]
    assert_alike(loss, torch.stack(gaps).square().sum(), synthetic.x)


def test_trajectory_matching(seen, synthetic):
    surrogate, real = seen
    start, goal = surrogate.init(), surrogate.init()
    objective = TrajectoryMatching(goal=lambda *_: goal, unroll=Unroll(steps=4, step_size=0.5, momentum=0.5))
    loss = objective.loss(surrogate, start, objective.observe(surrogate, start, real), synthetic)
    end = walked(surrogate, start, synthetic)
    distance = [sum((a - b).square().sum() for a, b in zip(one, goal, strict=True)) for one in (end, start)]
    assert_alike(loss, distance[0] / distance[1], synthetic.x)


def test_outcome_matching(seen, synthetic):
    surrogate, real = seen
    start = surrogate.init()
    objective = OutcomeMatching(unroll=Unroll(steps=4, step_size=0.5, momentum=0.5))
    loss = objective.loss(surrogate, start, objective.observe(surrogate, start, real), synthetic)
    expected = F.cross_entropy(surrogate.layers(walked(surrogate, start, synthetic), real)[-1], real.y)
    assert_alike(loss, expected, synthetic.x)


def walked(surrogate: Surrogate, start: Weights, synthetic: Batch) -> Weights:
    """Four steps of descent with momentum, the whole graph kept."""
    weights, velocity = leaves(start), tuple(torch.zeros_like(weight) for weight in start)
    for _ in range(4):
        loss = F.cross_entropy(surrogate.layers(weights, synthetic)[-1], synthetic.y)
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        velocity = tuple(0.5 * v + g for v, g in zip(velocity, gradients, strict=True))
        weights = tuple(w - 0.5 * v for w, v in zip(weights, velocity, strict=True))
    return weights


@pytest.mark.parametrize("kernel", ["infinite width", "network"])
def test_kernel_ridge(seen, synthetic, kernel):
    surrogate, real = seen
    weights = surrogate.init() if kernel == "network" else ()
    model = NetworkKernel(surrogate) if kernel == "network" else InfiniteWidth(depth=1)
    targets = F.one_hot(real.y, surrogate.num_classes).double()
    if kernel == "network":
        far, near = (surrogate.layers(weights, batch)[-2].flatten(1) for batch in (real, synthetic))
        far, near = (torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1) for rows in (far, near))
        real = Batch(real.x, targets, real.adj, real.rows)
    else:  # sees rows without their neighbours
        real = Batch(real.own(real.x), targets)
        far, near = (features_seen(batch.x.flatten(1)) for batch in (real, synthetic))
    made = Batch(synthetic.x, F.one_hot(synthetic.y, surrogate.num_classes).double())
    objective = KernelRidge(ridge=1e-2)
    loss = objective.loss(model, weights, objective.observe(model, weights, real), made)
    if kernel == "network":
        gram, cross = near @ near.T, far @ near.T
    else:
        gram, cross = tangent(near, near), tangent(far, near)
    ridge = 1e-2 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    expected = (cross @ torch.linalg.solve(gram + ridge, made.y) - targets).square().sum(dim=1).mean() / 2
    assert_alike(loss, expected, synthetic.x, tolerance=1e-5)


def features_seen(rows: Tensor) -> Tensor:
    """Rows as the first layer of an infinitely wide network sees them: scaled, with the bias."""
    variance, bias = InfiniteWidth().weight_variance, InfiniteWidth().bias_variance
    scaled = rows * (variance / rows.size(1)) ** 0.5
    return torch.cat([scaled, scaled.new_full((len(rows), 1), bias**0.5)], dim=1)


def tangent(one: Tensor, other: Tensor) -> Tensor:
    """The tangent kernel of one hidden layer, as it stands in the textbook; angles kept away from 0."""
    variance, bias = InfiniteWidth().weight_variance, InfiniteWidth().bias_variance
    products = one @ other.T
    lengths = one.norm(dim=1, keepdim=True) * other.norm(dim=1)
    cosine = (products / lengths).clamp(-1 + 1e-12, 1 - 1e-12)
    angle = torch.acos(cosine)
    value = lengths * (angle.sin() + (torch.pi - angle) * cosine) / (2 * torch.pi)
    slope = (torch.pi - angle) / (2 * torch.pi)
    return variance * value + bias + variance * products * slope


def test_softmax_regression_of_nodes_is_that_of_pictures(data):
    """SGC on propagated nodes and softmax regression on pixels are one surrogate, with one closed form."""
    graph, pictures = read_nodes(data("citeseer")), read_images(data("digit-images"))
    for real, classes in (
        (surrogate_batch(graph.train, SGCSurrogate()), graph.num_classes),
        (pictures.batch(pictures.train.take(torch.arange(ROWS))), pictures.num_classes),
    ):
        real = double(real)
        surrogate = SGCSurrogate().build(real.x.flatten(1).size(1), SingleLabel(classes), real.x)
        weights = surrogate.init()
        expected = class_gradients(surrogate, leaves(weights), real)
        for found, c in ((surrogate.class_gradients(weights, real).means(), c) for c in expected):
            for mine, theirs in zip(found, expected[c], strict=True):
                torch.testing.assert_close(mine[c], theirs.detach(), rtol=1e-9, atol=1e-12)
