"""Linear systems with a symmetric positive definite matrix, in float64."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

JITTERS = (0.0, 1e-10, 1e-8, 1e-6)  # of the mean diagonal, tried in turn where rounding left the matrix indefinite


class NotPositiveDefiniteError(ArithmeticError, ValueError):
    """A matrix has no Cholesky factor."""


def ridged(kernel: Tensor, ridge: float) -> Tensor:
    """Return a kernel matrix with ``ridge`` times its mean diagonal added to the diagonal, ``(n, n)`` float64."""
    kernel = kernel.double()
    return kernel + torch.diag_embed((ridge * kernel.diagonal().mean()).expand(len(kernel)))


def factor(matrix: Tensor) -> Tensor:
    """Return the lower Cholesky factor.

    Raises:
        NotPositiveDefiniteError: not even with a little more on its diagonal.
    """
    for jitter in JITTERS:
        lower: Tensor
        lower, failed = torch.linalg.cholesky_ex(ridged(matrix, jitter).to(matrix.dtype) if jitter else matrix)
        if not int(failed):
            return lower
    raise NotPositiveDefiniteError(
        "the kernel matrix is not positive definite; use a larger ridge, or look for NaN and numbers that overflow in "
        "the data"
    )


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Return ``matrix^-1 @ right`` for a symmetric positive definite ``matrix``, differentiable in both.

    The backward pass solves with the same factor instead of differentiating the factorisation.
    """
    solution: Tensor = _Solve.apply(matrix, right)  # type: ignore[no-untyped-call]
    return solution


class _Solve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, right: Tensor) -> Tensor:  # noqa: ANN401
        lower = factor(matrix)
        solution = torch.cholesky_solve(right, lower)
        ctx.save_for_backward(lower, solution)
        return solution

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        lower, solution = ctx.saved_tensors
        d_right = torch.cholesky_solve(upstream, lower)
        half = d_right @ solution.T
        return -(half + half.T) / 2, d_right
