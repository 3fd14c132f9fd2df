"""What a method for nodes sees: validated graphs and splits, whatever the dataset's class was."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from graphcond.core.targets import Targets
from graphcond.nodes.edges import induced
from graphcond.nodes.sparse import dense, is_sparse, taken_rows

HASHED_AT_ONCE = 1 << 20  # numbers: what is not contiguous is copied in parts of this size

T = TypeVar("T", bound="LabelledTask")


class LabelledGraph(Protocol):
    """A graph of which something is learned of some nodes, whether it has one type of nodes or several."""

    @property
    def y(self) -> Tensor:
        """Classes of the nodes, or the strata that stand for them, ``(num_nodes,)`` int64."""
        ...

    @property
    def targets(self) -> Tensor | None:
        """``(num_nodes, outputs)`` float32, NaN where missing; ``None``: classes are what is learned."""
        ...

    def contents(self) -> Iterator[Tensor]:
        """Yield features, edges and weights."""
        ...


@dataclass(frozen=True)
class Graph:
    """One attributed graph.

    Args:
        x: ``(num_nodes, num_features)`` float32; it may be memory-mapped, and is read in blocks. Wide and nearly empty
            features are sparse CSR.
        edge_index: ``(2, num_edges)`` int64, without duplicates; it may be memory-mapped.
        edge_weight: ``(num_edges,)`` float32, not negative.
        y: ``(num_nodes,)`` int64 classes, -1 where unlabelled; of other targets, the strata that stand for classes.
        undirected: Whether it is known that each edge has its reverse, with the same weight.
        targets: ``(num_nodes, outputs)`` float32, NaN where missing; ``None``: classes are what is learned.
    """

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor
    y: Tensor
    undirected: bool = False
    targets: Tensor | None = None

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.x.size(0)

    def contents(self) -> Iterator[Tensor]:
        """Yield features, edges and weights."""
        yield from _parts(self.x)
        yield from (self.edge_index, self.edge_weight)

    def to(self, device: torch.device) -> "Graph":
        """Return the graph on another device; the original is left alone."""
        return replace(
            self,
            x=self.x.to(device),
            edge_index=self.edge_index.to(device),
            edge_weight=self.edge_weight.to(device),
            y=self.y.to(device),
            targets=None if self.targets is None else self.targets.to(device),
        )

    def dense(self) -> "Graph":
        """Return the graph with dense features; itself if it has them."""
        return replace(self, x=dense(self.x)) if is_sparse(self.x) else self

    def stratified(self, targets: Targets) -> "Graph":
        """Return the graph with the strata of targets for classes; itself if classes are what is learned."""
        return self if self.targets is None else replace(self, y=targets.classes(self.targets))

    def induced(self, nodes: Tensor) -> "Graph":
        """Return the subgraph on ``nodes``, renumbered in their order."""
        edge_index, edge_weight = induced(self.edge_index, self.edge_weight, nodes, self.num_nodes)
        targets = None if self.targets is None else self.targets[nodes]
        return Graph(taken_rows(self.x, nodes), edge_index, edge_weight, self.y[nodes], self.undirected, targets)


class LabelledPart:
    """Nodes of a graph on which something is trained or measured; ``nodes`` are row numbers of its labelled nodes."""

    graph: LabelledGraph
    nodes: Tensor

    @property
    def labels(self) -> Tensor:
        """Classes of the nodes, or the strata that stand for them, ``(num_nodes_of_split,)`` int64."""
        return self.graph.y[self.nodes]

    @property
    def learned(self) -> Tensor:
        """What is learned of the nodes: their classes, or ``(num_nodes_of_split, outputs)`` float32."""
        return self.graph.y[self.nodes] if self.graph.targets is None else self.graph.targets[self.nodes]

    @property
    def strata(self) -> Tensor | None:
        """What stands for classes where targets are none, ``(num_nodes_of_split,)`` int64."""
        return None if self.graph.targets is None else self.labels

    def fingerprint(self) -> str:
        """Return a SHA-256 over the graph (but for other labels), the nodes and their labels."""
        state = hashlib.sha256()
        for value in (*self.graph.contents(), self.nodes, self.learned):
            state.update(str(tuple(value.shape)).encode())
            for part in torch.split(value.detach().flatten(), HASHED_AT_ONCE):
                state.update(part.cpu().numpy().tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class NodePart(LabelledPart):
    """Nodes of one graph on which something is trained or measured; ``nodes`` are row numbers of ``graph``."""

    graph: Graph
    nodes: Tensor

    def to(self, device: torch.device) -> "NodePart":
        """Return the split on another device."""
        return NodePart(self.graph.to(device), self.nodes.to(device))


def _parts(x: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors that features are made of."""
    return (x.crow_indices(), x.col_indices(), x.values()) if is_sparse(x) else (x,)


class LabelledTask:
    """What tasks of labelled nodes have in common, whether their graph has one type of nodes or several."""

    train: Any
    val: Any
    test: Any
    targets: Targets
    name: str

    def __repr__(self) -> str:
        train, val, test = (len(part.nodes) for part in (self.train, self.val, self.test))
        return f"{type(self).__name__}({self.name}, {self.targets}, train={train}, val={val}, test={test})"

    @property
    def num_classes(self) -> int:
        """Number of classes, or of the strata that stand for them."""
        return self.targets.num_classes

    @property
    def class_counts(self) -> Tensor:
        """Training nodes of each class, ``(num_classes,)`` int64."""
        return torch.bincount(self.train.labels, minlength=self.num_classes)

    def stratified(self: T, items: int) -> T:
        """Return the task with strata for a synthetic set of some nodes; of classes, itself."""
        targets = self.targets.for_items(self.train.learned, items)
        if targets is self.targets:
            return self
        changed = self.with_graphs(lambda graph: graph.stratified(targets))
        return replace(changed, targets=targets)  # type: ignore[type-var]  # tasks are dataclasses

    def with_graphs(self: T, changed: Callable[[Any], Any]) -> T:
        """Return the task with its graphs changed, one that parts share once."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        graphs = {id(one.graph): changed(one.graph) for one in parts.values()}
        moved = {name: type(one)(graphs[id(one.graph)], one.nodes) for name, one in parts.items()}
        return replace(self, **moved)  # type: ignore[type-var]  # tasks are dataclasses

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed: features, edges, weights, training nodes and their labels."""
        found: str = self.train.fingerprint()
        return found


@dataclass(frozen=True, repr=False)
class NodeTask(LabelledTask):
    """A node-classification or -regression task.

    In the transductive setting the three splits share one graph: every method may see all features and edges, but no
    label outside ``train`` (and those of ``val`` for choosing). In the inductive setting each split has its own induced
    subgraph, and ``train.graph`` is all that is condensed.

    Args:
        train: The graph that is condensed, and its labelled training nodes.
        val: Where settings are chosen; may be empty.
        test: The final evaluation is made on it; no method reads it.
        targets: What is learned of a node.
        inductive: Whether each split has its own graph.
        split: Which column of a dataset with several splits was taken.
        name: The dataset's name, for the record and tables only.
        notes: What was noticed and repaired in the input, one sentence each.
        metric: By which it is evaluated unless a protocol says otherwise.
        features: What was made for nodes without features, as :func:`graphcond.node_features` takes it.
        probed: Where targets were made without labels: the same nodes with those that there are, for linear probes.
    """

    train: NodePart
    val: NodePart
    test: NodePart
    targets: Targets
    inductive: bool = False
    split: int = 0
    name: str = "data"
    notes: tuple[str, ...] = ()
    metric: str = "accuracy"
    features: str | None = None
    probed: "NodeTask | None" = None

    def to(self, device: torch.device) -> "NodeTask":
        """Return the task on another device; in the transductive setting the graph is copied once."""
        probed = None if self.probed is None else self.probed.to(device)
        moved, train = replace(self, targets=self.targets.to(device), probed=probed), self.train.to(device)
        if self.inductive:
            return replace(moved, train=train, val=self.val.to(device), test=self.test.to(device))
        val, test = (NodePart(train.graph, split.nodes.to(device)) for split in (self.val, self.test))
        return replace(moved, train=train, val=val, test=test)

    def dense(self) -> "NodeTask":
        """Return the task with dense features, for what does not read sparse ones."""
        probed = None if self.probed is None else self.probed.dense()
        return replace(self.with_graphs(Graph.dense), probed=probed)

    @cached_property
    def digest(self) -> str:
        """A text that differs where any of the splits, their labels or the classes do."""
        parts = (self.train, self.val, self.test)
        undirected = (str(part.graph.undirected) for part in parts)
        probed = [] if self.probed is None else [self.probed.digest]
        return " ".join([*(part.fingerprint() for part in parts), self.targets.identity, *undirected, *probed])
