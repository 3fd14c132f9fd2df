"""Kernel ridge regression as an objective: against the normal equations, and what its ridge and targets promise."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives import kernel_ridge
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.objectives.losses import PlattError, squared_error
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.matching.recipe import Recipe, Synthetic
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.positive_definite import solve
from graphcond.core.run_context import RunContext
from graphcond.core.targets import SingleLabel


@dataclass(frozen=True)
class LinearKernel:
    """Inner products, times a number: ridge regression without an intercept."""

    scale: float = 1.0

    def gram(self, weights, batch):
        return self.cross(weights, batch, batch)

    def cross(self, weights, left, right):
        return self.scale * left.x @ right.x.T


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch(count: int, outputs: int, *, features: int = 8, seed: int = 0) -> Batch:
    return Batch(random(count, features, seed=seed), random(count, outputs, seed=seed + 100))


def normal_equations(ridge: float, real: Batch, synthetic: Batch) -> Tensor:
    """Ridge regression in the space of the features, whose penalty is the mean squared length times the ridge."""
    x, y = synthetic.x, synthetic.y
    penalty = ridge * x.square().sum() / len(x) * torch.eye(x.size(1), dtype=x.dtype)
    return real.x @ torch.linalg.solve(x.T @ x + penalty, x.T @ y)


# Fewer real rows than outputs, or more: the two ways to group the three factors.
@pytest.mark.parametrize("count", [2, 7])
@pytest.mark.parametrize("ridge", [1e-2, 3.0])
def test_equals_ridge_regression_on_the_features(count, ridge):
    real, synthetic = batch(count, 5, seed=1), batch(6, 5, seed=2)
    prediction = KernelRidge(ridge=ridge).predict(LinearKernel(), (), real, synthetic)
    torch.testing.assert_close(prediction, normal_equations(ridge, real, synthetic), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("count", "outputs"), [(2, 5), (7, 5), (7, 2)])
def test_the_system_is_solved_for_the_fewer_right_hand_sides(count, outputs, monkeypatch):
    solved = []

    def spy(matrix: Tensor, right: Tensor) -> Tensor:
        solved.append(right.size(1))
        return solve(matrix, right)

    monkeypatch.setattr(kernel_ridge, "solve", spy)
    KernelRidge().predict(LinearKernel(), (), batch(count, outputs, seed=1), batch(6, outputs, seed=2))
    assert solved == [min(count, outputs)]


def test_rows_are_predicted_one_by_one():
    # Together they take one way to group the factors, alone the other.
    real, synthetic, objective = batch(9, 4, seed=1), batch(6, 4, seed=2), KernelRidge(ridge=0.1)
    together = objective.predict(LinearKernel(), (), real, synthetic)
    alone = [objective.predict(LinearKernel(), (), real.take(torch.tensor([i])), synthetic) for i in range(9)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("count", [2, 7])
def test_gradients_by_finite_differences(count):
    real, objective = batch(count, 3, seed=1), KernelRidge(ridge=0.2)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return objective.loss(LinearKernel(), (), objective.observe(LinearKernel(), (), real), Batch(x, y))

    made = batch(4, 3, seed=2)
    assert torch.autograd.gradcheck(loss, (made.x.requires_grad_(), made.y.requires_grad_()))


@pytest.mark.parametrize("count", [2, 7])
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_kernel_does_not_matter(count, scale):
    real, synthetic, objective = batch(count, 5, seed=1), batch(6, 5, seed=2), KernelRidge(ridge=0.5)
    one, other = (objective.predict(LinearKernel(each), (), real, synthetic) for each in (1.0, scale))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("outputs", [2, 9])
def test_a_tiny_ridge_interpolates_and_a_huge_one_predicts_nothing(outputs):
    synthetic = batch(5, outputs)
    close = KernelRidge(ridge=1e-11).predict(LinearKernel(), (), synthetic, synthetic)
    torch.testing.assert_close(close, synthetic.y, rtol=0, atol=1e-8)
    assert KernelRidge(ridge=1e9).predict(LinearKernel(), (), synthetic, synthetic).abs().max() < 1e-7


@pytest.mark.parametrize("count", [2, 7])
def test_predictions_have_the_type_of_the_data_but_are_solved_in_float64(count):
    real, synthetic, objective = batch(count, 5, seed=1), batch(6, 5, seed=2), KernelRidge(ridge=1e-6)
    synthetic.x[1] = synthetic.x[0] + 1e-3 * synthetic.x[1]  # a condition number that float32 would not survive
    halves = [Batch(each.x.float(), each.y.float()) for each in (real, synthetic)]
    exact = normal_equations(1e-6, *(Batch(each.x.double(), each.y.double()) for each in halves))
    prediction = objective.predict(LinearKernel(), (), *halves)
    assert prediction.dtype == torch.float32
    # The kernel is of float32, which machines round each in their way; solved in float32, nothing would be right.
    assert float((prediction.double() - exact).norm()) < 0.2 * float(exact.norm())


def test_observed_shards_add_up():
    whole, objective = batch(7, 3), KernelRidge()
    parts = [
        objective.observe(LinearKernel(), (), whole.take(torch.arange(7)[part])) for part in (slice(3), slice(3, 7))
    ]
    union = objective.observe(LinearKernel(), (), whole)
    total = parts[0] + parts[1]
    assert torch.equal(total.batch.x, union.batch.x)
    assert torch.equal(total.batch.y, union.batch.y)
    made = batch(4, 3, seed=5)
    assert torch.equal(*(objective.loss(LinearKernel(), (), each, made) for each in (total, union)))
    separate = [objective.loss(LinearKernel(), (), each, made) * len(each.batch) for each in parts]
    torch.testing.assert_close(sum(separate) / 7, objective.loss(LinearKernel(), (), union, made))


def test_the_squared_error_is_halved_and_a_mean_over_rows():
    real = Batch(torch.zeros(2, 1), torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    assert squared_error(torch.tensor([[0.0, 0.0], [0.0, 4.0]]), real).item() == (5 + 16) / 2 / 2


@pytest.mark.parametrize("scale", [0.3, 1.0, 20.0])
def test_platt_scaling_is_the_cross_entropy_of_scaled_predictions(scale):
    prediction, classes = random(5, 3), torch.tensor([0, 2, 1, 1, 0])
    real = Batch(random(5, 1), SingleLabel(3).centred(classes).double())
    logarithm = torch.tensor(np.log(scale), requires_grad=True)
    error = PlattError(log_scale=lambda: logarithm)(prediction, real)
    shares = (scale * prediction).exp()
    shares = shares / shares.sum(dim=1, keepdim=True)
    torch.testing.assert_close(error, -shares[torch.arange(5), classes].log().mean())
    (slope,) = torch.autograd.grad(error, logarithm)
    # d/dτ of -log softmax(e^τ p)_c: the scale times the mean of what the softmax expects less what it should.
    expected = scale * ((shares - torch.nn.functional.one_hot(classes, 3)) * prediction).sum(dim=1).mean()
    torch.testing.assert_close(slope, expected)


@pytest.mark.parametrize("num_classes", [2, 10])
def test_centred_targets_add_up_to_nothing(num_classes):
    y = torch.arange(num_classes).flip(0)
    rows = SingleLabel(num_classes).centred(y)
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows.sum(dim=1), torch.zeros(num_classes))
    assert torch.equal(rows.argmax(dim=1), y)
    torch.testing.assert_close(rows.amax(dim=1) - rows.amin(dim=1), torch.ones(num_classes))
    assert rows[0, 0].item() == pytest.approx(-1 / num_classes)


def test_the_error_is_asked_about_predictions_and_real_rows():
    real, made = batch(4, 2, seed=1), batch(3, 2, seed=2)
    objective = KernelRidge(ridge=0.3, error=lambda prediction, rows: (prediction * rows.y).sum())
    loss = objective.loss(LinearKernel(), (), objective.observe(LinearKernel(), (), real), made)
    torch.testing.assert_close(loss, (normal_equations(0.3, real, made) * real.y).sum())


@pytest.mark.parametrize("ridge", [0, -1.0, float("nan")])
def test_the_ridge_is_checked(ridge):
    with pytest.raises(ValueError, match=r"ridge must be positive and finite, got .*repeats its input"):
        KernelRidge(ridge=ridge)


def test_there_are_no_weights():
    def unasked() -> Batch:
        raise AssertionError("nothing was to be trained")

    sampler = Weightless()
    assert [sampler.draw(step) for step in range(2)] == [(), ()]
    assert sampler.key() == sampler.key()
    assert sampler.key() is not None
    sampler.learn(0, unasked)
    assert sampler.state() == {}
    sampler.restore({})


class Points(Synthetic):
    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.x, self.y = torch.nn.Parameter(x), y

    def batch(self):
        return Batch(self.x, self.y)

    def parts(self):
        return {"points": [self.x]}


@dataclass
class Asked:
    """Real data that count how often they are asked for."""

    data: Batch
    constant: bool
    times: int = 0

    def __call__(self, step):
        self.times += 1
        return self.data


@pytest.mark.parametrize(("constant", "times"), [(True, 1), (False, 30)])
def test_the_driver_descends_and_observes_constant_data_once(constant, times):
    real = batch(12, 2, features=3)
    real = Batch(real.x, real.x @ random(3, 2, seed=8))  # a linear task: three points are enough
    source, objective = Asked(real, constant), KernelRidge(ridge=1e-3)
    points = Points(random(3, 3, seed=4), random(3, 2, seed=5))

    def error() -> float:
        with torch.no_grad():
            return float(squared_error(objective.predict(LinearKernel(), (), real, points.batch()), real))

    before = error()
    recipe = Recipe(
        synthetic=points, surrogate=LinearKernel(), sampler=Weightless(), objective=objective, source=source,
        schedule=Schedule(rates={"points": 0.05}), steps=30,
    )  # fmt: skip
    driver.run(recipe, RunContext())
    assert source.times == times
    assert np.isfinite(before)
    assert error() < 0.5 * before


class Scaled(Points):
    """Points that own the scale of their predictions."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__(x, y)
        self.log_scale = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    def parts(self):
        return {"points": [self.x], "scale": [self.log_scale]}


@pytest.mark.parametrize("moves", [True, False])
def test_the_driver_moves_a_learned_scale_as_the_schedule_says(moves):
    real = batch(12, 3, features=3)
    classes = (real.x @ random(3, 3, seed=8)).argmax(dim=1)
    real = Batch(real.x, SingleLabel(3).centred(classes).double())
    points = Scaled(random(6, 3, seed=4), SingleLabel(3).centred(torch.arange(6) % 3).double())
    objective = KernelRidge(ridge=1e-3, error=PlattError(log_scale=lambda: points.log_scale))
    rates = {"points": 0.05} | ({"scale": 0.05} if moves else {})

    def error() -> float:
        with torch.no_grad():
            return float(objective.loss(LinearKernel(), (), RealRows(real), points.batch()))

    recipe = Recipe(
        synthetic=points, surrogate=LinearKernel(), sampler=Weightless(), objective=objective,
        source=Asked(real, constant=True), schedule=Schedule(rates=rates), steps=30,
    )  # fmt: skip
    before = error()
    driver.run(recipe, RunContext())
    assert (points.log_scale.item() != 0) == moves
    assert error() < 0.7 * before
