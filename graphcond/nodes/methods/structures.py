"""Structures: how the edges of a synthetic graph come about, as values that methods take."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from graphcond.core.fields import require_positive
from graphcond.synthetic.edges import PairwiseEdges


@runtime_checkable
class Structure(Protocol):
    """How the edges of the synthetic graph come about."""

    @property
    def threshold(self) -> float:
        """Edges below this weight are left out of the result."""
        ...

    @property
    def trimmed(self) -> bool:
        """Whether validation nodes choose how many edges the result has."""
        ...

    def build(self, num_features: int) -> nn.Module | None:
        """Return what makes edges from features, or ``None`` for no edges."""
        ...


@dataclass(frozen=True, kw_only=True)
class LearnedEdges:
    """Edges as a function of pairs of nodes (GCond): :class:`graphcond.synthetic.edges.PairwiseEdges`.

    Args:
        hidden: Hidden units of the function.
        threshold: Edges below this weight are left out of the result. 0 keeps the dense matrix, from which
            :meth:`graphcond.CondensedDataset.thresholded` makes the others.
        trimmed: Whether the validation nodes choose how many of the other edges, the heaviest first, the result has.
            GraphSAGE, GAT and every loop that leaves weights out take a weak edge for a whole one.
    """

    hidden: int = 128
    threshold: float = 0.05
    trimmed: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {self.threshold!r}")
        require_positive(self, but=("threshold",))

    def build(self, num_features: int) -> nn.Module | None:
        """See :class:`Structure`."""
        return PairwiseEdges(num_features, self.hidden)


@dataclass(frozen=True, kw_only=True)
class NoEdges:
    """No edges but self-loops: the variants whose names end in X."""

    threshold = 0.0
    trimmed = False

    def build(self, num_features: int) -> nn.Module | None:
        """See :class:`Structure`."""
        return None
