"""From whatever users hold (``HeteroData``, PyG datasets, OGB's ogbn-mag) to one validated ``HeteroTask``."""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.target_reading import check_kind
from graphcond.hetero import checks
from graphcond.hetero.checks import holder
from graphcond.hetero.containers import graph_of, is_hetero
from graphcond.hetero.features import Relations, made_for, resolve_rule
from graphcond.hetero.scales import scale_notes
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroPart, HeteroTask
from graphcond.nodes.checks import check_features
from graphcond.nodes.reading import MASKS, learned_of, read_labels, read_masks
from graphcond.nodes.sparse import dense
from graphcond.nodes.structural_features import features_text
from graphcond.pyg.attributes import unused_notes
from graphcond.pyg.containers import is_collection

__all__ = ["is_hetero", "node_features", "read_hetero", "recorded_reading", "splits_of"]

OF_TYPES = frozenset({"x", "num_nodes"})
OF_LABELLED = OF_TYPES | {"y", *MASKS}
OF_RELATIONS = frozenset({"edge_index", "adj_t", "edge_weight"})
"""What is used of a type of nodes, of the labelled one, and of a relation."""


def read_hetero(
    dataset: object, *, split: int = 0, target: object = None, features: object = None, node_type: object = None
) -> HeteroTask:
    """Read and check a dataset of one heterogeneous graph, the nodes of one type of which have labels.

    Args:
        dataset: A ``HeteroData`` with ``y`` and masks of one type, a PyG dataset or list of exactly one, or OGB's
            ``PygNodePropPredDataset("ogbn-mag")``. It is not changed.
        split: Which column to take where the masks have several.
        target: What ``y`` holds, ``"single_label"``, ``"multi_label"`` or ``"regression"``; ``None``: what OGB says of
            its own datasets, else what the values look like (:func:`graphcond.core.target_reading.kind_of`).
        features: The rule by which types without ``x`` get features, see :func:`graphcond.node_features`; ``None``:
            ``"neighbour_means"``, and ``"singular_vectors"`` where no type has any.
        node_type: The type of nodes that is learned; ``None``: the one that has ``y``.

    Raises:
        TypeError: not a dataset of one heterogeneous graph, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    kind = check_kind(target)
    resolve_rule(features)
    data = graph_of(dataset)
    checks.check_types(data)
    mine = checks.labelled_type(data, node_type)
    _check_masks(data, mine)
    counts, edges, weights, x = _checked(data, mine, notes)
    notes += scale_notes(x)
    store, where = data[mine], holder(mine)
    labels = read_labels(dataset, store, kind, counts[mine], where)
    device = labels[0].device
    train, val, test = read_masks(store, split, labels[0], notes, where=where)
    learned = learned_of(labels, train, notes, flat=store.y.dim() == 1, where=where)
    made, text = dict[str, Tensor](), None
    if features is not None and len(x) == len(counts):
        raise ValueError(
            f"features={features!r} is for node types without features, and all types have x; leave features out"
        )
    if len(x) < len(counts):
        rule = resolve_rule(features, some=bool(x))
        made = made_for(Relations(counts, edges, weights), x, rule)
        text = features_text(rule)  # type: ignore[arg-type]
        notes.append(_made_note(list(made), text))
    graph = HeteroGraph(
        x={name: (x[name] if name in x else made[name]).to(device) for name in counts},
        edges={relation: value.to(device) for relation, value in edges.items()},
        weights={relation: value.to(device) for relation, value in weights.items()},
        node_type=mine,
        y=labels[0],
        targets=labels[1],
    )
    return HeteroTask(
        train=HeteroPart(graph, train.nonzero().flatten()),
        val=HeteroPart(graph, val.nonzero().flatten()),
        test=HeteroPart(graph, test.nonzero().flatten()),
        targets=learned,
        split=split,
        name=_name(dataset),
        notes=(*_unused(data, mine), *notes),
        metric=learned.metric,
        features=text,
        made=tuple(made),
    )


def recorded_reading(dataset: object, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return how :func:`read_hetero` reads a dataset as it was condensed, by what the record says of it.

    No features are made for types that have some, such as those that :func:`graphcond.node_features` made.

    Raises:
        ValueError: a type has none, and what was condensed had features of its own.
    """
    reading = {"split": source.get("split", 0), "target": source.get("target"), "node_type": source.get("node_type")}
    if not source:
        return {"split": 0, "target": None}
    data = graph_of(dataset)
    missing = [name for name in data.node_types if data[name].get("x") is None]
    made = source.get("made")
    for name in missing:
        if name in source.get("node_types", {}) and not (isinstance(made, list | tuple) and name in made):
            raise ValueError(
                f"{holder(name)}.x is missing, and what was condensed had features there; pass the dataset with those"
            )
    return reading | ({"features": source.get("features")} if missing else {})


def node_features(data: HeteroData, features: object = None) -> HeteroData:
    """Return a copy of a graph with ``x`` for the types of nodes that had none, see :func:`graphcond.node_features`."""
    resolve_rule(features)
    if is_collection(data):
        raise TypeError(f"data must be a torch_geometric.data.HeteroData, got {type(data).__name__}; pass dataset[0]")
    given = graph_of(data)
    checks.check_types(given)
    counts, edges, weights, x = _checked(given, None, [])
    if len(x) == len(counts):
        raise ValueError("all node types have x, and features are made for types without; delete x of one to have some")
    result = copy.copy(given)
    rule = resolve_rule(features, some=bool(x))
    for name, value in made_for(Relations(counts, edges, weights), x, rule).items():
        result[name].x = value.to(next(iter(edges.values())).device)
    return result


def splits_of(dataset: object) -> int:
    """Return how many splits a dataset has: the columns of the masks."""
    masks = [mask for store in graph_of(dataset).node_stores if isinstance(mask := store.get("train_mask"), Tensor)]
    return max((int(mask.size(1)) for mask in masks if mask.dim() == 2), default=1)


def _checked(
    data: HeteroData, node_type: str | None, notes: list[str]
) -> tuple[dict[str, int], dict[EdgeType, Tensor], dict[EdgeType, Tensor], dict[str, Tensor]]:
    """Return numbers of nodes by type, edges and weights by relation, and the features that there are."""
    x = {
        name: dense(check_features(store, holder(name)))
        for name, store in data.node_items()
        if store.get("x") is not None
    }
    counts = {name: checks.count_nodes(store, name) for name, store in data.node_items()}
    edges, weights = {}, {}
    for relation, store in data.edge_items():
        edges[relation], weights[relation] = checks.check_relation(store, relation, counts, notes)
    checks.check_joined(data, edges)
    if node_type is not None:
        notes += checks.direction_notes(edges, weights, counts, node_type)
    return counts, edges, weights, x


def _check_masks(data: HeteroData, node_type: str) -> None:
    """Raise ``ValueError`` if nothing says which nodes are for training."""
    if data[node_type].get("train_mask") is None:
        where = holder(node_type)
        raise ValueError(
            f"{where}.train_mask is missing; mark the training nodes, e.g. with torch_geometric.transforms."
            "RandomNodeSplit(num_val=..., num_test=...), or pass OGB's dataset, which tells its split, not dataset[0]"
        )


def _made_note(made: list[str], text: str) -> str:
    return (
        f"The node type{'s' if len(made) > 1 else ''} {checks.named(made)} had no features; {text} were made from the "
        f"relations (graphcond.node_features(data, {text!r}) makes the same)."
    )


def _unused(data: HeteroData, node_type: str) -> list[str]:
    """Return a sentence for what is there and not used."""
    notes = []
    for name, store in data.node_items():
        notes += unused_notes(store.items(), OF_LABELLED if name == node_type else OF_TYPES, holder(name))
    for relation, store in data.edge_items():
        given = {name: value for name, value in store.items() if name != "weight" or "edge_weight" in store}
        notes += unused_notes(given.items(), OF_RELATIONS, holder(relation))
    return notes


def _name(dataset: object) -> str:
    name = getattr(dataset, "name", None) if is_collection(dataset) else None
    return name if isinstance(name, str) else type(dataset).__name__
