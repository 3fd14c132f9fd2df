"""Trajectory matching: training on synthetic data shall lead where training on real data led."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.unrolled import Unrolling

Goal = Callable[[Surrogate, Weights, Batch], Weights]
"""Where real data lead a network from its weights: an expert's later weights, or a training on the spot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrajectoryMatching:
    r"""Distance between where both trainings end (MTT: Cazenavette et al., CVPR 2022).

    .. math:: \frac{\|\hat\theta_{t+N} - \theta^*_{t+M}\|^2}{\|\theta^*_t - \theta^*_{t+M}\|^2}

    from an expert's weights :math:`\theta^*_t`, with :math:`\hat\theta_{t+N}` after :math:`N` steps on the synthetic
    data and :math:`\theta^*_{t+M}` those that real data led to. Its gradient is exact and takes the memory of one step
    (:mod:`graphcond.core.matching.unrolled`). Where trainings end does not add up over shards of real data.

    Args:
        goal: Where real data lead.
        unroll: The training on the synthetic data.
    """

    adds: ClassVar[bool] = False
    goal: Goal
    unroll: Unrolling

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
        """Return the weights that real data lead to."""
        return tuple(weight.detach() for weight in self.goal(surrogate, weights, real))

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Weights, synthetic: Batch) -> Tensor:
        """Return the distance, relative to the expert's own trajectory."""
        length = _squared_distance(weights, statistic)

        def end(last: Weights) -> Tensor:
            return _squared_distance(last, statistic) / length

        return self.unroll.loss(surrogate, weights, synthetic, end)


def _squared_distance(one: Weights, other: Weights) -> Tensor:
    first, *rest = ((a - b).square().sum() for a, b in zip(one, other, strict=True))
    return sum(rest, start=first)
