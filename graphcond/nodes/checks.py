"""Checks of a ``Data`` object before any work is done: each failure is one sentence with the remedy.

Every function returns a cleaned copy of what it checked and appends a sentence to ``notes`` for what it mended. Those
that take ``where`` also check what a ``HeteroData`` holds of one type; it is what messages call the holder, such as
``"data['author']"``.
"""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce

from graphcond.core.ranges import unusable_rows
from graphcond.core.sparse import check_sparse
from graphcond.nodes.edges import Survey, is_strictly_sorted, survey
from graphcond.nodes.sparse import kept_features
from graphcond.pyg.adjacency import check_weights

NUMBERS = "graphcond.read(data, target='regression') takes numbers that are no classes"


class Attributes(Protocol):
    """A graph, or what a graph holds of one type of nodes or edges."""

    def get(self, key: str) -> Any:  # noqa: ANN401 (whatever users put there)
        """Return an attribute, or ``None``."""
        ...


def check_features(data: Attributes, where: str = "data") -> Tensor:
    """Return ``data.x`` as float32 ``(num_nodes, num_features)``, sparse CSR where it is wide and nearly empty."""
    x: Tensor | None = data.get("x")
    if x is None:
        raise ValueError(
            f"{where}.x is missing; node features are needed (for a graph without features, graphcond.node_features "
            "makes some)"
        )
    if isinstance(x, Tensor):
        _require_numbers(f"{where}.x", x)
        check_sparse(f"{where}.x", x)
    if isinstance(x, Tensor) and x.is_complex():
        raise TypeError(f"{where}.x must be real, got {x.dtype}; pass its real and imaginary part as columns")
    kept = kept_features(x)
    if kept is None:
        _require_tensor(where, "x", x)
        raise TypeError(f"{where}.x must hold numbers, got {x.dtype}; pass a matrix of floats")
    x = kept
    if x.dim() != 2 or x.size(1) == 0:
        raise ValueError(f"{where}.x must have the shape (num_nodes, num_features), got {tuple(x.shape)}")
    raw = data.get("x")
    given = raw if isinstance(raw, Tensor) and raw.layout == x.layout == torch.strided else x
    if (found := unusable_rows(x, given)) is not None:
        bad, what, remedy = found
        raise ValueError(
            f"{where}.x must be finite, but {len(bad)} rows hold {what} (first: row {int(bad[0])}); {remedy}"
        )
    return x


def check_no_other_features(features: object) -> None:
    """Raise if features are to be made for nodes that have some."""
    if features is not None:
        raise ValueError(
            f"features={features!r} is for nodes without features, and there is data.x; leave features out, or pass "
            f"graphcond.node_features(data, {features!r}) to have them in place of data.x"
        )


def check_edges(data: Data, num_nodes: int, notes: list[str]) -> tuple[Tensor, Tensor, bool]:
    """Return ``edge_index`` without duplicates, the weights of its edges, and whether the graph is undirected."""
    edge_index = check_ends(data, num_nodes)
    edge_index, weight = merged(edge_index, data.get("edge_weight"), num_nodes, notes)
    found = survey(edge_index, weight, num_nodes)
    _note_structure(found, notes)
    return edge_index, weight, found.undirected


def check_ends(data: Data, num_nodes: int) -> Tensor:
    """Return ``edge_index`` as ``(2, num_edges)`` int64, all of it numbers of nodes."""
    edge_index = check_edge_index(data)
    if edge_index.numel():
        lowest, highest = map(int, torch.aminmax(edge_index))
        if lowest < 0 or highest >= num_nodes:
            raise ValueError(
                f"data.edge_index must lie in [0, {num_nodes - 1}] (there are {num_nodes} nodes), "
                f"got values from {lowest} to {highest}"
            )
    return edge_index


def check_edge_index(data: Attributes, where: str = "data") -> Tensor:
    """Return ``edge_index`` as ``(2, num_edges)`` int64; its numbers are not looked at."""
    edge_index = data.get("edge_index")
    if edge_index is None:
        raise ValueError(
            f"{where}.edge_index is missing; for a dataset without edges pass torch.empty(2, 0, dtype=long)"
        )
    if not isinstance(edge_index, Tensor):
        kind = type(edge_index).__name__
        raise TypeError(f"{where}.edge_index must hold integers, got {kind}; pass torch.as_tensor(edge_index)")
    _require_numbers(f"{where}.edge_index", edge_index)
    if edge_index.layout != torch.strided:
        raise TypeError(
            f"{where}.edge_index must be a dense tensor, got the layout {edge_index.layout}; pass the row numbers and "
            "the column numbers of its entries as (2, num_edges)"
        )
    if edge_index.is_floating_point() or edge_index.is_complex() or edge_index.dtype == torch.bool:
        raise TypeError(f"{where}.edge_index must hold integers, got {edge_index.dtype}; pass edge_index.long()")
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"{where}.edge_index must have the shape (2, num_edges), got {tuple(edge_index.shape)}")
    return edge_index.long()


def merged(
    edge_index: Tensor, given: object, num_nodes: int, notes: list[str], where: str = "data"
) -> tuple[Tensor, Tensor]:
    """Return edges without duplicates, and their weights.

    Args:
        edge_index: ``(2, num_edges)`` int64, its numbers within bounds.
        given: The weights, which are checked; ``None``: all edges count alike.
        num_nodes: More than the largest number.
        notes: Get a sentence for duplicates.
        where: What messages call the holder of the edges.
    """
    num_edges = edge_index.size(1)
    if given is None:
        weight = torch.ones(1, device=edge_index.device).expand(num_edges)  # no memory for each edge
    else:
        weight = check_weights(given, num_edges, where)
    if not is_strictly_sorted(edge_index, num_nodes):
        reduce = "max" if given is None else "sum"
        edge_index, weight = coalesce(edge_index, weight, num_nodes=num_nodes, reduce=reduce)
        if duplicates := num_edges - edge_index.size(1):
            how = "once each" if given is None else "with their weights summed"
            of = "" if where == "data" else f" of {where}"
            notes.append(f"{duplicates} duplicate edges{of} were merged and count {how}.")
    return edge_index, weight


def _note_structure(found: Survey, notes: list[str]) -> None:
    if not found.undirected:
        notes.append(
            "The graph is directed and was used as given (messages flow along the edges); "
            "torch_geometric.transforms.ToUndirected makes it undirected."
        )
    if found.self_loops:
        notes.append("The graph has self-loops; they were kept and no second one was added to those nodes.")
    if found.isolated:
        notes.append("Some nodes are isolated; propagation leaves their features as they are.")


def check_targets(data: Attributes, num_nodes: int, where: str = "data") -> Tensor:
    """Return ``data.y``, a row or a number for each node."""
    y: Tensor | None = data.get("y")
    if y is None:
        raise ValueError(f"{where}.y is missing; class labels are needed (-1 or NaN where a node has none)")
    _require_tensor(where, "y", y)
    if y.dim() and y.size(0) != num_nodes:
        hint = "; a class of the whole graph is for sets of many graphs" if y.size(0) == 1 else ""
        raise ValueError(f"{where}.y must hold one label per node ({num_nodes}), got {y.size(0)}{hint}")
    return y


def check_mask(
    data: Attributes, name: str, num_nodes: int, split: int, *, required: bool, where: str = "data"
) -> Tensor:
    """Return the boolean mask ``data[name]`` of one split as ``(num_nodes,)``; all false if absent and optional."""
    mask: Tensor | None = data.get(name)
    if mask is None:
        if required:
            raise ValueError(
                f"{where}.{name} is missing; mark the training nodes, e.g. with "
                "torch_geometric.transforms.RandomNodeSplit(num_val=..., num_test=...)"
            )
        return torch.zeros(num_nodes, dtype=torch.bool)
    _require_tensor(where, name, mask)
    if mask.layout != torch.strided:
        raise TypeError(f"{where}.{name} must be a dense tensor, got the layout {mask.layout}; pass {name}.to_dense()")
    if mask.dtype != torch.bool:
        raise TypeError(
            f"{where}.{name} must be a boolean mask, got {mask.dtype}; for node numbers use "
            "torch_geometric.utils.index_to_mask"
        )
    if mask.dim() not in (1, 2) or mask.size(0) != num_nodes:
        raise ValueError(f"{where}.{name} must have the shape ({num_nodes},), got {tuple(mask.shape)}")
    if mask.dim() == 2:
        if not mask.size(1):
            raise ValueError(f"{where}.{name} must have a column for each split, got {tuple(mask.shape)}")
        if not 0 <= split < mask.size(1):
            raise ValueError(f"split must be in [0, {mask.size(1) - 1}] ({where}.{name} has {mask.size(1)} columns), "
                             f"got {split}")  # fmt: skip
        mask = mask[:, split]
    elif required and split != 0:
        raise ValueError(f"split must be 0 ({where}.{name} has a single column), got {split}")
    return mask.clone()


def check_disjoint(masks: dict[str, Tensor], where: str = "data") -> None:
    """Raise if two masks share a node."""
    names = list(masks)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            shared = int((masks[first] & masks[second]).sum())
            if shared:
                raise ValueError(
                    f"{where}.{first} and {where}.{second} share {shared} nodes; a node belongs to one split, or the "
                    "evaluation would be wrong"
                )


def check_classes(y: Tensor, train: Tensor, where: str = "data") -> int:
    """Return the number of classes, all of which have training nodes."""
    present = torch.unique(y[y >= 0])
    num_classes = int(present.max()) + 1 if present.numel() else 0
    if num_classes > len(y):  # before anything is counted that has as many entries
        raise ValueError(
            f"{where}.y reaches {num_classes - 1}, but there are only {len(y)} nodes; renumber the classes, e.g. with "
            f"torch.unique({where}.y, return_inverse=True); {NUMBERS}"
        )
    if len(present) < 2:
        raise ValueError(f"{where}.y holds {len(present)} class(es); classification needs at least two")
    counts = torch.bincount(y[train], minlength=num_classes)
    missing = (counts == 0).nonzero().flatten().tolist()
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {num_classes} classes have no training node (class {shown}); add one to train_mask, or "
            f"drop the class and renumber {where}.y; {NUMBERS}"
        )
    return num_classes


def _require_tensor(where: str, name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{where}.{name} must be a tensor, got {type(value).__name__}; pass torch.as_tensor({name})")
    _require_numbers(f"{where}.{name}", value)


def _require_numbers(name: str, value: Tensor) -> None:
    """Raise ``TypeError`` for a tensor whose numbers cannot be read as they are."""
    kinds = (("without numbers, on the meta device", value.is_meta), ("quantized", value.is_quantized),
             ("nested", value.is_nested))  # fmt: skip
    for kind, found in kinds:
        if found:
            raise TypeError(f"{name} must be an ordinary tensor, got one that is {kind}; pass its numbers as a tensor")
