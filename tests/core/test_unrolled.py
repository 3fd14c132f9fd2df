import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.unrolled import End, Unroll
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.network import Network
from graphcond.surrogates.two_layer import TwoLayer

ROWS, FEATURES, CLASSES = 6, 4, 3
LIKE = torch.zeros((), dtype=torch.float64)


def module() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 5), nn.Tanh(), nn.Linear(5, CLASSES)).double()


SURROGATES: dict[str, Surrogate] = {
    "linear": Linear(FEATURES, SingleLabel(CLASSES), LIKE),
    "two layers": TwoLayer(FEATURES, 5, SingleLabel(CLASSES), LIKE),
    "module": Network(module, CLASSES, LIKE),
}
each_surrogate = pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)


@dataclass(frozen=True)
class Tilted:
    """Multiplies features by numbers that are drawn."""

    def draw(self) -> Change:
        factor = 1 + torch.rand(FEATURES, dtype=torch.float64)
        return lambda batch: replace(batch, x=factor * batch.x)


@dataclass
class Data:
    """Parameters of synthetic data: features, the logits of soft labels, the logarithm of the step size."""

    x: Tensor
    logits: Tensor
    log_size: Tensor

    @classmethod
    def drawn(cls) -> "Data":
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(ROWS, FEATURES, dtype=torch.float64, generator=generator)
        logits = torch.randn(ROWS, CLASSES, dtype=torch.float64, generator=generator)
        return cls(x.requires_grad_(), logits.requires_grad_(), torch.tensor(-0.5).double().requires_grad_())

    def batch(self) -> Batch:
        return Batch(self.x, self.logits.softmax(dim=1), step_size=self.log_size.exp())

    def gradients(self, loss: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(loss, (self.x, self.logits, self.log_size)))


def ends(surrogate: Surrogate) -> tuple[Weights, End]:
    """Return where a network starts, and a loss of where it ends."""
    with seeded(5):
        first, goal = surrogate.init(), surrogate.init()

    def end(last: Weights) -> Tensor:
        return torch.stack([((a - b) ** 2).sum() for a, b in zip(last, goal, strict=True)]).sum()

    return first, end


def trajectory(unroll: Unroll, surrogate: Surrogate, weights: Weights, batch: Batch) -> list[Weights]:
    """Train with the whole graph in memory, as it is written in the papers; return all weights of the training."""
    weights = tuple(weight.clone().requires_grad_() for weight in weights)
    passed = [weights]
    velocity = tuple(torch.zeros_like(weight) for weight in weights)
    for _ in range(unroll.steps):
        seen = batch if unroll.rows is None else batch.take(torch.randperm(len(batch))[: unroll.rows])
        seen = seen if unroll.augment is None else unroll.augment.draw()(seen)
        loss = F.cross_entropy(surrogate.layers(weights, seen)[-1], seen.y)
        gradient = torch.autograd.grad(loss, weights, create_graph=True)
        velocity = tuple(unroll.momentum * v + g for v, g in zip(velocity, gradient, strict=True))
        weights = tuple(w - batch.step_size * v for w, v in zip(weights, velocity, strict=True))
        passed.append(weights)
    return passed


def trained(unroll: Unroll, surrogate: Surrogate, weights: Weights, batch: Batch) -> Weights:
    return trajectory(unroll, surrogate, weights, batch)[-1]


def assert_close(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-12) -> None:
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).norm()) <= tolerance * float(other.norm())


@pytest.mark.parametrize("augment", [None, Tilted()], ids=["plain", "augmented"])
@pytest.mark.parametrize("rows", [None, 4])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@each_surrogate
def test_value_and_gradient_are_those_of_the_whole_graph(surrogate, momentum, rows, augment):
    unroll = Unroll(steps=7, momentum=momentum, rows=rows, augment=augment)
    weights, end = ends(surrogate)
    data = Data.drawn()
    with seeded(1):
        loss = unroll.loss(surrogate, weights, data.batch(), end)
    with seeded(1):
        expected = end(trained(unroll, surrogate, weights, data.batch()))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-13)
    assert_close(data.gradients(loss), data.gradients(expected))


def test_edges_between_the_layers_get_their_gradient():
    surrogate = SURROGATES["two layers"]
    weights, end = ends(surrogate)
    data, edges = Data.drawn(), torch.rand(ROWS, ROWS, dtype=torch.float64).requires_grad_()
    unroll = Unroll(steps=4, momentum=0.5)
    loss, expected = (
        made(replace(data.batch(), adj=edges.sigmoid()))
        for made in (
            lambda batch: unroll.loss(surrogate, weights, batch, end),
            lambda batch: end(trained(unroll, surrogate, weights, batch)),
        )
    )
    assert_close(list(torch.autograd.grad(loss, edges)), list(torch.autograd.grad(expected, edges)))


@each_surrogate
def test_hard_labels_and_a_fixed_step_size(surrogate):
    weights, end = ends(surrogate)
    x, y = Data.drawn().x, torch.arange(ROWS) % CLASSES
    loss = Unroll(steps=5, step_size=0.3).loss(surrogate, weights, Batch(x, y), end)
    sized = Batch(x, y, step_size=torch.tensor(0.3, dtype=torch.float64))
    expected = end(trained(Unroll(steps=5), surrogate, weights, sized))
    assert_close(list(torch.autograd.grad(loss, x)), list(torch.autograd.grad(expected, x)))


def test_only_the_step_size_may_be_learned():
    surrogate = SURROGATES["two layers"]
    weights, end = ends(surrogate)
    data = Data.drawn()
    for exact in (True, False):
        batch = Batch(data.x.detach(), data.logits.softmax(dim=1).detach(), step_size=data.log_size.exp())
        loss = Unroll(steps=5, momentum=0.9, exact=exact).loss(surrogate, weights, batch, end)
        assert torch.autograd.grad(loss, data.log_size)[0].abs() > 0


def test_nothing_to_learn_gives_a_plain_value():
    surrogate = SURROGATES["linear"]
    weights, end = ends(surrogate)
    data = Data.drawn()
    unroll = Unroll(steps=3)
    value = unroll.loss(surrogate, weights, data.batch().detached(), end)
    with torch.no_grad():
        silent = unroll.loss(surrogate, weights, data.batch(), end)
    assert not value.requires_grad
    assert not silent.requires_grad
    assert value.item() == silent.item() == unroll.loss(surrogate, weights, data.batch(), end).item()


def test_weights_and_data_are_left_alone():
    surrogate = SURROGATES["two layers"]
    weights, end = ends(surrogate)
    data, before = Data.drawn(), tuple(weight.clone() for weight in weights)
    data_before = data.x.detach().clone()
    Unroll(steps=3, momentum=0.9).loss(surrogate, weights, data.batch(), end).backward()
    assert all(torch.equal(a, b) for a, b in zip(weights, before, strict=True))
    assert not any(weight.requires_grad for weight in weights)
    assert torch.equal(data.x, data_before)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@each_surrogate
def test_what_is_left_out_is_how_a_step_changes_later_ones(surrogate, momentum):
    steps = 6
    weights, end = ends(surrogate)
    data = Data.drawn()
    loss = Unroll(steps=steps, momentum=momentum, exact=False).loss(surrogate, weights, data.batch(), end)
    passed = trajectory(Unroll(steps=steps, momentum=momentum), surrogate, weights, data.batch())
    last = tuple(weight.detach().requires_grad_() for weight in passed[-1])
    adjoint = torch.autograd.grad(end(last), last)
    batch = data.batch()
    # TESLA's: the last weights as the first ones less all steps, whose gradients see the weights as constants.
    total = 0.0
    for t in range(steps):
        start = tuple(weight.detach().requires_grad_() for weight in passed[t])
        loss_there = F.cross_entropy(surrogate.layers(start, batch)[-1], batch.y)
        gradient = torch.autograd.grad(loss_there, start, create_graph=True)
        often = sum(momentum**k for k in range(steps - t))
        along = sum((g * a).sum() for g, a in zip(gradient, adjoint, strict=True))
        total = total - batch.step_size * often * along
    assert_close(data.gradients(loss), data.gradients(total))


def test_the_inexact_gradient_points_elsewhere():
    surrogate = SURROGATES["two layers"]
    weights, end = ends(surrogate)
    data = Data.drawn()
    exact, biased = (
        data.gradients(Unroll(steps=30, exact=exact).loss(surrogate, weights, data.batch(), end))[0].flatten()
        for exact in (True, False)
    )
    assert 0 < float(F.cosine_similarity(exact, biased, dim=0)) < 0.99


class Held:
    """A tensor that a graph keeps."""

    def __init__(self, value: Tensor) -> None:
        self.value = value


def most_held(work: Callable[[], Tensor]) -> int:
    """Return the most bytes that graphs held at any time while something was computed and differentiated."""
    now = most = 0

    def give_back(size: int) -> None:
        nonlocal now
        now -= size

    def pack(value: Tensor) -> Held:
        nonlocal now, most
        held, size = Held(value), value.numel() * value.element_size()
        weakref.finalize(held, give_back, size)
        now += size
        most = max(most, now)
        return held

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.value):
        work().backward()
    return most


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_graphs_take_the_memory_of_one_step_however_many_there_are(momentum):
    surrogate = SURROGATES["two layers"]
    weights, end = ends(surrogate)

    def held(steps: int, *, whole: bool = False) -> int:
        unroll, batch = Unroll(steps=steps, momentum=momentum), Data.drawn().batch()
        if whole:
            return most_held(lambda: end(trained(unroll, surrogate, weights, batch)))
        return most_held(lambda: unroll.loss(surrogate, weights, batch, end))

    assert held(10) == held(200) > 0
    assert held(20, whole=True) > 1.8 * held(10, whole=True) > 8 * held(10)


@pytest.mark.parametrize("field", ["steps", "step_size", "rows"])
def test_settings_are_checked(field):
    with pytest.raises(ValueError, match=field):
        Unroll(**({"steps": 2} | {field: 0}))
