"""Weighted histograms: groups of graphs as mean bags of computation trees, with a teacher's labels."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.cluster import MiniBatchKMeans
from torch_geometric.data import Data

from graphcond.core.fields import plain_fields, positive_integer
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.size import Size
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.color_refinement import Colors, refine
from graphcond.graphs.counts import counted, logarithmic, projected
from graphcond.graphs.discretization import as_categories, check_bins
from graphcond.graphs.folding import Bags, separate_data, unfold
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.validation import GraphValidation
from graphcond.graphs.storage.packing import packed_bytes
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import DEPTHS, GraphTeacher, teach

EIGHTH = 8  # counts are rounded to eighths, which take a byte each
WIDTH = 50  # singular directions in which graphs are grouped
TREES_PER_GRAPH = 2  # distinct trees, under a size in bytes


@dataclass(frozen=True, kw_only=True)
class Histograms(GraphMethod):
    r"""Mean bags of computation trees with soft labels, for training with graphcond.pool.

    The sum of a network's node embeddings is linear in how often a graph has each computation tree. So graphs that a
    linear teacher on tree counts holds for alike are grouped, class by class, and each group becomes one graph: the
    mean number of each tree, and the teacher's mean outputs as soft label. Its label is that of the class, or the mean
    of its graphs' targets.

    - Of the trees, those are kept that many nodes have and those on which the teacher's logits depend most; any other
      counts as the most frequent kept one that looks like it for the most hops.
    - Soft labels follow the class shares of the condensed set.

    Args:
        depth: Hops of the trees, the number of layers of the networks to be trained; ``None``: 1, 2 or 3, whichever a
            network that is trained on the result for a few steps does best with on the validation graphs; 2 without
            any.
        trees: How many distinct trees are kept, at most; under ``max_bytes``, as many as the bytes hold.
        edges: Whether edge features are part of the trees.
        degrees: Whether the degree of a node in its graph is, as GCN's normalisation needs at the leaves.
        bins: Into how many bins each column of quantities is cut; ``None``: as many as fit the data
            (:func:`graphcond.graphs.discretization.fitting_bins`).

    Note:
        No published method: what Mirage leaves out (rare trees, how often a tree occurs, how graphs of a class differ)
        is kept here as far as the bytes go.
    """

    name: ClassVar[str] = "histograms"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    depth: int | None = None
    trees: int = 600
    edges: bool = True
    degrees: bool = False
    bins: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_bins(self.bins)
        positive_integer("trees", self.trees)
        if self.depth is not None:
            positive_integer("depth", self.depth)

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        train, binned = as_categories(task.train, self.bins)
        teacher = teach(task)
        depths = (self.depth,) if self.depth is not None else DEPTHS if len(task.val) else (teacher.depth,)
        built = {depth: self._built(train, task, budget, teacher, depth) for depth in depths}
        scores = {}
        if len(built) > 1:
            validation = GraphValidation(task)
            scores = {depth: validation.outcome_of_trees(items, depth).score for depth, (items, _) in built.items()}
        depth = max(built, key=lambda depth: scores.get(depth, 0.0))
        items, groups = built[depth]
        trees = max(int(item.root_mask.sum()) for item in items)
        choices: dict[str, Any] = {"teacher": dict(teacher.choices), "depth": depth, "trees": trees}
        if scores:
            choices["scores"] = {f"depth={depth}": round(score, 4) for depth, score in scores.items()}
        members = Members.from_groups([torch.from_numpy(np.flatnonzero(groups == g)) for g in range(len(items))])
        return SyntheticGraphs(items, choices | binned, members)

    def _built(
        self, train: GraphSet, task: GraphTask, budget: GraphBudget, teacher: GraphTeacher, depth: int
    ) -> tuple[list[Data], np.ndarray]:
        """Return graphs of trees of a depth, and the group of each training graph."""
        colors = refine(train, depth, degrees=self.degrees, edges=self.edges)
        plan = _Plan.of(train, colors, teacher, self.degrees)
        if budget.max_bytes is None:
            return plan.build(budget.allocate_within(task.class_counts, "to be grouped"), self.trees)
        return _within_bytes(plan, task, budget.max_bytes)


@dataclass(frozen=True, eq=False)
class _Plan:
    """The training graphs as counts of trees, ready to be grouped.

    Args:
        graphs: The training graphs.
        colors: Their colours.
        degrees: Whether these know of degrees.
        first: A node of each colour of the last round, ``(num_trees,)``.
        counts: ``(num_graphs, num_trees)``.
        teacher: What gives soft labels.
        outputs: Of the teacher, ``(num_graphs, outputs)``.
        space: Graphs as points, near one another if they are alike to the teacher.
        order: Trees, those to be kept first.
        seed: Of the grouping.
        cache: Groups that were made, by allocation.
    """

    graphs: GraphSet
    colors: Colors
    degrees: bool
    first: np.ndarray
    counts: sp.csr_matrix
    teacher: GraphTeacher
    outputs: np.ndarray
    space: np.ndarray
    order: np.ndarray
    seed: int
    cache: dict[Any, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, graphs: GraphSet, colors: Colors, teacher: GraphTeacher, degrees: bool) -> "_Plan":
        """Count the trees of training graphs and weigh them by the teacher."""
        known, first, mass = np.unique(colors.levels[-1], return_index=True, return_counts=True)
        counts = counted(graphs, colors, colors.depth, known)
        outputs = teacher.outputs(graphs)
        weighted, importance = _weighed(counts, outputs)
        space = projected(weighted, WIDTH)
        order = _interleaved(np.argsort(-mass, kind="stable"), np.argsort(-importance, kind="stable"))
        seed = int(torch.randint(2**31 - 1, ()))
        return cls(graphs, colors, degrees, first, counts, teacher, outputs, space, order, seed)

    def build(self, allocation: list[int], trees: int) -> tuple[list[Data], np.ndarray]:
        """Return the graphs of each class over the given trees, and the group of each training graph."""
        groups = self._groups(tuple(allocation))
        kept = np.sort(self.order[:trees])
        total = int(groups.max()) + 1
        share = sp.csr_matrix((np.ones(len(groups)), (groups, np.arange(len(groups)))), shape=(total, len(groups)))
        size = np.asarray(share.sum(axis=1)).ravel()
        counts = (share @ self.counts @ self._standing_in(kept)).toarray() / size[:, None]
        counts = np.round(counts * EIGHTH) / EIGHTH
        outputs = (share @ self.outputs) / size[:, None]
        classes = self._classes(groups, total)
        items = self._items(counts, kept, self._labels(share, size, classes))
        soft = self.teacher.soft(outputs, self.graphs.y, classes)
        for i, item in enumerate(items):
            item.y_soft = soft[i : i + 1]
            item.graph_weight = torch.ones(1)
        return items, groups

    def _groups(self, allocation: tuple[int, ...]) -> np.ndarray:
        if allocation not in self.cache:
            y = self.graphs.y.numpy()
            groups, start = np.zeros(len(y), dtype=np.int64), 0
            for label, count in enumerate(allocation):
                mine = np.flatnonzero(y == label)
                means = MiniBatchKMeans(min(count, len(mine)), random_state=self.seed, n_init=3, batch_size=2048)
                _, number = np.unique(means.fit_predict(self.space[mine]), return_inverse=True)
                groups[mine] = start + number
                start += int(number.max()) + 1
            self.cache[allocation] = groups
        return self.cache[allocation]

    def _standing_in(self, kept: np.ndarray) -> sp.csr_matrix:
        """Return which kept tree stands for each tree, ``(num_trees, num_kept)``."""
        mass = np.asarray(self.counts.sum(axis=0)).ravel()[kept]
        by_mass = np.argsort(mass, kind="stable")  # the last one to be written is the most frequent
        stand_in = np.full(len(self.first), -1)
        stand_in[kept] = np.arange(len(kept))
        for level in range(self.colors.depth - 1, -1, -1):
            words = self.colors.levels[level][self.first]
            known, number = np.unique(words, return_inverse=True)
            table = np.full(len(known), -1)
            table[number.reshape(-1)[kept[by_mass]]] = by_mass
            stand_in = np.where(stand_in < 0, table[number.reshape(-1)], stand_in)
        stand_in[stand_in < 0] = int(by_mass[-1])
        ones = np.ones(len(stand_in), dtype=np.float32)
        return sp.csr_matrix((ones, (np.arange(len(stand_in)), stand_in)), shape=(len(stand_in), len(kept)))

    def _classes(self, groups: np.ndarray, total: int) -> torch.Tensor:
        """Return the class, or stratum, of each group."""
        classes = np.zeros(total, dtype=np.int64)
        classes[groups] = self.graphs.y.numpy()
        return torch.from_numpy(classes)

    def _labels(self, share: sp.csr_matrix, size: np.ndarray, classes: torch.Tensor) -> torch.Tensor:
        """Return the label of each group, as the original has labels: those of its graphs, on average."""
        targets, learned = self.teacher.targets, self.graphs.learned
        mean = torch.from_numpy(share @ targets.regressands(learned).double().numpy() / size[:, None])
        labels: torch.Tensor = targets.made(classes, targets.soft(mean)).to(learned)
        return labels.reshape(len(size), *self.graphs.labels.shape[1:])

    def _items(self, counts: np.ndarray, kept: np.ndarray, labels: torch.Tensor) -> list[Data]:
        counts[counts.sum(axis=1) == 0, -1] = 1 / EIGHTH  # a graph has at least one tree
        graph, place = np.nonzero(counts)
        used, tree = np.unique(place, return_inverse=True)
        trees = unfold(self.graphs, self.colors, torch.from_numpy(self.first[kept[used]]), degrees=self.degrees)
        weight = torch.from_numpy(counts[graph, place]).float()
        bags = Bags(trees.roots[torch.from_numpy(tree.reshape(-1))], torch.from_numpy(graph), weight, len(counts))
        return separate_data(trees, bags, labels)


def _weighed(counts: sp.csr_matrix, outputs: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
    """Return log-counts by how much a teacher's outputs go with them, and how much that is for each tree.

    A tree's weight is its correlation with an output, the largest of them: cheap, and defined for any teacher.
    """
    logs = logarithmic(counts)
    mean = np.asarray(logs.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.asarray(logs.multiply(logs).mean(axis=0)).ravel() - mean**2, 1e-12))
    centered = outputs - outputs.mean(axis=0)
    covariance = np.abs(logs.T @ centered / len(outputs)).max(axis=1)
    correlation = covariance / spread / max(float(centered.std(axis=0).max()), 1e-12)
    return logs.multiply(correlation[None, :]).tocsr(), correlation


def _interleaved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return both orders in turns, each element once, where it comes first."""
    both = np.stack([first, second], axis=1).reshape(-1)
    _, position = np.unique(both, return_index=True)
    return both[np.sort(position)]


def _within_bytes(plan: _Plan, task: GraphTask, max_bytes: int) -> tuple[list[Data], np.ndarray]:
    """Return graphs over twice as many trees as graphs, as large as the bytes allow, equally many of each class."""
    classes = task.num_classes
    most = int(task.class_counts.max())

    def build(each: int) -> tuple[list[Data], np.ndarray]:
        allocation = [min(each, count) for count in task.class_counts.tolist()]
        return plan.build(allocation, TREES_PER_GRAPH * sum(allocation))

    low, high, best = 0, 1, build(1)
    if (size := packed_bytes(best[0])) > max_bytes:
        asked = Size.bytes(max_bytes).argument
        raise ValueError(f"{asked} is too little for one graph of each of {classes} classes, which take {size} bytes")
    while high < most and packed_bytes((made := build(high))[0]) <= max_bytes:
        low, high, best = high, min(2 * high, most), made
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        made = build(middle)
        if packed_bytes(made[0]) <= max_bytes:
            low, best = middle, made
        else:
            high = middle
    return best
