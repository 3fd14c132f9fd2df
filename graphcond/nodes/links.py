"""How groups of nodes are linked in the original, and which links of a small graph are worth drawing."""

from dataclasses import dataclass

import networkx as nx
import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from scipy.sparse.csgraph import shortest_path
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.members import Members
from graphcond.nodes.edges import blocks
from graphcond.nodes.task import Graph

MOST_NODES = 200  # that are drawn
MOST_LINKS = 400
STRONGEST = 3  # links of each node that are kept first
NEAREST = 2  # neighbours by features, where nothing else is known


@dataclass(frozen=True, kw_only=True)
class NodeLinks:
    """Links between synthetic nodes.

    Args:
        ends: ``(m, 2)`` the nodes that each joins, the lower number first; no node with itself.
        weights: ``(m,)`` how strong each is, positive.
        inside: ``(n,)`` what share of a group's edges stays inside; ``None``: nobody knows.
        what: What the links are, in words.
    """

    ends: np.ndarray
    weights: np.ndarray
    inside: np.ndarray | None
    what: str

    def among(self, kept: np.ndarray) -> "NodeLinks":
        """Return the links among some nodes, ascending, which are renumbered in their order."""
        place = np.full(max(int(kept.max(initial=-1)), int(self.ends.max(initial=-1))) + 1, -1)
        place[kept] = np.arange(len(kept))
        ends = place[self.ends]
        both = (ends >= 0).all(axis=1)
        inside = None if self.inside is None else self.inside[kept]
        return NodeLinks(ends=ends[both], weights=self.weights[both], inside=inside, what=self.what)

    def strongest(self, count: int) -> "NodeLinks":
        """Return the links that are drawn between ``count`` nodes: the strongest of each, then of all."""
        order = np.argsort(-self.weights, kind="stable")
        degree = np.zeros(count, np.int64)
        first: list[int] = []
        later: list[int] = []
        for i in order.tolist():
            a, b = self.ends[i]
            (first if min(degree[a], degree[b]) < STRONGEST else later).append(i)
            degree[[a, b]] += 1
        kept = (first + later)[:MOST_LINKS]
        return NodeLinks(ends=self.ends[kept], weights=self.weights[kept], inside=self.inside, what=self.what)


def cluster_links(graph: Graph, members: Members) -> NodeLinks:
    r"""Return how many edges of the original join the members of each two synthetic nodes: :math:`P^\top A P`.

    Edges are read in blocks, so that memory is that of the links.

    Args:
        graph: The original.
        members: Of each synthetic node, as row numbers of the original.
    """
    count, groups = len(members), torch.repeat_interleave(torch.arange(len(members)), members.ptr.diff())
    ones = np.ones(len(groups), np.float64)
    shape = (graph.num_nodes, count)
    belongs = sp.csr_matrix((ones, (members.index.numpy(), groups.numpy())), shape=shape)
    total = sp.csr_matrix((count, count))
    for source, target, weight in blocks(graph.edge_index, graph.edge_weight):
        edges = sp.csr_matrix((weight.numpy(), (source.numpy(), target.numpy())), shape=(graph.num_nodes,) * 2)
        total = total + belongs.T @ edges @ belongs
    both = (total + total.T) / (2 if graph.undirected else 1)
    among = np.asarray(both.diagonal())
    ends_in = np.asarray(both.sum(axis=1)).ravel()
    inside = np.divide(among, ends_in, out=np.full(count, np.nan), where=ends_in > 0)
    return _upper(both, inside, "edges of the original between the groups")


def own_links(edge_index: Tensor, edge_weight: Tensor | None, count: int) -> NodeLinks:
    """Return the edges of a synthetic graph, without directions and self-loops; the heavier of two directions."""
    weight = torch.ones(edge_index.size(1)) if edge_weight is None else edge_weight
    source, target = edge_index.numpy()
    matrix = sp.csr_matrix((weight.double().numpy(), (source, target)), shape=(count, count))
    return _upper(matrix.maximum(matrix.T), None, "edges of the condensed graph")


def feature_links(x: Tensor) -> NodeLinks:
    """Return links from each node to those with the most similar features."""
    unit = F.normalize(x.float(), dim=1)
    alike = (unit @ unit.T).fill_diagonal_(-2.0)
    best = alike.topk(min(NEAREST, max(len(x) - 1, 0)), dim=1)
    source = torch.arange(len(x)).repeat_interleave(best.indices.size(1)).numpy()
    weights = best.values.flatten().clamp(min=1e-6).double().numpy()
    matrix = sp.csr_matrix((weights, (source, best.indices.flatten().numpy())), shape=(len(x), len(x)))
    return _upper(matrix.maximum(matrix.T), None, "each node and those with the most similar features")


def has_edges(edge_index: Tensor) -> bool:
    """Return whether an edge joins two nodes."""
    return bool((edge_index[0] != edge_index[1]).any())


def links_of(data: Data, members: Members | None, original: Graph | None, kept: np.ndarray) -> NodeLinks:
    """Return what is drawn between some synthetic nodes: their edges, else the original's between their members.

    Args:
        data: The synthetic graph.
        members: The original nodes behind each of its nodes.
        original: The original graph, where it is at hand.
        kept: The nodes that are drawn, ascending; of the result they have the numbers 0, 1, ...
    """
    if has_edges(data.edge_index):
        found = own_links(data.edge_index, data.get("edge_weight"), len(data.x)).among(kept)
    elif members is not None and original is not None and len(members) == len(data.x):
        found = cluster_links(original, members).among(kept)
    else:
        found = feature_links(data.x[torch.from_numpy(kept)])
    return found.strongest(len(kept))


def layout(links: NodeLinks, count: int) -> np.ndarray:
    """Return where nodes are drawn, ``(count, 2)``: near where links are strong, nodes without links around them."""
    graph = nx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(links.ends.tolist())
    alone = np.array(sorted(nx.isolates(graph)), np.int64)
    joined = np.setdiff1d(np.arange(count), alone)
    places = np.zeros((count, 2))
    if len(joined):
        places[joined] = _spread(links, joined)
    radius = 1.2 * np.abs(places).max(initial=0.0) or 1.0
    angle = 2 * np.pi * np.arange(len(alone)) / max(len(alone), 1)
    places[alone] = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return places


def _spread(links: NodeLinks, joined: np.ndarray) -> np.ndarray:
    """Return where linked nodes are drawn: as far from each other as the shortest way between them is long."""
    place = np.searchsorted(joined, links.ends)
    length = 1 / (0.4 + (links.weights / links.weights.max()) ** 0.25)
    ways = sp.csr_matrix((length, place.T), shape=(len(joined),) * 2)
    far = shortest_path(ways, directed=False)
    far[~np.isfinite(far)] = 1.3 * far[np.isfinite(far)].max()
    distances = {i: dict(enumerate(row)) for i, row in enumerate(far.tolist())}
    found = nx.kamada_kawai_layout(nx.empty_graph(len(joined)), dist=distances)
    return np.array([found[i] for i in range(len(joined))])


def largest_first(sizes: np.ndarray) -> np.ndarray:
    """Return the numbers of the nodes that are drawn, at most :data:`MOST_NODES`: the largest, ascending."""
    order = np.argsort(-sizes, kind="stable")
    return np.sort(order[:MOST_NODES])


def _upper(matrix: sp.csr_matrix, inside: np.ndarray | None, what: str) -> NodeLinks:
    upper = sp.triu(matrix, k=1).tocoo()
    some = upper.data > 0
    ends = np.stack([upper.row[some], upper.col[some]], axis=1).astype(np.int64)
    return NodeLinks(ends=ends, weights=upper.data[some].astype(np.float64), inside=inside, what=what)
