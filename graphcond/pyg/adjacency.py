"""The ways in which graphs hold their edges, brought to ``edge_index`` and ``edge_weight``."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Data
from torch_geometric.typing import SparseTensor
from torch_geometric.utils import sort_edge_index, to_edge_index

from graphcond.core.ranges import LARGEST
from graphcond.core.sparse import check_sparse


def with_edges(data: Data, where: str = "data") -> Data:
    """Return a graph whose ``edge_index`` is an ordinary tensor; ``data`` itself if it is or if there are no edges.

    It is made from PyG's ``EdgeIndex``, in the order of the edges, or from ``adj_t``, the transposed sparse adjacency
    of ``ToSparseTensor``, whose values become ``edge_weight`` (numbers other than 1) or ``edge_attr`` (rows). The given
    graph is not changed.
    """
    edge_index = data.get("edge_index")
    if isinstance(edge_index, EdgeIndex):
        made = copy.copy(data)
        made.edge_index = edge_index.as_tensor()
        return made
    if edge_index is not None or data.get("adj_t") is None:
        return data
    _check_adjacency(data.adj_t, f"{where}.adj_t")
    (target, source), values = to_edge_index(data.adj_t)
    made = copy.copy(data)
    made.edge_index, values = sort_edge_index(torch.stack([source, target]), values)
    if values.dim() == 1 and bool((values != 1).any()):
        made.edge_weight = values
    elif values.dim() > 1 and data.get("edge_attr") is None:
        made.edge_attr = values
    return made


def _check_adjacency(matrix: object, name: str) -> None:
    """Raise unless a matrix is sparse, of two dimensions, and such that its parts fit together."""
    if isinstance(matrix, Tensor) and matrix.layout != torch.strided:
        check_sparse(name, matrix)
    elif not isinstance(matrix, SparseTensor):
        kind = "a dense tensor" if isinstance(matrix, Tensor) else type(matrix).__name__
        raise TypeError(
            f"{name} must be a sparse matrix, got {kind}; torch_geometric.transforms.ToSparseTensor() makes it"
        )


def with_weights(items: Sequence[Data], notes: list[str], where: str = "data") -> list[Data]:
    """Return graphs with ``edge_weight`` where they hold weights of edges otherwise.

    That is ``weight``, as :func:`torch_geometric.utils.from_networkx` names it, where it holds one number for each
    edge; and ones for graphs with ``adj_t`` that is not weighted among others that are. No given graph is changed.
    """
    weighted = [item.get("edge_weight") is not None for item in items]
    if any(weighted):
        return [
            item if has or item.get("adj_t") is None else _with_ones(item)
            for item, has in zip(items, weighted, strict=True)
        ]
    named = all(_one_per_edge(item.get("weight"), item) for item in items)
    # With as many nodes as edges in every graph it may as well be the nodes' weight.
    if not named or all(item.edge_index.size(1) == item.num_nodes for item in items):
        return list(items)
    notes.append(f"{where}.weight holds one number for each edge and was used as {where}.edge_weight.")
    return [_renamed(item) for item in items]


def check_weights(weight: object, num_edges: int, where: str = "data") -> Tensor:
    """Return weights of edges as ``(num_edges,)`` float32, finite, not negative, and such that they can be added up.

    Raises:
        TypeError: they are no tensor.
        ValueError: their number or a value is wrong.
    """
    if not isinstance(weight, Tensor):
        kind = type(weight).__name__
        raise TypeError(f"{where}.edge_weight must be a tensor, got {kind}; pass torch.as_tensor(edge_weight)")
    if weight.numel() != num_edges:
        raise ValueError(f"{where}.edge_weight must hold one number per edge ({num_edges}), got {tuple(weight.shape)}")
    if weight.layout != torch.strided:
        raise TypeError(f"{where}.edge_weight must be a dense tensor, got the layout {weight.layout}; pass to_dense()")
    if weight.is_complex():
        raise TypeError(f"{where}.edge_weight must be real, got {weight.dtype}; pass its absolute values")
    given, weight = weight.detach().reshape(-1), weight.detach().to(torch.float32).reshape(-1)
    if not torch.isfinite(given).all():
        raise ValueError(f"{where}.edge_weight must be finite, but holds NaN or infinity; clean it or drop those edges")
    if weight.numel() and float(weight.max()) > LARGEST:
        raise ValueError(
            f"{where}.edge_weight reaches {float(given.max()):g}, but sums of numbers beyond {LARGEST:g} overflow; "
            "divide all weights by their mean"
        )
    if weight.numel() and float(weight.min()) < 0:
        raise ValueError(
            f"{where}.edge_weight must not be negative (lowest: {float(weight.min()):g}); degrees would lose their "
            "meaning: drop those edges or shift the weights"
        )
    return weight


def _one_per_edge(value: object, item: Data) -> bool:
    edge_index = item.get("edge_index")
    if not isinstance(value, Tensor) or not isinstance(edge_index, Tensor) or value.dim() == 0 or value.is_complex():
        return False
    return edge_index.dim() == 2 and value.size(0) == value.numel() == edge_index.size(1)


def _renamed(item: Data) -> Data:
    made = copy.copy(item)
    made.edge_weight = made.weight
    del made["weight"]
    return made


def _with_ones(item: Data) -> Data:
    made = copy.copy(item)
    made.edge_weight = torch.ones(item.edge_index.size(1))
    return made
