"""From whatever users hold (PyG datasets, ``Data``, OGB datasets) to one validated ``NodeTask``."""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import index_to_mask

from graphcond.core.inputs import no_dataset
from graphcond.nodes import checks
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


def read_nodes(dataset: object, *, split: int = 0, inductive: bool = False) -> NodeTask:
    """Read and check a node-classification dataset.

    Args:
        dataset: A PyG dataset with one graph, a ``Data`` with ``x``, ``edge_index``, ``y`` and masks, or OGB's
            ``PygNodePropPredDataset``. It is not changed.
        split: Which column to take where the masks have several.
        inductive: Give each split its own induced subgraph, so that the condensed graph is the training subgraph.

    Raises:
        TypeError: not a node dataset, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    (data,) = with_weights([with_edges(_single_graph(dataset))], notes)
    notes += unused_notes(data, OF_NODES)
    x = checks.check_features(data)
    num_nodes = x.size(0)
    edge_index, edge_weight, undirected = checks.check_edges(data, num_nodes, notes)
    y = checks.check_labels(data, num_nodes).to(x.device)
    train, val, test = _masks(data, num_nodes, split, y, notes)
    num_classes = checks.check_classes(y, train)
    graph = Graph(x, edge_index, edge_weight, y, undirected)
    return NodeTask(
        train=_as_split(graph, train, inductive),
        val=_as_split(graph, val, inductive),
        test=_as_split(graph, test, inductive),
        num_classes=num_classes,
        inductive=inductive,
        split=split,
        name=_name(dataset),
        notes=tuple(notes),
    )


def _single_graph(dataset: object) -> Data:
    refuse_several_types(dataset, "dataset")
    if isinstance(dataset, Data):
        return dataset
    if not is_collection(dataset):
        expected = (
            "a PyG dataset or Data, a list of graphs, a pair (x, y) of images, or a sparse matrix of users x items"
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


def _masks(data: Data, num_nodes: int, split: int, y: Tensor, notes: list[str]) -> Iterable[Tensor]:
    masks = {
        name: checks.check_mask(data, name, num_nodes, split, required=name == "train_mask").to(y.device)
        for name in MASKS
    }
    checks.check_disjoint(masks)
    if not masks["train_mask"].any():
        raise ValueError("data.train_mask selects no node; mark the labelled nodes to learn from")
    for name, mask in masks.items():
        unlabelled = mask & (y < 0)
        if unlabelled.any():
            notes.append(f"{int(unlabelled.sum())} nodes of data.{name} have no label and were left out of it.")
            masks[name] = mask & ~unlabelled
    if not masks["train_mask"].any():
        raise ValueError("no node of data.train_mask has a label; label some (data.y >= 0)")
    return masks.values()


def _as_split(graph: Graph, mask: Tensor, inductive: bool) -> NodePart:
    nodes = mask.nonzero().flatten()
    if not inductive:
        return NodePart(graph, nodes)
    return NodePart(graph.induced(nodes), torch.arange(len(nodes), device=nodes.device))


def _name(dataset: object) -> str:
    name = getattr(dataset, "name", None)
    return name if isinstance(name, str) else type(dataset).__name__
