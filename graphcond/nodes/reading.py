"""From whatever users hold (PyG datasets, ``Data``, OGB datasets) to one validated ``NodeTask``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import index_to_mask

from graphcond.core.inputs import no_dataset
from graphcond.core.target_reading import (
    check_columns,
    classes_and_columns,
    kind_of,
    published_kind,
    targets_of,
)
from graphcond.core.targets import Kind, SingleLabel, Targets
from graphcond.nodes import checks
from graphcond.nodes.feature_choice import with_features
from graphcond.nodes.singular_vectors import SingularVectors, resolve_target, without_labels
from graphcond.nodes.structural_features import Degrees, EdgeMeans, Eigenvectors, count_nodes, edge_features
from graphcond.nodes.task import Graph, NodePart, NodeTask
from graphcond.pyg.adjacency import with_edges, with_weights
from graphcond.pyg.attributes import OF_NODES, unused_notes
from graphcond.pyg.containers import is_collection, refuse_several_types

MASKS = ("train_mask", "val_mask", "test_mask")


@runtime_checkable
class HasNodeSplit(Protocol):
    """OGB's datasets: the split is a dictionary of node numbers, not masks."""

    def get_idx_split(self) -> dict[str, Any]:
        """Return node numbers under ``train``, ``valid`` and ``test``."""


def read_nodes(
    dataset: object, *, split: int = 0, inductive: bool = False, target: Kind | SingularVectors | None = None,
    features: object = None,
) -> NodeTask:  # fmt: skip
    """Read and check a dataset of one graph whose nodes have a class, several labels or numbers each, or no label.

    Args:
        dataset: A PyG dataset with one graph, a ``Data`` with ``x``, ``edge_index``, ``y`` and masks, or OGB's
            ``PygNodePropPredDataset``. It is not changed.
        split: Which column to take where the masks have several.
        inductive: Give each split its own induced subgraph, so that the condensed graph is the training subgraph.
        target: What ``y`` holds, ``"single_label"``, ``"multi_label"`` or ``"regression"``; ``None``: what OGB says of
            its own datasets, else what the values look like (:func:`graphcond.core.target_reading.kind_of`). Or
            singular vectors that nodes learn in place of labels, which are not read then; they are the default of a
            graph without ``y``.
        features: What is made where there is no ``x``, see :func:`graphcond.node_features`; ``None``: what is best on
            validation nodes.

    Raises:
        TypeError: not a node dataset, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    (data,) = with_weights([with_edges(_single_graph(dataset))], notes)
    if featureless := data.x is None:
        x = torch.arange(count_nodes(data), device=_device(data)).unsqueeze(1)  # until there are features
    else:
        checks.check_no_other_features(features)
        x = checks.check_features(data)
    num_nodes = x.size(0)
    edge_index, edge_weight, undirected = checks.check_edges(data, num_nodes, notes)
    made = _made(data, target, notes)
    if made is None:
        assert not isinstance(target, SingularVectors)
        y, targets, kind = read_labels(dataset, data, target, num_nodes)
        y = y.to(x.device)
    else:
        y, targets = torch.zeros(num_nodes, dtype=torch.long, device=x.device), None  # until there are vectors
    train, val, test = read_masks(data, split, y, notes, required=made is None)
    learned = learned_of((y, targets, kind), train, notes, flat=data.y.dim() == 1) if made is None else SingleLabel(1)
    graph = Graph(x, edge_index, edge_weight, y, undirected, None if targets is None else targets.to(x.device))
    task = NodeTask(
        train=_as_split(graph, train, inductive),
        val=_as_split(graph, val, inductive),
        test=_as_split(graph, test, inductive),
        targets=learned,
        inductive=inductive,
        split=split,
        name=_name(dataset),
        notes=tuple(notes),
        metric=learned.metric,
    )
    if featureless:
        usual = None if made is None else Degrees() if inductive else Eigenvectors()  # no label tells what is best
        task = with_features(task, edge_features(data, num_nodes), features or usual)
    if made is not None:
        task = without_labels(task, made)
    used = OF_NODES | {"edge_attr"} if task.features == EdgeMeans.name else OF_NODES
    return replace(task, notes=(*unused_notes(data, used), *task.notes))


def recorded_reading(dataset: object, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return how :func:`read_nodes` reads a dataset as it was condensed, by what the record says of it.

    No features are made where the dataset has some, such as those that :func:`graphcond.node_features` made.

    Raises:
        ValueError: it has none, and what was condensed had features of its own.
    """
    reading = {
        "split": source.get("split", 0),
        "inductive": source.get("inductive", False),
        "target": resolve_target(source.get("target")),
    }
    if not source or _single_graph(dataset).x is not None:
        return reading
    if "features" not in source:
        raise ValueError("data.x is missing, and what was condensed had features; pass the dataset with those")
    return reading | {"features": str(source["features"])}


def has_labels(dataset: object) -> bool:
    """Return whether nodes of a dataset of one graph have ``y``."""
    return _single_graph(dataset).y is not None


def _device(data: Data) -> torch.device | None:
    return data.edge_index.device if isinstance(data.edge_index, Tensor) else None


def _made(data: Data, target: Kind | SingularVectors | None, notes: list[str]) -> SingularVectors | None:
    """Return what nodes learn in place of labels; ``None``: they have labels, or shall have."""
    if isinstance(target, SingularVectors):
        return target
    if target is not None or data.y is not None:
        return None
    notes.append(
        f"data.y is missing, so nodes learn {SingularVectors()} of their features, without labels; "
        'graphcond.evaluate(..., protocol="linear_probe") scores the result on a graph with labels.'
    )
    return SingularVectors()


def read_labels(
    dataset: object, data: checks.Attributes, target: Kind | None, num_nodes: int, where: str = "data"
) -> tuple[Tensor, Tensor | None, Kind]:
    """Return what labelled nodes have as classes, and as columns, see :func:`classes_and_columns`, and of which kind.

    Args:
        dataset: What the user passed, which may name the kind.
        data: The holder of ``y``.
        target: The kind that is asked for; ``None``: that of the dataset, or what the values look like.
        num_nodes: Number of nodes.
        where: What messages call the holder.
    """
    name = f"{where}.y"
    y = checks.check_targets(data, num_nodes, where)
    kind = kind_of(y, target or published_kind(dataset), name)
    return (*classes_and_columns(y, kind, f"; {checks.NUMBERS}", name), kind)


def learned_of(
    labels: tuple[Tensor, Tensor | None, Kind], train: Tensor, notes: list[str], *, flat: bool, where: str = "data"
) -> Targets:
    """Return what is learned of the nodes, all of which the training nodes tell.

    Args:
        labels: What :func:`read_labels` returned.
        train: The mask of the training nodes.
        notes: Get a sentence for each column that the training nodes do not tell.
        flat: Whether ``y`` has the shape ``(n,)``.
        where: What messages call the holder of ``y``.
    """
    y, targets, kind = labels
    if targets is None:
        return SingleLabel(checks.check_classes(y, train, where))
    check_columns(targets, kind, f"{where}.y")
    return targets_of(kind, targets, train, notes, flat=flat)


def _single_graph(dataset: object) -> Data:
    refuse_several_types(dataset, "dataset")
    if isinstance(dataset, Data):
        return dataset
    if not is_collection(dataset):
        expected = (
            "a PyG dataset, a Data or HeteroData, a list of graphs, a pair (x, y) of images, or a sparse matrix of "
            "users x items"
        )
        raise no_dataset(dataset, expected)
    if len(dataset) != 1:
        raise ValueError(
            f"the dataset holds {len(dataset)} graphs; only node classification on one graph is supported yet: "
            "pass one graph, dataset[i]"
        )
    data = dataset[0]
    refuse_several_types(data, "dataset[0]")
    if not isinstance(data, Data):
        raise TypeError(f"dataset[0] must be a torch_geometric.data.Data, got {type(data).__name__}")
    if isinstance(dataset, HasNodeSplit) and "train_mask" not in data:
        data = _with_masks(data, dataset.get_idx_split())
    return data


def _with_masks(data: Data, split: dict[str, Any]) -> Data:
    data = data.clone()
    for name, key in zip(MASKS, ("train", "valid", "test"), strict=True):
        data[name] = index_to_mask(torch.as_tensor(split[key]).long(), size=data.num_nodes)
    return data


def read_masks(
    data: checks.Attributes, split: int, y: Tensor, notes: list[str], *, required: bool = True, where: str = "data"
) -> Iterable[Tensor]:
    """Return the masks of the parts, without unlabelled nodes.

    Args:
        data: The holder of the masks.
        split: Which of their columns is taken.
        y: ``(num_nodes,)``, -1 where there is no label.
        notes: Get a sentence for unlabelled nodes.
        required: Whether ``train_mask`` has to be there; without it, all nodes that no other names are for training.
        where: What messages call the holder.
    """
    masks = {
        name: checks.check_mask(data, name, len(y), split, required=required and name == "train_mask", where=where).to(
            y.device
        )
        for name in MASKS
    }
    if data.get("train_mask") is None:
        masks["train_mask"] = ~(masks["val_mask"] | masks["test_mask"])
    checks.check_disjoint(masks, where)
    if not masks["train_mask"].any():
        raise ValueError(f"{where}.train_mask selects no node; mark the labelled nodes to learn from")
    for name, mask in masks.items():
        unlabelled = mask & (y < 0)
        if unlabelled.any():
            notes.append(f"{int(unlabelled.sum())} nodes of {where}.{name} have no label and were left out of it.")
            masks[name] = mask & ~unlabelled
    if not masks["train_mask"].any():
        raise ValueError(f"no node of {where}.train_mask has a label; label some ({where}.y >= 0)")
    return masks.values()


def _as_split(graph: Graph, mask: Tensor, inductive: bool) -> NodePart:
    nodes = mask.nonzero().flatten()
    if not inductive:
        return NodePart(graph, nodes)
    return NodePart(graph.induced(nodes), torch.arange(len(nodes), device=nodes.device))


def _name(dataset: object) -> str:
    name = getattr(dataset, "name", None)
    return name if isinstance(name, str) else type(dataset).__name__
