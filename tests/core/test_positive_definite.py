"""Solving with kernel matrices: against torch's general solver, its autograd, and matrices that are hardly regular."""

import numpy as np
import pytest
import torch

from graphcond.core.positive_definite import JITTERS, factor, ridged, solve


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def positive_definite(size: int = 6) -> torch.Tensor:
    root = random(size, size)
    return root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64)


def singular(size: int = 5, rank: int = 2) -> torch.Tensor:
    """Small whole numbers, so that the matrix is singular to the last bit."""
    root = torch.tensor(np.random.default_rng(0).integers(-3, 4, (size, rank)), dtype=torch.float64)
    return root @ root.T


def test_the_ridge_is_relative_to_the_mean_diagonal():
    kernel = positive_definite(4)
    expected = kernel + 0.3 * kernel.trace() / 4 * torch.eye(4).double()
    torch.testing.assert_close(ridged(kernel, 0.3), expected, rtol=1e-14, atol=0)


def test_the_ridge_leaves_its_input_alone_and_works_in_float64():
    kernel = positive_definite(4).float()
    before = kernel.clone()
    result = ridged(kernel, 0.5)
    assert result.dtype == torch.float64
    assert torch.equal(kernel, before)
    assert torch.equal(ridged(kernel, 0), kernel.double())


def test_the_derivative_of_the_ridge_includes_the_trace():
    assert torch.autograd.gradcheck(lambda kernel: ridged(kernel, 0.7), positive_definite(3).requires_grad_())


def test_the_factor_is_that_of_cholesky():
    matrix = positive_definite()
    lower = factor(matrix)
    torch.testing.assert_close(lower @ lower.T, matrix)
    assert torch.equal(lower, lower.tril())
    assert torch.equal(lower, torch.linalg.cholesky(matrix))  # nothing was added to what needs nothing


@pytest.mark.parametrize("columns", [1, 9])
def test_solves_as_the_general_solver_does(columns):
    matrix, right = positive_definite(), random(6, columns, seed=1)
    torch.testing.assert_close(solve(matrix, right), torch.linalg.solve(matrix, right), rtol=1e-10, atol=1e-10)


def test_gradients_equal_autograd_of_the_general_solver():
    matrix, right, upstream = positive_definite(), random(6, 4, seed=1), random(6, 4, seed=2)
    ours, theirs = ([x.clone().requires_grad_() for x in (matrix, right)] for _ in range(2))
    solve(*ours).backward(upstream)
    torch.linalg.solve(*theirs).backward(upstream)
    gradient = theirs[0].grad  # that solver does not know that the matrix is symmetric
    torch.testing.assert_close(ours[0].grad, (gradient + gradient.T) / 2, rtol=1e-9, atol=1e-9)
    assert torch.equal(ours[0].grad, ours[0].grad.T)
    torch.testing.assert_close(ours[1].grad, theirs[1].grad, rtol=1e-9, atol=1e-9)


def test_gradients_of_a_symmetric_matrix_by_finite_differences():
    def of(root: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return solve(ridged(root @ root.T, 0.5), right)

    assert torch.autograd.gradcheck(of, (random(4, 3).requires_grad_(), random(4, 2, seed=1).requires_grad_()))


@pytest.mark.parametrize("needs", [0, 1])
def test_gradients_of_one_argument_alone(needs):
    both = [positive_definite().requires_grad_(), random(6, 2, seed=1).requires_grad_()]
    solve(*both).sum().backward()
    alone = [x.detach().clone().requires_grad_(i == needs) for i, x in enumerate(both)]
    solve(*alone).sum().backward()
    assert torch.equal(alone[needs].grad, both[needs].grad)
    assert alone[1 - needs].grad is None


@pytest.mark.parametrize("matrix", [torch.ones(3, 3).double(), singular(), 1e9 * singular(), 1e-9 * singular()])
def test_a_singular_matrix_gets_a_little_more_on_its_diagonal(matrix):
    lower = factor(matrix)
    mean = matrix.trace() / len(matrix)
    assert (lower @ lower.T - matrix).abs().max() <= 1.01 * JITTERS[-1] * mean
    right = matrix @ random(len(matrix), 2)  # what has a solution is solved
    assert (matrix @ solve(matrix, right) - right).abs().max() <= 1e-4 * right.abs().max()


def test_no_more_is_added_than_is_needed():
    lower = factor(torch.ones(3, 3).double())
    torch.testing.assert_close(lower @ lower.T, 1 + 1e-10 * torch.eye(3).double(), rtol=0, atol=1e-14)
    matrix = torch.ones(3, 3).double() - 1e-9 * torch.eye(3).double()  # 1e-10 is too little, 1e-8 enough
    lower = factor(matrix)
    torch.testing.assert_close(lower @ lower.T, matrix + 1e-8 * torch.eye(3).double(), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "matrix",
    [torch.tensor([[1.0, 2.0], [2.0, 1.0]]), -torch.eye(3), torch.zeros(2, 2), torch.full((3, 3), torch.nan)],
)
def test_other_matrices_are_refused(matrix):
    with pytest.raises(ValueError, match=r"not positive definite; use a larger ridge, or look for NaN"):
        factor(matrix.double())
    with pytest.raises(ValueError, match="not positive definite"):
        solve(matrix.double(), torch.ones(len(matrix), 1).double())


def test_one_nan_in_the_upper_or_lower_triangle_is_found():
    for place in [(0, 2), (2, 0), (2, 2)]:
        matrix = positive_definite(4)
        matrix[place] = matrix[place[::-1]] = torch.nan
        with pytest.raises(ValueError, match="NaN"):
            factor(matrix)
