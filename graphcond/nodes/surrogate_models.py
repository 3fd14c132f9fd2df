"""The surrogates of node methods, and the hops of a graph that can be done before their weights come in."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.targets import Targets
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer


@runtime_checkable
class SurrogateModel(Protocol):
    """The surrogate of a node method (relay model in the paper), as a value."""

    @property
    def hops(self) -> int:
        """Hops of propagation before the first weight."""
        ...

    @property
    def last_hop(self) -> bool:
        """Whether there is one more hop, before the last weight."""
        ...

    @property
    def embeddings(self) -> int:
        """Layers before the logits, the propagated features included."""
        ...

    def build(self, num_features: int, targets: Targets, like: Tensor) -> Surrogate:
        """Return the network, its weights on the device of ``like``."""
        ...


@dataclass(frozen=True)
class SGCSurrogate:
    """Simple graph convolution (Wu et al., ICML 2019): all hops first, then softmax regression.

    Args:
        hops: Hops of propagation.
    """

    hops: int = 2
    last_hop = False
    embeddings = 1

    def __post_init__(self) -> None:
        """Check the field."""
        require_positive(self, but=("hops",))

    def build(self, num_features: int, targets: Targets, like: Tensor) -> Surrogate:
        """See :class:`SurrogateModel`."""
        return Linear(num_features, targets, like)


@dataclass(frozen=True)
class PropagatedMLP:
    """All hops first, then a network with one hidden layer: an SGC with a multilayer perceptron for its head.

    Args:
        hops: Hops of propagation.
        hidden: Hidden units.
    """

    hops: int = 2
    hidden: int = 256
    last_hop = False
    embeddings = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("hops",))

    def build(self, num_features: int, targets: Targets, like: Tensor) -> Surrogate:
        """See :class:`SurrogateModel`."""
        return TwoLayer(num_features, self.hidden, targets, like)


@dataclass(frozen=True)
class GCNSurrogate:
    """A two-layer graph convolutional network (Kipf and Welling, ICLR 2017).

    Args:
        hidden: Hidden units.
    """

    hidden: int = 256
    hops = 1
    last_hop = True
    embeddings = 2

    def __post_init__(self) -> None:
        """Check the field."""
        require_positive(self)

    def build(self, num_features: int, targets: Targets, like: Tensor) -> Surrogate:
        """See :class:`SurrogateModel`."""
        return TwoLayer(num_features, self.hidden, targets, like)
