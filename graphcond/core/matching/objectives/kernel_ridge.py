"""Kernel matching: kernel ridge regression on synthetic data shall predict real data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.losses import squared_error
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.matching.surrogate import Weights
from graphcond.core.positive_definite import ridged, solve

Error = Callable[[Tensor, Batch], Tensor]


class Kernel(Protocol):
    """A surrogate that compares rows of data, in closed form or by the features of a network."""

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the rows of a batch, ``(n, n)``."""
        ...

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the rows of two batches, ``(n_left, n_right)``."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelRidge:
    r"""Error of kernel ridge regression that is fitted on the synthetic data (KIP: Nguyen et al., ICLR 2021).

    .. math:: \ell\big(K_{TS} (K_{SS} + \lambda\, \tfrac{\mathrm{tr} K_{SS}}{n} I)^{-1} Y_S,\; Y_T\big)

    Its surrogate is a :class:`Kernel`, and ``y`` of the batches holds targets, ``(rows, outputs)``, not class numbers.
    It depends on real data row by row, so what it observes of them are the rows; its gradient adds over shards.

    Args:
        ridge: :math:`\lambda`, relative to the mean diagonal, so that the kernel's scale does not matter; or what
            returns it at each step, where it changes.
        error: What is made of predictions and the real batch: a scalar, a mean over rows.
        counted: How many rows of a real batch that mean is over, where several processes share them.
    """

    adds: ClassVar[bool] = True
    ridge: float | Callable[[], float] = 1e-3
    error: Error = squared_error
    counted: Callable[[Batch], int] = len

    def __post_init__(self) -> None:
        """Check the fields."""
        if not callable(self.ridge) and not 0 < self.ridge < math.inf:
            raise ValueError(
                f"ridge must be positive and finite, got {self.ridge!r}; with 0 the regression repeats its input"
            )

    def observe(self, surrogate: Kernel, weights: Weights, real: Batch) -> RealRows:
        """Return the rows and their targets."""
        return RealRows(real, self.counted)

    def loss(self, surrogate: Kernel, weights: Weights, statistic: RealRows, synthetic: Batch) -> Tensor:
        """Return the error of the predictions for the real rows."""
        return self.error(self.predict(surrogate, weights, statistic.batch, synthetic), statistic.batch)

    def predict(self, surrogate: Kernel, weights: Weights, real: Batch, synthetic: Batch) -> Tensor:
        """Return the predictions for the real rows, ``(n_real, outputs)``."""
        ridge = self.ridge() if callable(self.ridge) else self.ridge
        matrix = ridged(surrogate.gram(weights, synthetic), ridge)
        cross = surrogate.cross(weights, real, synthetic)
        if len(real) < synthetic.y.size(1):  # fewer right-hand sides
            return solve(matrix, cross.T.double()).T.to(cross.dtype) @ synthetic.y
        return cross @ solve(matrix, synthetic.y.double()).to(cross.dtype)
