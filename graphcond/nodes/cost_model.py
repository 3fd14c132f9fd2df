"""How much work a graph of some size makes: multiplications and memory, counted before anything runs."""

from dataclasses import dataclass, replace

from graphcond.core.runtime.memory import shown
from graphcond.nodes.propagation import COLUMNS
from graphcond.nodes.sparse import is_sparse
from graphcond.nodes.task import NodeTask

NUMBER = 4  # bytes of a float32, and of a node number within an adjacency


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of the graph that is condensed.

    Args:
        num_nodes: Nodes.
        num_edges: Columns of ``edge_index``: an undirected edge counts twice.
        num_features: Features of a node.
        num_classes: Classes, or labels or numbers.
        num_train: Training nodes.
        nonzeros: Features that are not zero, where they are kept sparse; ``None`` where they are dense.
    """

    num_nodes: int
    num_edges: int
    num_features: int
    num_classes: int
    num_train: int
    nonzeros: int | None = None

    @classmethod
    def of(cls, task: NodeTask) -> "Shape":
        """Return the size of a task's graph."""
        graph = task.train.graph
        return cls(
            num_nodes=graph.num_nodes,
            num_edges=graph.edge_index.size(1),
            num_features=graph.x.size(1),
            num_classes=task.targets.outputs,
            num_train=len(task.train.nodes),
            nonzeros=len(graph.x.values()) if is_sparse(graph.x) else None,
        )

    @property
    def num_labelled(self) -> int:
        """Nodes that may be labelled: all."""
        return self.num_nodes

    @property
    def entries(self) -> int:
        """Entries of the adjacency, self-loops included."""
        return self.num_edges + self.num_nodes

    @property
    def adjacency_bytes(self) -> int:
        """Bytes of the normalised adjacency."""
        return NUMBER * (2 * self.entries + self.num_nodes)

    @property
    def building_bytes(self) -> int:
        """Bytes of the adjacency while self-loops are put into it."""
        return self.adjacency_bytes + 2 * NUMBER * self.num_edges

    @property
    def sweep_bytes(self) -> int:
        """Bytes of the columns that are propagated at a time."""
        return NUMBER * self.num_nodes * 3 * min(COLUMNS, self.num_features)

    def rows_bytes(self, width: int) -> int:
        """Bytes of ``width`` numbers for each node."""
        return NUMBER * self.num_nodes * width

    def among(self, share: float) -> "Shape":
        """Return the size of the subgraph of so large a share of nodes, edges being spread evenly."""
        return replace(
            self, num_nodes=max(1, round(share * self.num_nodes)), num_edges=round(share**2 * self.num_edges)
        )

    def sampled(self, share: float, degree: int) -> "Shape":
        """Return the size of a smaller graph with so large a share of the nodes and at most so many edges of each."""
        part = self.among(share)
        edges = min(self.num_edges, degree * round(share * self.num_nodes))
        return replace(part, num_edges=edges, num_train=min(self.num_train, part.num_nodes // 2))


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a method has to do with the original graph.

    Args:
        products: Multiplications of sparse products.
        dense: Multiplications of dense products.
        memory: Bytes at the peak, the dataset itself not counted.
        movable: How many of them can be kept in a file instead.
    """

    products: float
    dense: float
    memory: int
    movable: int = 0

    def fitted(self, limit: int | None, held: int, what: str) -> tuple[int, int]:
        """Return the bytes that the process holds at the peak, and those that are kept in a file, within a limit.

        Args:
            limit: The bytes that the process may hold; ``None``: any number.
            held: Those that it holds already, or that the dataset will take.
            what: What the work is of, for the message.

        Raises:
            ValueError: it needs more in any case.
        """
        peak = held + self.memory
        if limit is None or peak <= limit:
            return peak, 0
        least = peak - self.movable
        if least > limit:
            raise ValueError(
                f"memory={shown(limit)} is too little: {what!r} needs about {shown(least)} for this graph, of which "
                f"{shown(held)} are taken already or by the dataset; give more, or pass a memory-mapped dataset "
                "(graphcond.datasets.load_folder)"
            )
        return least, self.movable


def propagation_work(shape: Shape, hops: int = 2) -> Work:
    """Return the work of propagating all features and keeping them."""
    kept = shape.rows_bytes(shape.num_features)
    return Work(
        products=hops * shape.entries * shape.num_features,
        dense=0.0,
        memory=max(shape.building_bytes, shape.adjacency_bytes + shape.sweep_bytes + kept),
        movable=kept,
    )
