"""Graphs that hold their edges as ``adj_t``, the transposed sparse adjacency of PyG's ``ToSparseTensor``."""

import copy

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import sort_edge_index, to_edge_index

from graphcond.core.sparse import check_sparse


def with_edges(data: Data) -> Data:
    """Return a graph with ``edge_index``, made from ``adj_t`` where it has only that; ``data`` itself if it has none.

    Values of ``adj_t`` that are numbers other than 1 become ``edge_weight``. The given graph is not changed.
    """
    if data.get("edge_index") is not None or data.get("adj_t") is None:
        return data
    if isinstance(data.adj_t, Tensor):
        check_sparse("data.adj_t", data.adj_t)
    (target, source), values = to_edge_index(data.adj_t)
    made = copy.copy(data)
    made.edge_index, values = sort_edge_index(torch.stack([source, target]), values)
    if values.dim() == 1 and bool((values != 1).any()):
        made.edge_weight = values
    return made
