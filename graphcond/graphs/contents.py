"""Checks of graphs that come from a file, packed or not."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.contents import (
    BOOL,
    FLOATS,
    INT64,
    require,
    require_counts,
    require_pointers,
    require_present,
    require_targets,
    require_weights,
)
from graphcond.graphs.storage.label_bits import OF_LABELS, unpacked_labels

FEATURES = (*FLOATS, torch.float64, *INT64)


def graph_counts(items: Sequence[Data], num_classes: int) -> dict[str, object]:
    """Return what a record says that was spent."""
    labels = torch.cat([item.y for item in items])
    classes = not labels.is_floating_point()
    return {
        "nodes": sum(item.x.size(0) for item in items),
        "edges": sum(item.edge_index.size(1) for item in items),
        **({"graphs_per_class": torch.bincount(labels, minlength=num_classes).tolist()} if classes else {}),
        "graphs": len(labels),
    }


def check_graph_data(items: Sequence[Data], num_classes: int) -> None:
    """Raise unless condensed graphs are whole; each may stand for several, as bags of trees."""
    if not items:
        raise ValueError("there are no graphs")
    for i, item in enumerate(items):
        _check_graph(item, f"graph {i}: ", num_classes)
    widths = {item.x.size(1) for item in items}
    kinds = {(frozenset(item.keys()), item.y.dtype, item.y.shape[1:]) for item in items}
    if len(widths) > 1 or len(kinds) > 1:
        raise ValueError("all graphs must hold the same kinds of tensors, with as many features")


def _check_graph(item: Data, where: str, num_classes: int) -> None:
    require_present(item, ("x", "edge_index", "y"))
    rows = len(require(f"{where}x", item.x, FEATURES, (None, None)))
    if not item.x.numel():
        raise ValueError(f"{where}x must have rows and columns")
    edges = require(f"{where}edge_index", item.edge_index, INT64, (2, None), 0, rows).size(1)
    graphs = len(item.y) if "pool_index" in item else 1
    require_targets(item.y, item.get("y_soft"), graphs, num_classes, where)
    if "edge_attr" in item:
        require(f"{where}edge_attr", item.edge_attr, FEATURES, (edges, *item.edge_attr.shape[1:]))
    if "edge_weight" in item:
        require(f"{where}edge_weight", item.edge_weight, FLOATS, (edges,), 0)
    if "graph_weight" in item:
        require(f"{where}graph_weight", item.graph_weight, FLOATS, (graphs,), 0)
    if "degree" in item:
        require(f"{where}degree", item.degree, (*INT64, *FLOATS), (rows,), 0)  # weighted edges have weighted degrees
    if "root_weight" in item:
        require_weights(f"{where}root_weight", item.root_weight, rows)
        require(f"{where}root_mask", item.root_mask, BOOL, (rows,))


def check_packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return packed graphs, widened, their labels unpacked; raise unless each number points to what there is.

    ``types`` are the rows of features that are written once, ``children`` the numbers of children of each tree,
    ``root`` the trees that graphs have.
    """
    y = unpacked_labels(tensors)
    require("y", y.masked_fill(y.isnan(), 0), (*INT64, *FLOATS), (None, None)[: y.dim()])
    tensors = {name: value for name, value in tensors.items() if name not in OF_LABELS} | {"y": y}
    rows, graphs = _rows(tensors, "x"), len(tensors["y"])
    if not graphs or not rows:
        raise ValueError("there are no graphs, or none with nodes")
    for name in ("both_ways", "has_degree"):
        if name in tensors:
            require(name, tensors[name], BOOL, (1,))
    for name in ("graph_weight", "y_soft", "y_soft_but_last"):
        if name in tensors:
            require(name, tensors[name], FLOATS, (graphs, None)[: 1 + name.startswith("y_soft")])
    if "pool_index" in tensors:
        _check_pooled(tensors, rows, graphs)
    elif "bag_ptr" in tensors:
        _check_trees(tensors, rows, graphs)
    else:
        check_joined(tensors, rows, graphs)
    return tensors


def _rows(tensors: Mapping[str, Tensor], name: str) -> int:
    """Return how many rows of features there are, be they written out or as numbers of types."""
    rows = tensors.get(f"{name}_types", tensors.get(name))
    if rows is None:
        raise ValueError(f"{name} is missing")
    require(name, rows, FEATURES, (None, None) if name == "x" else (None, *rows.shape[1:]))
    if f"{name}_types" not in tensors:
        return len(rows)
    require_present(tensors, (f"{name}_type",))
    return len(require(f"{name}_type", tensors[f"{name}_type"], INT64, (None,), 0, len(rows)))


def _check_edge_rows(tensors: Mapping[str, Tensor], edges: int) -> None:
    if ("edge_attr" in tensors or "edge_attr_types" in tensors) and (found := _rows(tensors, "edge_attr")) != edges:
        raise ValueError(f"edge_attr must have a row for each of {edges} edges, got {found}")
    if "edge_weight" in tensors:
        require("edge_weight", tensors["edge_weight"], FLOATS, (edges,), 0)


def check_joined(tensors: Mapping[str, Tensor], rows: int, graphs: int) -> None:
    """Raise unless graphs end to end, of ``size`` nodes and ``edges`` edges each, have edges among their own nodes."""
    require_present(tensors, ("size", "edges", "edge_index"))
    size = require("size", tensors["size"], INT64, (graphs,))
    counts = require("edges", tensors["edges"], INT64, (graphs,))
    edges = require("edge_index", tensors["edge_index"], INT64, (2, None), 0)
    require_counts("size", size, rows, low=1)
    require_counts("edges", counts, edges.size(1))
    if bool((edges >= torch.repeat_interleave(size, counts)).any()):
        raise ValueError("edge_index must hold numbers of its own graph's nodes")
    _check_edge_rows(tensors, edges.size(1))


def _check_trees(tensors: Mapping[str, Tensor], rows: int, graphs: int) -> None:
    require_present(tensors, ("children", "child", "root", "bag_ptr"))
    children = require("children", tensors["children"], INT64, (rows,))
    child = require("child", tensors["child"], INT64, (None,), 0)
    require_counts("children", children, len(child))
    if bool((child >= torch.repeat_interleave(torch.arange(rows), children)).any()):
        raise ValueError("child must hold numbers below its parent's")  # or there would be circles
    _check_edge_rows(tensors, len(child))
    trees = len(require("root", tensors["root"], INT64, (None,), 0, rows))
    counts = require("bag_ptr", tensors["bag_ptr"], INT64, (graphs,), 1)
    if "bags" in tensors:
        bags = require("bags", tensors["bags"], FLOATS, (graphs, trees), 0)
        if not torch.equal((bags > 0).sum(dim=1), counts):
            raise ValueError("bag_ptr must count the trees of bags")
        return
    require_present(tensors, ("bag_tree", "bag_weight"))
    listed = require("bag_tree", tensors["bag_tree"], INT64, (None,), 0, trees)
    require_counts("bag_ptr", counts, len(listed), low=1)
    require("bag_weight", tensors["bag_weight"], FLOATS, (len(listed),))
    if not bool((tensors["bag_weight"] > 0).all()):
        raise ValueError("bag_weight must be positive")


def _check_pooled(tensors: Mapping[str, Tensor], rows: int, graphs: int) -> None:
    require_present(tensors, ("edge_index", "pool_index", "pool_weight"))
    edges = require("edge_index", tensors["edge_index"], INT64, (2, None), 0, rows)
    pool = require("pool_index", tensors["pool_index"], INT64, (2, None), 0)
    if bool((pool >= torch.tensor([[rows], [graphs]])).any()):
        raise ValueError("pool_index must hold numbers of nodes and graphs")
    require_weights("pool_weight", tensors["pool_weight"], pool.size(1))
    _check_edge_rows(tensors, edges.size(1))
    if "level_ptr" in tensors:
        require("level_ptr", tensors["level_ptr"], INT64, (None,), 0)
        require_pointers("level_ptr", tensors["level_ptr"], rows)
    if "shorter" in tensors:
        require("shorter", tensors["shorter"], INT64, (rows,), 0, rows)
    if "self_loops" in tensors:
        require("self_loops", tensors["self_loops"], INT64, (1,), 0)
