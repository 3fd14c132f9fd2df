"""What networks of some depth see of a graph when they are trained on some of its nodes.

A node's embedding after ``l`` layers depends on nodes of up to ``l`` hops away, against the direction of edges. Of the
nodes that are as far away as there are layers, only features are read, and by layers that normalise by degrees
(:math:`D^{-1/2} (A + I) D^{-1/2}`), their degrees: their incoming edges are replaced by a self-loop with the degree for
weight.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from graphcond.core.hashing import added, mixed, row_words
from graphcond.nodes.edges import BLOCK, blocks
from graphcond.nodes.sparse import dense, taken_rows
from graphcond.nodes.task import Graph


@dataclass(frozen=True)
class Field:
    """A part of a graph.

    Args:
        nodes: ``(n,)`` int64 its nodes, as row numbers of the graph, ascending.
        distance: ``(n,)`` int64 hops from each to the nearest node that is learned from.
        edge_index: ``(2, m)`` int64 edges among them, into all nodes that are nearer than the depth, by target; they
            may be there several times.
        edge_weight: ``(m,)`` float32.
        degree: ``(n,)`` float32 the sum of the weights of all incoming edges in the graph, a self-loop of weight 1
            counted where there is none.
    """

    nodes: Tensor
    distance: Tensor
    edge_index: Tensor
    edge_weight: Tensor
    degree: Tensor


def receptive_field(graph: Graph, nodes: Tensor, depth: int) -> Field:
    """Return what networks of ``depth`` layers see of a graph when they are trained on some nodes.

    Args:
        graph: The graph.
        nodes: Row numbers of the nodes that are learned from.
        depth: Layers, or hops.
    """
    whole = Field(
        torch.arange(graph.num_nodes, device=nodes.device),
        nodes.new_zeros(graph.num_nodes),
        graph.edge_index,
        graph.edge_weight,
        looped_degrees(graph),
    )
    return _cut(whole, nodes, depth)


def looped_degrees(graph: Graph) -> Tensor:
    """Return the sum of the weights of each node's incoming edges, and 1 where it has no self-loop, ``(n,)``."""
    total = torch.zeros(graph.num_nodes, dtype=torch.float64, device=graph.edge_index.device)
    missing = torch.ones(graph.num_nodes, dtype=torch.bool, device=total.device)
    for source, target, weight in blocks(graph.edge_index, graph.edge_weight):
        total.index_add_(0, target, weight.double())
        missing[source[source == target]] = False
    return (total + missing).float()


def _cut(field: Field, learned: Tensor, depth: int) -> Field:
    """Return what is at most ``depth`` hops from some nodes of a field, given by their places in it."""
    distance = hops_to(field.edge_index, learned, len(field.nodes), depth)
    seen = (distance <= depth).nonzero().flatten()
    place = torch.full_like(distance, -1)
    place[seen] = torch.arange(len(seen), device=seen.device)
    kept = (distance[field.edge_index[1]] < depth).nonzero().flatten()
    edges = place[field.edge_index[:, kept]]
    order = torch.sort(edges[1] * len(seen) + edges[0], stable=True).indices
    return Field(field.nodes[seen], distance[seen], edges[:, order], field.edge_weight[kept][order], field.degree[seen])


def hops_to(edge_index: Tensor, nodes: Tensor, num_nodes: int, depth: int) -> Tensor:
    """Return how many hops along edges each node is from the nearest of some, ``(num_nodes,)`` int64.

    Nodes that are more than ``depth`` hops away have ``depth + 1``.
    """
    distance = torch.full((num_nodes,), depth + 1, dtype=torch.int64, device=edge_index.device)
    distance[nodes] = 0
    for hop in range(1, depth + 1):
        for source, target in torch.split(edge_index, BLOCK, dim=1):
            reached = source[distance[target] == hop - 1]
            distance[reached[distance[reached] > hop]] = hop
    return distance


def folded(field: Field, x: Tensor, depth: int) -> tuple[Field, Tensor]:
    """Return a field with one node for all that send the same messages, and which of them stands for each node.

    Nodes are alike if they are equally far from those that are learned from and their computation trees of the hops
    that are left, with the degrees of all nodes, are the same: one stands for all, and edges from the others start
    there. Where a node has an edge from one that is like itself, a second one is kept for it to come from, since
    networks treat self-loops by rules of their own. Nodes that are learned from stay as they are.

    Args:
        field: The field.
        x: ``(n, num_features)`` features of its nodes.
        depth: Layers, or hops.

    Returns:
        The smaller field, and for each node of the given one the place in ``smaller.nodes`` of what stands for it, -1
        for those that nothing needs any more.
    """
    alike = _alike(field, x, depth).to(field.nodes.device)
    first, second = _representatives(alike, field)
    source, target = field.edge_index
    kept = (first[target] == target) | (second[target] == target)
    source, target, weight = source[kept], target[kept], field.edge_weight[kept]
    stands = first[source]
    stands = torch.where((stands == target) & (source != target), second[source], stands)
    changed = replace(field, edge_index=torch.stack([stands, target]), edge_weight=weight)
    smaller = _cut(changed, (field.distance == 0).nonzero().flatten(), depth)
    place = torch.searchsorted(smaller.nodes, field.nodes[first]).clamp(max=len(smaller.nodes) - 1)
    return smaller, torch.where(smaller.nodes[place] == field.nodes[first], place, -1)


def _alike(field: Field, x: Tensor, depth: int) -> Tensor:
    """Return a number for each node, ``(n,)`` int64, the same for all that send the same messages."""
    source, target = field.edge_index.cpu()
    distance = field.distance.cpu().numpy()
    start = mixed(row_words(dense(x).cpu()) ^ mixed(row_words(field.degree.cpu().unsqueeze(1))))
    salt = mixed(row_words(field.edge_weight.cpu().unsqueeze(1)))
    words, current = start.copy(), start
    for hops in range(1, depth + 1):
        messages = mixed(mixed(current[source.numpy()]) ^ salt)
        # As in wl_fold; the trees of nodes whose edges were cut are wrong, and are not asked for.
        current = mixed(mixed(added(messages, target, len(start))) ^ start)
        words = np.where(distance == depth - hops, current, words)
    own = distance == 0
    words = mixed(words ^ mixed(distance.astype(np.uint64)))
    words[own] = mixed(np.flatnonzero(own).astype(np.uint64) ^ words[own])
    return torch.from_numpy(np.unique(words, return_inverse=True)[1].reshape(-1))


def _representatives(alike: Tensor, field: Field) -> tuple[Tensor, Tensor]:
    """Return the node that stands for each, and the one that does where that would make a self-loop, both ``(n,)``.

    The second is the first where no such edge is.
    """
    count = int(alike.max()) + 1
    order = torch.sort(alike, stable=True).indices
    sizes = torch.bincount(alike, minlength=count)
    starts = sizes.cumsum(0) - sizes
    first = order[starts]
    source, target = field.edge_index
    own = (alike[source] == alike[target]) & (source != target) & (first[alike[target]] == target)
    needed = torch.zeros(count, dtype=torch.bool, device=alike.device)
    needed[alike[target[own]]] = True
    second = torch.where(needed, order[starts + needed.long()], first)
    return first[alike], second[alike]


def cut_graph(field: Field, x: Tensor, depth: int) -> Graph:
    """Return a field as a graph without labels, in which a self-loop carries the degree of what was cut off.

    Args:
        field: The field.
        x: Features of all nodes of the graph that it is a part of.
        depth: Layers, or hops.
    """
    rim = (field.distance == depth).nonzero().flatten()
    edges = torch.cat([field.edge_index, rim.repeat(2, 1)], dim=1)
    weight = torch.cat([field.edge_weight, field.degree[rim]])
    order = torch.sort(edges[1], stable=True).indices
    unknown = field.nodes.new_full((len(field.nodes),), -1)
    return Graph(taken_rows(x, field.nodes), edges[:, order], weight[order], unknown)
