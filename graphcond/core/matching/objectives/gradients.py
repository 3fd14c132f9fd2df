"""Gradient matching: both sets of data shall push a surrogate's weights the same way."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.distances import DISTANCES, DistanceName
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientMatching:
    r"""Distance between the class gradients of real and synthetic data (Zhao et al., ICLR 2021).

    .. math:: \sum_c w_c \, D\big(\nabla_\theta \ell(\mathcal T_c), \nabla_\theta \ell(\mathcal S_c)\big)

    with :math:`\ell` the mean cross-entropy over the rows of class :math:`c`. Classes that either side lacks do not
    count.

    Args:
        distance: ``"columns"``: column-wise cosine; ``"squared"``: squared difference; ``"normalized"``: squared
            difference relative to the real gradient.
        per_class: Whether classes are compared one by one (DC), or the sum of their gradients (DCC: Lee et al., ICML
            2022).
        class_weight: ``(num_classes,)`` the weights :math:`w_c`; ``None``: ones.
    """

    adds: ClassVar[bool] = True
    distance: DistanceName = "columns"
    per_class: bool = True
    class_weight: Tensor | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.distance not in tuple(DISTANCES):
            raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {self.distance!r}")

    @torch.no_grad()
    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        """Return the class gradients of real data."""
        return surrogate.class_gradients(weights, real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        """Return the weighted distance between the class gradients."""
        mine = surrogate.class_gradients(weights, synthetic)
        weight = statistic.class_weight(mine, self.class_weight)
        real, made = statistic.means(), mine.means()
        distance = DISTANCES[self.distance]
        if self.per_class:
            return (weight * distance(real, made)).sum()
        return distance(_summed(real, weight), _summed(made, weight)).sum()


def _summed(gradients: Weights, weight: Tensor) -> Weights:
    return tuple(torch.einsum("c,c...->...", weight, g).unsqueeze(0) for g in gradients)
