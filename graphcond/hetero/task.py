"""What a method for heterogeneous graphs sees: validated tensors of each type of nodes and edges, and the splits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from graphcond.core.targets import Targets
from graphcond.nodes.task import LabelledPart, LabelledTask

EdgeType = tuple[str, str, str]
"""Type of the sources, name of the relation, type of the targets, as PyG has it."""


@dataclass(frozen=True, eq=False)
class HeteroGraph:
    """One graph with several types of nodes or edges.

    Args:
        x: By node type, ``(nodes, features)`` float32; all types have some, of a width of their own.
        edges: By edge type, ``(2, edges)`` int64 without duplicates, which may be none; row numbers of the two types.
        weights: By edge type, ``(edges,)`` float32, not negative.
        node_type: The labelled type.
        y: ``(nodes,)`` int64 classes of its nodes, -1 where unlabelled; of other targets, the strata that stand for
            classes.
        targets: ``(nodes, outputs)`` float32, NaN where missing; ``None``: classes are what is learned.
    """

    x: Mapping[str, Tensor]
    edges: Mapping[EdgeType, Tensor]
    weights: Mapping[EdgeType, Tensor]
    node_type: str
    y: Tensor
    targets: Tensor | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of nodes of each type."""
        return {name: x.size(0) for name, x in self.x.items()}

    @property
    def num_labelled(self) -> int:
        """Number of nodes of the labelled type."""
        return self.y.size(0)

    @property
    def num_nodes(self) -> int:
        """Number of nodes of all types."""
        return sum(self.counts.values())

    @property
    def num_edges(self) -> int:
        """Number of edges of all types."""
        return sum(edges.size(1) for edges in self.edges.values())

    def contents(self) -> Iterator[Tensor]:
        """Yield features, edges and weights, the types in the order of their names."""
        for name in sorted(self.x):
            yield self.x[name]
        for relation in sorted(self.edges):
            yield from (self.edges[relation], self.weights[relation])

    @property
    def schema(self) -> str:
        """The types in a text: what :meth:`contents` does not tell."""
        relations = (" ".join(relation) for relation in sorted(self.edges))
        return "; ".join([self.node_type, ", ".join(sorted(self.x)), *relations])

    def stratified(self, targets: Targets) -> "HeteroGraph":
        """Return the graph with the strata of targets for classes; itself if classes are what is learned."""
        return self if self.targets is None else replace(self, y=targets.classes(self.targets))

    def to(self, device: torch.device) -> "HeteroGraph":
        """Return the graph on another device; the original is left alone."""
        return replace(
            self,
            x={name: value.to(device) for name, value in self.x.items()},
            edges={relation: value.to(device) for relation, value in self.edges.items()},
            weights={relation: value.to(device) for relation, value in self.weights.items()},
            y=self.y.to(device),
            targets=None if self.targets is None else self.targets.to(device),
        )


@dataclass(frozen=True, eq=False)
class HeteroPart(LabelledPart):
    """Labelled nodes on which something is trained or measured; ``nodes`` are row numbers of the labelled type."""

    graph: HeteroGraph
    nodes: Tensor


@dataclass(frozen=True, repr=False, eq=False)
class HeteroTask(LabelledTask):
    """A task on the nodes of one type of a heterogeneous graph.

    The three splits share one graph: every method may see all features and edges, but no label outside ``train`` (and
    those of ``val`` for choosing).

    Args:
        train: The graph that is condensed, and its labelled training nodes.
        val: Where settings are chosen; may be empty.
        test: The final evaluation is made on it; no method reads it.
        targets: What is learned of a node.
        split: Which column of a dataset with several splits was taken.
        name: The dataset's name, for the record and tables only.
        notes: What was noticed and repaired in the input, one sentence each.
        metric: By which it is evaluated unless a protocol says otherwise.
        features: What was made for types without features, as :func:`graphcond.node_features` takes it.
        made: The types for which it was made.
    """

    train: HeteroPart
    val: HeteroPart
    test: HeteroPart
    targets: Targets
    split: int = 0
    name: str = "data"
    notes: tuple[str, ...] = ()
    metric: str = "accuracy"
    features: str | None = None
    made: tuple[str, ...] = ()

    @property
    def graph(self) -> HeteroGraph:
        """The graph, which all parts share."""
        return self.train.graph

    def to(self, device: torch.device) -> "HeteroTask":
        """Return the task on another device; the graph is copied once."""
        graph = self.graph.to(device)
        train, val, test = (HeteroPart(graph, part.nodes.to(device)) for part in (self.train, self.val, self.test))
        return replace(self, train=train, val=val, test=test, targets=self.targets.to(device))

    @cached_property
    def digest(self) -> str:
        """A text that differs where the graph, any of the splits, their labels or the classes do."""
        parts = (part.fingerprint() for part in (self.train, self.val, self.test))
        return " ".join([*parts, self.targets.identity, self.graph.schema])
