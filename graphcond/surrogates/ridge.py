r"""Ridge regression on one-hot or soft targets: the closed form behind the teacher, the student and their selection.

.. math:: \min_{W, b} \; \|X W + 1 b^\top - T\|_F^2 + \lambda \|W\|_F^2, \qquad
          \lambda = \text{penalty} \cdot \operatorname{tr}(Z Z^\top) / n, \quad Z = X - 1 \mu^\top

The penalty is relative to the mean squared norm of the centred rows, so that it does not depend on the features' scale.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.positive_definite import factor

ROWS_AT_ONCE = 1 << 16
DIRECT_LIMIT = 2500
"""Systems up to this size are solved by Cholesky (of whichever side is smaller), larger ones by conjugate gradients."""


@dataclass(frozen=True)
class LinearModel:
    """Scores ``x @ weight + bias``.

    Shapes:
        weight: ``(num_features, num_targets)``; bias: ``(num_targets,)``.
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return the scores of rows, ``(n, num_targets)``."""
        return torch.addmm(self.bias, x, self.weight)


@dataclass(frozen=True)
class RowOperator:
    """A matrix that is only ever multiplied, such as propagated sparse features.

    Args:
        times: ``v -> X v``.
        transposed_times: ``u -> X' u``.
        count: Number of rows.
        mean: The mean row, ``(num_features,)``.
        scale: Mean squared norm of the centred rows.
    """

    times: Callable[[Tensor], Tensor]
    transposed_times: Callable[[Tensor], Tensor]
    count: int
    mean: Tensor
    scale: float

    @classmethod
    def dense(cls, x: Tensor) -> "RowOperator":
        """Wrap a dense matrix ``(n, num_features)``."""
        mean = x.mean(dim=0)
        scale = float(x.square().sum(dim=1).mean() - mean.square().sum())
        return cls(x.matmul, x.T.matmul, x.size(0), mean, scale)


def fit_ridge(x: Tensor, targets: Tensor, penalties: Sequence[float]) -> list[LinearModel]:
    """Return one ridge model per penalty.

    Args:
        x: ``(n, num_features)`` float32.
        targets: ``(n, num_targets)`` float32.
        penalties: Positive, relative to the mean squared norm of the centred rows.
    """
    if min(x.shape) > DIRECT_LIMIT:
        return fit_ridge_iteratively(RowOperator.dense(x), targets, penalties)
    center, offset = x.mean(dim=0), targets.mean(dim=0)
    dual = x.size(0) <= x.size(1)
    if dual:
        rows = x - center
        gram, right = (rows @ rows.T).double(), (targets - offset).double()
    else:
        gram, right = _moments(x, targets, center, offset)
    scale = (float(gram.trace()) or 1.0) / x.size(0)  # constant features: every penalty predicts the mean
    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    models = []
    for penalty in penalties:
        solution = torch.cholesky_solve(right, factor(gram + penalty * scale * identity)).to(x.dtype)
        models.append(_with_bias(rows.T @ solution if dual else solution, center, offset))
    return models


def _moments(x: Tensor, targets: Tensor, center: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Return the float64 products of the centred features with themselves and with the centred targets."""
    gram = x.new_zeros(x.size(1), x.size(1), dtype=torch.float64)
    right = x.new_zeros(x.size(1), targets.size(1), dtype=torch.float64)
    for part, goal in zip(torch.split(x, ROWS_AT_ONCE), torch.split(targets, ROWS_AT_ONCE), strict=True):
        rows = part - center
        gram += (rows.T @ rows).double()
        right += (rows.T @ (goal - offset)).double()
    return gram, right


def fit_ridge_iteratively(rows: RowOperator, targets: Tensor, penalties: Sequence[float]) -> list[LinearModel]:
    """Return one ridge model per penalty by conjugate gradients, for matrices that are never formed.

    Args:
        rows: The ``(n, num_features)`` matrix.
        targets: ``(n, num_targets)`` float32.
        penalties: Positive, relative to the mean squared norm of the centred rows.
    """
    offset = targets.mean(dim=0)
    goal = targets - offset

    def gram_times(v: Tensor) -> Tensor:
        image = rows.times(v) - rows.mean @ v
        return rows.transposed_times(image) - torch.outer(rows.mean, image.sum(dim=0))

    right = rows.transposed_times(goal) - torch.outer(rows.mean, goal.sum(dim=0))
    scale = rows.scale if rows.scale > 0 else 1.0
    weights = torch.zeros_like(right)
    models: dict[float, LinearModel] = {}
    for penalty in sorted(penalties, reverse=True):  # the easiest system first; each starts from the last one's answer
        weights = conjugate_gradient(gram_times, right, penalty * scale, weights)
        models[penalty] = _with_bias(weights, rows.mean, offset)
    return [models[penalty] for penalty in penalties]


def _with_bias(weight: Tensor, center: Tensor, offset: Tensor) -> LinearModel:
    return LinearModel(weight, offset - center @ weight)


def conjugate_gradient(
    gram_times: Callable[[Tensor], Tensor],
    right: Tensor,
    shift: float,
    start: Tensor,
    *,
    steps: int = 50,
    tolerance: float = 1e-3,
) -> Tensor:
    r"""Solve :math:`(G + \text{shift} I) W = R` for all columns at once, with ``gram_times`` giving :math:`G V`.

    Stops when every column's residual is below ``tolerance`` of its right-hand side, or after ``steps``.
    """
    solution = start.clone()
    residual = right - gram_times(solution) - shift * solution
    direction = residual.clone()
    power = residual.square().sum(dim=0)
    goal = tolerance**2 * right.square().sum(dim=0)
    for _ in range(steps):
        if bool((power <= goal).all()):
            break
        image = gram_times(direction) + shift * direction
        step = power / _positive((direction * image).sum(dim=0))
        solution += step * direction
        residual -= step * image
        next_power = residual.square().sum(dim=0)
        direction = residual + next_power / _positive(power) * direction
        power = next_power
    return solution


def _positive(value: Tensor) -> Tensor:
    return value.clamp(min=torch.finfo(value.dtype).tiny)
