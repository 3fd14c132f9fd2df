"""DosCond on sets of graphs: one-step gradient matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh, Pool
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.features import features_of
from graphcond.graphs.initialization import initial_graphs
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.bernoulli import BernoulliGraphs, EdgeSampling, learned_items
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.methods.short_training import validation
from graphcond.graphs.pooling import Readout
from graphcond.graphs.source import GraphSource, union
from graphcond.graphs.task import GraphSet, GraphTask

Sizes = Literal["drawn", "mean"]
LARGEST = 2  # times the mean: drawn graphs have no more nodes, because what is learned of them is dense
PRESETS: dict[str, dict[str, Any]] = {
    "mutag": {"structure_rate": 0.1},
    "nci1": {"structure_rate": 1.0},
    "dd": {"structure_rate": 2.0},
    "ogbg-molhiv": {"structure_rate": 0.01, "readout": "sum"},
    "ogbg-molbace": {"structure_rate": 0.01, "per_class": False},
    "ogbg-molbbbp": {"structure_rate": 2.0},
}


@dataclass(frozen=True, kw_only=True)
class DosCondGraphs(GraphMethod):
    r"""One-step gradient matching on sets of graphs (DosCond: Jin et al., KDD 2022).

    .. math:: \min_{X', \Theta} \mathbb E_{\theta_0} \sum_c D\big(\nabla_\theta \ell(f_{\theta_0}(\mathcal T_c)),
              \nabla_\theta \ell(f_{\theta_0}(A', X')_c)\big)
              + \beta \max\big(0, \overline{\sigma(\Theta)} - \epsilon\big), \qquad
              A' \sim \mathrm{Bernoulli}(\sigma(\Theta))

    Graphs with free features and independent edges are moved until they push networks at random initial weights the way
    real graphs of their class do. Each network serves one step and is not trained.

    Args:
        steps: Networks that are drawn, each for one step.
        features_rate: Learning rate (Adam) of the features.
        structure_rate: Learning rate (Adam) of the edges' log-odds; the paper's depends on the dataset: :meth:`preset`.
        rate_drop: The step from which on both learning rates are a tenth of that.
        hidden: Units of each convolution of the networks.
        depth: Their convolutions.
        readout: ``"mean"`` or ``"sum"`` of a graph's nodes, before a linear layer.
        sizes: ``"drawn"``: each synthetic graph has the size of the real one that it starts from, drawn among those of
            its class with at most twice the mean number of nodes. ``"mean"``: all have the mean number of nodes of the
            training graphs, start from graphs that are no larger, and may use the places that these leave empty.
        temperature: Of the relaxed edges, to which it falls from 1.
        annealing: Steps over which it falls, geometrically.
        sparsity: The weight :math:`\beta` of what the mean probability of an edge exceeds the initial density by.
        distance: ``"normalized"``: squared difference relative to the real gradient, all weights taken together;
            ``"columns"``, ``"squared"``.
        per_class: Whether gradients are matched class by class, or their sum over classes.
        networks: ``None`` draws a new network at each step. A number: that many are drawn once and picked among, so
            that real graphs are read that often only (where all training graphs fit a step).
        real_per_class: Training graphs of each class in a step.

    Note:
        What the paper leaves open is as in its code: the temperatures, initial log-odds of 5, the distance, one draw of
        edges per step. Departures from the code:

        - Synthetic graphs have sizes of their own and no node beyond them. ``sizes="mean"`` is the published way, in
          which the places that an initial graph leaves empty are nodes like the others.
        - The density that the regulariser allows is taken over pairs of different nodes of a graph, instead of all
          entries of padded matrices.
        - Adam keeps its moments when the learning rate drops, at step 400 instead of 401.
        - Two classes have two logits and the softmax, on every dataset; the published code has one and the sigmoid on
          OGB's.
        - Integer features are codes of categories: the networks see them one-hot, synthetic graphs learn a softmax for
          each column and end on its likeliest code. The published code takes the codes as numbers.
        - The term that is added on ogbg-molhiv alone, a bound on the norm of propagated features, is left out.
        - A network is trained on the graphs for a few steps and validated, at intervals. The graphs with the best score
          are returned: by accuracy, by the area under the ROC curve if there are two classes or several labels, or by
          the share of the variance that is explained. The published code prints test results along the way and keeps
          the last.
        - The paper has classes. Of labels and numbers, synthetic graphs keep the targets of the real ones that they
          start from, and gradients are matched stratum by stratum.
        - Edges of real graphs are taken in both directions. Edge features are not learned: where the real graphs have
          any, each synthetic edge gets the row that is most frequent among training edges.
    """

    name: ClassVar[str] = "doscond"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 3, "hidden": 8}
    resumable: ClassVar[bool] = True
    on_device: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    steps: int = 1000
    features_rate: float = 0.01
    structure_rate: float = 0.01
    rate_drop: int = 400
    hidden: int = 128
    depth: int = 3
    readout: Readout = "mean"
    sizes: Sizes = "drawn"
    temperature: float = 0.01
    annealing: int = 200
    sparsity: float = 0.1
    distance: DistanceName = "normalized"
    per_class: bool = True
    networks: int | None = None
    real_per_class: int = 256

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, known in (("readout", ("sum", "mean")), ("sizes", ("drawn", "mean"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        GradientMatching(distance=self.distance)
        require_positive(self, but=("sparsity",))

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        graphs = self.start(task.train, budget.allocate(task.class_counts))
        outcome = driver.run(self.recipe(task, graphs), run)
        return SyntheticGraphs(learned_items(graphs, task.train), outcome.choices())

    def start(self, real: GraphSet, allocation: Tensor) -> BernoulliGraphs:
        """Return the synthetic graphs before the first step, made of real ones, ``allocation`` of each class."""
        mean, fixed = float(real.sizes.double().mean()), self.sizes == "mean"
        initial = initial_graphs(real, allocation, round(mean if fixed else LARGEST * mean), fixed=fixed)
        edge_sampling = EdgeSampling(temperature=self.temperature, annealing=self.annealing, sparsity=self.sparsity)
        return BernoulliGraphs(
            *initial, features=features_of(real.x), edge_sampling=edge_sampling, mean=self.readout == "mean"
        )

    def recipe(self, task: GraphTask, graphs: BernoulliGraphs) -> Recipe[BernoulliGraphs]:
        """Return what the method consists of."""
        surrogate = Convolutions(graphs.features.width, self.hidden, task.targets, self.depth, graphs.logits)
        return Recipe(
            synthetic=graphs,
            surrogate=surrogate,
            sampler=Fresh(surrogate) if self.networks is None else Pool(surrogate, self.networks),
            objective=GradientMatching(distance=self.distance, per_class=self.per_class),
            source=GraphSource(union(task.train, self.readout), graphs.features, self.real_per_class),
            schedule=Schedule(
                rates={"features": self.features_rate, "structure": self.structure_rate}, rate_drops=(self.rate_drop,)
            ),
            steps=self.steps,
            validation=validation(graphs, surrogate, task.val, self.readout),
        )
