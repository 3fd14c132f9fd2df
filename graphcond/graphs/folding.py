"""Computation trees, each distinct subtree once: a directed acyclic graph on which a network computes the same.

A node of level ``l`` stands for a tree of depth ``l``; its children, of level ``l - 1``, send it the messages that the
root's neighbours would. Edges run from child to parent and repeat as often as the tree does, so that any
message-passing network that would give a node of the original graph the embedding ``h`` after ``L`` layers gives ``h``
to the node of level ``L`` that stands for its tree. (Exact compression: Bollen et al., arXiv 2304.14793.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.sparse import ragged
from graphcond.graphs.color_refinement import Colors
from graphcond.graphs.task import GraphSet


@dataclass(frozen=True, eq=False)
class Trees:
    """Distinct trees of one depth and all their subtrees.

    Args:
        x: ``(n, num_features)`` features of the roots; of the dtype of the graphs that they come from.
        degree: ``(n,)`` degrees of the roots in their graphs, where they are part of the trees; else ``None``. They are
            int64, or float32 sums of weights where edges have weights.
        edge_index: ``(2, m)`` int64 from child to parent, by parent.
        edge_attr: ``(m, num_edge_features)`` or ``None``.
        level_ptr: ``(depth + 2,)`` int64; the trees of depth ``l`` are ``level_ptr[l]`` to ``level_ptr[l + 1] - 1``.
        shorter: ``(n,)`` int64 the tree of one level less with the same root, itself at level 0; ``None`` if it was not
            asked for.
        edge_weight: ``(m,)`` float32, where weights are part of the trees; else ``None``.
    """

    x: Tensor
    degree: Tensor | None
    edge_index: Tensor
    edge_attr: Tensor | None
    level_ptr: Tensor
    shorter: Tensor | None
    edge_weight: Tensor | None = None

    @property
    def roots(self) -> Tensor:
        """Numbers of the trees of full depth, ``(num_trees,)`` int64."""
        return torch.arange(int(self.level_ptr[-2]), int(self.level_ptr[-1]))


def unfold(graphs: GraphSet, colors: Colors, nodes: Tensor, *, degrees: bool, shorter: bool = False) -> Trees:
    """Return the trees around some nodes, and their subtrees.

    Args:
        graphs: The graphs.
        colors: Their colours; their depth is that of the trees.
        nodes: One node of each colour that is wanted, ``(num_trees,)``; the trees of full depth come in this order.
        degrees: Whether the colours know of degrees.
        shorter: Whether to find each tree's root one level lower, too, for block-wise computation.
    """
    order = torch.sort(graphs.edge_index[1], stable=True).indices
    ptr = torch.cat([torch.zeros(1, dtype=torch.int64), graphs.degree.cumsum(0)])
    source = graphs.edge_index[0]
    stages = []  # from the full depth downwards: nodes, their incoming edges, and where the children stand
    here = nodes
    for level in range(colors.depth, 0, -1):
        places, edge_ptr = ragged(ptr, here)
        edges = order[places]
        wanted = torch.cat([source[edges], here]) if shorter else source[edges]
        below, position = _one_each(colors.levels[level - 1], wanted)
        stages.append((here, edges, edge_ptr, position[: len(edges)], position[len(edges) :]))
        here = below
    return _assembled(graphs, colors, here, stages[::-1], degrees, shorter)


def _assembled(
    graphs: GraphSet, colors: Colors, leaves: Tensor, stages: Sequence[tuple[Tensor, ...]], degrees: bool, shorter: bool
) -> Trees:
    nodes, sizes = [leaves], [len(leaves)]
    children, parents, edges, lower = [], [], [], [torch.arange(len(leaves))]
    start, below = len(leaves), 0
    for here, incoming, edge_ptr, child, own in stages:
        nodes.append(here)
        sizes.append(len(here))
        edges.append(incoming)
        children.append(child + below)
        parents.append(torch.repeat_interleave(torch.arange(len(here)), edge_ptr.diff()) + start)
        lower.append(own + below)
        below, start = start, start + len(here)
    rows = torch.cat(nodes)
    taken = torch.cat(edges) if edges else torch.empty(0, dtype=torch.int64)
    empty = torch.empty(0, dtype=torch.int64)
    degree = graphs.weighted_degree if colors.weighted else graphs.degree
    return Trees(
        x=graphs.x[rows],
        degree=degree[rows] if degrees else None,
        edge_index=torch.stack([torch.cat([empty, *children]), torch.cat([empty, *parents])]),
        edge_attr=graphs.edge_attr[taken] if colors.edge_type is not None and graphs.edge_attr is not None else None,
        level_ptr=torch.tensor([0, *sizes]).cumsum(0),
        shorter=torch.cat(lower) if shorter else None,
        edge_weight=graphs.edge_weight[taken] if colors.weighted and graphs.edge_weight is not None else None,
    )


def _one_each(colors: np.ndarray, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Return one node of each colour among some nodes, and where each of them finds its colour there."""
    _, first, inverse = np.unique(colors[nodes.numpy()], return_index=True, return_inverse=True)
    return nodes[torch.from_numpy(first)], torch.from_numpy(inverse.reshape(-1))


@dataclass(frozen=True, eq=False)
class Bags:
    """Graphs as bags of trees: which trees each has, and how often.

    Args:
        tree: ``(r,)`` int64 numbers of trees.
        graph: ``(r,)`` int64, ascending.
        weight: ``(r,)`` float32 how often.
        num_graphs: Number of graphs.
    """

    tree: Tensor
    graph: Tensor
    weight: Tensor
    num_graphs: int


def folded_graphs(graphs: GraphSet, colors: Colors, *, degrees: bool) -> Data:
    """Return all graphs as one ``Data``: the distinct trees, and which of them each graph has.

    Beside ``x``, ``edge_index``, ``edge_attr``, ``edge_weight`` and ``degree`` it holds ``level_ptr`` and ``shorter``
    (of :class:`Trees`), ``pool_index`` ``(2, r)`` int64, a node and its graph, ``pool_weight`` ``(r,)`` float32, ``y``
    and, where the graphs have self-loops, how many, ``self_loops``.
    """
    top = colors.levels[-1]
    _, first, inverse = np.unique(top, return_index=True, return_inverse=True)
    trees = unfold(graphs, colors, torch.from_numpy(first), degrees=degrees, shorter=True)
    key = graphs.graph.numpy() * len(first) + inverse.reshape(-1)
    pairs, counts = np.unique(key, return_counts=True)
    bag = Bags(
        trees.roots[torch.from_numpy(pairs % len(first))],
        torch.from_numpy(pairs // len(first)),
        torch.from_numpy(counts).float(),
        len(graphs),
    )
    data = shared_data(trees, bag, graphs.labels)
    loops = int((graphs.edge_index[0] == graphs.edge_index[1]).sum())
    if loops:
        data.self_loops = torch.tensor([loops])
    return data


def shared_data(trees: Trees, bags: Bags, y: Tensor) -> Data:
    """Return bags of trees as one ``Data``."""
    data = Data(x=trees.x, edge_index=trees.edge_index, level_ptr=trees.level_ptr, y=y)
    data.pool_index = torch.stack([bags.tree, bags.graph])
    data.pool_weight = bags.weight
    for name in ("edge_attr", "edge_weight", "degree", "shorter"):
        if (value := getattr(trees, name)) is not None:
            data[name] = value
    return data


def separate_data(trees: Trees, bags: Bags, y: Tensor) -> list[Data]:
    """Return each bag of trees as a ``Data`` of its own: with ``root_mask`` and ``root_weight``, both ``(n,)``."""
    order = torch.sort(bags.graph, stable=True).indices
    roots, owner, weight = bags.tree[order], bags.graph[order], bags.weight[order]
    total = len(trees.x)
    incoming = torch.bincount(trees.edge_index[1], minlength=total)
    ptr = torch.cat([incoming.new_zeros(1), incoming.cumsum(0)])
    found, edges = [owner * total + roots], []
    while len(found[-1]):  # children of children, until there are none
        graph, node = found[-1] // total, found[-1] % total
        places, edge_ptr = ragged(ptr, node)
        owners = torch.repeat_interleave(graph, edge_ptr.diff())
        children = owners * total + trees.edge_index[0][places]
        edges.append(torch.stack([children, owners * total + trees.edge_index[1][places], places]))
        found.append(torch.unique(children))
    keys = torch.unique(torch.cat(found))  # by graph, then as the trees are numbered
    joined = torch.cat(edges, dim=1)
    child, parent, place = torch.unique(joined, dim=1).contiguous() if joined.numel() else joined
    child, parent = torch.searchsorted(keys, child), torch.searchsorted(keys, parent)
    root_weight = torch.zeros(len(keys))
    root_weight[torch.searchsorted(keys, found[0])] = weight
    sizes = torch.bincount(keys // total, minlength=bags.num_graphs)
    union = GraphSet(
        x=trees.x[keys % total],
        edge_index=torch.stack([child, parent]),
        edge_attr=None if trees.edge_attr is None else trees.edge_attr[place],
        ptr=torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]),
        y=torch.zeros_like(sizes),
    ).labelled(y)
    return _dressed(_by_graph(union), root_weight, None if trees.degree is None else trees.degree[keys % total])


def _by_graph(union: GraphSet) -> GraphSet:
    order = torch.sort(union.edge_index[1], stable=True).indices
    attr = None if union.edge_attr is None else union.edge_attr[order]
    return replace(union, edge_index=union.edge_index[:, order], edge_attr=attr)


def _dressed(union: GraphSet, root_weight: Tensor, degree: Tensor | None) -> list[Data]:
    items = union.data()
    for i, item in enumerate(items):
        rows = slice(int(union.ptr[i]), int(union.ptr[i + 1]))
        item.root_weight = root_weight[rows]
        item.root_mask = root_weight[rows] > 0
        if degree is not None:
            item.degree = degree[rows]
    return items
