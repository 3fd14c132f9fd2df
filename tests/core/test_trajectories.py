import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.objectives.unrolled_loss import OutcomeMatching
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
SURROGATES: dict[str, Surrogate] = {
    "linear": Linear(4, SingleLabel(3), LIKE),
    "two layers": TwoLayer(4, 5, SingleLabel(3), LIKE),
}
each_surrogate = pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)
STEPS, SIZE = 4, 0.3


def rows(count: int, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.randn(count, 4, dtype=torch.float64, generator=generator), torch.arange(count) % 3)


def start(surrogate: Surrogate) -> Weights:
    with seeded(0):
        return surrogate.init()


def descended(surrogate: Surrogate, weights: Weights, batch: Batch) -> Weights:
    """Train by plain descent, with the whole graph in memory."""
    weights = tuple(weight.clone().requires_grad_() for weight in weights)
    for _ in range(STEPS):
        loss = F.cross_entropy(surrogate.layers(weights, batch)[-1], batch.y)
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        weights = tuple(w - SIZE * g for w, g in zip(weights, gradients, strict=True))
    return weights


def led(surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
    """Where real data lead: as many steps of plain descent on them."""
    student = Student(weights, Training(learning_rate=SIZE, momentum=0.0))
    student.train(surrogate, real, STEPS)
    return tuple(weight.requires_grad_() * 1 for weight in student.weights)  # with a history, to be cut off


def squared(one: Weights, other: Weights) -> Tensor:
    return torch.stack([((a - b) ** 2).sum() for a, b in zip(one, other, strict=True)]).sum()


def matching(steps: int = STEPS, size: float = SIZE) -> TrajectoryMatching:
    return TrajectoryMatching(goal=led, unroll=Unroll(steps=steps, step_size=size))


@each_surrogate
def test_value_and_gradient_are_those_of_the_whole_graph(surrogate):
    weights, objective = start(surrogate), matching()
    synthetic, real = rows(5, seed=1), rows(20, seed=2)
    synthetic.x.requires_grad_()
    goal = objective.observe(surrogate, weights, real)
    loss = objective.loss(surrogate, weights, goal, synthetic)
    expected = squared(descended(surrogate, weights, synthetic), goal) / squared(weights, goal)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    found, wanted = (torch.autograd.grad(value, synthetic.x)[0] for value in (loss, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-14)


@each_surrogate
def test_what_is_observed_has_no_history(surrogate):
    goal = matching().observe(surrogate, start(surrogate), rows(20, seed=2))
    assert not any(weight.requires_grad for weight in goal)


@each_surrogate
def test_the_real_data_themselves_lead_where_they_lead(surrogate):
    weights, real, objective = start(surrogate), rows(20, seed=2), matching()
    goal = objective.observe(surrogate, weights, real)
    assert objective.loss(surrogate, weights, goal, real).item() < 1e-28


@each_surrogate
def test_a_training_that_hardly_moves_has_distance_one(surrogate):
    weights, objective = start(surrogate), matching(steps=1, size=1e-9)
    goal = objective.observe(surrogate, weights, rows(20, seed=2))
    assert objective.loss(surrogate, weights, goal, rows(5, seed=1)).item() == pytest.approx(1, abs=1e-6)


@each_surrogate
def test_outcome_is_the_loss_on_real_data_of_a_network_trained_on_synthetic_ones(surrogate):
    weights, objective = start(surrogate), OutcomeMatching(unroll=Unroll(steps=STEPS, step_size=SIZE))
    synthetic, real = rows(5, seed=1), rows(20, seed=2)
    synthetic.x.requires_grad_()
    observed = objective.observe(surrogate, weights, real)
    assert observed.batch is real
    loss = objective.loss(surrogate, weights, observed, synthetic)
    expected = F.cross_entropy(surrogate.layers(descended(surrogate, weights, synthetic), real)[-1], real.y)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-13)
    found, wanted = (torch.autograd.grad(value, synthetic.x)[0] for value in (loss, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-15)
