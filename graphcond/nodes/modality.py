"""Graphs with labelled nodes, as the pipeline takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.core.runtime.memory import held_memory
from graphcond.core.runtime.out_of_core import Place, Spill, in_memory
from graphcond.nodes.budget import Budget
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.task import NodeTask


def _request(budget: Budget, task: NodeTask, _: NodeMethod) -> Requested:
    allocation = budget.allocate(task.train.graph.num_nodes, task.class_counts)
    counts = allocation.tolist()
    asked = budget.asked() | ({"ratio_of": budget.ratio_of} if budget.ratio is not None else {})
    return Requested(allocation, {"nodes per class": str(counts)}, {"asked": asked, "allocated": counts})


def _validation(task: NodeTask) -> dict[str, str]:
    return {"validation nodes": task.val.fingerprint()}


def _source(task: NodeTask) -> dict[str, Any]:
    graph = task.train.graph
    return {
        "name": task.name,
        "fingerprint": task.fingerprint(),
        "num_nodes": graph.num_nodes,
        "num_edges": graph.edge_index.size(1),
        "num_features": graph.x.size(1),
        "num_classes": task.num_classes,
        "num_train": len(task.train.nodes),
        "inductive": task.inductive,
        "split": task.split,
    }


def _prepare(task: NodeTask, method: NodeMethod, device: torch.device) -> NodeTask:
    return (task if method.reads_sparse else task.dense()).to(device)


@contextmanager
def _place(method: NodeMethod, task: NodeTask, memory: int | None) -> Iterator[Place]:
    """Yield where large tensors are kept so that a method needs no more memory than it may have.

    Raises:
        ValueError: it needs more in any case.
    """
    _, in_files = method.work(Shape.of(task)).fitted(memory, held_memory(), method.label)
    if not in_files:
        yield in_memory
        return
    with Spill() as spill:
        yield spill


def _deliver(result: SyntheticNodes, task: NodeTask, requested: Requested, method: NodeMethod) -> Delivered:
    data, notes = as_data(result), list(result.notes)
    if data.num_nodes < (asked := int(requested.size.sum())):
        notes.append(f"{method.label} made {data.num_nodes} nodes of the {asked} asked; it never makes more.")
    return Delivered([data], NODE_FORMAT.spent([data], task.num_classes), (data.to_dict(),), tuple(notes))


def as_data(result: SyntheticNodes) -> Data:
    """Return synthetic nodes as a plain PyG ``Data`` on the CPU, with self-loops where the method made no edges."""
    count = result.x.size(0)
    loops = torch.arange(count).repeat(2, 1)
    edge_index = loops if result.edge_index is None else result.edge_index
    edge_weight = torch.ones(edge_index.size(1)) if result.edge_weight is None else result.edge_weight
    node_weight = torch.ones(count) if result.node_weight is None else result.node_weight
    tensors: dict[str, Tensor] = {
        "x": result.x,
        "edge_index": edge_index,
        "edge_weight": edge_weight,
        "y": result.y,
        "node_weight": node_weight / node_weight.mean(),
        "train_mask": torch.ones(count, dtype=torch.bool),
    }
    if result.y_soft is not None:
        tensors["y_soft"] = result.y_soft
    return Data(**{name: value.detach().cpu().contiguous() for name, value in tensors.items()})


NODES = Modality(
    name="nodes",
    methods=METHODS,
    request=_request,
    validation=_validation,
    source=_source,
    prepare=_prepare,
    place=_place,
    deliver=_deliver,
)
