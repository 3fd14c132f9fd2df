"""Heterogeneous graphs as downstream models take them, and the part of one that the outputs of some nodes depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from graphcond.hetero.metapaths import as_tensor, blocks, mean_operator, metapaths, start_of
from graphcond.hetero.task import EdgeType, HeteroGraph
from graphcond.nodes.sparse import maybe_sparse

MOST = 0.8  # share of all nodes: a part of a graph with more of them is not worth a copy
Metadata = tuple[list[str], list[EdgeType]]


@dataclass(frozen=True)
class Step:
    """What one layer of a network has to compute, so that the outputs of the labelled type are there at the end.

    Args:
        targets: The types of nodes that it computes.
        relations: Those that end at them.
    """

    targets: tuple[str, ...]
    relations: tuple[EdgeType, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the layer reads: its targets and the sources of their relations."""
        return tuple(dict.fromkeys([*self.targets, *(relation[0] for relation in self.relations)]))


@dataclass(frozen=True)
class Schema:
    """What a network has to know of a heterogeneous graph before it sees one.

    Args:
        node_type: The labelled type.
        widths: Number of features of each type of nodes.
        edge_types: All relations.
        outputs: How many numbers the network gives for a node.
    """

    node_type: str
    widths: Mapping[str, int]
    edge_types: tuple[EdgeType, ...]
    outputs: int

    @classmethod
    def of(cls, graph: HeteroGraph, outputs: int) -> "Schema":
        """Return that of a graph."""
        widths = {name: x.size(1) for name, x in graph.x.items()}
        return cls(graph.node_type, widths, tuple(graph.edges), outputs)

    @property
    def metadata(self) -> Metadata:
        """The types of nodes and edges, as :meth:`torch_geometric.data.HeteroData.metadata` gives them."""
        return list(self.widths), list(self.edge_types)

    @cached_property
    def block_widths(self) -> list[int]:
        """Number of features that each meta-path brings, see :func:`graphcond.hetero.metapaths.blocks`."""
        return [self.widths[start_of(path, self.node_type)] for path in metapaths(self.edge_types, self.node_type)]

    def steps(self, layers: int) -> list[Step]:
        """Return what each of some layers computes, the first one first.

        >>> author, paper, term = ("paper", "by", "author"), ("term", "in", "paper"), ("paper", "has", "term")
        >>> schema = Schema("author", {"author": 1, "paper": 1, "term": 1}, (author, paper, term), 1)
        >>> [(step.targets, [relation[1] for relation in step.relations]) for step in schema.steps(2)]
        [(('author', 'paper'), ['by', 'in']), (('author',), ['by'])]
        """
        found: list[Step] = []
        needed: tuple[str, ...] = (self.node_type,)
        for _ in range(layers):
            step = Step(needed, tuple(one for one in self.edge_types if one[2] in needed))
            found.append(step)
            needed = tuple(name for name in self.widths if name in step.types)
        return found[::-1]

    def sample(self, device: torch.device | None = None) -> "HeteroView":
        """Return two nodes of each type with features of 0 and two edges of each relation."""
        ends = torch.arange(2, device=device).repeat(2, 1)
        return HeteroView(
            {name: torch.zeros(2, width, device=device) for name, width in self.widths.items()},
            dict.fromkeys(self.edge_types, ends),
            {relation: torch.ones(2, device=device) for relation in self.edge_types},
        )


@dataclass(frozen=True)
class HeteroView:
    """A graph as a model wants it.

    Args:
        x: Features by type of nodes, or of the labelled nodes by meta-path.
        edges: By relation, ``(2, edges)``, or the sparse CSR matrix of means over neighbours, ``(targets, sources)``.
        weights: By relation, those of edges; none for a model that takes none.
    """

    x: Mapping[str, Tensor]
    edges: Mapping[EdgeType, Tensor]
    weights: Mapping[EdgeType, Tensor] | None = None

    def outputs(self, model: nn.Module) -> Tensor:
        """Return a model's logits of all labelled nodes, ``(n, num_classes)``."""
        logits: Tensor = model(self.x, self.edges, self.weights)
        return logits

    def rows(self, nodes: Tensor) -> "HeteroView":
        """Return the view with the features of some nodes, where all are of the labelled type."""
        return replace(self, x={name: x[nodes] for name, x in self.x.items()})


def mean_view(graph: HeteroGraph, schema: Schema) -> HeteroView:
    """Return the (weighted) means over neighbours as sparse matrices, and features sparse where that is faster."""
    device = graph.y.device
    edges = {relation: as_tensor(mean_operator(graph, relation), device) for relation in graph.edges}
    return HeteroView(_features(graph), edges)


def list_view(graph: HeteroGraph, schema: Schema) -> HeteroView:
    """Return lists of edges for layers of attention, and features sparse where that is faster."""
    return HeteroView(_features(graph), graph.edges)


def plain_view(graph: HeteroGraph, schema: Schema) -> HeteroView:
    """Return features, lists of edges and their weights, for networks of users."""
    return HeteroView(graph.x, graph.edges, graph.weights)


def block_view(graph: HeteroGraph, schema: Schema) -> HeteroView:
    """Return what each meta-path brings to the labelled nodes; a set without structure holds just that."""
    if graph.edges or len(schema.block_widths) == 1:
        parts = list(blocks(graph).values())
    else:
        parts = list(torch.split(graph.x[graph.node_type], schema.block_widths, dim=1))
    return HeteroView({str(number): part for number, part in enumerate(parts)}, {})


def _features(graph: HeteroGraph) -> dict[str, Tensor]:
    return {name: maybe_sparse(x) for name, x in graph.x.items()}


def neighbourhood(graph: HeteroGraph, nodes: Tensor, layers: int) -> tuple[HeteroGraph, Tensor]:
    """Return the part of a graph on which the outputs of some labelled nodes depend, and their numbers in it.

    Every node that a later layer reads keeps all edges into it, so that a network of so many layers, each of which
    reads no more of a node than the edges into it, gives the same outputs. A part with most of all nodes is the graph
    itself.
    """
    device = graph.y.device
    inside = {name: torch.zeros(count, dtype=torch.bool, device=device) for name, count in graph.counts.items()}
    inside[graph.node_type][nodes] = True
    for _ in range(layers):
        read = {name: known.clone() for name, known in inside.items()}
        for (source, _name, target), (sources, targets) in graph.edges.items():
            inside[source][sources[read[target][targets]]] = True
    if sum(int(known.sum()) for known in inside.values()) > MOST * graph.num_nodes:
        return graph, nodes
    places = {name: known.cumsum(0) - 1 for name, known in inside.items()}
    edges, weights = {}, {}
    for relation, (sources, targets) in graph.edges.items():
        kept = read[relation[2]][targets]
        edges[relation] = torch.stack([places[relation[0]][sources[kept]], places[relation[2]][targets[kept]]])
        weights[relation] = graph.weights[relation][kept]
    labelled = inside[graph.node_type]
    part = replace(
        graph,
        x={name: x[inside[name]] for name, x in graph.x.items()},
        edges=edges,
        weights=weights,
        y=graph.y[labelled],
        targets=None if graph.targets is None else graph.targets[labelled],
    )
    return part, places[graph.node_type][nodes]
