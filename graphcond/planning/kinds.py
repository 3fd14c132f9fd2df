"""The kinds of datasets whose condensation can be planned, a value for each: sizes, and random datasets to try."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data, Dataset, HeteroData

from graphcond.core.modality import Modality
from graphcond.core.size import Size
from graphcond.core.target_reading import kind_of
from graphcond.core.targets import Kind
from graphcond.datasets import entry
from graphcond.datasets.entries import Entry
from graphcond.datasets.folders import Folder, load_folder
from graphcond.hetero import checks
from graphcond.hetero.containers import graph_of
from graphcond.hetero.cost_model import HeteroShape
from graphcond.hetero.features import usual_widths
from graphcond.hetero.modality import HETERO
from graphcond.hetero.modality import allocation_of as hetero_allocation_of
from graphcond.hetero.task import EdgeType
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.modality import NODES, allocation_of, counted
from graphcond.nodes.singular_vectors import SingularVectors
from graphcond.nodes.structural_features import EdgeFactorization, count_nodes
from graphcond.planning.machine import AnyShape, random_graph, random_hetero
from graphcond.recognition import modality_of

LOADED = 16  # bytes of an edge in memory
READ = 20  # bytes of an edge of a heterogeneous graph, and of its weight, once duplicates are looked for
MADE_FEATURES = EdgeFactorization().columns  # of nodes without features


@dataclass(frozen=True)
class Measured:
    """What is known of a dataset.

    Args:
        shape: Its size.
        loaded: Bytes that loading it and making its features will take beyond those taken already.
        kind: Of its targets.
    """

    shape: Any
    loaded: int
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Plannable:
    """How the condensation of a kind of dataset is planned.

    Args:
        modality: The kind.
        of_task: The size of a task: ``(task)``.
        of_entry: What is known of a dataset of the catalogue: ``(entry)``.
        of_dataset: What is known of a dataset that is not read yet: ``(dataset)``.
        counted: A number of bytes as a number of nodes, other sizes as they are: ``(size, measured, method)``.
        allocation: Synthetic nodes of each class: ``(size, shape)``.
        sample: A random dataset of a size: ``(shape)``.
    """

    modality: Modality
    of_task: Callable[[Any], AnyShape]
    of_entry: Callable[[Entry], Measured]
    of_dataset: Callable[[Any], Measured]
    counted: Callable[[Size, Measured, Any], Size]
    allocation: Callable[[Size, Any], Tensor]
    sample: Callable[[Any], object]


def _even(shape: AnyShape) -> Tensor:
    """Return as many training nodes for each class."""
    return torch.full((shape.num_classes,), max(1, shape.num_train // shape.num_classes))


def _counted_nodes(size: Size, known: Measured, method: NodeMethod) -> Size:
    shape: Shape = known.shape
    classes = known.kind == "single_label" and not method.label_free
    outputs = SingularVectors().columns if method.label_free else shape.num_classes
    most = shape.num_train if method.capped_by_class else shape.num_nodes
    return counted(size, method, NodeBytes(shape.num_features, outputs, classes), most)


def _allocated_nodes(size: Size, shape: Shape) -> Tensor:
    return _even(shape) if size.kind == "everything" else allocation_of(size, shape.num_nodes, _even(shape))


def _nodes_entry(found: Entry) -> Measured:
    if isinstance(found.loader, Folder):
        return _nodes_dataset(load_folder(found.loader.path))
    shape = Shape(
        num_nodes=found.num_nodes,
        num_edges=found.num_edges,
        num_features=found.num_features or MADE_FEATURES,
        num_classes=found.num_targets if found.target != "single_label" else found.num_classes,
        num_train=found.num_nodes // 2,
    )
    return Measured(shape, shape.rows_bytes(shape.num_features) + LOADED * shape.num_edges, found.target)


def _nodes_dataset(dataset: object) -> Measured:
    data = dataset[0] if isinstance(dataset, Dataset) and len(dataset) == 1 else dataset
    if not isinstance(data, Data) or data.edge_index is None or data.y is None:
        raise TypeError(_expected(dataset))
    nodes = count_nodes(data) if data.x is None else len(data.x)
    kind, classes, known = _labels(data, nodes)
    shape = Shape(
        num_nodes=nodes,
        num_edges=data.edge_index.size(1),
        num_features=MADE_FEATURES if data.x is None else data.x.size(1),
        num_classes=classes,
        num_train=known,
    )
    return Measured(shape, 0, kind)


def _labels(store: Any, nodes: int) -> tuple[Kind, int, int]:  # noqa: ANN401 (a graph, or its labelled type)
    """Return the kind of targets, how many classes or columns there are, and how many training nodes."""
    mask, y = store.get("train_mask"), store.y
    known = nodes // 2 if mask is None else int((mask if mask.dim() == 1 else mask[:, 0]).sum())
    kind = kind_of(y, None)
    columns = y.reshape(len(y), -1).size(1)
    return kind, int(y.nan_to_num(-1).max()) + 1 if kind == "single_label" else columns, max(known, 1)


def _expected(dataset: object) -> str:
    return (
        "dataset must be a name, a folder, a HeteroData with y, or a PyG dataset with one graph that has edge_index "
        f"and y, got {type(dataset).__name__}"
    )


def _hetero_entry(found: Entry) -> Measured:
    edges: dict[EdgeType, int] = {}
    for source, name, target, count in found.relations:  # as loaded, with reverse relations
        edges[source, name, target] = count * (2 if source == target else 1)
        if source != target:
            edges[target, f"rev_{name}", source] = count
    node_type, labelled = found.types[0]
    shape = HeteroShape(
        nodes=dict(found.types),
        features=usual_widths(dict.fromkeys(dict(found.types)) | {node_type: found.num_features}, edges),
        edges=edges,
        node_type=node_type,
        num_classes=found.num_targets if found.target != "single_label" else found.num_classes,
        num_train=labelled // 2,
    )
    return Measured(shape, shape.features_bytes + (LOADED + READ) * shape.num_edges, found.target)


def _hetero_dataset(dataset: object) -> Measured:
    data: HeteroData = graph_of(dataset)
    checks.check_types(data)
    node_type = checks.labelled_type(data, None)
    nodes = {name: checks.count_nodes(store, name) for name, store in data.node_items()}
    edges = {relation: int(store.num_edges) for relation, store in data.edge_items()}
    given = {name: None if (x := store.get("x")) is None else int(x.size(1)) for name, store in data.node_items()}
    kind, classes, known = _labels(data[node_type], nodes[node_type])
    shape = HeteroShape(
        nodes=nodes,
        features=usual_widths(given, edges),
        edges=edges,
        node_type=node_type,
        num_classes=classes,
        num_train=known,
    )
    made = replace(shape, nodes={name: count for name, count in nodes.items() if given[name] is None})
    return Measured(shape, made.features_bytes + READ * shape.num_edges, kind)


PLANNED = {
    "nodes": Plannable(
        modality=NODES,
        of_task=Shape.of,
        of_entry=_nodes_entry,
        of_dataset=_nodes_dataset,
        counted=_counted_nodes,
        allocation=_allocated_nodes,
        sample=random_graph,
    ),
    "hetero": Plannable(
        modality=HETERO,
        of_task=HeteroShape.of,
        of_entry=_hetero_entry,
        of_dataset=_hetero_dataset,
        counted=lambda size, *_: size,
        allocation=lambda size, shape: hetero_allocation_of(size, shape.num_labelled, _even(shape)),
        sample=random_hetero,
    ),
}
"""What can be planned, by the name of the modality."""


def known_of(dataset: object) -> tuple[Plannable, Measured]:
    """Return how the condensation of a dataset is planned, and what is known of it.

    Args:
        dataset: A name of the catalogue, a folder, a dataset or a task.

    Raises:
        TypeError: its condensation cannot be planned.
    """
    if isinstance(dataset, str | Path):
        found = entry(dataset)
        if found.task not in PLANNED:
            raise TypeError(f"plan is for datasets with classified nodes so far, and {found.name!r} holds {found.task}")
        return PLANNED[found.task], PLANNED[found.task].of_entry(found)
    modality = modality_of(dataset)
    if modality.name not in PLANNED:
        raise TypeError(_expected(dataset))
    planned = PLANNED[modality.name]
    if isinstance(dataset, modality.task):
        return planned, Measured(planned.of_task(dataset), 0, dataset.targets.kind)  # type: ignore[attr-defined]
    return planned, planned.of_dataset(dataset)
