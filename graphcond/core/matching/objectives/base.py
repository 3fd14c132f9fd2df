"""The contract of an objective: the seam at which real data are touched, and nowhere else."""

from typing import Protocol, TypeVar

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights

Eyes = TypeVar("Eyes", contravariant=True)  # the kind of surrogate: a classifier, a kernel
Observed = TypeVar("Observed")


class Objective(Protocol[Eyes, Observed]):
    """What must agree between real and synthetic data, as seen by a surrogate."""

    @property
    def adds(self) -> bool:
        """Whether what is observed of disjoint batches adds up to what is observed of their union.

        If so, several processes look at a share of each batch, and what they observe has a method ``over`` that puts it
        together; if not, each of them looks at all of it.
        """
        ...

    def observe(self, surrogate: Eyes, weights: Weights, real: Batch) -> Observed:
        """Return what has to be known of real data, without gradients: the only access to them."""
        ...

    def loss(self, surrogate: Eyes, weights: Weights, statistic: Observed, synthetic: Batch) -> Tensor:
        """Return how far synthetic data are from the statistic: a scalar, differentiable in ``synthetic``."""
        ...
