"""How fast this machine is at what condensing a large graph consists of, measured in about a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from graphcond.hetero.cost_model import HeteroShape
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.propagation import COLUMNS, normalized_adjacency
from graphcond.nodes.reading import read_nodes

MOST_NODES, MOST_EDGES = 1_000_000, 2_000_000  # of the graph on which it is measured
DENSE = 1024


class AnyShape(Protocol):
    """The size of a graph, of one type of nodes or several."""

    @property
    def num_classes(self) -> int:
        """Classes, or labels or numbers."""
        ...

    @property
    def num_train(self) -> int:
        """Training nodes."""
        ...

    @property
    def num_labelled(self) -> int:
        """Nodes that may be labelled."""
        ...

    @property
    def num_nodes(self) -> int:
        """Nodes of all types."""
        ...

    @property
    def num_edges(self) -> int:
        """Edges of all types."""
        ...

    def sampled(self, share: float, degree: int) -> Any:  # noqa: ANN401 (of the same class)
        """Return the size of a smaller graph with so large a share of the nodes and at most so many edges of each."""
        ...


@dataclass(frozen=True)
class Machine:
    """Speeds of this machine, with the threads that torch has.

    Args:
        seconds_per_edge: To read, check and normalise an edge.
        products: Multiplications a second of sparse products.
        dense: Multiplications a second of dense products.
    """

    seconds_per_edge: float
    products: float
    dense: float

    @classmethod
    def measure(cls, shape: AnyShape) -> "Machine":
        """Measure on a random graph of that size, or of a part of it: what fits in a cache would look too fast."""
        nodes, edges = min(shape.num_nodes, MOST_NODES), max(min(shape.num_edges, MOST_EDGES), 1)
        data = random_graph(Shape(num_nodes=nodes, num_edges=edges, num_features=1, num_classes=2, num_train=nodes))
        start = time.perf_counter()
        adjacency = normalized_adjacency(read_nodes(data).train.graph)
        reading = (time.perf_counter() - start) / edges
        x, square = torch.ones(nodes, COLUMNS), torch.ones(DENSE, DENSE)
        entries = len(adjacency.values())
        return cls(
            seconds_per_edge=reading,
            products=entries * COLUMNS / _fastest(lambda: adjacency @ x),
            dense=DENSE**3 / _fastest(lambda: square @ square),
        )


def random_graph(shape: Shape) -> Data:
    """Return a random undirected graph of a size, with random features and classes, in the order that PyG keeps."""
    count = shape.num_nodes
    ends = torch.randint(count, (2, shape.num_edges // 2 + 1))
    keys = torch.unique(torch.cat([ends[0] * count + ends[1], ends[1] * count + ends[0]]))
    edge_index = torch.stack([keys // count, keys % count])
    x = torch.randn(count, shape.num_features)
    return Data(x=x, edge_index=edge_index, **_labels(count, shape.num_classes, shape.num_train))


def random_hetero(shape: HeteroShape) -> HeteroData:
    """Return a random heterogeneous graph of a size, with random features and classes."""
    data = HeteroData()
    for name, count in shape.nodes.items():
        data[name].x = torch.randn(count, shape.features[name])
    for name, value in _labels(shape.num_labelled, shape.num_classes, shape.num_train).items():
        data[shape.node_type][name] = value
    for (source, name, target), count in shape.edges.items():
        ends = [torch.randint(shape.nodes[kind], (max(count, 1),)) for kind in (source, target)]
        data[source, name, target].edge_index = torch.stack(ends)
    return data


def _labels(count: int, classes: int, num_train: int) -> dict[str, Tensor]:
    """Return classes and masks of nodes; what is not for training is for validation and testing."""
    y = torch.arange(count) % classes
    mask = torch.zeros(3, count, dtype=torch.bool)
    known = min(num_train, max(count - 2 * classes, classes))
    mask[0, :known] = True
    mask[1, known : known + (count - known) // 2] = True
    mask[2] = ~(mask[0] | mask[1])
    return {"y": y, "train_mask": mask[0], "val_mask": mask[1], "test_mask": mask[2]}


def _fastest(work: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
