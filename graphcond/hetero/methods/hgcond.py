"""HGCond: condensation of heterogeneous graphs by gradient matching."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from sklearn.cluster import BisectingKMeans
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero, other_counts
from graphcond.hetero.methods.synthetic import HeteroSyntheticGraph
from graphcond.hetero.relay import HeteroBatch, Relay, hetero_batch
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroTask
from graphcond.nodes.clustering import without_empty
from graphcond.nodes.methods.base import likely_rows
from graphcond.nodes.points import group_means

VALIDATION_STEPS = 60  # of the relay network on the synthetic graph, before it is scored
VALIDATIONS = 10
TINY = 1e-12  # length of a gradient's column below which it has no direction: these are means over many nodes


@dataclass(frozen=True, kw_only=True)
class HGCond(HeteroMethod):
    r"""Clusters of every type, their features and edges learned by matching gradients (HGCond: Gao et al., 2023).

    1. A relay network (:class:`graphcond.hetero.relay.Relay`) is trained on the original; its embeddings are
       clustered type by type (bisecting k-means). Features start from the means of clusters; an edge may be where an
       edge of the original joins two clusters, and its weight is :math:`\sigma(\mathrm{MLP}[x_t; x_s])`.
    2. For many initial weights, and for some steps of training on the synthetic graph from each, the gradients of both
       graphs' losses with respect to all matrices are compared by the mean cosine distance of their columns.
    3. Initial weights are *orthogonal parameter sequences*: each column of an ``r x c`` matrix goes through the rows of
       an orthogonal matrix, so that ``r`` initial weights in turn are orthogonal column by column.

    Args:
        hidden: Units of the relay network.
        relay_steps: Adam steps of its training on the original.
        relay_rate: Learning rate of these.
        starts: Initial weights.
        outer_steps: Matching steps with each.
        inner_rate: Learning rate of the one step down the synthetic loss between two of them.
        features_rate: Learning rate (Adam) of the features.
        structure_rate: Learning rate (Adam) of what weighs the edges.

    Note:
        Where this departs from the published code (jianjianGJ/hgcond), and why:

        - The loss is the cross-entropy. The code takes the negative log-likelihood of raw logits, in matching and in
          training, and the cross-entropy in its tests.
        - Labelled nodes are clustered within the classes that the relay network predicts (where a label is known, that
          one), as many as were asked for. The code clusters all and masks clusters without a label, so that classes may
          be lost.
        - The graph that is kept is chosen on validation nodes. The code keeps that of the lowest loss.
    """

    name: ClassVar[str] = "hgcond"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    resumable: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {"hidden": 4, "relay_steps": 2, "starts": 3, "outer_steps": 2}
    hidden: int = 64
    relay_steps: int = 100
    relay_rate: float = 0.01
    starts: int = 128
    outer_steps: int = 3
    inner_rate: float = 0.1
    features_rate: float = 0.01
    structure_rate: float = 0.01

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        recipe, members = self.recipe(task, allocation)
        outcome = driver.run(recipe, run)
        graph = recipe.synthetic
        with torch.no_grad():
            weights = graph.weights()
        return SyntheticHetero(
            x=graph.x, y=graph.y, edges=graph.slots, weights=weights, members=members, choices=outcome.choices()
        )

    def recipe(self, task: HeteroTask, allocation: Tensor) -> tuple[Recipe[HeteroSyntheticGraph], Members]:
        """Return what the method consists of, and the members of the labelled clusters."""
        graph, real = task.graph, hetero_batch(task.train)
        widths = {name: x.size(1) for name, x in graph.x.items()}
        relay = Relay(graph.node_type, widths, self.hidden, task.targets, graph.x[graph.node_type])
        student = Student(relay.init(), Training(learning_rate=self.relay_rate))
        with torch.no_grad():
            student.train(relay, real, self.relay_steps)
            embedded = relay.embeddings(student.weights, real)
        soft = _predicted(task, relay, student.weights, real)
        owners, members = _clusters(task, embedded, soft, allocation)
        classes = torch.repeat_interleave(allocation.to(soft.device))
        y = task.targets.made(classes, torch.stack([soft[rows.to(soft.device)].mean(dim=0) for rows in members]))
        made = HeteroSyntheticGraph(
            {name: _means(graph.x[name], owner) for name, owner in owners.items()},
            y,
            {relation: _slots(graph, relation, owners) for relation in graph.edges},
            graph.node_type,
            self.hidden,
            None if graph.targets is None else classes,
        )
        rates = {"features": self.features_rate, "structure": self.structure_rate}
        recipe = Recipe(
            synthetic=made,
            surrogate=relay,
            sampler=OrthogonalSequences(relay, self.outer_steps, Training(learning_rate=self.inner_rate, momentum=0.0)),
            objective=LossGradientMatching(),
            source=_Whole(real),
            schedule=Schedule(rates=rates),
            steps=self.starts * self.outer_steps,
            validation=_validation(task, relay, made),
        )
        return recipe, members


@dataclass(frozen=True)
class LossGradientMatching:
    """The mean column-wise cosine distance between gradients of the losses with respect to all matrices."""

    adds: ClassVar[bool] = False

    @torch.no_grad()
    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
        """Return the gradients of the real loss."""
        return surrogate.loss_gradients(weights, real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Weights, synthetic: Batch) -> Tensor:
        """Return the distance."""
        total = statistic[0].new_zeros(())
        for g, h in zip(statistic, surrogate.loss_gradients(weights, synthetic), strict=True):
            if g.dim() == 2:
                total = total + (1 - F.cosine_similarity(g, h, dim=0, eps=TINY)).mean()
        return total


@dataclass
class OrthogonalSequences:
    """Initial weights that go through the rows of orthogonal matrices, each trained on the synthetic graph for a while.

    Args:
        surrogate: The relay network.
        outer_steps: Steps with one initial weight.
        training: How it is trained after each step but the last.
    """

    surrogate: Relay
    outer_steps: int
    training: Training
    _seed: int = field(init=False)
    _student: Student | None = field(default=None, init=False)
    _kept: dict[int, tuple[int, Tensor]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Draw what the matrices depend on."""
        self._seed = int(torch.randint(2**31 - 1, ()))

    def draw(self, step: int) -> Weights:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        if self._student is None or step % self.outer_steps == 0:
            self._student = Student(self.start(step // self.outer_steps), self.training)
        return self._student.weights

    def start(self, number: int) -> Weights:
        """Return the initial weights of a number."""
        return tuple(self._weight(i, shape, number) for i, shape in enumerate(self.surrogate.shapes))

    def _weight(self, place: int, shape: tuple[int, ...], number: int) -> Tensor:
        like = self.surrogate.like
        if len(shape) == 1:
            return like.new_zeros(shape)
        turn, row = divmod(number, shape[0])
        if place not in self._kept or self._kept[place][0] != turn:
            draws = torch.Generator().manual_seed(self._seed + len(self.surrogate.shapes) * turn + place)
            square = torch.randn(shape[1], shape[0], shape[0], generator=draws)
            self._kept[place] = turn, torch.linalg.qr(square).Q
        return self._kept[place][1][:, row].T.contiguous().to(like)

    def key(self) -> int | None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        if self._student is not None and (step + 1) % self.outer_steps:
            self._student.train(self.surrogate, synthetic(), 1)

    def state(self) -> dict[str, Tensor]:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return {} if self._student is None else self._student.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        self._student = Student.restored(state, self.training, self.surrogate) if state else None


@dataclass(frozen=True)
class _Whole:
    """The original at every step."""

    real: HeteroBatch
    constant = True

    def __call__(self, step: int) -> HeteroBatch:
        return self.real


@torch.no_grad()
def _predicted(task: HeteroTask, relay: Relay, weights: Weights, real: HeteroBatch) -> Tensor:
    """Return soft targets of all labelled nodes, ``(labelled nodes, outputs)``: the known ones, else the network's."""
    logits = relay.layers(weights, replace(real, rows=None))[-1]
    soft = task.targets.predictions(logits)
    given = task.targets.softened(task.train.learned).to(soft)
    soft[task.train.nodes] = torch.where(given.isnan(), soft[task.train.nodes], given)
    return soft


def _clusters(
    task: HeteroTask, embedded: Mapping[str, Tensor], soft: Tensor, allocation: Tensor
) -> tuple[dict[str, Tensor], Members]:
    """Return the cluster of each node by type, and the members of the labelled clusters, which go class by class.

    Args:
        task: The task.
        embedded: What the relay network makes of the nodes of each type.
        soft: Soft targets of all labelled nodes.
        allocation: Nodes of each class.
    """
    graph, seed = task.graph, int(torch.randint(2**31 - 1, ()))
    counts = other_counts(graph, int(allocation.sum()))
    owners = {name: _bisected(embedded[name], count, seed) for name, count in counts.items()}
    groups: list[Tensor] = []
    owner = torch.zeros(graph.num_labelled, dtype=torch.int64)
    for rows, count in zip(likely_rows(task.targets.likely(soft), allocation), allocation.tolist(), strict=True):
        labels = _bisected(embedded[graph.node_type][rows], count, seed)
        owner[rows.cpu()] = len(groups) + labels
        groups += [rows.cpu()[labels == i] for i in range(count)]
    owners[graph.node_type] = owner
    return {name: owners[name].to(graph.y.device) for name in graph.x}, Members.from_groups(groups)


def _bisected(rows: Tensor, count: int, seed: int) -> Tensor:
    """Return the cluster of each row, ``(n,)`` int64 on the CPU; none of them is empty."""
    if count >= len(rows):
        return torch.arange(len(rows))
    if count == 1:
        return torch.zeros(len(rows), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of duplicate points, which are dealt with
        found = BisectingKMeans(count, random_state=seed).fit_predict(rows.cpu().double().numpy())
    return without_empty(torch.as_tensor(found, dtype=torch.int64), count)


def _means(x: Tensor, owner: Tensor) -> Tensor:
    """Return the mean features of each cluster."""
    return group_means(x, owner, int(owner.max()) + 1)


def _slots(graph: HeteroGraph, relation: EdgeType, owners: Mapping[str, Tensor]) -> Tensor:
    """Return the pairs of clusters that an edge of a relation joins, ``(2, edges)``."""
    source, target = graph.edges[relation]
    pairs: Tensor = torch.unique(torch.stack([owners[relation[0]][source], owners[relation[2]][target]]), dim=1)
    return pairs


def _validation(task: HeteroTask, relay: Relay, made: HeteroSyntheticGraph) -> Validation | None:
    """Return the validation by a relay network that is trained on the graph; ``None``: there are no nodes."""
    if not len(task.val.nodes):
        return None
    asked = hetero_batch(task.val)

    def score() -> float:
        with torch.no_grad():
            batch = made.batch().detached()
        student = Student(relay.init(), Training())
        with torch.no_grad():
            student.train(relay, batch, VALIDATION_STEPS)
            found: float = task.targets.score(relay.layers(student.weights, asked)[-1], asked.y)
        return found

    return Validation(score=score, times=VALIDATIONS)
