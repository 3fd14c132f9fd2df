"""What a method for graphs sees: many graphs as one disjoint union, and their splits."""

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.sparse import ragged
from graphcond.core.targets import Targets
from graphcond.core.targets.several import as_rows


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class GraphSet:
    """Labelled graphs, end to end.

    Args:
        x: ``(num_nodes, num_features)``, float32, or int64 where features are codes of categories.
        edge_index: ``(2, num_edges)`` int64, node numbers of the union.
        edge_attr: ``(num_edges, num_edge_features)`` float32 or int64; ``None``: edges are all alike.
        ptr: ``(num_graphs + 1,)`` int64; the nodes of graph ``i`` are ``ptr[i]`` to ``ptr[i + 1] - 1``.
        y: ``(num_graphs,)`` int64 classes; of other targets, the strata that stand for classes.
        edge_weight: ``(num_edges,)`` float32, not negative; ``None``: all edges count alike.
        targets: ``(num_graphs, outputs)`` float32, NaN where missing; or ``(num_graphs,)``, where the original has
            one number of each graph. ``None``: classes are what is learned.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    ptr: Tensor
    y: Tensor
    edge_weight: Tensor | None = None
    targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def num_nodes(self) -> int:
        """Number of nodes of all graphs."""
        return self.x.size(0)

    @property
    def sizes(self) -> Tensor:
        """Number of nodes of each graph, ``(num_graphs,)`` int64."""
        return self.ptr.diff()

    @property
    def labels(self) -> Tensor:
        """What is learned, as the original has it: ``(num_graphs,)`` classes, or :attr:`targets`."""
        return self.y if self.targets is None else self.targets

    @property
    def learned(self) -> Tensor:
        """What is learned: ``(num_graphs,)`` int64 classes, or ``(num_graphs, outputs)`` float32, NaN where missing."""
        return self.y if self.targets is None else as_rows(self.targets)

    def labelled(self, labels: Tensor) -> "GraphSet":
        """Return the graphs with other :attr:`labels`: classes, or floats, to which no strata are known yet."""
        if labels.is_floating_point():
            return replace(self, y=torch.zeros(len(labels), dtype=torch.int64, device=labels.device), targets=labels)
        return replace(self, y=labels, targets=None)

    @cached_property
    def graph(self) -> Tensor:
        """The graph of each node, ``(num_nodes,)`` int64."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.ptr.device), self.sizes)

    @cached_property
    def degree(self) -> Tensor:
        """Number of incoming edges of each node, ``(num_nodes,)`` int64."""
        return torch.bincount(self.edge_index[1], minlength=self.num_nodes)

    @cached_property
    def weighted_degree(self) -> Tensor:
        """Sum of the weights of each node's incoming edges, ``(num_nodes,)`` float32."""
        total = torch.zeros(self.num_nodes, dtype=torch.float64, device=self.ptr.device)
        weight = total.new_ones(self.edge_index.size(1)) if self.edge_weight is None else self.edge_weight.double()
        return total.index_add_(0, self.edge_index[1], weight).float()

    @cached_property
    def edge_ptr(self) -> Tensor:
        """Where the edges of each graph begin, ``(num_graphs + 1,)`` int64."""
        counts = torch.bincount(self.graph[self.edge_index[1]], minlength=len(self))
        return torch.cat([counts.new_zeros(1), counts.cumsum(0)])

    def take(self, graphs: Tensor) -> "GraphSet":
        """Return some of the graphs, in the given order."""
        nodes, ptr = ragged(self.ptr, graphs)
        edges, edge_ptr = ragged(self.edge_ptr, graphs)
        shift = torch.repeat_interleave(ptr[:-1] - self.ptr[graphs], edge_ptr.diff())
        return GraphSet(
            self.x[nodes],
            self.edge_index[:, edges] + shift,
            None if self.edge_attr is None else self.edge_attr[edges],
            ptr,
            self.y[graphs],
            None if self.edge_weight is None else self.edge_weight[edges],
            None if self.targets is None else self.targets[graphs],
        )

    def to(self, device: torch.device) -> "GraphSet":
        """Return the graphs on another device."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {name: value.to(device) for name, value in tensors.items() if value is not None}
        return replace(self, **moved)

    def data(self) -> list[Data]:
        """Return each graph as a PyG ``Data``."""
        starts, edge_starts = self.ptr.tolist(), self.edge_ptr.tolist()
        items = []
        for i in range(len(self)):
            edges = slice(edge_starts[i], edge_starts[i + 1])
            item = Data(
                x=self.x[starts[i] : starts[i + 1]],
                edge_index=self.edge_index[:, edges] - starts[i],
                y=self.labels[i : i + 1],
            )
            if self.edge_attr is not None:
                item.edge_attr = self.edge_attr[edges]
            if self.edge_weight is not None:
                item.edge_weight = self.edge_weight[edges]
            items.append(item)
        return items

    def fingerprint(self) -> str:
        """Return a SHA-256 over graphs and labels; strata, which are derived from these, do not count."""
        state = hashlib.sha256()
        for value in (self.x, self.edge_index, self.edge_attr, self.ptr, self.labels, self.edge_weight):
            if value is not None:
                state.update(str((tuple(value.shape), value.dtype)).encode())
                state.update(value.detach().cpu().contiguous().numpy().tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class GraphTask:
    """A task on graphs: classes, labels or numbers.

    Args:
        train: The graphs that are condensed.
        val: Where settings are chosen; may be empty.
        test: The final evaluation is made on it; no method reads it.
        targets: What is learned of a graph.
        split: Which fold was taken, or ``"published"`` or ``"given"``.
        name: The dataset's name, for the record and tables only.
        notes: What was noticed and repaired in the input, one sentence each.
        metric: By which it is evaluated unless a protocol says otherwise.
    """

    train: GraphSet
    val: GraphSet
    test: GraphSet
    targets: Targets
    split: int | str = 0
    name: str = "data"
    notes: tuple[str, ...] = ()
    metric: str = "accuracy"

    def __repr__(self) -> str:
        train, val, test = (len(part) for part in (self.train, self.val, self.test))
        return f"GraphTask({self.name}, {self.targets}, train={train}, val={val}, test={test})"

    @property
    def num_classes(self) -> int:
        """Number of classes, or of the strata that stand for them."""
        return self.targets.num_classes

    @property
    def class_counts(self) -> Tensor:
        """Training graphs of each class, ``(num_classes,)`` int64."""
        return torch.bincount(self.train.y, minlength=self.num_classes)

    def stratified(self, items: int) -> "GraphTask":
        """Return the task with strata for a synthetic set of some graphs; of classes, itself."""
        targets = self.targets.for_items(self.train.learned, items)
        if targets is self.targets:
            return self
        parts = {name: getattr(self, name) for name in ("train", "val", "test")}
        made = {name: replace(part, y=targets.classes(part.learned)) for name, part in parts.items()}
        return replace(self, targets=targets, **made)

    def to(self, device: torch.device) -> "GraphTask":
        """Return the task on another device."""
        parts = {name: getattr(self, name).to(device) for name in ("train", "val", "test", "targets")}
        return replace(self, **parts)

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed: the training graphs and their labels."""
        return self.train.fingerprint()

    @cached_property
    def digest(self) -> str:
        """A text that differs where any of the splits, their labels or the classes do."""
        parts = (self.train, self.val, self.test)
        return " ".join([*(part.fingerprint() for part in parts), self.targets.identity])
