"""Structures: how the edges of a synthetic graph come about, as values that methods take."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.synthetic.edges import PairwiseEdges
from graphcond.synthetic.graphon import GraphonNetwork
from graphcond.synthetic.patterns import PatternNetwork, neighbour_patterns


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

    def build(self, num_features: int, classes: Tensor) -> nn.Module | None:
        """Return what makes edges from features, or ``None`` for no edges.

        Args:
            num_features: Features of a node.
            classes: ``(n,)`` int64 the classes of the nodes, or the strata that stand for them.
        """
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
        _require_threshold(self.threshold)
        require_positive(self, but=("threshold",))

    def build(self, num_features: int, classes: Tensor) -> nn.Module | None:
        """See :class:`Structure`."""
        return PairwiseEdges(num_features, self.hidden)


@dataclass(frozen=True, kw_only=True)
class GraphonEdges:
    """Edges as a graphon that pairs of nodes guide (SGDD): :class:`graphcond.synthetic.graphon.GraphonNetwork`.

    Args:
        hidden: Hidden units of both functions.
        pair_share: How much the function of the pairs adds to the scores, in [0, 1]; the graphon adds the rest.
        threshold: Edges below this weight are left out of the result, as in :class:`LearnedEdges`.
        trimmed: Whether the validation nodes choose how many of the other edges the result has, as there.
    """

    hidden: int = 128
    pair_share: float = 0.5
    threshold: float = 0.05
    trimmed: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        _require_threshold(self.threshold)
        require_positive(self, but=("threshold", "pair_share"))
        if self.pair_share > 1:
            raise ValueError(f"pair_share must be in [0, 1], got {self.pair_share!r}")

    def build(self, num_features: int, classes: Tensor) -> nn.Module | None:
        """See :class:`Structure`."""
        return GraphonNetwork(num_features, self.hidden, self.pair_share)


@dataclass(frozen=True, kw_only=True)
class EdgePatterns:
    """Several sparse graphs over the same nodes (MSGC): :class:`graphcond.synthetic.patterns.PatternNetwork`.

    The result has one graph, their mean: the weight of a pair is the learned one times the share of the graphs that
    have the pair.

    Args:
        patterns: Number of graphs.
        hidden: Hidden units of the function of pairs that gives the weights.
        threshold: Edges below this weight are left out of the result, as in :class:`LearnedEdges`. With many patterns
            weights are small: a pair of one pattern in 16 has at most 0.0625.
        trimmed: Whether the validation nodes choose how many of the other edges the result has, as there.
    """

    patterns: int = 16
    hidden: int = 128
    threshold: float = 0.01
    trimmed: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        _require_threshold(self.threshold)
        require_positive(self, but=("threshold",))

    def build(self, num_features: int, classes: Tensor) -> nn.Module | None:
        """See :class:`Structure`."""
        return PatternNetwork(num_features, self.hidden, neighbour_patterns(classes, self.patterns))


@dataclass(frozen=True, kw_only=True)
class NoEdges:
    """No edges but self-loops: the variants whose names end in X."""

    threshold = 0.0
    trimmed = False

    def build(self, num_features: int, classes: Tensor) -> nn.Module | None:
        """See :class:`Structure`."""
        return None


STRUCTURES = (LearnedEdges, GraphonEdges, EdgePatterns, NoEdges)


def _require_threshold(threshold: float) -> None:
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be in [0, 1), got {threshold!r}")
