r"""From clusters of the labelled nodes to a small graph of all types: the neighbourhood of each cluster, unrolled.

What meta-path :math:`r_1 r_2 \ldots` brings to a cluster becomes a node of its own. With :math:`\hat A_r` the mean over
the neighbours of relation :math:`r` and :math:`P_0` the members of the clusters, its features are the mean of its type
by the rows of

.. math:: P_t^\top = P_0^\top \hat A_{r_1} \hat A_{r_2} \cdots

and the relation :math:`r_k` joins it to the node of the meta-path without :math:`r_k`, because :math:`P_t^\top \hat
A_{r_k}`, the aggregated relation, brings that node this one and nothing else. So a network with as many layers as
meta-paths have relations reads of a synthetic node what it reads of the cluster's members on average, whichever way it
weighs neighbours. These are overlapping clusters: a conference may be behind several.

Among the nodes of the labelled type, the first stand for the clusters; others are neighbours of neighbours, such as the
co-authors of authors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.hetero.metapaths import (
    HOPS,
    MetaPath,
    as_tensor,
    mean_operator,
    metapaths,
    row_normalized,
    start_of,
)
from graphcond.hetero.task import EdgeType, HeteroGraph
from graphcond.nodes.clustering import cluster, duplicates_allowed
from graphcond.nodes.points import DensePoints, group_means

MOST_PATHS = 4  # to a type that is further away than the meta-paths that are asked for


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """A small graph of clusters and what meta-paths bring to them.

    Args:
        x: By node type, ``(n, features)``; of the labelled type as many rows for each of some meta-paths as there are
            clusters, those of the clusters themselves first.
        edges: By edge type, ``(2, edges)`` int64.
    """

    x: dict[str, Tensor]
    edges: dict[EdgeType, Tensor]


def neighbourhoods(
    graph: HeteroGraph, members: Members, moved: Mapping[MetaPath, Tensor], hops: int = HOPS
) -> Neighbourhoods:
    """Return clusters with their neighbourhoods.

    A type never has more nodes than in the original: where it would, the nearest are joined.

    Args:
        graph: The original.
        members: Of each cluster, as row numbers of the labelled type.
        moved: By meta-path, what is added to the means of features, ``(clusters, features)``; none for most uses.
        hops: Relations of a meta-path at most; types that are further away are reached by longer ones.
    """
    paths = _paths(graph, hops)
    parts: dict[str, list[Tensor]] = {name: [] for name in graph.x}
    place: dict[MetaPath, Tensor] = {}
    for path, features in _brought(graph, members, paths).items():
        several = parts[start_of(path, graph.node_type)]
        place[path] = torch.arange(len(members)) + sum(map(len, several))
        several.append(features + moved.get(path, 0.0))
    x, joined = {}, {}
    for name, several in parts.items():
        rows = torch.cat(several) if several else graph.x[name].mean(dim=0, keepdim=True)
        x[name], joined[name] = (rows, None) if name == graph.node_type else _fewer(rows, graph.counts[name])
    ends: dict[EdgeType, list[Tensor]] = {relation: [] for relation in graph.edges}
    for path in paths[1:]:
        near, far = place[path[:-1]], place[path]
        sources, targets = (
            _numbers(joined[start_of(one, graph.node_type)], rows) for one, rows in ((path, far), (path[:-1], near))
        )
        ends[path[-1]].append(torch.stack([sources, targets]))
    return Neighbourhoods(x, {relation: _edges(several, graph.y.device) for relation, several in ends.items()})


def _paths(graph: HeteroGraph, hops: int) -> list[MetaPath]:
    """Return all meta-paths of at most so many relations, and the shortest to types that are further away."""
    paths = metapaths(graph.edges, graph.node_type, hops)
    reached = {start_of(path, graph.node_type) for path in paths}
    last = [path for path in paths if len(path) == max(map(len, paths))]
    while last and len(reached) < len(graph.x):
        longer = [(*path, kind) for path in last for kind in sorted(graph.edges) if path and kind[2] == path[-1][0]]
        new: dict[str, list[MetaPath]] = {}
        for path in longer:
            if path[-1][0] not in reached:
                new.setdefault(path[-1][0], []).append(path)
        last = [path for several in new.values() for path in several[:MOST_PATHS]]
        reached |= new.keys()
        paths = paths + last
    return paths


def _brought(graph: HeteroGraph, members: Members, paths: list[MetaPath]) -> dict[MetaPath, Tensor]:
    """Return the mean features that each meta-path brings to clusters; those of the whole type where it brings none."""
    operators = {relation: mean_operator(graph, relation) for relation in {kind for path in paths for kind in path}}
    sizes = members.ptr.diff().numpy()
    values = np.repeat(1 / np.maximum(sizes, 1), sizes).astype(np.float32)
    shape = (len(members), graph.num_labelled)
    shares: dict[MetaPath, sp.csr_matrix] = {
        (): sp.csr_matrix((values, members.index.numpy(), members.ptr.numpy()), shape=shape)
    }
    found = {}
    for path in paths:
        if path:
            shares[path] = sp.csr_matrix(shares[path[:-1]] @ operators[path[-1]])
        mine = row_normalized(shares[path].copy())
        x = graph.x[start_of(path, graph.node_type)]
        empty = torch.from_numpy(np.diff(mine.indptr) == 0).to(x.device)
        found[path] = torch.where(empty.unsqueeze(1), x.mean(dim=0), as_tensor(mine, x.device) @ x)
    return found


def _fewer(rows: Tensor, most: int) -> tuple[Tensor, Tensor | None]:
    """Return at most so many rows, the nearest joined, and which of them each became; ``None``: itself."""
    if len(rows) <= most:
        return rows, None
    with duplicates_allowed():
        labels = cluster(DensePoints(rows), most, seed=0)
    return group_means(rows, labels, most), labels.cpu()


def _numbers(joined: Tensor | None, rows: Tensor) -> Tensor:
    return rows if joined is None else joined[rows]


def _edges(several: list[Tensor], device: torch.device) -> Tensor:
    """Return edges of several meta-paths, each once."""
    if not several:
        return torch.empty(2, 0, dtype=torch.int64, device=device)
    found: Tensor = torch.unique(torch.cat(several, dim=1), dim=1)
    return found.to(device)
