"""The contract of an objective: the seam at which real data are touched, and nowhere else."""

from typing import Protocol

from torch import Tensor

from graphcond.core.batch import Batch
from graphcond.core.statistic import Statistic
from graphcond.core.surrogate import Surrogate, Weights


class Objective(Protocol):
    """What must agree between real and synthetic data, as seen by a surrogate."""

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        """Return what has to be known of real data, without gradients: the only access to them.

        Statistics of disjoint batches add up to that of their union.
        """
        ...

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        """Return how far synthetic data are from the statistic: a scalar, differentiable in ``synthetic``."""
        ...
