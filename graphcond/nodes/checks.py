"""Checks of a ``Data`` object before any work is done: each failure is one sentence with the remedy.

Every function returns a cleaned copy of what it checked and appends a sentence to ``notes`` for what it mended.
"""

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


def check_features(data: Data) -> Tensor:
    """Return ``data.x`` as float32 ``(num_nodes, num_features)``, sparse CSR where it is wide and nearly empty."""
    x: Tensor | None = data.x
    if x is None:
        raise ValueError(
            "data.x is missing; node features are needed (for a graph without features, graphcond.node_features makes "
            "some)"
        )
    if isinstance(x, Tensor) and x.layout != torch.strided:
        check_sparse("data.x", x)
    if isinstance(x, Tensor) and x.is_complex():
        raise TypeError(f"data.x must be real, got {x.dtype}; pass its real and imaginary part as columns")
    kept = kept_features(x)
    if kept is None:
        _require_tensor("x", x)
        raise TypeError(f"data.x must hold numbers, got {x.dtype}; pass a matrix of floats")
    x = kept
    if x.dim() != 2 or x.size(1) == 0:
        raise ValueError(f"data.x must have the shape (num_nodes, num_features), got {tuple(x.shape)}")
    given = data.x if isinstance(data.x, Tensor) and data.x.layout == x.layout == torch.strided else x
    if (found := unusable_rows(x, given)) is not None:
        bad, what, remedy = found
        raise ValueError(f"data.x must be finite, but {len(bad)} rows hold {what} (first: row {int(bad[0])}); {remedy}")
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
    edge_index = data.edge_index
    if edge_index is None:
        raise ValueError("data.edge_index is missing; for a dataset without edges pass torch.empty(2, 0, dtype=long)")
    if not isinstance(edge_index, Tensor) or edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        kind = edge_index.dtype if isinstance(edge_index, Tensor) else type(edge_index).__name__
        raise TypeError(f"data.edge_index must hold integers, got {kind}; pass edge_index.long()")
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"data.edge_index must have the shape (2, num_edges), got {tuple(edge_index.shape)}")
    edge_index = edge_index.long()
    if edge_index.numel():
        lowest, highest = map(int, torch.aminmax(edge_index))
        if lowest < 0 or highest >= num_nodes:
            raise ValueError(
                f"data.edge_index must lie in [0, {num_nodes - 1}] (there are {num_nodes} nodes), "
                f"got values from {lowest} to {highest}"
            )
    weight = _check_edge_weight(data, edge_index.size(1))
    if not is_strictly_sorted(edge_index, num_nodes):
        reduce = "max" if data.edge_weight is None else "sum"
        given = edge_index.size(1)
        edge_index, weight = coalesce(edge_index, weight, num_nodes=num_nodes, reduce=reduce)
        if duplicates := given - edge_index.size(1):
            how = "once each" if data.edge_weight is None else "with their weights summed"
            notes.append(f"{duplicates} duplicate edges were merged and count {how}.")
    found = survey(edge_index, weight, num_nodes)
    _note_structure(found, notes)
    return edge_index, weight, found.undirected


def _check_edge_weight(data: Data, num_edges: int) -> Tensor:
    weight: Tensor | None = data.edge_weight
    if weight is None:
        return torch.ones(1, device=data.edge_index.device).expand(num_edges)  # no memory for each edge
    return check_weights(weight, num_edges)


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


def check_targets(data: Data, num_nodes: int) -> Tensor:
    """Return ``data.y``, a row or a number for each node."""
    y: Tensor | None = data.y
    if y is None:
        raise ValueError("data.y is missing; class labels are needed (-1 or NaN where a node has none)")
    _require_tensor("y", y)
    if y.dim() and y.size(0) != num_nodes:
        hint = "; a class of the whole graph is for sets of many graphs" if y.size(0) == 1 else ""
        raise ValueError(f"data.y must hold one label per node ({num_nodes}), got {y.size(0)}{hint}")
    return y


def check_mask(data: Data, name: str, num_nodes: int, split: int, *, required: bool) -> Tensor:
    """Return the boolean mask ``data[name]`` of one split as ``(num_nodes,)``; all false if absent and optional."""
    mask: Tensor | None = data.get(name)
    if mask is None:
        if required:
            raise ValueError(
                f"data.{name} is missing; mark the training nodes, e.g. with "
                "torch_geometric.transforms.RandomNodeSplit(num_val=..., num_test=...)"
            )
        return torch.zeros(num_nodes, dtype=torch.bool, device=data.edge_index.device)
    _require_tensor(name, mask)
    if mask.dtype != torch.bool:
        raise TypeError(
            f"data.{name} must be a boolean mask, got {mask.dtype}; for node numbers use "
            "torch_geometric.utils.index_to_mask"
        )
    if mask.dim() not in (1, 2) or mask.size(0) != num_nodes:
        raise ValueError(f"data.{name} must have the shape ({num_nodes},), got {tuple(mask.shape)}")
    if mask.dim() == 2:
        if not 0 <= split < mask.size(1):
            raise ValueError(f"split must be in [0, {mask.size(1) - 1}] (data.{name} has {mask.size(1)} columns), "
                             f"got {split}")  # fmt: skip
        mask = mask[:, split]
    elif required and split != 0:
        raise ValueError(f"split must be 0 (data.{name} has a single column), got {split}")
    return mask.clone()


def check_disjoint(masks: dict[str, Tensor]) -> None:
    """Raise if two masks share a node."""
    names = list(masks)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            shared = int((masks[first] & masks[second]).sum())
            if shared:
                raise ValueError(
                    f"data.{first} and data.{second} share {shared} nodes; a node belongs to one split, or the "
                    "evaluation would be wrong"
                )


def check_classes(y: Tensor, train: Tensor) -> int:
    """Return the number of classes, all of which have training nodes."""
    present = torch.unique(y[y >= 0])
    num_classes = int(present.max()) + 1 if present.numel() else 0
    if num_classes > len(y):  # before anything is counted that has as many entries
        raise ValueError(
            f"data.y reaches {num_classes - 1}, but there are only {len(y)} nodes; renumber the classes, e.g. with "
            f"torch.unique(data.y, return_inverse=True); {NUMBERS}"
        )
    if len(present) < 2:
        raise ValueError(f"data.y holds {len(present)} class(es); classification needs at least two")
    counts = torch.bincount(y[train], minlength=num_classes)
    missing = (counts == 0).nonzero().flatten().tolist()
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {num_classes} classes have no training node (class {shown}); add one to train_mask, or "
            f"drop the class and renumber data.y; {NUMBERS}"
        )
    return num_classes


def _require_tensor(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"data.{name} must be a tensor, got {type(value).__name__}; pass torch.as_tensor({name})")
