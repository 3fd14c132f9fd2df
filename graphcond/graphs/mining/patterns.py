"""Frequent sets of computation trees, and the condensed graphs that they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.fields import is_number
from graphcond.core.targets import MultiLabel, SingleLabel, Targets
from graphcond.graphs.folding import Bags, Trees, separate_data
from graphcond.graphs.mining.itemsets import Itemset, closed_itemsets, subsets
from graphcond.graphs.task import GraphSet

Threshold = int | float | tuple[int | float, ...]
LIMIT = 200_000  # closed sets; more of them tell nothing apart
EIGHTH = 8  # multiplicities are rounded to eighths, which take a byte each


@dataclass(frozen=True, eq=False)
class Fact:
    """What some graphs have in common: their class, or a label that they all have, or all lack.

    Args:
        name: In messages.
        label: What a graph has as label of which nothing else is known, as the original has labels.
        graphs: ``(num_graphs,)`` bool, of which it is known.
    """

    name: str
    label: Tensor
    graphs: np.ndarray


def class_facts(graphs: GraphSet) -> list[Fact]:
    """Return the classes."""
    classes = range(int(graphs.y.max()) + 1)
    return [Fact(f"class {label}", torch.tensor(label), (graphs.y == label).numpy()) for label in classes]


def label_facts(graphs: GraphSet) -> list[Fact]:
    """Return each label as there and as not there, as far as there are such graphs; all other labels are missing."""
    found = []
    for column, known in enumerate(graphs.learned.T):
        for value in (0.0, 1.0):
            label = torch.full((graphs.learned.size(1),), torch.nan)
            label[column] = value
            found.append(Fact(f"label {column} = {value:g}", label, (known == value).numpy()))
    return [fact for fact in found if fact.graphs.any()]


FACTS: dict[type[Targets], Callable[[GraphSet], list[Fact]]] = {SingleLabel: class_facts, MultiLabel: label_facts}
"""What is said of graphs, by the kind of their targets."""


@dataclass(frozen=True, eq=False)
class Transactions:
    """Graphs that have something in common as sets of trees.

    Args:
        counts: ``(num_graphs, num_colors)`` how often each graph has each tree.
        name: What they have in common, such as ``"class 1"``.
    """

    counts: sp.csr_matrix
    name: str

    @classmethod
    def of(cls, graphs: GraphSet, color: np.ndarray, fact: Fact) -> "Transactions":
        """Return the graphs of which a fact is known, for the numbers of their nodes' colours ``(num_nodes,)``."""
        mine = fact.graphs
        rows = (np.cumsum(mine) - 1)[graphs.graph.numpy()]
        kept = mine[graphs.graph.numpy()]
        shape = (int(mine.sum()), int(color.max()) + 1)
        counts = sp.csr_matrix((np.ones(int(kept.sum()), np.float32), (rows[kept], color[kept])), shape=shape)
        counts.sum_duplicates()
        return cls(counts, fact.name)

    @property
    def supports(self) -> np.ndarray:
        """How many graphs have each tree, ``(num_colors,)``."""
        return np.bincount(self.counts.indices, minlength=self.counts.shape[1])

    def multiplicities(self, pattern: Itemset) -> np.ndarray:
        """Return how often the graphs with all trees of a pattern have each of them on average, to an eighth."""
        columns = self._columns
        entries = [slice(columns.indptr[item], columns.indptr[item + 1]) for item in pattern.items]
        graphs = np.concatenate([columns.indices[place] for place in entries])
        counts = np.concatenate([columns.data[place] for place in entries])
        tree = np.repeat(np.arange(len(entries)), [place.stop - place.start for place in entries])
        kept = (np.bincount(graphs) == len(entries))[graphs]
        means = np.bincount(tree[kept], weights=counts[kept]) / pattern.support  # sums of whole numbers: exact
        rounded: np.ndarray = np.maximum(np.round(means * EIGHTH), 1) / EIGHTH
        return rounded

    @cached_property
    def _columns(self) -> sp.csc_matrix:
        return self.counts.tocsc()


def as_tuple(threshold: Threshold | None) -> tuple[Any, ...]:
    """Return the values of a threshold that is one number for all classes or one for each."""
    if threshold is None:
        return ()
    return threshold if isinstance(threshold, tuple) else (threshold,)


def check_threshold(threshold: Threshold | None) -> None:
    """Raise unless each value is a number of graphs or a fraction of them."""
    if threshold == ():
        raise ValueError("threshold must be one number or one for each class, got ()")
    for value in as_tuple(threshold):
        number = is_number(value)
        if not number or not 0 < value < float("inf") or (value >= 1 and value != int(value)):
            raise ValueError(f"threshold must be a number of graphs (1 or more) or a fraction in (0, 1), got {value!r}")


def least_supports(threshold: Threshold, class_counts: Sequence[int]) -> list[int]:
    """Return the threshold of each class as a number of graphs."""
    values = as_tuple(threshold)
    if len(values) not in (1, len(class_counts)):
        raise ValueError(f"threshold must be one number or one for each of {len(class_counts)} classes, got {values}")
    values = values * (len(class_counts) // len(values))
    pairs = zip(values, class_counts, strict=True)
    return [max(1, round(value * count)) if value < 1 else int(value) for value, count in pairs]


def frequent(one: Transactions, threshold: int, closed: bool) -> list[Itemset]:
    """Return the sets of trees that enough graphs of a class have, the closed ones or all."""
    found = closed_itemsets(one.counts, threshold, limit=LIMIT)
    if not found:
        raise too_high(threshold, one.name, int(one.supports.max()), one.counts.shape[0])
    return found if closed else subsets(found, limit=LIMIT)


def too_high(
    threshold: int, name: str, support: int, num_graphs: int, remedy: str = "lower it, or ask for a size instead"
) -> ValueError:
    """Return the error of a threshold that no tree reaches."""
    return ValueError(
        f"threshold={threshold} is above every tree's support in {name}: the most frequent one is in "
        f"{support} of its {num_graphs} graphs; {remedy}"
    )


def used_items(patterns: Sequence[Sequence[Itemset]]) -> np.ndarray:
    """Return the items of all patterns of all classes, ascending."""
    return np.unique(np.concatenate([pattern.items for mined in patterns for pattern in mined]))


def pattern_graphs(
    trees: Trees, transactions: Sequence[Transactions], patterns: Sequence[Sequence[Itemset]],
    labels: Tensor, class_counts: Tensor, multiplicities: bool,
) -> list[Data]:  # fmt: skip
    """Return each pattern as a graph: its trees side by side.

    Args:
        trees: The trees of :func:`used_items`, in that order.
        transactions: Of each class.
        patterns: Of each class.
        labels: What the graphs of each class have as label, a row for each class.
        class_counts: ``(num_classes,)`` graphs of each class.
        multiplicities: Whether a tree counts as often as the graphs that support the pattern have it on average.
    """
    every = [pattern for mined in patterns for pattern in mined]
    sizes = torch.tensor([len(pattern.items) for pattern in every])
    place = np.searchsorted(used_items(patterns), np.concatenate([pattern.items for pattern in every]))
    weight = torch.ones(int(sizes.sum()))
    if multiplicities:
        pairs = zip(transactions, patterns, strict=True)
        weight = torch.from_numpy(np.concatenate([one.multiplicities(p) for one, mined in pairs for p in mined]))
    owner = torch.repeat_interleave(torch.arange(len(every)), sizes)
    bags = Bags(trees.roots[torch.from_numpy(place)], owner, weight.float(), len(every))
    found = torch.tensor([len(mined) for mined in patterns])
    items = separate_data(trees, bags, labels.repeat_interleave(found, dim=0))
    for item, graph_weight in zip(items, _graph_weights(patterns, class_counts), strict=True):
        item.graph_weight = graph_weight.reshape(1)
    return items


def _graph_weights(patterns: Sequence[Sequence[Itemset]], class_counts: Tensor) -> Tensor:
    """Return how much each graph counts: its frequency within its class, classes as large as they were; mean 1."""
    weights = []
    for mined, count in zip(patterns, class_counts.tolist(), strict=True):
        support = torch.tensor([pattern.support for pattern in mined], dtype=torch.float64)
        weights.append(support / support.sum() * count)
    joined = torch.cat(weights)
    return (joined / joined.mean()).float()
