"""Checks of a graph with labelled nodes that comes from a file."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch_geometric.data import Data

from graphcond.core.runtime.contents import (
    BOOL,
    FLOATS,
    INT64,
    require,
    require_present,
    require_targets,
    require_weights,
)

OWN_NAMES = ("x", "y", "edge_index", "edge_attr", "edge_weight", "pos", "time")  # of Data, that a file may use


def check_names(names: Iterable[str]) -> None:
    """Raise unless tensors can have these names in a ``Data``."""
    for name in names:
        taken = not name.isidentifier() or hasattr(Data, name) or name.startswith("_") or name == "self"
        if taken and name not in OWN_NAMES:
            raise ValueError(f"{name!r} is no name that a tensor of a graph can have")


def check_node_data(data: Mapping[str, Any], num_classes: int) -> None:
    """Raise unless a condensed graph with labelled nodes is whole.

    Args:
        data: The tensors by name.
        num_classes: Of the original, or how many labels or numbers its nodes have.
    """
    require_present(data, ("x", "edge_index", "y"))
    for name, value in data.items():
        if value.is_floating_point() and name != "y":  # a missing target is NaN
            require(name, value, (value.dtype,), value.shape)
    rows = len(require("x", data["x"], FLOATS, (None, None)))
    if not data["x"].numel():
        raise ValueError("x must have rows and columns")
    edges = require("edge_index", data["edge_index"], INT64, (2, None), 0, rows).size(1)
    if "edge_weight" in data:
        require("edge_weight", data["edge_weight"], FLOATS, (edges,), 0)
    if "node_weight" in data:
        require_weights("node_weight", data["node_weight"], rows)
    for name in {"train_mask", "val_mask", "test_mask"} & data.keys():
        require(name, data[name], BOOL, (rows,))
    mask = data.get("train_mask")
    if mask is not None and not mask.any():
        raise ValueError("train_mask must mark a node to learn from")
    require_targets(data["y"], data.get("y_soft"), rows, num_classes, learned=mask)
    if "edge_attr" in data and len(data["edge_attr"]) != edges:
        raise ValueError(f"edge_attr must have a row for each of {edges} edges, got {len(data['edge_attr'])}")


def node_counts(data: Data, num_classes: int) -> dict[str, object]:
    """Return what a record says that was spent."""
    counts: dict[str, object] = {"nodes": data.x.size(0), "edges": data.edge_index.size(1)}
    if not data.y.is_floating_point():
        counts["nodes_per_class"] = torch.bincount(data.y[data.y >= 0], minlength=num_classes).tolist()
    return counts
