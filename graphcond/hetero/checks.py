"""Checks of a ``HeteroData`` before any work is done: each failure is one sentence with the remedy."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from graphcond.core.fields import is_whole
from graphcond.hetero.task import EdgeType
from graphcond.nodes import checks
from graphcond.nodes.edges import survey
from graphcond.pyg.adjacency import with_edges, with_weights

SHOWN = 5  # types that a message names at most
MOST_NODES = 3_037_000_499  # whose square, by which edges are sorted, is still an int64
UNDIRECTED = "torch_geometric.transforms.ToUndirected() adds reverse relations"


def holder(kind: str | EdgeType) -> str:
    """Return how users write what a graph holds of a type of nodes or edges.

    >>> holder("author"), holder(("author", "writes", "paper"))
    ("data['author']", "data['author', 'writes', 'paper']")
    """
    return f"data[{', '.join(map(repr, (kind,) if isinstance(kind, str) else kind))}]"


def named(kinds: Iterable[str | EdgeType]) -> str:
    """Return types in words, at most a few of them.

    >>> named(["author", "paper"])
    "'author', 'paper'"
    """
    given = list(kinds)
    return ", ".join(map(repr, given[:SHOWN])) + (", ..." if len(given) > SHOWN else "")


def check_types(data: HeteroData) -> None:
    """Raise unless there are nodes, relations between types that exist, and relations of each type.

    Raises:
        ValueError: one of these is not so.
    """
    if not data.node_types:
        raise ValueError("the HeteroData has no node types; set x, or num_nodes, of each type, and edge_index")
    for kind in (*data.node_types, *data.edge_types):
        if not all(isinstance(name, str) for name in ((kind,) if not isinstance(kind, tuple) else kind)):
            raise TypeError(f"the names of node types and relations must be texts, got {kind!r}; rename it")
    known, joined = set(data.node_types), set()
    for relation in data.edge_types:
        for name in (relation[0], relation[2]):
            if name not in known:
                raise ValueError(
                    f"the relation {relation!r} is of node type {name!r}, which does not exist (there are "
                    f"{named(data.node_types)}); set {holder(name)}.x or {holder(name)}.num_nodes, or del "
                    f"{holder(relation)}"
                )
            joined.add(name)
    for name in data.node_types:
        if name not in joined:
            _refuse_alone(data, name)


def _refuse_alone(data: HeteroData, name: str) -> None:
    """Raise for a type of nodes that no edge joins with any."""
    relations = [relation for relation in data.edge_types if name in (relation[0], relation[2])]
    if data[name].get("y") is not None or len(data.node_types) == 1:
        remedy = f"add relations of {name!r}, such as data[{name!r}, 'to', ...].edge_index"
    else:
        remedy = f"leave it out: del {', '.join(map(holder, [name, *relations]))}"
    raise ValueError(f"node type {name!r} has no edges, so that it says nothing of others; {remedy}")


def labelled_type(data: HeteroData, asked: object) -> str:
    """Return the type of nodes of which something is learned: the one that is asked for, or the only one with ``y``.

    Raises:
        TypeError: what is asked for is no text.
        ValueError: there is no such type, it has no labels, or there are several types with labels and none is named.
    """
    labelled = [name for name in data.node_types if data[name].get("y") is not None]
    if asked is not None and not isinstance(asked, str):
        raise TypeError(f"node_type must be the name of a node type such as {data.node_types[0]!r}, got {asked!r}")
    if asked is not None and asked not in data.node_types:
        raise ValueError(f"node_type must be one of {named(data.node_types)}, got {asked!r}")
    if asked is not None and asked not in labelled:
        others = f"; the types with labels are {named(labelled)}" if labelled else ""
        raise ValueError(f"node_type={asked!r} has no labels; set {holder(asked)}.y{others}")
    if not labelled:
        raise ValueError(
            f"no node type has labels; set y of one of {named(data.node_types)} (-1 or NaN where a node has none)"
        )
    if asked is None and len(labelled) > 1:
        raise ValueError(
            f"{len(labelled)} node types have labels, {named(labelled)}, and one is learned at a time; choose by "
            f"graphcond.read(data, node_type={labelled[0]!r})"
        )
    return labelled[0] if asked is None else str(asked)


def count_nodes(store: checks.Attributes, name: str) -> int:
    """Return the number of nodes of a type, which its features, ``num_nodes``, masks or labels tell.

    Raises:
        ValueError: nothing tells it, two of them contradict each other, or there are none.
    """
    where, x, given = holder(name), store.get("x"), store.get("num_nodes")
    if isinstance(given, Tensor) and given.numel() == 1 and not given.is_meta:
        given = given.item()
    if given is not None and not is_whole(given):
        raise ValueError(f"{where}.num_nodes must be a whole number, got {given!r}")
    rows = [value.size(0) for value in (x, store.get("train_mask"), store.get("y")) if _has_rows(value)]
    if given is None and not rows:
        raise ValueError(f"the number of nodes of type {name!r} is not known; set {where}.num_nodes, or {where}.x")
    count = int(given) if given is not None else rows[0]
    if _has_rows(x) and count != rows[0]:
        raise ValueError(f"{where}.num_nodes is {count}, but {where}.x has {rows[0]} rows; delete num_nodes")
    if count < 1:
        raise ValueError(f"node type {name!r} has {count} nodes; leave it and its relations out: del {where}")
    if count > MOST_NODES:
        raise ValueError(f"{where}.num_nodes must be at most {MOST_NODES}, got {count}; set the number of its nodes")
    return count


def _has_rows(value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0


def check_relation(
    store: checks.Attributes, relation: EdgeType, counts: Mapping[str, int], notes: list[str]
) -> tuple[Tensor, Tensor]:
    """Return ``edge_index`` of a relation without duplicates, and the weights of its edges.

    Args:
        store: What the graph holds of the relation.
        relation: Its type.
        counts: Number of nodes of each type.
        notes: Get a sentence for what was mended.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: a tensor of the wrong shape, or a number that is no node.
    """
    where = holder(relation)
    given = {name: store.get(name) for name in ("edge_index", "adj_t", "edge_weight", "weight")}
    if given["edge_index"] is None and given["adj_t"] is None:
        raise ValueError(f"{where}.edge_index is missing; set it, or leave the relation out: del {where}")
    read = with_edges(Data(num_nodes=0, **{name: value for name, value in given.items() if value is not None}), where)
    (read,) = with_weights([read], notes, where)
    edge_index = checks.check_edge_index(read, where)
    if given["edge_index"] is None:
        _check_shape(given["adj_t"], relation, counts)
    for side, (end, name) in enumerate((("sources", relation[0]), ("targets", relation[2]))):
        if not edge_index.numel():
            break
        lowest, highest = map(int, torch.aminmax(edge_index[side]))
        if lowest < 0 or highest >= counts[name]:
            raise ValueError(
                f"{where}.edge_index[{side}], the {end}, must lie in [0, {counts[name] - 1}] (there are "
                f"{counts[name]} nodes of type {name!r}), got values from {lowest} to {highest}"
            )
    largest = max(counts[relation[0]], counts[relation[2]])
    return checks.merged(edge_index, read.get("edge_weight"), largest, notes, where)


def _check_shape(adj_t: Any, relation: EdgeType, counts: Mapping[str, int]) -> None:  # noqa: ANN401
    """Raise ``ValueError`` unless a transposed adjacency has a row for each target and a column for each source."""
    expected, found = (counts[relation[2]], counts[relation[0]]), (adj_t.size(0), adj_t.size(1))
    if found != expected:
        raise ValueError(
            f"{holder(relation)}.adj_t must have a row for each node of type {relation[2]!r} and a column for each of "
            f"{relation[0]!r}, {expected}, got {found}; it is the transposed adjacency"
        )


def check_joined(data: HeteroData, edges: Mapping[EdgeType, Tensor]) -> None:
    """Raise ``ValueError`` for a type of nodes whose relations hold no edge at all."""
    joined = {name for relation, index in edges.items() if index.size(1) for name in (relation[0], relation[2])}
    for name in data.node_types:
        if name not in joined:
            _refuse_alone(data, name)


def direction_notes(
    edges: Mapping[EdgeType, Tensor], weights: Mapping[EdgeType, Tensor], counts: Mapping[str, int], node_type: str
) -> list[str]:
    """Return what there is to say of the directions of edges, along which messages flow."""
    used = [relation for relation, index in edges.items() if index.size(1)]
    if not any(relation[2] == node_type for relation in used):
        return [f"No relation leads to {node_type!r}, so that no message reaches it; {UNDIRECTED}."]
    ends = Counter((source, target) for source, _, target in used)

    def has_reverse(relation: EdgeType) -> bool:
        source, _, target = relation
        if source != target or ends[source, target] > 1:  # of several, one may be the reverse of another
            return ends[target, source] > 0
        return survey(edges[relation], weights[relation], counts[source]).undirected

    alone = [relation for relation in used if not has_reverse(relation)]
    if not alone:
        return []
    return [
        f"Edges were used as given (messages flow along them), and there are no reverse edges of {named(alone)}; "
        f"{UNDIRECTED}."
    ]
