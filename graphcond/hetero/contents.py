"""Checks and names of a condensed heterogeneous graph in a file.

The name of a tensor says the type that it belongs to, and which of all types that is: ``nodes/0/paper/x``,
``edges/1/author/writes/paper/edge_index``. Names of types hold any character; they are percent-encoded.
"""

from collections.abc import Mapping
from urllib.parse import quote, unquote

import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.typing import EdgeType

from graphcond.core.runtime.contents import (
    BOOL,
    FLOATS,
    INT64,
    require,
    require_present,
    require_targets,
    require_weights,
)

LABELLED = ("x", "y", "node_weight", "train_mask", "y_soft")
OTHER = ("x",)
RELATION = ("edge_index", "edge_weight")
TEXTS = {"nodes": 1, "edges": 3}
"""Of how many texts the name of a type is made."""
LONGEST = 80  # characters of a name in a message

Named = tuple[str, int, tuple[str, ...], str]
"""``"nodes"`` or ``"edges"``, the position of the type, its name, the name of the tensor."""


def labelled_type(data: HeteroData) -> str:
    """Return the node type that has labels.

    Raises:
        ValueError: none has some, or several have.
    """
    found = [name for name in data.node_types if "y" in data[name]]
    if len(found) != 1:
        raise ValueError(f"exactly one type of nodes must have y, got {', '.join(map(_short, found)) or 'none'}")
    return str(found[0])


def tensors_by_name(data: HeteroData) -> dict[str, Tensor]:
    """Return the tensors of a heterogeneous graph by the names that they have in a file.

    >>> data = HeteroData()
    >>> data["a/b"].x, data["a/b", "to", "a/b"].edge_index = torch.ones(1, 1), torch.zeros(2, 1, dtype=torch.int64)
    >>> list(tensors_by_name(data))
    ['nodes/0/a%2Fb/x', 'edges/0/a%2Fb/to/a%2Fb/edge_index']
    """
    stores = [("nodes", (name,), data[name]) for name in data.node_types]
    stores += [("edges", relation, data[relation]) for relation in data.edge_types]
    positions = [*range(len(data.node_types)), *range(len(data.edge_types))]
    return {
        "/".join([kind, str(position), *map(_encoded, texts), name]): value
        for position, (kind, texts, store) in zip(positions, stores, strict=True)
        for name, value in store.items()
        if isinstance(value, Tensor)
    }


def is_typed(name: str) -> bool:
    """Return whether the name of a tensor is one that :func:`tensors_by_name` gives."""
    return name.startswith(tuple(f"{kind}/" for kind in TEXTS))


def hetero_data(tensors: Mapping[str, Tensor]) -> HeteroData:
    """Return the heterogeneous graph of a file's tensors, its types in their order.

    Raises:
        ValueError: a name is none that :func:`tensors_by_name` gives, or types do not have the numbers 0, 1, ...
    """
    stores: dict[str, dict[int, tuple[str, ...]]] = {kind: {} for kind in TEXTS}
    found: list[tuple[Named, Tensor]] = [(_parsed(name), value) for name, value in tensors.items()]
    for kind, position, texts, _ in (named for named, _ in found):
        if stores[kind].setdefault(position, texts) != texts:
            raise ValueError(f"{kind} of number {position} must be of one type, got several")
    for kind, types in stores.items():
        if sorted(types) != list(range(len(types))) or len(set(types.values())) < len(types):
            raise ValueError(f"types of {kind} must be different ones with the numbers 0, 1, ...")
    data = HeteroData()
    # Nodes first: PyG takes a text for the name of a relation where no type of nodes has it.
    for (kind, _, texts, name), value in sorted(found, key=lambda one: _order(one[0])):
        data[texts if kind == "edges" else texts[0]][name] = value
    return data


def check_hetero_data(data: object, num_classes: int) -> None:
    """Raise unless a condensed heterogeneous graph is whole.

    Args:
        data: The graph.
        num_classes: Of the original, or how many labels or numbers its nodes have.
    """
    if not isinstance(data, HeteroData):
        raise ValueError("the data are of one type of nodes, and not a heterogeneous graph")
    labelled = labelled_type(data)
    rows = {name: _check_nodes(data, name, LABELLED if name == labelled else OTHER) for name in data.node_types}
    store, where = data[labelled], f"data[{_short(labelled)}]."
    if not rows[labelled]:
        raise ValueError(f"{where}x must have rows")
    require_targets(store["y"], store.get("y_soft"), rows[labelled], num_classes, where)
    if "node_weight" in store:
        require_weights(f"{where}node_weight", store["node_weight"], rows[labelled])
    if "train_mask" in store:
        require(f"{where}train_mask", store["train_mask"], BOOL, (rows[labelled],))
    for relation in data.edge_types:
        _check_relation(data, relation, rows)
    if not data.edge_types and len(rows) > 1:
        raise ValueError("a set without relations must have the labelled type alone")


def _check_nodes(data: HeteroData, name: str, known: tuple[str, ...]) -> int:
    """Return the number of nodes of a type."""
    where = f"data[{_short(name)}]"
    _check_known(data[name], known, where)
    rows, columns = require(f"{where}.x", data[name]["x"], FLOATS, (None, None)).shape
    if not columns:
        raise ValueError(f"{where}.x must have columns")
    return rows


def _check_relation(data: HeteroData, relation: EdgeType, rows: Mapping[str, int]) -> None:
    where = f"data[{', '.join(map(_short, relation))}]"
    _check_known(data[relation], RELATION, where)
    source, _, target = relation
    for name in (source, target):
        if name not in rows:
            raise ValueError(f"{where} joins {_short(name)}, and there are no such nodes")
    require_present(data[relation], RELATION)
    ends = require(f"{where}.edge_index", data[relation]["edge_index"], INT64, (2, None))
    for end, name in zip(ends, (source, target), strict=True):
        require(f"{where}.edge_index of {_short(name)}", end, INT64, (None,), 0, rows[name])
    require(f"{where}.edge_weight", data[relation]["edge_weight"], FLOATS, (ends.size(1),), 0)


def _check_known(store: Mapping[str, Tensor], known: tuple[str, ...], where: str) -> None:
    for name, value in store.items():
        if name not in known:
            raise ValueError(f"{where} must hold {', '.join(known)} only, got {_short(str(name))}")
        if not isinstance(value, Tensor):
            raise ValueError(f"{where}.{name} must be a tensor, got {type(value).__name__}")
    require_present({f"{where}.{name}" for name in store}, [f"{where}.{known[0]}"])


def check_recorded(data: HeteroData, source: Mapping[str, object]) -> None:
    """Raise unless a graph has the types that a record says of its original; what it does not say is not asked for."""
    known = source.get("node_types")
    if not isinstance(known, Mapping):
        return
    for name in data.node_types:
        if name not in known:
            raise ValueError(f"the data have nodes of the type {_short(name)}, which the record does not know")
    missing = [name for name in known if name not in data.node_types]
    if data.edge_types and missing:
        raise ValueError(f"the record knows nodes of the type {_short(missing[0])}, which the data do not have")


def original_of(data: HeteroData) -> dict[str, object]:
    """Return what a graph tells of its original: a set without structure has more features than that."""
    name = labelled_type(data)
    features = {"num_features": data[name]["x"].size(1)} if data.edge_types else {}
    return {"node_type": name, **features}


def learned(data: HeteroData) -> dict[str, Tensor]:
    """Return the tensors of the labelled nodes that are learned from: others belong to their neighbourhoods."""
    store = data[labelled_type(data)]
    mask: Tensor | None = store.get("train_mask")
    tensors = {name: value for name, value in store.items() if isinstance(value, Tensor)}
    return tensors if mask is None else {name: value[mask] for name, value in tensors.items()}


def hetero_counts(data: HeteroData, num_classes: int) -> dict[str, object]:
    """Return what a record says that was spent: ``nodes`` are those that are learned from."""
    y = learned(data)["y"]
    return {
        "nodes": len(y),
        "edges": sum(data[relation]["edge_index"].size(1) for relation in data.edge_types),
        **({} if y.is_floating_point() else {"nodes_per_class": torch.bincount(y, minlength=num_classes).tolist()}),
        "nodes_by_type": {name: len(data[name]["x"]) for name in data.node_types},
    }


def _parsed(name: str) -> Named:
    """Return what the name of a tensor says."""
    kind, *rest = name.split("/")
    if kind not in TEXTS or len(rest) != TEXTS[kind] + 2 or not _is_position(rest[0]):
        raise ValueError(f"{_short(name)} is no name that a tensor of a heterogeneous graph can have")
    texts = tuple(unquote(text, errors="surrogatepass") for text in rest[1:-1])
    known = LABELLED if kind == "nodes" else RELATION
    if rest[-1] not in known or list(map(_encoded, texts)) != rest[1:-1]:
        raise ValueError(f"{_short(name)} is no name that a tensor of a heterogeneous graph can have")
    return kind, int(rest[0]), texts, rest[-1]


def _order(named: Named) -> tuple[bool, int, int]:
    kind, position, _, name = named
    return kind == "edges", position, (*LABELLED, *RELATION).index(name)


def _is_position(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and str(int(text)) == text


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _short(name: str) -> str:
    return repr(name if len(name) <= LONGEST else f"{name[:LONGEST]}\u2026")
