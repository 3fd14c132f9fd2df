"""Real graphs, chosen: at random, by herding, by k-center, and at random with a teacher's labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.allocation import largest_remainder
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.selection import farthest_first, herd
from graphcond.core.size import Size
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.counts import Vocabulary, logarithmic, projected
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.storage.packing import packed_bytes
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import GraphTeacher, teach

Order = Callable[[Tensor, int], Tensor]
Dressed = Callable[[Tensor], list[Data]]
SPACE_DEPTH, SPACE_WIDTH = 2, 32


def drawn(rows: Tensor, count: int) -> Tensor:
    """Return ``count`` positions in random order."""
    return torch.randperm(len(rows))[:count]


def chosen_graphs(
    task: GraphTask, budget: GraphBudget, points: Tensor, order: Order, dressed: Dressed | None = None
) -> Tensor:
    """Return the numbers of training graphs, picked class by class by ``order`` from rows of ``points``.

    Args:
        task: The task.
        budget: How many graphs, or bytes.
        points: ``(num_graphs, ...)``, what ``order`` orders by.
        order: Given the rows of a class and a count, the rows that are picked.
        dressed: Makes the items whose bytes count of graph numbers; by default the graphs as they are.

    Raises:
        ValueError: a class has fewer graphs than are asked for, or the bytes are too few for one graph of each class.
    """
    rows = [(task.train.y == label).nonzero().flatten() for label in range(task.num_classes)]
    if budget.max_bytes is None:
        allocation = budget.allocate_within(task.class_counts, "to choose from")
        return torch.cat([r[order(points[r], n)] for r, n in zip(rows, allocation, strict=True)])
    dressed = dressed or (lambda graphs: task.train.take(graphs).data())
    return _within_bytes(task, rows, points, order, budget.max_bytes, dressed)


def _within_bytes(
    task: GraphTask, rows: list[Tensor], points: Tensor, order: Order, max_bytes: int, dressed: Dressed
) -> Tensor:
    """Return as many graphs as fit, the classes in proportion to their training graphs."""
    most = min(len(task.train), max_bytes)  # a graph takes more than a byte
    ordered: dict[int, Tensor] = {}

    def take(total: int) -> Tensor:
        shares = largest_remainder(total, task.class_counts, capacity=task.class_counts).tolist()
        for label, share in enumerate(shares):
            if label not in ordered or len(ordered[label]) < share:
                ordered[label] = rows[label][order(points[rows[label]], min(len(rows[label]), 2 * share))]
        return torch.cat([ordered[label][:share] for label, share in enumerate(shares)])

    def size(total: int) -> int:
        return packed_bytes(dressed(take(total)))

    low, high = task.num_classes, task.num_classes
    if size(low) > max_bytes:
        raise ValueError(
            f"{Size.bytes(max_bytes).argument} is too little for one graph of each class, which take {size(low)} bytes"
        )
    while high < most and size(high) <= max_bytes:
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= max_bytes else (low, middle)
    return take(high if size(high) <= max_bytes else low)


def real_graphs(task: GraphTask, graphs: Tensor) -> SyntheticGraphs:
    """Return some of the training graphs as they are."""
    return SyntheticGraphs(task.train.take(graphs).data(), members=Members.from_groups(list(graphs.reshape(-1, 1))))


def color_space(graphs: GraphSet, depth: int = SPACE_DEPTH, width: int = SPACE_WIDTH) -> Tensor:
    """Return graphs as points, ``(num_graphs, at most width)``: their colour counts on the leading directions."""
    counts: csr_matrix = logarithmic(Vocabulary.of(graphs, depth).count(graphs))
    return torch.from_numpy(projected(counts, width)).float()


def softened(task: GraphTask, teacher: GraphTeacher) -> Dressed:
    """Return what makes items of training graphs by their numbers, with the teacher's soft targets.

    Class probabilities follow the class shares of the graphs that are taken.
    """
    outputs = teacher.outputs(task.train)

    def dressed(graphs: Tensor) -> list[Data]:
        items = task.train.take(graphs).data()
        soft = teacher.soft(outputs[graphs.numpy()], task.train.y, task.train.y[graphs])
        for item, row in zip(items, soft, strict=True):
            item.y_soft = row.reshape(1, -1)
        return items

    return dressed


@dataclass(frozen=True, kw_only=True)
class RandomGraphs(GraphMethod):
    """Training graphs drawn at random from each class."""

    name: ClassVar[str] = "random"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        return real_graphs(task, chosen_graphs(task, budget, task.train.y, drawn))


@dataclass(frozen=True, kw_only=True)
class HerdingGraphs(GraphMethod):
    """Training graphs whose mean follows the class mean of colour counts (Welling, ICML 2009).

    Note:
        The field's baseline measures distances in the embedding of a trained network; counts of Weisfeiler-Leman
        colours to depth 2, on their 32 leading directions, need no training.
    """

    name: ClassVar[str] = "herding"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        return real_graphs(task, chosen_graphs(task, budget, color_space(task.train), herd))


@dataclass(frozen=True, kw_only=True)
class KCenterGraphs(GraphMethod):
    """Training graphs that cover each class in the space of colour counts (Sener and Savarese, ICLR 2018)."""

    name: ClassVar[str] = "k_center"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        return real_graphs(task, chosen_graphs(task, budget, color_space(task.train), farthest_first))


@dataclass(frozen=True, kw_only=True)
class RandomSoftGraphs(GraphMethod):
    """Random training graphs with the soft targets of the linear teacher on colour counts."""

    name: ClassVar[str] = "random_soft"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        teacher = teach(task)
        dressed = softened(task, teacher)
        graphs = chosen_graphs(task, budget, task.train.y, drawn, dressed)
        members = Members.from_groups(list(graphs.reshape(-1, 1)))
        return SyntheticGraphs(dressed(graphs), dict(teacher.choices), members)
