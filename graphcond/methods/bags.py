"""Training graphs as bags of computation trees: what of them a condensed graph can be."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from torch_geometric.data import Data

from graphcond.condensed import Members
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.counts import counted, logarithmic
from graphcond.graphs.folding import Bags, separate_data, unfold
from graphcond.graphs.packing import packed_bytes
from graphcond.graphs.refinement import Colors
from graphcond.graphs.soft_labels import rounded_probabilities
from graphcond.graphs.task import GraphSet
from graphcond.graphs.teacher import Teacher

EIGHTH = 8  # counts are rounded to eighths, which take a byte each
WIDTH = 50  # singular directions in which graphs are grouped
SINGLES_TREES = 600

Allocation = tuple[int, ...]


class TooFewBytesError(ValueError):
    """No graph of each class fits into the bytes that were asked for."""


class Grouping(Protocol):
    """Which training graphs make up a condensed one."""

    def groups(self, allocation: Allocation) -> np.ndarray:
        """Return the condensed graph of each training graph, class by class, or -1 for none, ``(num_graphs,)``."""
        ...

    def trees(self, graphs: int) -> int:
        """Return how many distinct trees so many condensed graphs are worth."""
        ...


@dataclass(frozen=True)
class Condensed:
    """Condensed graphs, and the training graphs behind each."""

    items: list[Data]
    members: Members

    @property
    def trees(self) -> int:
        """How many distinct trees the largest graph has."""
        return max(int(item.root_mask.sum()) for item in self.items)


@dataclass(frozen=True, eq=False)
class BagPlan:
    """The training graphs as counts of trees.

    Args:
        graphs: The training graphs.
        colors: Their colours.
        degrees: Whether these know of degrees.
        first: A node of each colour of the last round, ``(num_trees,)``.
        counts: ``(num_graphs, num_trees)``.
        logits: The teacher's, ``(num_graphs, num_classes)``.
        space: Graphs as points, near one another if they are alike to the teacher.
        order: Trees, those to be kept first.
    """

    graphs: GraphSet
    colors: Colors
    degrees: bool
    first: np.ndarray
    counts: sp.csr_matrix
    logits: np.ndarray
    space: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, graphs: GraphSet, colors: Colors, teacher: Teacher, degrees: bool) -> "BagPlan":
        """Count the trees of training graphs and weigh them by the teacher."""
        known, first, mass = np.unique(colors.levels[-1], return_index=True, return_counts=True)
        counts = counted(graphs, colors, colors.depth, known)
        logits = teacher.logits(graphs)
        weighted, importance = _weighed(counts, logits)
        width = max(1, min(WIDTH, min(weighted.shape) - 1))
        space = TruncatedSVD(width, random_state=0).fit_transform(weighted)
        order = _interleaved(np.argsort(-mass, kind="stable"), np.argsort(-importance, kind="stable"))
        return cls(graphs, colors, degrees, first, counts, logits, space, order)

    def condense(self, grouping: Grouping, budget: GraphBudget, trees: int, like: Condensed | None = None) -> Condensed:
        """Return as many graphs as the budget allows; over at most so many trees, unless it counts bytes.

        Args:
            grouping: Which training graphs make up a condensed one.
            budget: The size.
            trees: How many distinct trees are kept.
            like: Graphs of about the size that is looked for, which saves some of the search.
        """
        counts = torch.from_numpy(self.class_counts)
        if budget.max_bytes is not None:
            guess = 1 if like is None else max(1, len(like.items) // len(counts))
            return self._within_bytes(grouping, budget.max_bytes, guess)
        return self._build(grouping, tuple(budget.allocate_within(counts, "to be grouped")), trees)

    @property
    def class_counts(self) -> np.ndarray:
        """Training graphs of each class, ``(num_classes,)``."""
        return np.bincount(self.graphs.y.numpy(), minlength=self.logits.shape[1])

    def _build(self, grouping: Grouping, allocation: Allocation, trees: int) -> Condensed:
        groups = grouping.groups(allocation)
        kept = np.sort(self.order[:trees])
        total = int(groups.max()) + 1
        taken = np.flatnonzero(groups >= 0)
        share = sp.csr_matrix((np.ones(len(taken)), (groups[taken], taken)), shape=(total, len(groups)))
        size = np.asarray(share.sum(axis=1)).ravel()
        counts = (share @ self.counts @ self._standing_in(kept)).toarray() / size[:, None]
        counts = np.round(counts * EIGHTH) / EIGHTH
        labels = np.zeros(total, dtype=np.int64)
        labels[groups[taken]] = self.graphs.y.numpy()[taken]
        items = self._items(counts, kept, torch.from_numpy(labels))
        soft = rounded_probabilities((share @ self.logits) / size[:, None] + self._prior_shift(labels))
        for i, item in enumerate(items):
            item.y_soft = soft[i : i + 1]
            item.graph_weight = torch.ones(1)
        by_group = torch.from_numpy(taken[np.argsort(groups[taken], kind="stable")])
        return Condensed(items, Members.from_groups(torch.split(by_group, size.astype(int).tolist())))

    def _within_bytes(self, grouping: Grouping, max_bytes: int, guess: int) -> Condensed:
        """Return as many graphs as the bytes hold, equally many of each class, to a sixteenth."""
        counts = self.class_counts.tolist()
        low, high, best = 0, max(counts) + 1, None
        each = min(guess, high - 1)
        while True:
            allocation = tuple(min(each, count) for count in counts)
            made = self._build(grouping, allocation, grouping.trees(sum(allocation)))
            size = packed_bytes(made.items)
            if size <= max_bytes:
                low, best = each, made
            else:
                high = each
            if high - low <= max(1, low // 16):
                break
            further = 2 * low if guess == 1 else low + low // 8 + 1  # until one does not fit
            each = min(further, high - 1) if high > max(counts) else (low + high) // 2
        if best is None:
            raise TooFewBytesError(
                f"max_bytes={max_bytes} is too little for one graph of each of {len(counts)} classes, which take "
                f"{size} bytes"
            )
        return best

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

    def _prior_shift(self, labels: np.ndarray) -> np.ndarray:
        """Return by how much the logits of a class rise because it has a larger share here than in the original."""
        here = np.bincount(labels, minlength=self.logits.shape[1]) / len(labels)
        return np.log(here) - np.log(self.class_counts / len(self.graphs))

    def _items(self, counts: np.ndarray, kept: np.ndarray, labels: torch.Tensor) -> list[Data]:
        counts[counts.sum(axis=1) == 0, -1] = 1 / EIGHTH  # a graph has at least one tree
        graph, place = np.nonzero(counts)
        used, tree = np.unique(place, return_inverse=True)
        trees = unfold(self.graphs, self.colors, torch.from_numpy(self.first[kept[used]]), degrees=self.degrees)
        weight = torch.from_numpy(counts[graph, place]).float()
        bags = Bags(trees.roots[torch.from_numpy(tree.reshape(-1))], torch.from_numpy(graph), weight, len(counts))
        return separate_data(trees, bags, labels)


class Clusters:
    """Each training graph in a group of its class, by k-means of the plan's space: condensed graphs are means.

    Args:
        plan: The training graphs.
    """

    def __init__(self, plan: BagPlan) -> None:
        self._space, self._y = plan.space, plan.graphs.y.numpy()
        self._seed = int(torch.randint(2**31 - 1, ()))
        self._found: dict[Allocation, np.ndarray] = {}

    def groups(self, allocation: Allocation) -> np.ndarray:
        """See :class:`Grouping`."""
        if allocation not in self._found:
            groups, start = np.zeros(len(self._y), dtype=np.int64), 0
            for label, count in enumerate(allocation):
                mine = np.flatnonzero(self._y == label)
                means = MiniBatchKMeans(min(count, len(mine)), random_state=self._seed, n_init=3, batch_size=2048)
                _, number = np.unique(means.fit_predict(self._space[mine]), return_inverse=True)
                groups[mine] = start + number
                start += int(number.max()) + 1
            self._found[allocation] = groups
        return self._found[allocation]

    def trees(self, graphs: int) -> int:
        """See :class:`Grouping`."""
        return 2 * graphs


class Draws:
    """Single training graphs, drawn at random from each class.

    Args:
        plan: The training graphs.
    """

    def __init__(self, plan: BagPlan) -> None:
        y = plan.graphs.y
        rows = [(y == label).nonzero().flatten() for label in range(plan.logits.shape[1])]
        self._rows = [mine[torch.randperm(len(mine))].numpy() for mine in rows]
        self._total = len(y)

    def groups(self, allocation: Allocation) -> np.ndarray:
        """See :class:`Grouping`."""
        taken = np.concatenate([rows[:count] for rows, count in zip(self._rows, allocation, strict=True)])
        groups = np.full(self._total, -1)
        groups[taken] = np.arange(len(taken))
        return groups

    def trees(self, graphs: int) -> int:
        """See :class:`Grouping`: single graphs differ in their rare trees."""
        return max(SINGLES_TREES, graphs)


def _weighed(counts: sp.csr_matrix, logits: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
    """Return log-counts by how much the logits go with them, and how much that is for each tree.

    A tree's weight is its correlation with the logits, the largest over classes: cheap, and defined for any teacher.
    """
    logs = logarithmic(counts)
    mean = np.asarray(logs.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.asarray(logs.multiply(logs).mean(axis=0)).ravel() - mean**2, 1e-12))
    centered = logits - logits.mean(axis=0)
    covariance = np.abs(logs.T @ centered / len(logits)).max(axis=1)
    correlation = covariance / spread / max(float(centered.std(axis=0).max()), 1e-12)
    return logs.multiply(correlation[None, :]).tocsr(), correlation


def _interleaved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return both orders in turns, each element once, where it comes first."""
    both = np.stack([first, second], axis=1).reshape(-1)
    _, position = np.unique(both, return_index=True)
    return both[np.sort(position)]
