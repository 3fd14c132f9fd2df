"""Checks of graph datasets before any work is done: each failure is one sentence with the remedy."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.ranges import unusable_rows

EDGE_ROWS = ("edge_attr", "edge_weight")
WIDEST_CODE = 2**31  # an integer beyond it is no category


def check_presence(data: Data, what: str) -> None:
    """Raise if a graph has no edges' tensor or no label."""
    if data.get("edge_index") is None:
        raise ValueError(f"{what} has no edge_index; for a graph without edges pass torch.empty(2, 0, dtype=long)")
    for name in ("edge_index", "y"):
        value = data.get(name)
        if value is None:
            raise ValueError(
                f"{what} has no {name}; each graph needs its class, shape (1,), or its targets, shape (1, targets)"
            )
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{what}.{name} must be a tensor, got {kind}; pass torch.as_tensor({name})")
    edge_index = data.edge_index
    if edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise TypeError(f"{what}.edge_index must hold integers, got {edge_index.dtype}; pass edge_index.long()")
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"{what}.edge_index must have the shape (2, num_edges), got {tuple(edge_index.shape)}")


def stack(items: Sequence[Data], name: str) -> Tensor | None:
    """Return the rows of all graphs' ``x``, ``edge_attr`` or ``edge_weight``, ``None`` if none of them has any."""
    values = [item.get(name) for item in items]
    missing = [i for i, value in enumerate(values) if value is None]
    if len(missing) == len(values):
        return None
    if missing:
        raise ValueError(f"dataset[{missing[0]}] has no {name} and others do; give it to all graphs or to none")
    for i, value in enumerate(values):
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"dataset[{i}].{name} must be a tensor, got {kind}; pass torch.as_tensor({name})")
    rows = [value.unsqueeze(1) if value.dim() == 1 else value for value in values]
    for i, row in enumerate(rows):
        if row.dim() != 2:
            raise ValueError(f"dataset[{i}].{name} must have the shape (rows, columns), got {tuple(row.shape)}")
        if row.size(1) != rows[0].size(1):
            raise ValueError(
                f"dataset[{i}].{name} has the shape {tuple(row.shape)}, but dataset[0] has {rows[0].size(1)} columns; "
                "all graphs need the same features"
            )
        if row.dtype != rows[0].dtype:
            raise TypeError(f"dataset[{i}].{name} is {row.dtype}, but dataset[0] has {rows[0].dtype}; use one type")
    return torch.cat(rows)


def check_rows(name: str, value: Tensor) -> Tensor:
    """Return features as ``(rows, columns)``: float32, or int64 where they are codes of categories."""
    if value.dim() == 1:
        value = value.unsqueeze(1)
    if value.dim() != 2 or value.size(1) == 0:
        raise ValueError(f"data.{name} must have the shape (rows, columns), got {tuple(value.shape)}")
    if value.is_complex():
        raise TypeError(f"data.{name} must be real, got {value.dtype}; pass its real and imaginary part as columns")
    if value.is_floating_point():
        given, value = value, value.detach().to(torch.float32)
        if (found := unusable_rows(value, given)) is not None:
            bad, what, remedy = found
            raise ValueError(
                f"data.{name} must be finite, but {len(bad)} rows hold {what} (first: row {int(bad[0])} of all graphs "
                f"together); {remedy}"
            )
        return value
    value = value.long()
    if value.numel() and (int(value.min()) < 0 or int(value.max()) >= WIDEST_CODE):
        raise ValueError(
            f"integers in data.{name} are codes of categories and must lie in [0, 2**31), got {int(value.min())} to "
            f"{int(value.max())}; pass quantities as floats"
        )
    return value


def check_alike(slices: Mapping[str, Any], edge_ptr: Tensor) -> None:
    """Raise if a stored dataset's graphs have another number of rows in ``edge_attr`` and the like than edges."""
    for name in EDGE_ROWS:
        if name in slices and not torch.equal(torch.as_tensor(slices[name]).long(), edge_ptr):
            raise ValueError(f"data.{name} must have one row per edge in each graph of the dataset; process it again")


def check_edge_rows(items: Sequence[Data]) -> None:
    """Raise if a graph has another number of rows in ``edge_attr`` and the like than edges."""
    for i, item in enumerate(items):
        for name in EDGE_ROWS:
            rows, edges = item.get(name), item.edge_index.size(1)
            if rows is not None and rows.size(0) != edges:
                raise ValueError(f"dataset[{i}].{name} must have one row per edge ({edges}), got {rows.size(0)}")


def check_sizes(ptr: Tensor, edge_ptr: Tensor, notes: list[str]) -> None:
    """Raise if a graph has no nodes; note graphs without edges."""
    empty = (ptr.diff() == 0).nonzero().flatten()
    if len(empty):
        raise ValueError(f"dataset[{int(empty[0])}] has no nodes ({len(empty)} such in all); drop graphs without nodes")
    bare = int((edge_ptr.diff() == 0).sum())
    if bare:
        notes.append(f"Graphs without edges: {bare}; their nodes stand for themselves.")


def check_edges(edge_index: Tensor, ptr: Tensor, edge_ptr: Tensor) -> Tensor:
    """Return the edges of the union of the graphs; each graph's own must lie among its nodes."""
    edge_index = edge_index.long()
    graph = torch.repeat_interleave(torch.arange(len(ptr) - 1), edge_ptr.diff())
    outside = (edge_index < 0) | (edge_index >= ptr.diff()[graph])
    if outside.any():
        column = int(outside.any(dim=0).nonzero()[0])
        bad = int(graph[column])
        raise ValueError(
            f"dataset[{bad}].edge_index must lie in [0, {int(ptr.diff()[bad]) - 1}] (its nodes), got the edge "
            f"{tuple(edge_index[:, column].tolist())}"
        )
    return edge_index + ptr[:-1][graph]


def check_split(split: Mapping[str, Any], num_graphs: int) -> dict[str, Tensor]:
    """Return the graph numbers of a given split as int64 tensors, disjoint and in range."""
    if "val" in split and "valid" not in split:  # PyG says val, OGB says valid
        split = {"valid" if key == "val" else key: value for key, value in split.items()}
    unknown = [key for key in split if key not in ("train", "valid", "test")]
    if unknown or "train" not in split:
        raise ValueError(f"split must have the keys 'train', 'valid' and 'test', got "
                         f"{', '.join(map(str, split)) or 'none'}")  # fmt: skip
    parts: dict[str, Tensor] = {}
    seen = torch.zeros(num_graphs, dtype=torch.bool)
    for name in ("train", "valid", "test"):
        rows = _graph_numbers(name, split.get(name))
        if len(rows) and (int(rows.min()) < 0 or int(rows.max()) >= num_graphs):
            raise ValueError(
                f"split[{name!r}] must lie in [0, {num_graphs - 1}], got {int(rows.min())} to {int(rows.max())}"
            )
        if seen[rows].any() or len(torch.unique(rows)) < len(rows):
            raise ValueError(f"split[{name!r}] names a graph twice or shares one with another part; a graph belongs "
                             "to one part, or the evaluation would be wrong")  # fmt: skip
        seen[rows] = True
        parts[name] = rows
    return parts


def _graph_numbers(name: str, given: object) -> Tensor:
    if given is None:
        return torch.empty(0, dtype=torch.int64)
    try:
        rows = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"split[{name!r}] must hold graph numbers, got {type(given).__name__}") from error
    if rows.dtype == torch.bool:
        raise TypeError(f"split[{name!r}] must hold graph numbers, got a boolean mask; pass mask.nonzero().flatten()")
    if rows.numel() and rows.is_floating_point():
        raise TypeError(f"split[{name!r}] must hold whole graph numbers, got {rows.dtype}; pass integers")
    return rows.long().flatten()
