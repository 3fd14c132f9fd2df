"""The contract of a method for heterogeneous graphs: a validated task and a budget in, a small graph out."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from graphcond.hetero.cost_model import HeteroShape, taught_work
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroTask
from graphcond.nodes.cost_model import Work


@dataclass(frozen=True)
class SyntheticHetero:
    """What a method gives back.

    Args:
        x: By node type, ``(nodes, features)`` float32 with as many features as the original's. Of the labelled type
            there may be a multiple of ``n`` nodes: each further ``n`` belong to the neighbourhoods of the first, one
            after the other. They get the targets of these and are not learned from. A set without structure has
            the labelled type alone, with the features of all meta-paths side by side
            (:func:`graphcond.hetero.metapaths.concatenated`).
        y: ``(n,)`` int64 classes of the nodes that are learned from; or ``(n, outputs)`` float32 other targets, NaN
            where one is missing.
        edges: By edge type, ``(2, edges)`` int64; all edge types of the original, none of them for a set without
            structure.
        weights: By edge type, ``(edges,)`` float32; types that are left out have ones.
        node_weight: ``(n,)`` float32, positive, how much of the original each labelled node stands for; ``None``: all
            alike.
        y_soft: ``(n, outputs)`` float32 soft targets, if the method has a teacher.
        members: Which original nodes of the labelled type stand behind each of its nodes.
        choices: What was chosen on validation data, with scores, for the record.
        notes: What a user has to know of the result, one sentence each.
    """

    x: Mapping[str, Tensor]
    y: Tensor
    edges: Mapping[EdgeType, Tensor] = field(default_factory=dict)
    weights: Mapping[EdgeType, Tensor] = field(default_factory=dict)
    node_weight: Tensor | None = None
    y_soft: Tensor | None = None
    members: Members | None = None
    choices: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class HeteroMethod(Method):
    """A way to condense a heterogeneous graph."""

    @abstractmethod
    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """Return a small graph for ``task``.

        Args:
            task: The task; only the graph, the labels of ``train`` and (for choosing) ``val`` may be read.
            allocation: How many nodes of each class of the labelled type are asked for, ``(num_classes,)`` int64, each
                at least one.
            run: Progress callback, time limit, checkpoint.
        """

    def work(self, shape: HeteroShape) -> Work:
        """Return what the method has to do with a graph of some size; by default, what the default method does."""
        return taught_work(shape)


def other_counts(graph: HeteroGraph, total: int) -> dict[str, int]:
    """Return how many nodes of each other type a graph of so many labelled nodes has: the same share, at least one."""
    share = total / graph.num_labelled
    return {
        name: min(count, max(1, round(share * count)))
        for name, count in graph.counts.items()
        if name != graph.node_type
    }
