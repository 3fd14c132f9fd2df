r"""Propagation along meta-paths: what a network with one matrix for each relation reads, before its first weight.

A meta-path :math:`r_1, r_2, ..., r_k` starts at the labelled type: :math:`r_1` ends there, :math:`r_2` ends where
:math:`r_1` starts. Its block of features is :math:`\hat A_{r_1} \hat A_{r_2} \cdots \hat A_{r_k} X`, with
:math:`\hat A_r` the mean over the neighbours of relation :math:`r` (RGCN: Schlichtkrull et al., 2018; NARS: Yu et al.,
2020; SeHGNN: Yang et al., AAAI 2023).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.sparse import from_rows
from graphcond.hetero.task import EdgeType, HeteroGraph

MetaPath = tuple[EdgeType, ...]
"""Relations from the labelled type outwards; none for its own features."""
HOPS = 2
MOST = 64


def metapaths(edge_types: Iterable[EdgeType], node_type: str, hops: int = HOPS) -> list[MetaPath]:
    """Return all meta-paths of at most so many relations that end at a node type, the shortest first.

    Graphs with dozens of relations have thousands of longer ones: where there would be more than ``MOST`` of some
    length, meta-paths are shorter than that, but of one relation at least.

    >>> kinds = [("paper", "written_by", "author"), ("author", "writes", "paper")]
    >>> [[relation[1] for relation in path] for path in metapaths(kinds, "author")]
    [[], ['written_by'], ['written_by', 'writes']]
    """
    kinds = sorted(edge_types)
    found: list[MetaPath] = [()]
    last: list[MetaPath] = [()]
    for _ in range(hops):
        last = [(*path, kind) for path in last for kind in kinds if kind[2] == start_of(path, node_type)]
        if len(found) > 1 and len(found) + len(last) > MOST:
            break
        found += last
    return found


def start_of(path: MetaPath, node_type: str) -> str:
    """Return the node type whose features a meta-path brings."""
    return path[-1][0] if path else node_type


def path_name(path: MetaPath, node_type: str) -> str:
    """Return a meta-path in words, such as ``"author <- paper <- conf"``."""
    return " <- ".join([node_type, *(relation[0] for relation in path)])


def mean_operator(graph: HeteroGraph, relation: EdgeType) -> sp.csr_matrix:
    r"""Return :math:`\hat A_r` on the CPU, ``(targets, sources)``: rows are weighted means, or empty."""
    edges, weights = graph.edges[relation].cpu().numpy(), graph.weights[relation].cpu().numpy()
    shape = (graph.counts[relation[2]], graph.counts[relation[0]])
    return row_normalized(sp.csr_matrix((weights.astype(np.float32), (edges[1], edges[0])), shape=shape))


def row_normalized(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return a matrix whose rows sum to 1, in its own memory; rows of zeros stay."""
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    matrix.data /= np.repeat(np.where(totals > 0, totals, 1), np.diff(matrix.indptr)).astype(np.float32)
    return matrix


def as_tensor(matrix: sp.csr_matrix, device: torch.device) -> Tensor:
    """Return a sparse matrix as a CSR tensor on a device."""
    pointers, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    return from_rows(pointers, columns, values, matrix.shape[1]).to(device)


def blocks(graph: HeteroGraph, hops: int = HOPS) -> dict[MetaPath, Tensor]:
    """Return the features that each meta-path brings to the labelled nodes, ``(labelled nodes, features)`` each.

    Meta-paths with the same end share its products, so that there is one for each relation and hop of a meta-path.
    """
    operators = {
        relation: as_tensor(mean_operator(graph, relation), graph.x[relation[0]].device) for relation in graph.edges
    }
    brought: dict[MetaPath, Tensor] = {}

    def propagated(path: MetaPath) -> Tensor:
        """Return what a chain of relations brings to the type where its first one ends."""
        if path not in brought:
            rest = propagated(path[1:]) if len(path) > 1 else graph.x[path[0][0]]
            brought[path] = operators[path[0]] @ rest
        return brought[path]

    own = graph.x[graph.node_type]
    return {path: propagated(path) if path else own for path in metapaths(graph.edges, graph.node_type, hops)}


def concatenated(parts: Sequence[Tensor] | dict[MetaPath, Tensor]) -> Tensor:
    """Return blocks side by side, in the order of :func:`metapaths`."""
    return torch.cat(list(parts.values() if isinstance(parts, dict) else parts), dim=1)
