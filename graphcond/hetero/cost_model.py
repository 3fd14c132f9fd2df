"""How much work a heterogeneous graph of some size makes: multiplications and memory, counted before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from graphcond.hetero.metapaths import HOPS, MetaPath, metapaths, start_of
from graphcond.hetero.space import COLUMNS, ROUNDS, SAMPLE, SKETCH
from graphcond.hetero.task import EdgeType, HeteroTask
from graphcond.nodes.cost_model import NUMBER, Work
from graphcond.nodes.teacher import PENALTIES, SELECTION_LIMIT

PROPAGATED = COLUMNS + SKETCH  # columns of a type's features
PASSES = 2 * ROUNDS  # over the rows that a reduction looks at
BUILDING = 24  # bytes of an edge while an operator is made, beside the 8 that stay


@dataclass(frozen=True, kw_only=True)
class HeteroShape:
    """The size of a heterogeneous graph.

    Args:
        nodes: Nodes of each type.
        features: Features of a node of each type, those that will be made included.
        edges: Edges of each relation.
        node_type: The labelled type.
        num_classes: Classes, or labels or numbers.
        num_train: Training nodes.
    """

    nodes: Mapping[str, int]
    features: Mapping[str, int]
    edges: Mapping[EdgeType, int]
    node_type: str
    num_classes: int
    num_train: int

    @classmethod
    def of(cls, task: HeteroTask) -> "HeteroShape":
        """Return the size of a task's graph."""
        graph = task.graph
        return cls(
            nodes=graph.counts,
            features={name: x.size(1) for name, x in graph.x.items()},
            edges={relation: edges.size(1) for relation, edges in graph.edges.items()},
            node_type=graph.node_type,
            num_classes=task.targets.outputs,
            num_train=len(task.train.nodes),
        )

    @property
    def num_labelled(self) -> int:
        """Nodes of the labelled type."""
        return self.nodes[self.node_type]

    @property
    def num_nodes(self) -> int:
        """Nodes of all types."""
        return sum(self.nodes.values())

    @property
    def num_edges(self) -> int:
        """Edges of all relations."""
        return sum(self.edges.values())

    @property
    def features_bytes(self) -> int:
        """Bytes of the features of all types."""
        return NUMBER * sum(count * self.features[name] for name, count in self.nodes.items())

    @property
    def operators_bytes(self) -> int:
        """Bytes of the operators of all relations, and of the largest one while it is made."""
        rows = sum(self.nodes[relation[2]] for relation in self.edges)
        return NUMBER * (2 * self.num_edges + rows) + BUILDING * max(self.edges.values(), default=0)

    def sampled(self, share: float, degree: int) -> "HeteroShape":
        """Return the size of a smaller graph with so large a share of the nodes and at most so many edges of each.

        Nodes keep their degrees up to that limit, where types have enough nodes for it.
        """
        nodes = {name: max(2, round(share * count)) for name, count in self.nodes.items()}
        edges = {
            relation: max(1, min(round(share * count), degree * max(nodes[relation[0]], nodes[relation[2]])))
            for relation, count in self.edges.items()
        }
        known = min(self.num_train, nodes[self.node_type] // 2)
        return replace(self, nodes=nodes, edges=edges, num_train=known)


def chains(shape: HeteroShape, hops: int = HOPS) -> list[MetaPath]:
    """Return what :func:`graphcond.hetero.metapaths.blocks` multiplies out: meta-paths, and the ends of theirs."""
    found: dict[MetaPath, None] = {}
    for path in metapaths(shape.edges, shape.node_type, hops):
        for start in range(len(path)):
            found[path[start:]] = None
    return list(found)


def propagation_work(shape: HeteroShape, hops: int = HOPS, columns: int | None = None) -> Work:
    """Return the work of :func:`graphcond.hetero.metapaths.blocks`.

    Args:
        shape: The graph.
        hops: Relations of a meta-path at most.
        columns: To how many each type's features are brought before; ``None``: all are propagated.
    """
    widths = {name: count if columns is None else min(count, columns) for name, count in shape.features.items()}
    found = chains(shape, hops)
    ends = [(shape.nodes[path[0][2]], widths[start_of(path, shape.node_type)]) for path in found]
    return Work(
        products=sum(shape.edges[path[0]] * width for path, (_, width) in zip(found, ends, strict=True)),
        dense=0.0,
        memory=shape.operators_bytes + NUMBER * sum(count * width for count, width in ends),
    )


def taught_work(shape: HeteroShape, hops: int = HOPS, columns: int = PROPAGATED) -> Work:
    """Return the work of reducing features, of propagation, and of ridge regressions and clusters on all blocks."""
    propagated = propagation_work(shape, hops, columns)
    widths = {name: min(count, columns) for name, count in shape.features.items()}
    width = sum(widths[start_of(path, shape.node_type)] for path in metapaths(shape.edges, shape.node_type, hops))
    reduced = {name: count for name, count in shape.features.items() if count > columns}
    reduction = sum(
        count * columns * (shape.nodes[name] + PASSES * min(shape.nodes[name], SAMPLE))
        for name, count in reduced.items()
    )
    tried = min(SELECTION_LIMIT, shape.num_train)
    # Choosing, for each number of hops and for rows of both scales; the fit; its penalties; scores of all.
    ridge = 2 * (hops + 1) * (tried * width * min(tried, width) + len(PENALTIES) * tried * width)
    fitting = shape.num_train * width * min(shape.num_train, width)
    scoring = shape.num_labelled * width * shape.num_classes
    copies = NUMBER * sum(shape.nodes[name] * one for name, one in widths.items())
    rows = NUMBER * shape.num_labelled * width
    clustered = min(1.0, 3 * torch.get_num_threads() / shape.num_classes)  # of the nodes at once
    posteriors = 2 * NUMBER * shape.num_labelled * shape.num_classes
    largest = NUMBER * 2 * shape.num_train * width
    return Work(
        products=2 * propagated.products,  # blocks, and the neighbourhoods of clusters
        dense=reduction + ridge + 2 * fitting + 3 * scoring,
        memory=propagated.memory + 2 * copies + 2 * rows + posteriors + max(largest, int(2 * clustered * rows)),
    )
