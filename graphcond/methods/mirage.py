"""Mirage: frequent sets of computation trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.run import Run
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.folding import Bags, separate_data, unfold
from graphcond.graphs.itemsets import Itemset, closed_itemsets, subsets
from graphcond.graphs.packing import packed_bytes
from graphcond.graphs.quantities import as_categories, check_bins
from graphcond.graphs.refinement import Colors, refine
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.methods.graph_base import GraphMethod, SyntheticGraphs

Threshold = int | float | tuple[int | float, ...]
LIMIT = 200_000  # closed sets; more of them tell nothing apart
EIGHTH = 8  # multiplicities are rounded to eighths, which take a byte each


@dataclass(frozen=True, eq=False)
class Transactions:
    """The graphs of one class as sets of trees.

    Args:
        counts: ``(num_graphs, num_colors)`` how often each graph has each tree.
        label: The class.
    """

    counts: sp.csr_matrix
    label: int

    @property
    def supports(self) -> np.ndarray:
        """How many graphs have each tree, ``(num_colors,)``."""
        return np.bincount(self.counts.indices, minlength=self.counts.shape[1])


@dataclass(frozen=True, kw_only=True)
class Mirage(GraphMethod):
    r"""Frequent co-occurring computation trees (Mirage: Gupta et al., ICLR 2024).

    A graph is, to a network of ``L`` layers, the set of the ``L``-hop computation trees of its nodes. Sets of trees
    that at least :math:`\theta_c` graphs of a class contain become the condensed graphs of that class, with a weight
    in proportion to their frequency. No network is trained.

    Args:
        depth: Hops of the trees, the number of layers of the networks to be trained.
        threshold: In how many training graphs of a class a set must be: a number, or a fraction in (0, 1), for all
            classes or one for each. ``None``: it is searched for the size that ``condense`` is asked for, and the
            most frequent sets are taken.
        edges: Whether edge features are part of the trees.
        degrees: Whether the degree of a node in its graph is, as GCN's normalisation needs at the leaves.
        multiplicities: Whether a tree counts as often as the graphs that support the set have it on average (to an
            eighth); ``False``: once.
        closed: Whether to leave out sets that never occur without a further tree; ``False``: all frequent sets, as in
            the paper.
        bins: Into how many bins each column of quantities is cut; ``None`` refuses features that are not categories.

    Note:
        The paper takes all frequent sets; the default here is the closed ones: a set that never occurs without a
        further tree tells nothing beside the larger one (molbbbp, threshold 11: 262,211 frequent sets, 18 closed). The
        published code loses some sets (its miner does), draws them unweighted, drops the multiplicities, and deletes,
        in some of its scripts, patterns
        that are frequent in both classes in some of its scripts, which is not done here. Trees are integer colours
        (:mod:`graphcond.graphs.refinement`), so that the depth costs linear instead of exponential time.
    """

    name: ClassVar[str] = "mirage"
    depth: int = 3
    threshold: Threshold | None = None
    edges: bool = True
    degrees: bool = False
    multiplicities: bool = True
    closed: bool = True
    bins: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 0:
            raise ValueError(f"depth must be a whole number of hops, 0 or more, got {self.depth!r}")
        check_bins(self.bins)
        for value in _each(self.threshold):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not value > 0 or (value >= 1 and value != int(value)):
                raise ValueError(
                    f"threshold must be a number of graphs (1 or more) or a fraction in (0, 1), got {value!r}"
                )

    @property
    def sized(self) -> bool:
        """See :class:`GraphMethod`."""
        return self.threshold is None

    def condense(self, task: GraphTask, budget: GraphBudget | None, run: Run = Run()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        train, errors = as_categories(task.train, self.bins, self.name)
        colors = refine(train, self.depth, degrees=self.degrees, edges=self.edges)
        _, first, color = np.unique(colors.levels[-1], return_index=True, return_inverse=True)
        transactions = [_transactions(train, color.reshape(-1), c) for c in range(task.num_classes)]
        nodes = torch.from_numpy(first)

        def build(patterns: Sequence[Sequence[Itemset]]) -> list[Data]:
            return self._graphs(train, colors, nodes, transactions, patterns)

        patterns, choices = self._mined(task, transactions, budget, build)
        choices["supports"] = [[pattern.support for pattern in mined[:10]] for mined in patterns]
        choices["patterns"] = [len(mined) for mined in patterns]
        choices["distinct_trees"] = [int((one.supports > 0).sum()) for one in transactions]
        return SyntheticGraphs(build(patterns), choices | ({"bin_errors": errors} if errors else {}))

    def _mined(
        self, task: GraphTask, transactions: list[Transactions], budget: GraphBudget | None, build: "_Build"
    ) -> tuple[list[list[Itemset]], dict[str, Any]]:
        if self.threshold is not None:
            if budget is not None:
                (name, _), *_ = budget.asked().items()
                raise ValueError(f"give either {name}= or Mirage(threshold=...), not both")
            thresholds = _thresholds(self.threshold, task.class_counts)
            pairs = zip(transactions, thresholds, strict=True)
            found = [_frequent(one, threshold) for one, threshold in pairs]
            found = found if self.closed else [subsets(mined, limit=LIMIT) for mined in found]
            return found, {"thresholds": thresholds}
        assert budget is not None
        if budget.max_bytes is None:
            wanted = budget.allocate(task.class_counts).tolist()
            return [_most_frequent(one, n) for one, n in zip(transactions, wanted, strict=True)], {}
        return _within_bytes(transactions, task.class_counts, budget.max_bytes, build), {}

    def _graphs(
        self, train: GraphSet, colors: Colors, nodes: Tensor, transactions: list[Transactions],
        patterns: Sequence[Sequence[Itemset]],
    ) -> list[Data]:  # fmt: skip
        every = [pattern for mined in patterns for pattern in mined]
        used = np.unique(np.concatenate([pattern.items for pattern in every]))
        trees = unfold(train, colors, nodes[used], degrees=self.degrees)
        sizes = torch.tensor([len(pattern.items) for pattern in every])
        place = np.searchsorted(used, np.concatenate([pattern.items for pattern in every]))
        weight = [self._multiplicity(one, p) for one, mined in zip(transactions, patterns, strict=True) for p in mined]
        bags = Bags(
            trees.roots[torch.from_numpy(place)], torch.repeat_interleave(torch.arange(len(every)), sizes),
            torch.from_numpy(np.concatenate(weight)).float(), len(every),
        )  # fmt: skip
        labels = torch.repeat_interleave(torch.arange(len(patterns)), torch.tensor([len(mined) for mined in patterns]))
        items = separate_data(trees, bags, labels)
        for item, weight_ in zip(items, _graph_weights(patterns, torch.bincount(train.y)), strict=True):
            item.graph_weight = weight_.reshape(1)
        return items

    def _multiplicity(self, one: Transactions, pattern: Itemset) -> np.ndarray:
        if not self.multiplicities:
            return np.ones(len(pattern.items), dtype=np.float32)
        columns = one.counts[:, list(pattern.items)].toarray()
        supporting = columns[(columns > 0).all(axis=1)]
        rounded: np.ndarray = np.maximum(np.round(supporting.mean(axis=0) * EIGHTH), 1) / EIGHTH
        return rounded


_Build = Any  # a function from patterns to graphs


def _each(threshold: Threshold | None) -> tuple[Any, ...]:
    if threshold is None:
        return ()
    return threshold if isinstance(threshold, tuple) else (threshold,)


def _thresholds(threshold: Threshold, class_counts: Tensor) -> list[int]:
    """Return the threshold of each class as a number of graphs."""
    values = _each(threshold)
    if len(values) not in (1, len(class_counts)):
        raise ValueError(f"threshold must be one number or one for each of {len(class_counts)} classes, got {values}")
    values = values * (len(class_counts) // len(values))
    pairs = zip(values, class_counts.tolist(), strict=True)
    return [max(1, round(value * count)) if value < 1 else int(value) for value, count in pairs]


def _transactions(graphs: GraphSet, color: np.ndarray, label: int) -> Transactions:
    mine = (graphs.y == label).numpy()
    rows = (np.cumsum(mine) - 1)[graphs.graph.numpy()]
    kept = mine[graphs.graph.numpy()]
    shape = (int(mine.sum()), int(color.max()) + 1)
    counts = sp.csr_matrix((np.ones(int(kept.sum()), np.float32), (rows[kept], color[kept])), shape=shape)
    counts.sum_duplicates()
    return Transactions(counts, label)


def _frequent(one: Transactions, threshold: int) -> list[Itemset]:
    found = closed_itemsets(one.counts, threshold, limit=LIMIT)
    if not found:
        raise ValueError(
            f"threshold={threshold} is above every tree's support in class {one.label}: the most frequent one is in "
            f"{int(one.supports.max())} of its {one.counts.shape[0]} graphs; lower it, or ask for a size instead"
        )
    return found


def _most_frequent(one: Transactions, count: int) -> list[Itemset]:
    """Return the ``count`` most frequent closed sets; all of them, if there are fewer."""
    supports = np.sort(one.supports)[::-1]
    threshold = max(int(supports[min(count, len(supports)) - 1]), 1)
    while True:
        found = closed_itemsets(one.counts, threshold, limit=max(LIMIT, 2 * count))
        if len(found) >= count or threshold == 1:
            return found[:count]
        threshold = max(threshold // 2, 1)


def _within_bytes(
    transactions: list[Transactions], class_counts: Tensor, max_bytes: int, build: _Build
) -> list[list[Itemset]]:
    """Return as many of the most frequent sets of each class, in equal numbers, as the bytes hold."""
    low, high, size = 0, 1, 0
    while True:
        found = [_most_frequent(one, high) for one in transactions]
        size = packed_bytes(build(found))
        if size > max_bytes or all(len(mined) < high for mined in found) or high > LIMIT:
            break
        low, high = high, 2 * high
    if low == 0 and size > max_bytes:
        raise ValueError(f"max_bytes={max_bytes} is too little for one pattern of each class, which take {size} bytes")
    while size > max_bytes and high - low > 1:
        middle = (low + high) // 2
        if packed_bytes(build([mined[:middle] for mined in found])) > max_bytes:
            high = middle
        else:
            low = middle
    return [mined[: low if size > max_bytes else high] for mined in found]


def _graph_weights(patterns: Sequence[Sequence[Itemset]], class_counts: Tensor) -> Tensor:
    """Return how much each graph counts: its frequency within its class, classes as large as they were; mean 1."""
    weights = []
    for mined, count in zip(patterns, class_counts.tolist(), strict=True):
        support = torch.tensor([pattern.support for pattern in mined], dtype=torch.float64)
        weights.append(support / support.sum() * count)
    joined = torch.cat(weights)
    return (joined / joined.mean()).float()
