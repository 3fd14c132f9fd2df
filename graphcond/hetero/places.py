"""Where labelled nodes lie in the plane, by what meta-paths bring them, and how a condensed graph is linked."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.reporting.projection import Projection, sampled
from graphcond.hetero.contents import learned
from graphcond.hetero.metapaths import HOPS, MetaPath, mean_operator, metapaths, start_of
from graphcond.hetero.task import EdgeType, HeteroGraph
from graphcond.nodes.links import MOST_NODES, NodeLinks, own_links

MOST_HOPS = 4  # of the meta-paths of a set without structure


@dataclass(frozen=True, eq=False)
class MetaPathMap:
    """Labelled nodes in the plane.

    Args:
        nodes: Row numbers of some original ones.
        places: ``(original nodes, 2)`` where these are.
        small: ``(condensed nodes, 2)`` where the condensed ones that are learned from are.
        hops: Length of the longest meta-paths.
    """

    nodes: Tensor
    places: np.ndarray
    small: np.ndarray
    hops: int


def graph_of(data: HeteroData, node_type: str) -> HeteroGraph:
    """Return a condensed graph as propagation takes it; its labels are left out."""
    edges = {relation: data[relation].edge_index for relation in data.edge_types}
    weights = {relation: _weights(data, relation) for relation in edges}
    x = {name: data[name].x.float() for name in data.node_types}
    return HeteroGraph(x=x, edges=edges, weights=weights, node_type=node_type, y=torch.zeros(len(x[node_type])).long())


def blocks_of(graph: HeteroGraph, rows: Tensor, hops: int = HOPS) -> dict[MetaPath, Tensor]:
    """Return what each meta-path brings to some labelled nodes, as :func:`graphcond.hetero.metapaths.blocks` has it.

    Only one product is made for all nodes at a time, so that memory is that of the features of one type.

    Args:
        graph: On the CPU.
        rows: Row numbers of the labelled type.
        hops: Length of the longest meta-paths.
    """
    paths, name = metapaths(graph.edges, graph.node_type, hops), graph.node_type
    first = {kind: mean_operator(graph, kind)[rows.numpy()] for kind in graph.edges if kind[2] == name}
    found: dict[MetaPath, Tensor] = {(): graph.x[name][rows]}
    rests = defaultdict(list)
    for path in paths[1:]:
        rests[path[1:], start_of(path, name)].append(path)
    for (rest, start), several in rests.items():
        brought = graph.x[start].numpy()
        for relation in reversed(rest):
            brought = mean_operator(graph, relation) @ brought
        found |= {path: torch.from_numpy(first[path[0]] @ brought) for path in several}
    return {path: found[path] for path in paths}


def _weights(data: HeteroData, relation: EdgeType) -> Tensor:
    found: Tensor = data[relation].get("edge_weight", torch.ones(data[relation].edge_index.size(1)))
    return found.float()


def hops_of(graph: HeteroGraph, data: HeteroData) -> int | None:
    """Return the length of the longest meta-paths whose features a set without structure has; ``None``: of none."""
    width = data[graph.node_type].x.size(1)
    for hops in range(MOST_HOPS + 1):
        paths = metapaths(graph.edges, graph.node_type, hops)
        if sum(graph.x[start_of(path, graph.node_type)].size(1) for path in paths) == width:
            return hops
    return None


def map_of(graph: HeteroGraph, data: HeteroData) -> MetaPathMap | None:
    """Return where labelled nodes lie: the two leading principal components of what meta-paths bring them.

    Each block of features has the same total variance in the original. ``None``: the condensed features are of other
    meta-paths.
    """
    name, rows = graph.node_type, sampled(graph.num_labelled)
    hops = HOPS if data.edge_types else hops_of(graph, data)
    if hops is None:
        return None
    real = blocks_of(graph, rows, hops)
    if data.edge_types:
        synthetic = graph_of(data, name)
        few = blocks_of(synthetic, torch.arange(len(learned(data)["y"])), hops)
    else:
        widths = [block.size(1) for block in real.values()]
        few = dict(zip(real, data[name].x.float().split(widths, dim=1), strict=True))
    count = len(learned(data)["y"])
    scales = {path: _spread(block) for path, block in real.items()}
    # A relation that the condensed graph does not have brings nothing.
    parts = [few.get(path, block.new_zeros(count, block.size(1))) / scales[path] for path, block in real.items()]
    joined = torch.cat([block / scales[path] for path, block in real.items()], dim=1)
    plane = Projection.of(joined)
    return MetaPathMap(rows, plane(joined), plane(torch.cat(parts, dim=1)), hops)


def _spread(block: Tensor) -> float:
    """Return the root of the total variance of a block; 1 where it has none."""
    total = float((block - block.mean(dim=0)).square().sum(dim=1).mean())
    return total**0.5 if total > 0 else 1.0


@dataclass(frozen=True, eq=False)
class TypedLinks:
    """The nodes of a condensed graph that are drawn, and their links.

    Args:
        names: Names of the types.
        kinds: ``(n,)`` int64 which of them each drawn node is of.
        numbers: ``(n,)`` the number of each among those of its type.
        learned: ``(n,)`` whether networks learn from it.
        links: Between the drawn nodes.
        total: How many nodes there are.
    """

    names: tuple[str, ...]
    kinds: Tensor
    numbers: np.ndarray
    learned: np.ndarray
    links: NodeLinks
    total: int

    def called(self, node: int) -> str:
        """Return the type of a drawn node and its number."""
        return f"{self.names[int(self.kinds[node])]} {self.numbers[node]}"


def typed_links(data: HeteroData, node_type: str, sizes: np.ndarray) -> TypedLinks:
    """Return the links of a condensed graph, of all types of edges.

    Args:
        data: The graph.
        node_type: The labelled type.
        sizes: How much each node that is learned from, the first ones, stands for; of large graphs, the largest are
            drawn, and those other nodes that have the strongest links with what is drawn.
    """
    first, names = data.node_offsets, tuple(data.node_types)
    kinds = torch.repeat_interleave(torch.tensor([data[name].num_nodes for name in names]))
    ends = [data[kind].edge_index + torch.tensor([[first[kind[0]]], [first[kind[2]]]]) for kind in data.edge_types]
    weights = torch.cat([_weights(data, kind) for kind in data.edge_types])
    links = own_links(torch.cat(ends, dim=1), weights, len(kinds))
    starts = np.array([first[name] for name in names])[kinds.numpy()]
    numbers = np.arange(len(kinds)) - starts
    labelled = (kinds == names.index(node_type)).numpy() & (numbers < len(sizes))
    own, others = labelled.nonzero()[0], (~labelled).nonzero()[0]
    own = own[np.argsort(-sizes, kind="stable")][: max(MOST_NODES // 2, MOST_NODES - len(others))]
    kept = np.sort(_around(links, own, others))
    return TypedLinks(
        names=names, kinds=kinds[torch.from_numpy(kept)], numbers=numbers[kept], learned=labelled[kept],
        links=links.among(kept).strongest(len(kept)), total=len(kinds),
    )  # fmt: skip


def _around(links: NodeLinks, own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return nodes and others around them: half of these are near the first ones, the rest near all of them."""
    size = max(int(max(own.max(initial=0), others.max(initial=0))), int(links.ends.max(initial=0))) + 1
    upper = sp.csr_matrix((links.weights, links.ends.T), shape=(size, size))
    near, room = upper + upper.T, MOST_NODES - len(own)
    kept = own
    for count in (room - room // 2, room // 2):
        left = np.setdiff1d(others, kept)
        strength = np.asarray(near[left][:, kept].sum(axis=1)).ravel()
        kept = np.concatenate([kept, left[np.argsort(-strength, kind="stable")][:count]])
    return kept
