import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graphcond.surrogates import ridge
from graphcond.surrogates.ridge import LinearModel, RowOperator, conjugate_gradient, fit_ridge, fit_ridge_iteratively

PENALTIES = [0.01, 0.1, 1.0, 10.0]
SHAPES = [(30, 5), (6, 20), (2, 3), (12, 12)]


def problem(n: int, features: int, targets: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=generator) * torch.linspace(0.3, 2, features)
    labels = torch.randint(targets, (n,), generator=generator)
    return x + 0.5, F.one_hot(labels, targets).float()


def strength(x: Tensor, penalty: float) -> float:
    """Return the penalty's absolute value: relative to the mean squared norm of the centred rows."""
    x = x.double()
    return penalty * float((x - x.mean(dim=0)).square().sum()) / len(x)


def dense_solution(x: Tensor, targets: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Solve the normal equations of the stated objective in float64, the bias as an unpenalised last column."""
    rows = torch.cat([x.double(), torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    shift = torch.full((rows.size(1),), strength(x, penalty), dtype=torch.float64)
    shift[-1] = 0
    solution = torch.linalg.solve(rows.T @ rows + shift.diag(), rows.T @ targets.double())
    return solution[:-1], solution[-1]


def objective(x: Tensor, targets: Tensor, penalty: float, model: LinearModel) -> float:
    residual = x.double() @ model.weight.double() + model.bias.double() - targets.double()
    return float(residual.square().sum() + strength(x, penalty) * model.weight.double().square().sum())


@pytest.fixture(params=["direct", "iterative"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to the solution."""
    monkeypatch.setattr(ridge, "DIRECT_LIMIT", 10**9 if request.param == "direct" else 0)
    return request.param


@pytest.mark.parametrize("shape", SHAPES)
def test_solves_the_normal_equations(shape, path):
    x, targets = problem(*shape)
    loose = {"direct": 1e-4, "iterative": 5e-3}[path]  # conjugate gradients stop early
    for penalty, model in zip(PENALTIES, fit_ridge(x, targets, PENALTIES), strict=True):
        weight, bias = dense_solution(x, targets, penalty)
        torch.testing.assert_close(model.weight.double(), weight, rtol=0, atol=loose)
        torch.testing.assert_close(model.bias.double(), bias, rtol=0, atol=loose)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_neighbour_is_better(shape, path):
    x, targets = problem(*shape)
    (model,) = fit_ridge(x, targets, [0.5])
    best = objective(x, targets, 0.5, model)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        step = LinearModel(
            model.weight + 0.05 * torch.randn(model.weight.shape, generator=generator),
            model.bias + 0.05 * torch.randn(model.bias.shape, generator=generator),
        )
        assert objective(x, targets, 0.5, step) > best


@pytest.mark.parametrize("shape", SHAPES)
def test_direct_equals_iterative(shape):
    x, targets = problem(*shape)
    direct = fit_ridge(x, targets, PENALTIES)
    for one, other in zip(direct, fit_ridge_iteratively(RowOperator.dense(x), targets, PENALTIES), strict=True):
        torch.testing.assert_close(one(x), other(x), rtol=0, atol=1e-2)


@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
def test_smaller_side_decides_which_way_is_taken(shape, monkeypatch):
    x, targets = problem(*shape)
    iterative = fit_ridge_iteratively(RowOperator.dense(x), targets, [1.0])[0].weight
    monkeypatch.setattr(ridge, "DIRECT_LIMIT", 5)
    at_the_limit = fit_ridge(x, targets, [1.0])[0].weight
    monkeypatch.setattr(ridge, "DIRECT_LIMIT", 4)
    assert torch.equal(fit_ridge(x, targets, [1.0])[0].weight, iterative)
    assert not torch.equal(at_the_limit, iterative)


def test_rows_of_a_product_of_matrices():
    x, targets = problem(30, 5)
    left = torch.randn(40, 30, generator=torch.Generator().manual_seed(3))
    product = left @ x
    goal = targets.repeat(2, 1)[:40]
    rows = RowOperator(
        lambda v: left @ (x @ v), lambda u: x.T @ (left.T @ u), 40, product.mean(dim=0), strength(product, 1.0)
    )
    direct = fit_ridge(product, goal, PENALTIES)
    for one, other in zip(direct, fit_ridge_iteratively(rows, goal, PENALTIES), strict=True):
        torch.testing.assert_close(one(product), other(product), rtol=0, atol=1e-2)


def test_dense_rows():
    x, _ = problem(30, 5)
    rows = RowOperator.dense(x)
    assert rows.count == 30
    assert rows.scale == pytest.approx(strength(x, 1.0), rel=1e-5)
    torch.testing.assert_close(rows.mean, x.mean(dim=0))
    torch.testing.assert_close(rows.times(torch.eye(5)), x)
    torch.testing.assert_close(rows.transposed_times(torch.eye(30)), x.T)


def test_one_model_per_penalty_in_the_order_asked(path):
    x, targets = problem(30, 5)
    models = fit_ridge(x, targets, [1.0, 0.01, 100.0])
    norms = [float(model.weight.norm()) for model in models]
    assert norms[1] > norms[0] > norms[2]
    (alone,) = fit_ridge(x, targets, [0.01])
    torch.testing.assert_close(models[1](x), alone(x), rtol=0, atol=1e-2)


@settings(deadline=None, max_examples=25)
@given(st.floats(-3, 3), st.floats(0.05, 20), st.integers(0, 5))
def test_predictions_ignore_shift_and_scale_of_the_features(shift, scale, seed):
    x, targets = problem(20, 6, seed=seed)
    (one,) = fit_ridge(x, targets, [0.3])
    (other,) = fit_ridge(scale * (x + shift), targets, [0.3])
    torch.testing.assert_close(other(scale * (x + shift)), one(x), rtol=0, atol=1e-3)


def test_shift_and_scale_of_the_features_on_either_path(path):
    x, targets = problem(20, 6)
    (one,) = fit_ridge(x, targets, [0.3])
    (other,) = fit_ridge(4 * x - 3, targets, [0.3])
    torch.testing.assert_close(other(4 * x - 3), one(x), rtol=0, atol=1e-2)


def test_predictions_follow_the_targets_linearly(path):
    x, targets = problem(20, 6)
    (one,) = fit_ridge(x, targets, [0.3])
    (other,) = fit_ridge(x, 2 * targets + 5, [0.3])
    torch.testing.assert_close(other(x), 2 * one(x) + 5, rtol=0, atol=2e-2)


def test_rotation_of_the_features_changes_nothing(path):
    x, targets = problem(20, 6)
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0))).Q
    (one,) = fit_ridge(x, targets, [0.3])
    (other,) = fit_ridge(x @ rotation, targets, [0.3])
    torch.testing.assert_close(other(x @ rotation), one(x), rtol=0, atol=1e-2)


def test_order_of_the_rows_changes_nothing(path):
    x, targets = problem(20, 6)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    (one,) = fit_ridge(x, targets, [0.3])
    (other,) = fit_ridge(x[order], targets[order], [0.3])
    torch.testing.assert_close(other(x), one(x), rtol=0, atol=1e-4)


def test_scores_of_one_hot_targets_sum_to_one(path):
    x, targets = problem(20, 6)
    for model in fit_ridge(x, targets, PENALTIES):
        torch.testing.assert_close(model(x).sum(dim=1), torch.ones(20), rtol=0, atol=1e-3)


def test_residuals_sum_to_zero(path):
    x, targets = problem(20, 6)
    for model in fit_ridge(x, targets, PENALTIES):
        torch.testing.assert_close((model(x) - targets).mean(dim=0), torch.zeros(3), rtol=0, atol=1e-5)


def test_extremes_of_the_penalty():
    x, targets = problem(6, 20)
    weak, strong = fit_ridge(x, targets, [1e-6, 1e8])
    torch.testing.assert_close(weak(x), targets, rtol=0, atol=1e-3)  # more features than rows: it interpolates
    torch.testing.assert_close(strong(x), targets.mean(dim=0).expand_as(targets), rtol=0, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7.3])
def test_constant_features_predict_the_mean(value, path):
    _, targets = problem(9, 4)
    x = torch.full((9, 4), value)
    for model in fit_ridge(x, targets, PENALTIES):
        torch.testing.assert_close(model(x), targets.mean(dim=0).expand_as(targets), rtol=0, atol=1e-4)


def test_single_row(path):
    x, targets = problem(1, 4)
    (model,) = fit_ridge(x, targets, [1.0])
    torch.testing.assert_close(model(x), targets, rtol=0, atol=1e-5)


def test_input_is_not_changed(path):
    x, targets = problem(20, 6)
    before = x.clone(), targets.clone()
    fit_ridge(x, targets, PENALTIES)
    assert torch.equal(x, before[0])
    assert torch.equal(targets, before[1])


def gram(size: int, seed: int = 0) -> Tensor:
    factor = torch.randn(size, 2 * size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return factor @ factor.T / size


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.floats(0.1, 10), st.integers(0, 100))
def test_conjugate_gradient_solves_the_system(size, shift, seed):
    matrix = gram(size, seed)
    right = torch.randn(size, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 1))
    result = conjugate_gradient(lambda v: matrix @ v, right, shift, torch.zeros_like(right), tolerance=1e-12)
    expected = torch.linalg.solve(matrix + shift * torch.eye(size, dtype=torch.float64), right)
    torch.testing.assert_close(result, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
def test_conjugate_gradient_stops_at_the_tolerance(tolerance):
    matrix = gram(40)
    right = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    calls = []

    def times(v: Tensor) -> Tensor:
        calls.append(1)
        return matrix @ v

    result = conjugate_gradient(times, right, 0.5, torch.zeros_like(right), tolerance=tolerance, steps=500)
    residual = (right - matrix @ result - 0.5 * result).norm(dim=0)
    assert bool((residual <= tolerance * right.norm(dim=0) * (1 + 1e-6)).all())
    assert len(calls) < 60


def test_conjugate_gradient_is_exact_after_as_many_steps_as_unknowns():
    matrix = gram(5)
    right = torch.ones(5, 1, dtype=torch.float64)
    result = conjugate_gradient(lambda v: matrix @ v, right, 0.1, torch.zeros_like(right), steps=5, tolerance=0.0)
    expected = torch.linalg.solve(matrix + 0.1 * torch.eye(5, dtype=torch.float64), right)
    torch.testing.assert_close(result, expected)


def test_conjugate_gradient_keeps_a_solution_it_is_given():
    matrix, right = gram(5), torch.ones(5, 2, dtype=torch.float64)
    solution = torch.linalg.solve(matrix + torch.eye(5, dtype=torch.float64), right)
    start = solution.clone()
    assert torch.equal(conjugate_gradient(lambda v: matrix @ v, right, 1.0, start), solution)
    assert torch.equal(start, solution)


def test_conjugate_gradient_of_a_zero_column():
    matrix, right = gram(5), torch.zeros(5, 2, dtype=torch.float64)
    right[:, 0] = 1
    result = conjugate_gradient(lambda v: matrix @ v, right, 1.0, torch.zeros_like(right), tolerance=1e-10)
    assert torch.equal(result[:, 1], torch.zeros(5, dtype=torch.float64))
    assert bool(torch.isfinite(result).all())
