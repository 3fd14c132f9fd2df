"""The contract of a node method: a validated task and a budget in, synthetic nodes out."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import is_whole
from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.out_of_core import TensorStorage
from graphcond.nodes.cost_model import Shape, Work, propagation_work
from graphcond.nodes.propagated_features import PropagatedFeatures, propagated_rows
from graphcond.nodes.sparse import dense
from graphcond.nodes.task import Graph, LabelledTask, NodePart, NodeTask


@dataclass(frozen=True)
class SyntheticNodes:
    """What a method gives back.

    Args:
        x: ``(n, num_features)`` float32.
        y: ``(n,)`` int64 classes; or ``(n, outputs)`` float32 other targets, NaN where one is missing.
        edge_index: ``(2, num_edges)`` int64; ``None`` stands for self-loops only.
        edge_weight: ``(num_edges,)`` float32; ``None`` stands for ones.
        node_weight: ``(n,)`` float32, positive, how much of the original each node stands for; ``None``: all alike.
        y_soft: ``(n, outputs)`` float32 soft targets, if the method has a teacher: probabilities, or numbers.
        train_mask: ``(n,)`` bool, the nodes that training learns from; ``None``: all. The others are there for their
            features and edges, and their ``y`` is -1, or NaN.
        members: Which original nodes stand behind each, as row numbers of the condensed graph.
        choices: What was chosen on validation data, with scores, for the record.
        notes: What a user has to know of the result, one sentence each.
    """

    x: Tensor
    y: Tensor
    edge_index: Tensor | None = None
    edge_weight: Tensor | None = None
    node_weight: Tensor | None = None
    y_soft: Tensor | None = None
    train_mask: Tensor | None = None
    members: Members | None = None
    choices: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class NodeMethod(Method):
    """A way to condense a node-classification dataset."""

    reads_sparse: ClassVar[bool] = False
    """Whether it takes sparse features as they are; others are given dense ones."""
    takes_bytes: ClassVar[bool] = False
    """Whether its size may be asked for in bytes: it makes no edges, or keeps to the bytes of nodes without edges."""
    has_soft_labels: ClassVar[bool] = False
    """Whether its nodes may have soft labels, which take bytes."""
    capped_by_class: ClassVar[bool] = False
    """Whether it makes at most as many nodes of a class as the class has for training."""

    @abstractmethod
    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """Return synthetic nodes for ``task``.

        Args:
            task: The task; only ``train.graph``, the labels of ``train`` and (for choosing) ``val`` may be read.
            allocation: How many nodes of each class are asked for, ``(num_classes,)`` int64, each at least one.
            run: Progress callback, time limit, checkpoint.
        """

    def work(self, shape: Shape) -> Work:
        """Return what the method has to do with a graph of some size; by default, two hops of all features."""
        return propagation_work(shape)


def class_rows(task: LabelledTask, label: int) -> Tensor:
    """Return the training nodes of one class, as row numbers of the graph, or of its labelled type of nodes."""
    rows: Tensor = task.train.nodes[task.train.labels == label]
    return rows


def likely_rows(likely: Tensor, allocation: Tensor) -> list[Tensor]:
    """Return for each class the nodes whose likeliest class it is; if they are fewer than asked, its likeliest nodes.

    Args:
        likely: ``(num_nodes, num_classes)``, the more the likelier.
        allocation: How many nodes of each class are asked for at least, ``(num_classes,)`` int64.
    """
    likeliest = likely.argmax(dim=1)
    counts = torch.bincount(likeliest, minlength=likely.size(1)).tolist()
    groups = torch.split(likeliest.argsort(stable=True), counts)
    return [
        rows if len(rows) >= count else likely[:, label].topk(count).indices
        for label, (rows, count) in enumerate(zip(groups, allocation.tolist(), strict=True))
    ]


def real_nodes(task: NodeTask, groups: list[Tensor], depth: int | None = None) -> SyntheticNodes:
    """Return chosen real nodes: their own features and the edges among them, or propagated features and no edges.

    Args:
        task: The task the nodes come from.
        groups: For each class, the chosen row numbers.
        depth: Hops of propagation of the features; ``None``: their own features, and edges.
    """
    chosen = torch.cat(groups)
    members = Members.from_groups(list(chosen.reshape(-1, 1).cpu()))
    labels = NodePart(task.train.graph, chosen).learned
    if depth is not None:
        return SyntheticNodes(x=propagated_rows(task.train.graph, chosen, depth), y=labels, members=members)
    graph: Graph = task.train.graph.induced(chosen)
    return SyntheticNodes(
        x=dense(graph.x), y=labels, edge_index=graph.edge_index, edge_weight=graph.edge_weight, members=members
    )


def pick_per_class(
    task: NodeTask, allocation: Tensor, depth: int, storage: TensorStorage, pick: Callable[[Tensor, int], Tensor]
) -> SyntheticNodes:
    """Return real training nodes, picked class by class in the space of propagated features.

    Args:
        task: The task.
        allocation: Nodes of each class.
        depth: Hops of propagation.
        storage: Where propagated features are kept.
        pick: Given the ``(n, num_features)`` rows of a class and a count, the rows that are picked.
    """
    require_capacity(task, allocation)
    view = PropagatedFeatures(task.train.graph, depth, storage)
    rows = [class_rows(task, label) for label in range(task.num_classes)]
    return real_nodes(task, [r[pick(view.rows(r), n)] for r, n in zip(rows, allocation.tolist(), strict=True)])


def require_capacity(task: LabelledTask, allocation: Tensor) -> None:
    """Raise if more nodes of a class are asked for than it has training nodes: real nodes cannot be invented."""
    counts = task.class_counts.cpu()
    short = (allocation.cpu() > counts).nonzero().flatten()
    if len(short):
        label = int(short[0])
        raise ValueError(
            f"{int(allocation[label])} nodes of {task.targets.group} {label} were asked for, but it has only "
            f"{int(counts[label])} training nodes to choose from; ask for fewer, or use a method that makes new ones, "
            "such as 'auto'"
        )


def check_depth(depth: int) -> None:
    """Raise if a number of propagation hops is not a whole number of at least 0."""
    if not is_whole(depth) or depth < 0:
        raise ValueError(f"depth must be a whole number of hops, 0 or more, got {depth!r}")
