"""KiDD: kernel ridge regression on synthetic graphs, with a kernel between graphs that has one non-linear layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.objectives.losses import squared_error
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.positive_definite import ridged, solve
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.features import features_of
from graphcond.graphs.initialization import initial_graphs
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.bernoulli import BernoulliGraphs, EdgeSampling, learned_items
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.methods.short_training import validation
from graphcond.graphs.source import GraphSource, union
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.surrogates.infinite_width import InfiniteWidth

LARGEST = 2  # times the mean: drawn graphs have no more nodes, because what is learned of them is dense
HIDDEN, DEPTH = 128, 3  # of the networks that graphs are validated with
PRESETS: dict[str, dict[str, Any]] = {
    "nci1": {"multiplier": 3, "structure_rate": 0.0, "features_rate": 1e-4},
    "nci109": {"multiplier": 2, "structure_rate": 1e-6, "features_rate": 1e-3},
    "proteins": {"multiplier": 4, "structure_rate": 1e-6, "features_rate": 1e-3},
    "dd": {"multiplier": 2, "structure_rate": 0.0, "features_rate": 1e-4, "real_per_class": 4},
    "ogbg-molbace": {"multiplier": 2, "structure_rate": 1e-6, "features_rate": 1e-6},
    "ogbg-molbbbp": {"multiplier": 2, "structure_rate": 0.0, "features_rate": 1e-4},
    "ogbg-molhiv": {"multiplier": 4, "structure_rate": 0.0, "features_rate": 1e-2},
}


@dataclass(frozen=True, kw_only=True)
class KiDD(GraphMethod):
    r"""Kernel ridge regression on synthetic graphs that predicts the real ones (KiDD: Xu et al., KDD 2023).

    .. math:: \min_{X', \Theta} \mathrm{CE}\big(K_{TS} (K_{SS} + \lambda \bar k I)^{-1} Y_S,\; y_T\big)
              + \beta\, \|\hat K_{SS} - I\|_F, \qquad A' \sim \mathrm{Bernoulli}(\sigma(\Theta))

    with the kernel :class:`LiteGNTK` between graphs, which :math:`\hat K` divides by the roots of its diagonal. Labels
    and numbers have half the squared error in place of the cross-entropy.

    Args:
        steps: Steps.
        features_rate: Learning rate (Adam) of the features; 0: they stay.
        structure_rate: Learning rate (Adam) of the edges' log-odds; 0: they stay.
        rounds: Propagations of the kernel in all, :math:`L`; the non-linear layer comes after the first.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        orthogonality: :math:`\beta`.
        temperature: Of the relaxed edges, to which it falls from 1.
        annealing: Steps over which it falls, geometrically.
        multiplier: Synthetic graphs have so many times the mean number of nodes of the training graphs. ``None``: each
            has the size of the real one that it starts from, drawn among those of its class with at most twice the
            mean.
        real_per_class: Training graphs of each class in a step.

    Note:
        ``KiDD.preset("nci1")`` and so on have the rates and sizes of the published commands of KiDD-D at ten graphs of
        each class. Departures from the code:

        - Each step sees all synthetic graphs, instead of 16 of them.
        - Synthetic graphs start from random real ones; the code chooses by herding or k-center on most sets.
        - The kernel's operator is that of a GCN. Nodes keep their norms in the arc-cosine kernel, whose output the
          code leaves normalised, and places beyond a graph's size do not count in its mean. The 0.0001 that the code
          adds to the products of features and to the diagonal of adjacencies is left out; the wide layer has biases
          (variance 0.01), as in our other kernels.
        - The code clamps log-odds to [0, 1] after every step, which gives pairs without an edge the probability 0.5 at
          least, and features too. Here neither is clamped.
        - The defaults' rates are those of DosCond: at the published ones, down to 1e-6 in 300 steps, what is learned
          hardly differs from the real graphs that it starts from.
        - Integer features are codes of categories: the kernel sees them one-hot, synthetic graphs learn a softmax for
          each column and end on its likeliest code. The code divides the codes of a row by their sum.
        - A network is trained on the graphs for a few steps and validated, at intervals; the graphs with the best score
          are returned. The code reads test results at every update and reports those of the last epoch.
        - KiDD-LR, with adjacencies of low rank, is left out.
        - Edge features are not learned: each synthetic edge gets the row that is most frequent among training edges.
    """

    name: ClassVar[str] = "kidd"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 3}
    resumable: ClassVar[bool] = True
    on_device: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    steps: int = 300
    features_rate: float = 0.01
    structure_rate: float = 0.01
    rounds: int = 5
    ridge: float = 1e-6
    orthogonality: float = 1e-3
    temperature: float = 0.01
    annealing: int = 200
    multiplier: int | None = None
    real_per_class: int = 64

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("features_rate", "structure_rate", "orthogonality"))

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        graphs = self.start(task.train, budget.allocate(task.class_counts))
        outcome = driver.run(self.recipe(task, graphs), run)
        return SyntheticGraphs(learned_items(graphs, task.train), outcome.choices())

    def start(self, real: GraphSet, allocation: Tensor) -> BernoulliGraphs:
        """Return the synthetic graphs before the first step, made of real ones, ``allocation`` of each class."""
        places = round((self.multiplier or LARGEST) * float(real.sizes.double().mean()))
        initial = initial_graphs(real, allocation, places, fixed=self.multiplier is not None)
        sampling = EdgeSampling(temperature=self.temperature, annealing=self.annealing, sparsity=0.0)
        return BernoulliGraphs(*initial, features=features_of(real.x), edge_sampling=sampling)

    def recipe(self, task: GraphTask, graphs: BernoulliGraphs) -> Recipe[BernoulliGraphs]:
        """Return what the method consists of."""
        network = Convolutions(graphs.features.width, HIDDEN, task.targets, DEPTH, graphs.logits)
        return Recipe(
            synthetic=graphs,
            surrogate=LiteGNTK(rounds=self.rounds),
            sampler=Weightless(),
            objective=OrthogonalRidge(ridge=self.ridge, orthogonality=self.orthogonality, targets=task.targets),
            source=GraphSource(union(task.train, "mean"), graphs.features, self.real_per_class),
            schedule=Schedule(rates={"features": self.features_rate, "structure": self.structure_rate}),
            steps=self.steps,
            validation=validation(graphs, network, task.val, "mean"),
        )


@dataclass(frozen=True, kw_only=True)
class LiteGNTK:
    r"""Kernel between graphs: the tangent kernel of one wide layer between nodes, propagated and averaged.

    With :math:`\Theta(u, v)` the kernel of a wide network of one hidden layer between nodes :math:`u` of one graph and
    :math:`v` of the other, on the features :math:`A X`,

    .. math:: K = p^\top \Theta\, p', \qquad p = (A^\top)^{L-1} 1 / n

    which is the mean of the entries of :math:`A^{L-1}\, \Theta\, (A'^\top)^{L-1}`, without that matrix.

    Args:
        rounds: :math:`L`.
    """

    rounds: int = 5

    @property
    def layer(self) -> InfiniteWidth:
        """The kernel between nodes."""
        return InfiniteWidth(depth=1)

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the graphs of a batch, ``(n, n)`` float64."""
        rows, readout = self._nodes(_graphs(batch))
        readout = readout.double()
        found = readout @ self.layer.gram(weights, rows) @ readout.T
        return (found + found.T) / 2

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the graphs of two batches, ``(n_left, n_right)``."""
        (one, mine), (other, its) = self._nodes(_graphs(left)), self._nodes(_graphs(right))
        return mine @ self.layer.cross(weights, one, other) @ its.T

    def _nodes(self, graphs: GraphBatch) -> tuple[Batch, Tensor]:
        """Return nodes as the layer sees them, of real ones each kind once, and the weights ``p`` of each graph's.

        Shapes:
            features: ``(rows, num_features)``; weights: ``(num_graphs, rows)``.
        """
        weight = graphs.share.unsqueeze(1)
        for _ in range(self.rounds - 1):
            weight = graphs.propagate(weight)
        nodes = (graphs.share > 0).nonzero().flatten()
        rows = graphs.propagate(graphs.x)[nodes]
        place = torch.arange(len(nodes), device=nodes.device)
        if not rows.requires_grad:
            rows, place = torch.unique(rows, dim=0, return_inverse=True)
        readout = rows.new_zeros(len(graphs), len(rows))
        readout = readout.index_put((graphs.graph[nodes], place), weight[nodes, 0], accumulate=True)
        return Batch(rows, graphs.y), readout


def _graphs(batch: Batch) -> GraphBatch:
    assert isinstance(batch, GraphBatch)
    return batch


@dataclass(frozen=True, kw_only=True, eq=False)
class OrthogonalRidge:
    """Loss of kernel ridge regression on synthetic graphs, and how far these are from being orthogonal.

    Args:
        ridge: Relative to the mean diagonal of the kernel.
        orthogonality: What the second weighs.
        targets: What is predicted.
    """

    adds: ClassVar[bool] = True
    ridge: float
    orthogonality: float
    targets: Targets

    def observe(self, surrogate: LiteGNTK, weights: Weights, real: Batch) -> RealRows:
        """Return the graphs themselves."""
        return RealRows(real)

    def loss(self, surrogate: LiteGNTK, weights: Weights, statistic: RealRows, synthetic: Batch) -> Tensor:
        """See :class:`graphcond.core.matching.objectives.base.Objective`."""
        real, gram = statistic.batch, surrogate.gram(weights, synthetic)
        goals = self.targets.regressands(synthetic.y).to(gram)
        outputs = surrogate.cross(weights, real, synthetic).double() @ solve(ridged(gram, self.ridge), goals)
        error = self._error(outputs.float(), real)
        roots = gram.diagonal().clamp(min=torch.finfo(gram.dtype).tiny).sqrt()
        distance = gram / (roots.unsqueeze(1) * roots) - torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        # One graph is orthogonal: the norm has no gradient at 0.
        return error + self.orthogonality * (distance.square().sum() + torch.finfo(gram.dtype).eps).sqrt().float()

    def _error(self, outputs: Tensor, real: Batch) -> Tensor:
        if real.strata is None:
            return self.targets.loss(outputs, real.y)
        return squared_error(outputs, replace(real, y=self.targets.goals(real.y).to(outputs)))
