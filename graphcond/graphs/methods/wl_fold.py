"""Lossless condensation: every computation tree once."""

from dataclasses import dataclass
from typing import ClassVar

from graphcond.core.fields import is_whole, plain_fields
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.blocks import update_count
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.task import GraphTask


@dataclass(frozen=True, kw_only=True)
class WLFold(GraphMethod):
    """All training graphs, each distinct computation tree once (Bollen et al., "Exact Compression", 2023).

    Training on the result gives the logits and gradients of training on the original graphs, for all networks of up to
    ``depth`` layers whose messages depend on the ends of an edge, its features and its weight: GIN, GINE, SAGE, GAT,
    GraphConv, and GCN with degrees (sums of weights, where edges have weights). It costs several times fewer node
    updates (``graphcond.graphs.blocks``), not fewer bytes.

    The result is one ``Data``, which any PyG network reads as it is; :func:`graphcond.pool` gives one row per graph.

    Args:
        depth: Hops of the trees, the number of layers of the networks to be trained.
        degrees: Whether the degree of a node in its graph is part of its tree, as GCN's normalisation needs.
        edges: Whether edge features are.

    Note:
        Exact up to rounding of full-batch training without batch normalisation and dropout, which would need the
        multiplicity of each tree. Where graphs have self-loops, not for GCN and GAT, which would count them beside
        their own; blocks refuse these then.
    """

    name: ClassVar[str] = "wl_fold"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True
    depth: int = 3
    degrees: bool = True
    edges: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        if not is_whole(self.depth) or self.depth < 1:
            raise ValueError(f"depth must be a whole number of hops, 1 or more, got {self.depth!r}")

    @property
    def sized(self) -> bool:
        """See :class:`graphcond.core.method.Method`."""
        return False

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        if not budget.is_everything:
            raise ValueError(
                f"method='wl_fold' keeps everything and takes no size, got {budget.size.argument}; leave it out"
            )
        colors = refine(task.train, self.depth, degrees=self.degrees, edges=self.edges, weights=True)
        data = folded_graphs(task.train, colors, degrees=self.degrees)
        updates, full = update_count(data), task.train.num_nodes * self.depth
        choices = {"node_updates": updates, "node_updates_of_original": full, "ratio": round(full / updates, 2)}
        return SyntheticGraphs([data], choices)
