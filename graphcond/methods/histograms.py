"""Weighted histograms: graphs as bags of computation trees, with a teacher's labels."""

from dataclasses import dataclass
from typing import Any, ClassVar

from graphcond.core.run import Run
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.quantities import as_categories, check_bins
from graphcond.graphs.refinement import refine
from graphcond.graphs.task import GraphTask
from graphcond.graphs.teacher import teach
from graphcond.methods.bags import BagPlan, Clusters, Draws, Grouping
from graphcond.methods.graph_base import GraphMethod, SyntheticGraphs


@dataclass(frozen=True, kw_only=True)
class Histograms(GraphMethod):
    r"""Bags of computation trees with soft labels, of groups of graphs or of single ones.

    The sum of a network's node embeddings is linear in how often a graph has each computation tree. So graphs that a
    linear teacher on tree counts holds for alike are grouped, class by class, and each group becomes one graph: the
    mean number of each tree, and the teacher's mean logits as soft label. Or, which is better where there is room for
    many graphs, a group is a single training graph.

    - Of the trees, those are kept that many nodes have and those on which the teacher's logits depend most; any other
      counts as the most frequent kept one that looks like it for the most hops.
    - Soft labels follow the class shares of the condensed set.

    Args:
        depth: Hops of the trees, the number of layers of the networks to be trained; ``None``: as deep as those of the
            teacher, whose depth is chosen on the validation graphs.
        trees: How many distinct trees are kept, at most; under ``max_bytes``, as many as the bytes hold.
        grouped: Whether a graph is the mean of a group, or else one training graph, drawn at random.
        edges: Whether edge features are part of the trees.
        degrees: Whether the degree of a node in its graph is, as GCN's normalisation needs at the leaves.
        bins: Into how many bins each column of quantities is cut; ``None`` refuses features that are not categories.

    Note:
        No published method: what Mirage leaves out (rare trees, how often a tree occurs, how graphs of a class differ)
        is kept here as far as the bytes go.
    """

    name: ClassVar[str] = "histograms"
    depth: int | None = None
    trees: int = 600
    grouped: bool = True
    edges: bool = True
    degrees: bool = False
    bins: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_bins(self.bins)
        for name in ("depth", "trees"):
            value = getattr(self, name)
            if (name, value) == ("depth", None):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")

    def condense(self, task: GraphTask, budget: GraphBudget | None, run: Run = Run()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        assert budget is not None
        plan, choices = self.planned(task)
        made = plan.condense(self.grouping(plan), budget, self.trees)
        return SyntheticGraphs(made.items, choices | {"trees": made.trees}, made.members)

    def grouping(self, plan: BagPlan) -> Grouping:
        """Return which training graphs make up a condensed one."""
        return Clusters(plan) if self.grouped else Draws(plan)

    def planned(self, task: GraphTask) -> tuple[BagPlan, dict[str, Any]]:
        """Return the training graphs as bags, and what was chosen on the way."""
        train, errors = as_categories(task.train, self.bins, self.name)
        teacher = teach(task)
        depth = self.depth or teacher.depth
        plan = BagPlan.of(train, refine(train, depth, degrees=self.degrees, edges=self.edges), teacher, self.degrees)
        choices: dict[str, Any] = {"teacher": dict(teacher.choices), "depth": depth}
        return plan, choices | ({"bin_errors": errors} if errors else {})
