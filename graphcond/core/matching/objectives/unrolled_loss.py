"""Outcome matching: a network trained on synthetic data shall do well on real data."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.unrolled import Unrolling


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeMatching:
    r"""Loss on real data of a network that was trained on the synthetic data (DD: Wang et al., 2018).

    .. math:: \ell\big(\theta_N(\mathcal S);\; \mathcal T\big)

    It depends on real data row by row, so what it observes of them are the rows.

    Args:
        unroll: The training on the synthetic data.
    """

    adds: ClassVar[bool] = True
    unroll: Unrolling

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> RealRows:
        """Return the rows."""
        return RealRows(real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: RealRows, synthetic: Batch) -> Tensor:
        """Return the mean loss on the real rows."""
        real = statistic.batch

        def end(last: Weights) -> Tensor:
            return surrogate.targets.loss(surrogate.layers(last, real)[-1], real.y)

        return self.unroll.loss(surrogate, weights, synthetic, end)
