import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.unrolled import End, Unroll
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.row_space import RowSpaceUnroll
from graphcond.surrogates.two_layer import TwoLayer

CLASSES = 3


def network(features: int, hidden: int = 6) -> tuple[TwoLayer, Weights, End]:
    """Return a network, where it starts, and a loss of where it ends."""
    surrogate = TwoLayer(features, hidden, SingleLabel(CLASSES), torch.zeros((), dtype=torch.float64))
    with seeded(1):
        first, goal = surrogate.init(), surrogate.init()

    def end(last: Weights) -> Tensor:
        return torch.stack([((a - b) ** 2).sum() for a, b in zip(last, goal, strict=True)]).sum()

    return surrogate, first, end


def parameters(rows: int, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return features, logits of soft labels, and the logarithm of a step size."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator)
    logits = torch.randn(rows, CLASSES, dtype=torch.float64, generator=generator)
    size = torch.tensor(-1.0, dtype=torch.float64)
    return x.requires_grad_(), logits.requires_grad_(), size.requires_grad_()


def assert_close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float = 1e-12) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm().item() <= tolerance * other.norm().item()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("rows", "features"), [(4, 11), (7, 3), (1, 1)])
def test_it_is_the_same_training(rows, features, momentum):
    surrogate, weights, end = network(features)
    found = []
    for kind in (Unroll, RowSpaceUnroll):
        x, logits, size = parameters(rows, features)
        batch = Batch(x, logits.softmax(dim=1), step_size=size.exp())
        loss = kind(steps=12, momentum=momentum).loss(surrogate, weights, batch, end)
        found.append((loss.detach(), *torch.autograd.grad(loss, (x, logits, size))))
    assert_close(found[1], found[0])


def test_hard_labels_and_a_fixed_step_size():
    surrogate, weights, end = network(9)
    found = []
    for kind in (Unroll, RowSpaceUnroll):
        x, *_ = parameters(5, 9)
        loss = kind(steps=6, step_size=0.2).loss(surrogate, weights, Batch(x, torch.arange(5) % CLASSES), end)
        found.append(torch.autograd.grad(loss, x))
    assert_close(found[1], found[0])


def test_rows_that_depend_on_one_another_do_no_harm():
    surrogate, weights, end = network(8)
    found = []
    for kind in (Unroll, RowSpaceUnroll):
        x, logits, _ = parameters(2, 8)
        batch = Batch(torch.cat([x, x, 0 * x]), logits.softmax(dim=1).repeat(3, 1))
        found.append(torch.autograd.grad(kind(steps=6).loss(surrogate, weights, batch, end), (x, logits)))
    assert_close(found[1], found[0])


def test_weights_are_left_alone_and_nothing_is_recorded_without_gradients():
    surrogate, weights, end = network(8)
    before = [weight.clone() for weight in weights]
    x, logits, size = parameters(3, 8)
    batch = Batch(x, logits.softmax(dim=1), step_size=size.exp())
    with torch.no_grad():
        value = RowSpaceUnroll(steps=6, momentum=0.5).loss(surrogate, weights, batch, end)
    assert not value.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(weights, before, strict=True))
    assert not any(weight.requires_grad for weight in weights)


def test_a_trajectory_is_matched_by_either():
    surrogate, weights, _ = network(10)
    goal = network(10)[0].init()

    def led(surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
        return goal

    losses = []
    for kind in (Unroll, RowSpaceUnroll):
        x, *_ = parameters(4, 10)
        matching = TrajectoryMatching(goal=led, unroll=kind(steps=5, step_size=0.3))
        batch = Batch(x, torch.arange(4) % CLASSES)
        loss = matching.loss(surrogate, weights, matching.observe(surrogate, weights, batch), batch)
        losses.append((loss.detach(), *torch.autograd.grad(loss, x)))
    assert_close(losses[1], losses[0])


def test_edges_are_refused():
    surrogate, weights, end = network(4)
    with pytest.raises(ValueError, match="rows without edges"):
        RowSpaceUnroll(steps=2).loss(surrogate, weights, Batch(torch.ones(2, 4), torch.arange(2), torch.eye(2)), end)


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("step_size", 0.0), ("momentum", -0.1)])
def test_settings_are_checked(field, value):
    with pytest.raises(ValueError, match=field):
        RowSpaceUnroll(**({"steps": 2} | {field: value}))
