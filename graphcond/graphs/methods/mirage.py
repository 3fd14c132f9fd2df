"""Mirage: frequent sets of computation trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.fields import is_whole, plain_fields
from graphcond.core.run_context import RunContext
from graphcond.core.size import Size
from graphcond.core.targets import Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.discretization import as_categories, check_bins
from graphcond.graphs.folding import unfold
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.mining.itemsets import Itemset, closed_itemsets
from graphcond.graphs.mining.patterns import (
    FACTS,
    LIMIT,
    Threshold,
    Transactions,
    check_threshold,
    frequent,
    least_supports,
    pattern_graphs,
    used_items,
)
from graphcond.graphs.storage.packing import packed_bytes
from graphcond.graphs.task import GraphTask


@dataclass(frozen=True, kw_only=True)
class Mirage(GraphMethod):
    r"""Frequent co-occurring computation trees (Mirage: Gupta et al., ICLR 2024).

    A graph is, to a network of ``L`` layers, the set of the ``L``-hop computation trees of its nodes. Sets of trees
    that at least :math:`\theta_c` graphs of a class contain become the condensed graphs of that class, with a weight
    in proportion to their frequency. No network is trained.

    Of several labels, sets are mined among the graphs that have a label and among those that lack it; the condensed
    graphs then have this one label, and all others missing.

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
        bins: Into how many bins each column of quantities is cut; ``None``: as many as fit the data
            (:func:`graphcond.graphs.discretization.fitting_bins`).

    Note:
        The paper takes all frequent sets; the default here is the closed ones: a set that never occurs without a
        further tree says nothing beside the larger one (molbbbp, threshold 11: 262,211 frequent sets, 18 closed). The
        published code loses some sets (its miner does), draws them unweighted and drops the multiplicities; in some of
        its scripts it deletes patterns that are frequent in both classes, which is not done here. Trees are integer
        colours (:mod:`graphcond.graphs.color_refinement`), so that the depth costs linear instead of exponential time.
    """

    name: ClassVar[str] = "mirage"
    targets: ClassVar[tuple[type[Targets], ...]] = tuple(FACTS)
    depth: int = 3
    threshold: Threshold | None = None
    edges: bool = True
    degrees: bool = False
    multiplicities: bool = True
    closed: bool = True
    bins: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        if not is_whole(self.depth) or self.depth < 0:
            raise ValueError(f"depth must be a whole number of hops, 0 or more, got {self.depth!r}")
        check_bins(self.bins)
        if self.threshold is None and not self.closed:
            raise ValueError("closed=False needs threshold=: sizes are searched for closed sets")
        check_threshold(self.threshold)

    @property
    def sized(self) -> bool:
        """See :class:`graphcond.core.method.Method`."""
        return self.threshold is None

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        train, binned = as_categories(task.train, self.bins)
        colors = refine(train, self.depth, degrees=self.degrees, edges=self.edges)
        _, first, color = np.unique(colors.levels[-1], return_index=True, return_inverse=True)
        facts = FACTS[type(task.targets)](train)
        transactions = [Transactions.of(train, color.reshape(-1), fact) for fact in facts]
        counts = torch.tensor([int(fact.graphs.sum()) for fact in facts])
        nodes = torch.from_numpy(first)

        def build(patterns: Sequence[Sequence[Itemset]]) -> list[Data]:
            trees = unfold(train, colors, nodes[used_items(patterns)], degrees=self.degrees)
            labels = torch.stack([fact.label for fact in facts])
            return pattern_graphs(trees, transactions, patterns, labels, counts, self.multiplicities)

        patterns, choices = self._mined(counts, transactions, budget, build)
        choices["supports"] = [[pattern.support for pattern in mined[:10]] for mined in patterns]
        choices["patterns"] = [len(mined) for mined in patterns]
        choices["distinct_trees"] = [int((one.supports > 0).sum()) for one in transactions]
        return SyntheticGraphs(build(patterns), choices | binned)

    def _mined(
        self, counts: Tensor, transactions: list[Transactions], budget: GraphBudget, build: "_Build"
    ) -> tuple[list[list[Itemset]], dict[str, Any]]:
        if self.threshold is not None:
            if not budget.is_everything:
                raise ValueError(f"give either {budget.size.argument} or Mirage(threshold=...), not both")
            thresholds = least_supports(self.threshold, counts.tolist())
            pairs = zip(transactions, thresholds, strict=True)
            return [frequent(one, threshold, self.closed) for one, threshold in pairs], {"thresholds": thresholds}
        if budget.max_bytes is None:
            wanted = budget.allocate(counts).tolist()
            return [_most_frequent(one, n) for one, n in zip(transactions, wanted, strict=True)], {}
        return _within_bytes(transactions, budget.max_bytes, build), {}


_Build = Any  # a function from patterns to graphs


def _most_frequent(one: Transactions, count: int) -> list[Itemset]:
    """Return the ``count`` most frequent closed sets; fewer, if there are fewer or far too many are as frequent.

    The threshold is the largest at which there are enough: halved until there are, then searched in between.
    """
    supports = np.sort(one.supports)[::-1]
    enough = max(int(supports[min(count, len(supports)) - 1]), 1)
    short = int(supports[0]) + 1
    while enough > 1 and not _has(one, enough, count):
        short, enough = enough, max(enough // 2, 1)
    while short - enough > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if _has(one, middle, count) else (middle, enough)
    try:
        return closed_itemsets(one.counts, enough, limit=LIMIT)[:count]
    except ValueError as error:  # too many of the same support to be listed
        found = closed_itemsets(one.counts, short, limit=LIMIT)[:count]
        if not found:
            raise ValueError(
                f"{one.name} has more than {LIMIT:,} sets of trees that are equally frequent, and none more so; "
                "mine shallower trees, such as Mirage(depth=1)"
            ) from error
        return found


def _has(one: Transactions, threshold: int, count: int) -> bool:
    """Return whether there are that many closed sets, without listing many more."""
    try:
        return len(closed_itemsets(one.counts, threshold, limit=count)) >= count
    except ValueError:
        return True


def _within_bytes(transactions: list[Transactions], max_bytes: int, build: _Build) -> list[list[Itemset]]:
    """Return as many of the most frequent sets of each class, in equal numbers, as the bytes hold."""
    low, high, size = 0, 1, 0
    while True:
        found = [_most_frequent(one, high) for one in transactions]
        size = packed_bytes(build(found))
        if size > max_bytes or all(len(mined) < high for mined in found) or high > LIMIT:
            break
        low, high = high, 2 * high
    if low == 0 and size > max_bytes:
        asked = Size.bytes(max_bytes).argument
        raise ValueError(f"{asked} is too little for one pattern of each class, which take {size} bytes")
    while size > max_bytes and high - low > 1:
        middle = (low + high) // 2
        if packed_bytes(build([mined[:middle] for mined in found])) > max_bytes:
            high = middle
        else:
            low = middle
    return [mined[: low if size > max_bytes else high] for mined in found]
