"""Condensed graphs in few bytes: the one meter of their size, and how they lie in a file.

What is packed is all that training needs, without loss:

- rows of features are written once (``types``), nodes and edges by their number;
- edges that run both ways are written once;
- trees are written once, however many graphs have them, and graphs as bags of trees;
- labels that are there, not there or missing take a bit each, or two;
- every tensor has the narrowest type that holds its values exactly.

Unpacking gives nodes and edges in an order of its own: :func:`canonical` brings graphs into it, once for all.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.contents import require
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.contents import check_packed
from graphcond.graphs.folding import Bags, Trees, separate_data
from graphcond.graphs.storage.dtypes import narrow, nbytes, widen
from graphcond.graphs.storage.label_bits import packed_labels
from graphcond.graphs.task import GraphSet

PER_GRAPH = ("y", "y_soft", "graph_weight")
KNOWN = {"x", "edge_index", "edge_attr", "edge_weight", "degree", "root_mask", "root_weight", *PER_GRAPH}
CODES = "codes"
LARGEST_CODE = 2.0**62  # up to which rows of codes are counted as single numbers
DENSEST = 16  # a table with more entries than that for each that is not zero takes more bytes than a list
OF_EDGES = ("edge_index", "edge_weight")
SHARED = ("pool_index", "pool_weight", "level_ptr", "shorter", "self_loops")  # of all graphs in one Data

Packed = tuple[dict[str, Tensor], dict[str, str]]


def packed_bytes(items: Sequence[Data]) -> int:
    """Return the bytes of everything that training on some condensed graphs needs."""
    return nbytes(pack(items)[0])


def canonical(items: Sequence[Data]) -> list[Data]:
    """Return the same graphs, nodes and edges in the order in which a file gives them back."""
    return unpack(*pack(items))


def pack(items: Sequence[Data]) -> Packed:
    """Return condensed graphs as narrow tensors, and the code by which each is widened again."""
    unknown = {key for item in items for key in item.keys()} - KNOWN - set(SHARED)  # noqa: SIM118 (not a mapping)
    if unknown:
        raise ValueError(f"condensed graphs hold {sorted(unknown)[0]!r}, which has no place in a file; delete it")
    first = items[0]
    if "pool_index" in first:
        weighted = "edge_weight" in first
        tensors = _typed(first.x, None if weighted else first.get("degree"), first.get("edge_attr"))
        kept = ("degree", *OF_EDGES) if weighted else OF_EDGES  # sums of weights are no codes
        tensors |= {key: first[key] for key in (*kept, *SHARED, *PER_GRAPH) if key in first}
    else:
        tensors = _packed_trees(items) if "root_weight" in first else _packed_graphs(items)
        tensors |= {key: torch.cat([item[key] for item in items]) for key in PER_GRAPH if key in first}
    if "y_soft" in tensors and _last_is_known(tensors["y_soft"]):
        tensors["y_soft_but_last"] = tensors.pop("y_soft")[:, :-1]
    tensors |= packed_labels(tensors.pop("y"))
    narrowed = {name: narrow(value) for name, value in tensors.items()}
    return {name: value for name, (value, _) in narrowed.items()}, {name: code for name, (_, code) in narrowed.items()}


def unpack(tensors: dict[str, Tensor], codes: dict[str, str]) -> list[Data]:
    """Return the condensed graphs that :func:`pack` was given, in canonical order.

    Raises:
        ValueError: they are not what :func:`pack` returns.
    """
    tensors = {name: widen(value, codes[name]) for name, value in tensors.items()}
    tensors = check_packed(tensors)
    if "y_soft_but_last" in tensors:
        soft = tensors.pop("y_soft_but_last")
        tensors["y_soft"] = torch.cat([soft, 1 - soft.sum(dim=1, keepdim=True)], dim=1)
    rows = _untyped(tensors)
    if "pool_index" in tensors:
        kept = {key: tensors[key] for key in ("degree", *OF_EDGES, *SHARED, *PER_GRAPH) if key in tensors}
        return [Data(**rows, **kept)]
    items = _unpacked_trees(tensors, rows) if "bag_ptr" in tensors else _unpacked_graphs(tensors, rows)
    for key in PER_GRAPH:
        if key in tensors:
            for i, item in enumerate(items):
                item[key] = tensors[key][i : i + 1]
    return items


def merged(items: Sequence[Data]) -> Data:
    """Return bags of trees as one ``Data`` in which each tree stands once, with ``pool_index`` and ``pool_weight``.

    A network computes the same on it as on the items, on a fraction of the nodes.
    """
    tensors = _packed_trees(items)
    rows = _untyped(tensors)
    graph, tree, weight = _bags(tensors)
    shared = Data(**rows, edge_index=_tree_edges(tensors))
    shared.pool_index, shared.pool_weight = torch.stack([tree, graph]), weight
    for key in PER_GRAPH:
        if key in items[0]:
            shared[key] = torch.cat([item[key] for item in items])
    return shared


def union(items: Sequence[Data]) -> GraphSet:
    """Return condensed graphs end to end."""
    sizes = torch.tensor([0, *(item.x.size(0) for item in items)]).cumsum(0)
    edges = torch.tensor([item.edge_index.size(1) for item in items])
    shift = torch.repeat_interleave(sizes[:-1], edges)
    attr = torch.cat([item.edge_attr for item in items]) if "edge_attr" in items[0] else None
    weight = torch.cat([item.edge_weight for item in items]) if "edge_weight" in items[0] else None
    index = torch.cat([item.edge_index for item in items], dim=1) + shift
    x, y = torch.cat([item.x for item in items]), torch.cat([item.y for item in items])
    return GraphSet(x, index, attr, sizes, torch.zeros(len(items), dtype=torch.int64), weight).labelled(y)


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows, sorted, and the number of each row's; codes of categories as single numbers, if small.

    Single numbers sort many times faster than rows, and in the same order.
    """
    if not rows.is_floating_point() and rows.numel():
        low = rows.amin(dim=0)
        span = rows.amax(dim=0) - low + 1
        if float(span.double().prod()) < LARGEST_CODE:
            weight = torch.cat([span[1:].flip(0).cumprod(0).flip(0), span.new_ones(1)])
            codes, number = torch.unique(((rows - low) * weight).sum(dim=1), return_inverse=True)
            types: Tensor = codes.unsqueeze(1) // weight % span + low
            return types, number
    types, number = torch.unique(rows, dim=0, return_inverse=True)
    return types, number


def _typed(x: Tensor, degree: Tensor | None, edge_attr: Tensor | None) -> dict[str, Tensor]:
    """Return rows of features as numbers of distinct rows, where that takes less."""
    tensors: dict[str, Tensor] = {}
    for name, rows in (("x", x), ("edge_attr", edge_attr)):
        if rows is None:
            continue
        both = rows if name == "edge_attr" or degree is None else torch.cat([rows, degree.unsqueeze(1).to(rows)], 1)
        types, number = _distinct(both)
        if nbytes({"": narrow(types)[0], "n": narrow(number)[0]}) < nbytes({"": narrow(both)[0]}):
            tensors |= {f"{name}_types": types, f"{name}_type": number}
        else:
            tensors[name] = both
    if degree is not None:
        tensors["has_degree"] = torch.ones(1, dtype=torch.bool)
    return tensors


def _untyped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    rows: dict[str, Tensor] = {}
    for name in ("x", "edge_attr"):
        if f"{name}_types" in tensors:
            rows[name] = tensors[f"{name}_types"][tensors[f"{name}_type"]]
        elif name in tensors:
            rows[name] = tensors[name]
    if "has_degree" in tensors:
        rows |= {"x": rows["x"][:, :-1].contiguous(), "degree": rows["x"][:, -1].long()}
    return rows


def _packed_graphs(items: Sequence[Data]) -> dict[str, Tensor]:
    graphs = union(items)
    order = torch.argsort(graphs.edge_index[1] * graphs.num_nodes + graphs.edge_index[0], stable=True)
    index, attr = graphs.edge_index[:, order], None if graphs.edge_attr is None else graphs.edge_attr[order]
    weight = None if graphs.edge_weight is None else graphs.edge_weight[order]
    tensors = {"size": graphs.sizes}
    if _both_ways(index, attr, weight, graphs.num_nodes):
        once = index[0] < index[1]
        index, attr = index[:, once], None if attr is None else attr[once]
        weight = None if weight is None else weight[once]
        tensors["both_ways"] = torch.ones(1, dtype=torch.bool)
    tensors["edges"] = torch.bincount(graphs.graph[index[1]], minlength=len(graphs))
    tensors["edge_index"] = index - graphs.ptr[graphs.graph[index[1]]]
    if weight is not None:
        tensors["edge_weight"] = weight
    return tensors | _typed(graphs.x, None, attr)


def _both_ways(index: Tensor, attr: Tensor | None, weight: Tensor | None, num_nodes: int) -> bool:
    """Return whether each edge has one and only one counterpart, alike in all, and none joins a node with itself."""
    keys = index[1] * num_nodes + index[0]
    if bool((index[0] == index[1]).any()) or len(torch.unique(keys)) < len(keys):
        return False
    back = torch.argsort(index[0] * num_nodes + index[1], stable=True)
    if not torch.equal(keys, (index[0] * num_nodes + index[1])[back]):
        return False
    return all(value is None or torch.equal(value, value[back]) for value in (attr, weight))


def _unpacked_graphs(tensors: dict[str, Tensor], rows: dict[str, Tensor]) -> list[Data]:
    size, edges = tensors["size"], tensors["edges"]
    ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
    index = tensors["edge_index"] + torch.repeat_interleave(ptr[:-1], edges)
    columns = {
        key: value for key in ("edge_attr", "edge_weight") if (value := rows.get(key, tensors.get(key))) is not None
    }
    if "both_ways" in tensors:
        index = torch.cat([index, index.flip(0)], dim=1)
        columns = {key: torch.cat([value, value]) for key, value in columns.items()}
    order = torch.argsort(index[1] * int(ptr[-1]) + index[0], stable=True)
    graphs = GraphSet(rows["x"], index[:, order], None, ptr, torch.zeros_like(size))
    items = graphs.data()
    starts = graphs.edge_ptr.tolist()
    for i, item in enumerate(items):
        for key, value in columns.items():
            item[key] = value[order[starts[i] : starts[i + 1]]]
    return items


def _packed_trees(items: Sequence[Data]) -> dict[str, Tensor]:
    """Write each tree once; its children before it, so that a parent's number is higher."""
    graphs = union(items)
    degree = torch.cat([item.degree for item in items]) if "degree" in items[0] else None
    labelled = graphs if degree is None else _labelled(graphs, degree)
    colors, height = _settled(labelled)
    key = np.rec.fromarrays([height, colors])
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    nodes, node = torch.from_numpy(first), torch.from_numpy(number.reshape(-1))
    order = torch.argsort(graphs.edge_index[1], stable=True)
    keep = torch.zeros(graphs.num_nodes, dtype=torch.bool)
    keep[nodes] = True
    edges = order[keep[graphs.edge_index[1][order]]]
    child, parent = node[graphs.edge_index[0][edges]], node[graphs.edge_index[1][edges]]
    by_parent = torch.argsort(parent * len(nodes) + child, stable=True)
    attr = None if graphs.edge_attr is None else graphs.edge_attr[edges][by_parent]
    tensors = {"children": torch.bincount(parent, minlength=len(nodes)), "child": child[by_parent]}
    tensors |= _typed(graphs.x[nodes], None if degree is None else degree[nodes], attr)
    return tensors | _packed_bags(graphs, node, torch.cat([item.root_weight for item in items]))


def _settled(trees: GraphSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of whole subtrees, and how high these are; a colour settles after as many rounds."""
    rounds = 4
    levels = refine(trees, rounds).levels
    while not np.array_equal(levels[-1], levels[-2]):
        if rounds > trees.num_nodes:
            raise ValueError("graphs with root_weight must be trees, but their edges form a cycle")
        rounds *= 2
        levels = refine(trees, rounds).levels
    height = np.zeros(trees.num_nodes, dtype=np.int64)
    height[trees.degree.numpy() > 0] = 1
    for level in range(2, len(levels)):
        height[levels[level] != levels[level - 1]] = level
    return levels[-1], height


def _labelled(graphs: GraphSet, degree: Tensor) -> GraphSet:
    x = torch.cat([graphs.x.double(), degree.double().unsqueeze(1)], dim=1)
    return replace(graphs, x=x, edge_weight=None)


def _packed_bags(graphs: GraphSet, node: Tensor, root_weight: Tensor) -> dict[str, Tensor]:
    roots = (root_weight > 0).nonzero().flatten()
    trees, place = torch.unique(node[roots], return_inverse=True)
    key, entry = torch.unique(graphs.graph[roots] * len(trees) + place, return_inverse=True)
    weight = root_weight.new_zeros(len(key)).index_add(0, entry, root_weight[roots])
    graph, tree = key // len(trees), key % len(trees)
    tensors = {"root": trees, "bag_ptr": torch.bincount(graph, minlength=len(graphs))}
    listed = {"bag_tree": tree, "bag_weight": weight}
    if len(graphs) * len(trees) > DENSEST * len(key):
        return tensors | listed
    dense = weight.new_zeros(len(graphs), len(trees))
    dense[graph, tree] = weight
    if nbytes({"": narrow(dense)[0]}) < nbytes({name: narrow(value)[0] for name, value in listed.items()}):
        return tensors | {"bags": dense}
    return tensors | listed


def _unpacked_trees(tensors: dict[str, Tensor], rows: dict[str, Tensor]) -> list[Data]:
    graph, tree, weight = _bags(tensors)
    level = torch.tensor([0, len(tensors["children"])])
    trees = Trees(rows["x"], rows.get("degree"), _tree_edges(tensors), rows.get("edge_attr"), level, None)
    return separate_data(trees, Bags(tree, graph, weight, len(tensors["bag_ptr"])), tensors["y"])


def _bags(tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return graph, tree and weight of each tree that a graph has."""
    if "bags" in tensors:
        graph, place = tensors["bags"].nonzero().T.contiguous()
        return graph, tensors["root"][place], tensors["bags"][graph, place]
    graph = torch.repeat_interleave(torch.arange(len(tensors["bag_ptr"])), tensors["bag_ptr"])
    return graph, tensors["root"][tensors["bag_tree"]], tensors["bag_weight"]


def _tree_edges(tensors: dict[str, Tensor]) -> Tensor:
    children = tensors["children"]
    return torch.stack([tensors["child"], torch.repeat_interleave(torch.arange(len(children)), children)])


def _last_is_known(soft: Tensor) -> bool:
    """Return whether the last class probability is exactly what the others leave."""
    return torch.equal(1 - soft[:, :-1].sum(dim=1), soft[:, -1])


def to_tensors(items: Sequence[Data]) -> dict[str, Tensor]:
    """Return the packed tensors as a file holds them: with their codes, as bytes of JSON, under ``codes``."""
    tensors, codes = pack(items)
    text = json.dumps(codes, sort_keys=True).encode()
    return tensors | {CODES: torch.frombuffer(bytearray(text), dtype=torch.uint8)}


def from_tensors(tensors: dict[str, Tensor]) -> list[Data]:
    """Return the items of :func:`to_tensors`.

    Raises:
        ValueError: the tensors are something else.
    """
    codes = json.loads(bytes(require(CODES, tensors[CODES], (torch.uint8,), (None,)).tolist()))
    packed = {name: value for name, value in tensors.items() if name != CODES}
    if not isinstance(codes, dict) or codes.keys() != packed.keys():
        raise ValueError("codes must name each tensor")
    return unpack(packed, codes)
