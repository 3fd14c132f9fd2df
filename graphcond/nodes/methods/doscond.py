"""DosCond on nodes: one-step gradient matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh, Pool
from graphcond.nodes.methods.matching import MatchingMethod
from graphcond.nodes.methods.structures import LearnedEdges, Structure
from graphcond.nodes.source import NodeSource
from graphcond.nodes.surrogate_models import SGCSurrogate, SurrogateModel
from graphcond.nodes.task import NodeTask
from graphcond.synthetic.graph import SyntheticGraph

PRESETS: dict[str, dict[str, Any]] = {
    "cora": {},
    "citeseer": {},
    "pubmed": {},
    "ogbn-arxiv": {"structure": LearnedEdges(hidden=256, threshold=0.01)},
}


@dataclass(frozen=True, kw_only=True)
class DosCond(MatchingMethod):
    r"""One-step gradient matching (DosCond: Jin et al., KDD 2022), as its authors apply it to nodes.

    .. math:: \min_{X', \Phi} \mathbb E_{\theta_0} \sum_c w_c D\big(\nabla_\theta \ell(f_{\theta_0}(A, X)_c, Y_c),
              \nabla_\theta \ell(f_{\theta_0}(A', X')_c, Y'_c)\big)

    GCond without inner loop: gradients agree at random initial weights only, with the squared difference as distance
    and features and edges moving together. ``structure=NoEdges()`` is DosCond-X.

    Args:
        structure: ``LearnedEdges()`` or ``NoEdges()``.
        surrogate: The network whose gradients are matched, ``SGCSurrogate()`` or ``GCNSurrogate()``.
        distance: ``"squared"`` as in the published code; ``"columns"``, ``"normalized"``.
        steps: Initial weights that are drawn, each for one step.
        features_rate: Learning rate (Adam) of the features.
        structure_rate: Learning rate (Adam) of the edges' function.
        networks: ``None`` draws new weights at each step. A number: that many are drawn once and picked among, so that
            real data are read that often only (where all training nodes fit a step).
        real_per_class: Training nodes of each class in a step.

    Note:
        The paper's own experiments on graphs learn Bernoulli edges; for nodes its authors' code is GCond's with
        ``inner=0``, outer 1, the squared distance and learning rate 0.01 over 3,000 epochs, and so is this. It looks
        through a GCN; here SGC is the default, a step of which takes a tenth of the time. Both parts move at every
        step, as in GraphSlim. The other departures are those of :class:`graphcond.nodes.methods.gcond.GCond`.
    """

    name: ClassVar[str] = "doscond"
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 3}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    structure: Structure = LearnedEdges()
    surrogate: SurrogateModel = SGCSurrogate()
    distance: DistanceName = "squared"
    steps: int = 3000
    features_rate: float = 0.01
    structure_rate: float = 0.01
    networks: int | None = None
    real_per_class: int = 256

    def __post_init__(self) -> None:
        """Check the fields."""
        GradientMatching(distance=self.distance)
        super().__post_init__()
        require_positive(self)

    def recipe(self, task: NodeTask, allocation: Tensor) -> Recipe[SyntheticGraph]:
        """See :meth:`MatchingMethod.recipe`."""
        graph, surrogate = self.start(task, allocation)
        share = allocation.to(task.train.graph.x) / int(allocation.max())
        return Recipe(
            synthetic=graph,
            surrogate=surrogate,
            sampler=Fresh(surrogate) if self.networks is None else Pool(surrogate, self.networks),
            objective=GradientMatching(distance=self.distance, class_weight=share),
            source=NodeSource(task.train, self.surrogate, self.real_per_class),
            schedule=Schedule(rates={"features": self.features_rate, "structure": self.structure_rate}),
            steps=self.steps,
            validation=self.validation(task, graph),
        )
