"""Kernel matching by the sums of features: all real data are read once."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.surrogate import Weights
from graphcond.core.positive_definite import ridged, solve
from graphcond.core.runtime.processes import Processes


class FeatureMap(Protocol):
    """A surrogate that gives rows finitely many features, whose inner products are its kernel."""

    def features(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the features of the labelled rows, ``(n, h)``."""
        ...


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over real rows, float64, which add over shards.

    Shapes:
        gram: ``(h, h)`` of products of features; cross: ``(h, outputs)`` of features and targets; squares: ``()`` of
        squared targets; count: ``()``.
    """

    gram: Tensor
    cross: Tensor
    squares: Tensor
    count: Tensor

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of two disjoint sets of rows together."""
        return Moments(
            self.gram + other.gram, self.cross + other.cross, self.squares + other.squares, self.count + other.count
        )

    def over(self, processes: Processes) -> "Moments":
        """Return the moments of the rows of all processes together."""
        return Moments(*processes.sum([self.gram, self.cross, self.squares, self.count]))


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureRidge:
    r"""The squared error of :class:`KernelRidge` over all real rows at a cost that does not depend on their number.

    With features :math:`\Phi` and the regression's weights
    :math:`W = \Phi_S^\top (K_{SS} + \lambda\, \tfrac{\mathrm{tr} K_{SS}}{n} I)^{-1} Y_S`,

    .. math:: \tfrac{1}{2} \|\Phi_T W - Y_T\|^2 =
              \tfrac{1}{2} \big\langle W, (\Phi_T^\top \Phi_T) W - 2\, \Phi_T^\top Y_T \big\rangle
              + \tfrac{1}{2} \|Y_T\|^2

    a mean over rows. It pays where the same weights come back, as from a
    :class:`graphcond.core.matching.weight_samplers.Pool` that does not train: each network then reads the real data
    once.

    Args:
        ridge: :math:`\lambda`, relative to the mean diagonal.
    """

    adds: ClassVar[bool] = True
    ridge: float = 1e-3

    def __post_init__(self) -> None:
        """Check the field."""
        KernelRidge(ridge=self.ridge)

    @torch.no_grad()
    def observe(self, surrogate: FeatureMap, weights: Weights, real: Batch) -> Moments:
        """Return the moments of the real rows."""
        features, y = surrogate.features(weights, real).double(), real.y.double()
        return Moments(features.T @ features, features.T @ y, y.square().sum(), y.new_tensor(len(y)))

    def loss(self, surrogate: FeatureMap, weights: Weights, statistic: Moments, synthetic: Batch) -> Tensor:
        """Return the error of the predictions for the real rows."""
        features = surrogate.features(weights, synthetic).double()
        regression = features.T @ solve(ridged(features @ features.T, self.ridge), synthetic.y.double())
        fitted = (regression * (statistic.gram @ regression - 2 * statistic.cross)).sum()
        error = (fitted + statistic.squares) / (2 * statistic.count)
        return error.to(synthetic.y.dtype)
