"""The contract of an objective: the seam at which real data are touched, and nowhere else."""

from typing import Protocol, TypeVar

from torch import Tensor

from graphcond.core.batch import Batch
from graphcond.core.surrogate import Weights

Eyes = TypeVar("Eyes", contravariant=True)  # the kind of surrogate: a classifier, a kernel
Observed = TypeVar("Observed")


class Objective(Protocol[Eyes, Observed]):
    """What must agree between real and synthetic data, as seen by a surrogate."""

    def observe(self, surrogate: Eyes, weights: Weights, real: Batch) -> Observed:
        """Return what has to be known of real data, without gradients: the only access to them.

        What was observed of disjoint batches adds up to what is observed of their union.
        """
        ...

    def loss(self, surrogate: Eyes, weights: Weights, statistic: Observed, synthetic: Batch) -> Tensor:
        """Return how far synthetic data are from the statistic: a scalar, differentiable in ``synthetic``."""
        ...
