"""The contract of an objective: the seam at which real data are touched, and nowhere else."""

from typing import Protocol, TypeVar

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights

SurrogateKind = TypeVar("SurrogateKind", contravariant=True)  # the kind of surrogate: a classifier, a kernel
Observed = TypeVar("Observed")


class Objective(Protocol[SurrogateKind, Observed]):
    """What must agree between real and synthetic data, as seen by a surrogate."""

    @property
    def adds(self) -> bool:
        """Whether what is observed of disjoint batches adds up to what is observed of their union.

        If so, each of several processes takes a share of each batch, and what they observe has a method ``over`` that
        puts it together; if not, each of them takes the whole batch.
        """
        ...

    def observe(self, surrogate: SurrogateKind, weights: Weights, real: Batch) -> Observed:
        """Return what has to be known of real data, without gradients: the only access to them."""
        ...

    def loss(self, surrogate: SurrogateKind, weights: Weights, statistic: Observed, synthetic: Batch) -> Tensor:
        """Return how far synthetic data are from the statistic: a scalar, differentiable in ``synthetic``."""
        ...
