from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.sparse import compressed_rows
from graphcond.core.targets import SingleLabel
from graphcond.surrogates import autograd
from graphcond.surrogates.linear import Linear, slots
from graphcond.surrogates.network import Network
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
FEATURES, HIDDEN, CLASSES = 4, 6, 5
SURROGATES = {
    "linear": Linear(FEATURES, SingleLabel(CLASSES), LIKE),
    "two_layer": TwoLayer(FEATURES, HIDDEN, SingleLabel(CLASSES), LIKE),
}
KINDS = ["rows", "dense", "sparse"]
LABELS = torch.tensor([0, 2, 2, 0, 2, 4, 0, 2])  # classes 1 and 3 are absent


def batch_of(kind: str, labels: Tensor = LABELS) -> Batch:
    """Return labelled rows, alone, on a learned square operator, or among twice as many on a rectangular one."""
    generator = torch.Generator().manual_seed(len(labels))
    count = len(labels)
    total = 2 * count if kind == "sparse" else count
    x = torch.randn(total, FEATURES, generator=generator, dtype=torch.float64).requires_grad_()
    adj = torch.rand(count, total, generator=generator, dtype=torch.float64)
    if kind != "sparse":
        return Batch(x, labels, adj.requires_grad_() if kind == "dense" else None)
    rows = torch.randperm(total, generator=generator)[:count]
    adj[torch.rand(adj.shape, generator=generator) < 0.6] = 0
    adj[torch.arange(count), rows] = 0.5
    return Batch(x, labels, compressed_rows(adj), rows)


def leaves(batch: Batch) -> list[Tensor]:
    return [batch.x] if batch.adj is None or not batch.adj.requires_grad else [batch.x, batch.adj]


def derivatives(statistic: Statistic, batch: Batch) -> tuple[Tensor, ...]:
    """Return the derivative of a random linear functional of the gradients."""
    generator = torch.Generator().manual_seed(0)
    total = sum(
        (value * torch.randn(value.shape, generator=generator, dtype=value.dtype)).sum() for value in statistic.sums
    )
    return torch.autograd.grad(total, leaves(batch))


def assert_close(found: Tensor | tuple[Tensor, ...], expected: Tensor | tuple[Tensor, ...]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def assert_equal_gradients(found: Statistic, expected: Statistic, batch: Batch) -> None:
    assert torch.equal(found.counts, expected.counts)
    assert_close(found.sums, expected.sums)
    assert_close(derivatives(found, batch), derivatives(expected, batch))


@pytest.fixture(params=SURROGATES)
def surrogate(request):
    return SURROGATES[request.param]


@pytest.fixture
def weights(surrogate):
    torch.manual_seed(1)
    return surrogate.init()


@pytest.fixture(params=KINDS)
def batch(request):
    return batch_of(request.param)


def test_closed_form_equals_automatic_differentiation(surrogate, weights, batch):
    found = surrogate.class_gradients(weights, batch)
    assert_equal_gradients(found, autograd.class_gradients(surrogate, weights, batch), batch)
    assert found.counts.tolist() == [3, 0, 4, 0, 1]
    for value, weight in zip(found.sums, weights, strict=True):
        assert value.shape == (CLASSES, *weight.shape)
        assert bool((value[[1, 3]] == 0).all())
        assert bool((value[[0, 2, 4]].flatten(1).abs().amax(dim=1) > 1e-2).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [[3], [1, 1, 1], [4, 3, 2, 1, 0], [0, 0, 0, 0, 0, 1]])
def test_closed_form_for_classes_of_any_size(surrogate, weights, labels, kind):
    batch = batch_of(kind, torch.tensor(labels))
    found = surrogate.class_gradients(weights, batch)
    assert_equal_gradients(found, autograd.class_gradients(surrogate, weights, batch), batch)


def test_gradients_of_the_mean_loss(surrogate, weights, batch):
    found = surrogate.loss_gradients(weights, batch)
    assert_close(found, autograd.loss_gradients(surrogate, weights, batch))
    summed = surrogate.class_gradients(weights, batch).sums
    assert_close(found, tuple(value.sum(dim=0) / len(batch) for value in summed))


def test_weights_with_a_history_change_nothing(surrogate, weights, batch):
    grown = tuple(weight.clone().requires_grad_() * 1 for weight in weights)
    expected = surrogate.class_gradients(weights, replace(batch))
    assert_equal_gradients(surrogate.class_gradients(grown, batch), expected, batch)


@pytest.mark.parametrize("gradients", ["closed form", "automatic"])
def test_gradients_carry_no_history_where_it_is_switched_off(surrogate, weights, batch, gradients):
    def observed() -> Statistic:
        if gradients == "automatic":
            return autograd.class_gradients(surrogate, weights, batch)
        return surrogate.class_gradients(weights, replace(batch))

    with torch.no_grad():
        statistic = observed()
    assert not any(value.requires_grad or value.grad_fn for value in (*statistic.sums, statistic.counts))
    with_history = observed()
    assert all(value.requires_grad for value in with_history.sums)
    assert_close(statistic.sums, with_history.sums)


def test_batch_that_was_observed_without_gradients_is_still_differentiable():
    batch, surrogate = batch_of("rows"), SURROGATES["two_layer"]
    weights = surrogate.init()
    with torch.no_grad():
        surrogate.class_gradients(weights, batch)
    found = surrogate.class_gradients(weights, batch)
    assert_equal_gradients(found, autograd.class_gradients(surrogate, weights, batch), batch)


def test_automatic_gradients_are_those_of_each_class_alone(surrogate, weights, batch):
    parameters = [weight.clone().requires_grad_() for weight in weights]
    losses = F.cross_entropy(surrogate.layers(tuple(parameters), batch)[-1], batch.y, reduction="none")
    for label in range(CLASSES):
        mine = (batch.y == label).double()
        expected = torch.autograd.grad((mine * losses).sum(), parameters, retain_graph=True)
        found = autograd.class_gradients(surrogate, weights, batch)
        assert_close(tuple(value[label] for value in found.sums), expected)


@pytest.mark.parametrize("gradients", ["closed form", "automatic"])
def test_gradients_have_the_derivative_of_their_differences(surrogate, weights, batch, gradients):
    def sums(x: Tensor, *adj: Tensor) -> tuple[Tensor, ...]:
        moved = Batch(x, batch.y, *(adj or [batch.adj]), batch.rows)
        if gradients == "automatic":
            return autograd.class_gradients(surrogate, weights, moved).sums
        return surrogate.class_gradients(weights, moved).sums

    assert torch.autograd.gradcheck(sums, leaves(batch), fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_two_layers(kind):
    batch, surrogate = batch_of(kind), SURROGATES["two_layer"]
    first, bias, second, offset = weights = surrogate.init()
    hidden = (batch.x @ first.T + bias).clamp(min=0)
    operator = torch.eye(len(LABELS), dtype=torch.float64) if batch.adj is None else batch.adj.to_dense()
    rows = torch.arange(len(LABELS)) if batch.rows is None else batch.rows
    features, embedding, logits = surrogate.layers(weights, batch)
    assert_close(features, batch.x[rows])
    assert_close(embedding, hidden[rows])
    assert_close(logits, operator @ hidden @ second.T + offset)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_softmax_regression(kind):
    batch, surrogate = batch_of(kind), SURROGATES["linear"]
    weight, bias = weights = surrogate.init()
    operator = torch.eye(len(LABELS), dtype=torch.float64) if batch.adj is None else batch.adj.to_dense()
    features, logits = surrogate.layers(weights, batch)
    assert_close(features, operator @ batch.x)
    assert_close(logits, operator @ batch.x @ weight.T + bias)


def test_images_are_flattened(surrogate, weights):
    flat = batch_of("rows")
    images = Batch(flat.x.view(-1, 1, 2, 2), flat.y)
    assert_close(surrogate.class_gradients(weights, images).sums, surrogate.class_gradients(weights, flat).sums)
    assert_close(surrogate.loss_gradients(weights, images), surrogate.loss_gradients(weights, flat))


def test_slots_are_the_rows_of_each_class_in_order():
    index, mask = slots(torch.tensor([2, 0, 2, 2, 0]), 4)
    assert index.shape == mask.shape == (4, 3)
    assert [row[kept].tolist() for row, kept in zip(index, mask, strict=True)] == [[1, 4], [], [0, 2, 3], []]


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)).double()


class Convolution(nn.Module):
    """The two layers with an operator between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.second = two_layers()

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        return self.second(adj @ self.relu(self.first(x)))


@pytest.mark.parametrize(("kind", "build"), [("rows", two_layers), ("dense", Convolution), ("sparse", Convolution)])
def test_module_equals_the_closed_form_of_two_layers(kind, build):
    batch, network, closed = batch_of(kind), Network(build, CLASSES), SURROGATES["two_layer"]
    weights = network.init()
    found, expected = network.class_gradients(weights, batch), closed.class_gradients(weights, batch)
    assert_equal_gradients(found, expected, batch)
    assert_close(network.loss_gradients(weights, batch), closed.loss_gradients(weights, batch))
    features, *_, logits = network.layers(weights, batch)
    assert_close(features, closed.layers(weights, batch)[0])
    assert_close(logits, closed.layers(weights, batch)[-1])


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 3)
    )


def images(count: int, seed: int) -> Batch:
    y = torch.arange(count) % 3
    x = torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) + y.view(-1, 1, 1, 1)
    return Batch(x, y)


@pytest.mark.parametrize("distance", ["columns", "squared", "normalized"])
def test_convolutional_network_goes_through_gradient_matching(distance):
    torch.manual_seed(0)
    network, objective = Network(convolutional, 3), GradientMatching(distance=distance)
    weights, real, made = network.init(), images(12, 0), images(3, 1)
    statistic = objective.observe(network, weights, real)
    assert not any(value.requires_grad for value in statistic.sums)
    x = made.x.requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.05)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = objective.loss(network, weights, statistic, Batch(x, made.y))
        loss.backward()
        losses.append(loss.item())
        assert x.grad.shape == x.shape
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]


def test_gradients_of_a_convolutional_network_are_those_of_its_module():
    torch.manual_seed(0)
    network, batch, module = Network(convolutional, 3), images(7, 0), convolutional()
    weights = tuple(parameter.detach().clone() for parameter in module.parameters())
    statistic = network.class_gradients(weights, batch)
    for label in range(3):
        module.zero_grad()
        mine = batch.y == label
        F.cross_entropy(module(batch.x[mine]), batch.y[mine], reduction="sum").backward()
        expected = tuple(parameter.grad for parameter in module.parameters())
        torch.testing.assert_close(tuple(value[label] for value in statistic.sums), expected, rtol=1e-4, atol=1e-5)


MAKERS: dict[str, tuple[Callable[[], Surrogate], list[tuple[int, ...]]]] = {
    "linear": (lambda: SURROGATES["linear"], [(5, 4), (5,)]),
    "two_layer": (lambda: SURROGATES["two_layer"], [(6, 4), (6,), (5, 6), (5,)]),
    "network": (lambda: Network(two_layers, CLASSES), [(6, 4), (6,), (5, 6), (5,)]),
    "images": (lambda: Network(convolutional, 3), [(4, 1, 3, 3), (4,), (4,), (4,), (3, 64), (3,)]),
}


@pytest.mark.parametrize(("make", "shapes"), MAKERS.values(), ids=MAKERS)
def test_weights_are_fresh_and_follow_the_seed(make, shapes):
    def drawn(seed: int) -> Weights:
        torch.manual_seed(seed)
        return surrogate.init()

    surrogate = make()
    first, again, other = drawn(0), drawn(0), drawn(1)
    assert [tuple(weight.shape) for weight in first] == shapes
    assert not any(weight.requires_grad for weight in first)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(surrogate.init()[0], other[0])


def test_weights_are_uniform_within_one_over_the_root_of_the_outputs():
    torch.manual_seed(0)
    for surrogate in (Linear(500, SingleLabel(9), LIKE), TwoLayer(60, 50, SingleLabel(40), LIKE)):
        for weight in surrogate.init():
            assert weight.dtype == torch.float64
            bound = len(weight) ** -0.5
            assert weight.abs().max() <= bound
            if weight.dim() == 2:
                assert weight.abs().max() > 0.99 * bound
                assert abs(weight.mean()) < 0.05 * bound
                assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
