"""Kernel matching: kernel ridge regression on synthetic data shall predict real data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from graphcond.core.batch import Batch
from graphcond.core.positive_definite import ridged, solve
from graphcond.core.surrogate import Weights

Error = Callable[[Tensor, Batch], Tensor]


class Kernel(Protocol):
    """A surrogate that compares rows of data, in closed form or by the features of a network."""

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the rows of a batch, ``(n, n)``."""
        ...

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the rows of two batches, ``(n_left, n_right)``."""
        ...


@dataclass(frozen=True, eq=False)
class Targets:
    """What kernel matching has to know of real data: the rows themselves, and what shall be predicted for them."""

    batch: Batch

    def __add__(self, other: "Targets") -> "Targets":
        """Return the targets of two disjoint sets of rows together."""
        mine, theirs = self.batch, other.batch
        return Targets(Batch(torch.cat([mine.x, theirs.x]), torch.cat([mine.y, theirs.y])))


def squared_error(prediction: Tensor, real: Batch) -> Tensor:
    """Return half the squared error, a mean over rows."""
    return (prediction - real.y).square().sum(dim=1).mean() / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelRidge:
    r"""Error of kernel ridge regression that is fitted on the synthetic data (KIP: Nguyen et al., ICLR 2021).

    .. math:: \ell\big(K_{TS} (K_{SS} + \lambda\, \tfrac{\mathrm{tr} K_{SS}}{n} I)^{-1} Y_S,\; Y_T\big)

    Its surrogate is a :class:`Kernel`, and ``y`` of the batches holds targets, ``(rows, outputs)``, not class numbers.
    It depends on real data row by row, so what it observes of them are the rows; its gradient adds over shards.

    Args:
        ridge: :math:`\lambda`, relative to the mean diagonal, so that the kernel's scale does not matter.
        error: What is made of predictions and the real batch: a scalar.
    """

    ridge: float = 1e-3
    error: Error = squared_error

    def __post_init__(self) -> None:
        """Check the fields."""
        if not 0 < self.ridge < math.inf:
            raise ValueError(
                f"ridge must be positive and finite, got {self.ridge!r}; with 0 the regression repeats its input"
            )

    def observe(self, surrogate: Kernel, weights: Weights, real: Batch) -> Targets:
        """Return the rows and their targets."""
        return Targets(real)

    def loss(self, surrogate: Kernel, weights: Weights, statistic: Targets, synthetic: Batch) -> Tensor:
        """Return the error of the predictions for the real rows."""
        return self.error(self.predict(surrogate, weights, statistic.batch, synthetic), statistic.batch)

    def predict(self, surrogate: Kernel, weights: Weights, real: Batch, synthetic: Batch) -> Tensor:
        """Return the predictions for the real rows, ``(n_real, outputs)``."""
        matrix = ridged(surrogate.gram(weights, synthetic), self.ridge)
        cross = surrogate.cross(weights, real, synthetic)
        if len(real) < synthetic.y.size(1):  # fewer right-hand sides
            return solve(matrix, cross.T.double()).T.to(cross.dtype) @ synthetic.y
        return cross @ solve(matrix, synthetic.y.double()).to(cross.dtype)
