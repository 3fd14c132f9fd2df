"""What ``condense`` does with a node dataset."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.record import Record
from graphcond.core.run_conditions import Conditions, require_finite, settings_of
from graphcond.core.runtime.costs import Costs, measured
from graphcond.core.runtime.memory import held_memory
from graphcond.core.runtime.out_of_core import Place, Spill, in_memory
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.budget import Budget
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import NodeTask

logger = logging.getLogger(__name__)


def condense_nodes(
    dataset: object, budget: Budget, method: NodeMethod, conditions: Conditions, *, split: int, inductive: bool
) -> CondensedDataset:
    """Return a node dataset condensed by a method."""
    conditions.check(method)
    task = read_nodes(dataset, split=split, inductive=inductive)
    allocation = budget.allocate(task.train.graph.num_nodes, task.class_counts)
    for note in task.notes:
        logger.warning(note)
    run = conditions.run(method, lambda: _identity(method, task, allocation))
    with (
        room(method, Shape.of(task), conditions.memory) as place,
        measured(conditions.device) as costs,
        seeded(conditions.seed),
    ):
        given = (task if method.reads_sparse else task.dense()).to(conditions.device)
        result = method.condense(given, allocation, replace(run, place=place))
    data = as_data(result)
    require_finite(method, data.to_dict())
    task = replace(task, notes=(*task.notes, *conditions.notes(method, result.choices)))
    notes = list(result.notes)
    if data.num_nodes < (asked := int(allocation.sum())):
        notes.append(f"{method.label} made {data.num_nodes} nodes of the {asked} asked; it never makes more.")
    for note in notes:
        logger.warning(note)
    task = replace(task, notes=(*task.notes, *notes))
    record = _record(method, task, budget, allocation, result, data, costs, conditions)
    return CondensedDataset([data], record, result.members)


@contextmanager
def room(method: NodeMethod, shape: Shape, memory: int | None) -> Iterator[Place]:
    """Yield where large tensors are kept so that a method needs no more memory than it may have.

    Raises:
        ValueError: it needs more in any case.
    """
    _, in_files = method.work(shape).fitted(memory, held_memory(), method.label)
    if not in_files:
        yield in_memory
        return
    with Spill() as spill:
        yield spill


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


def _identity(method: NodeMethod, task: NodeTask, allocation: Tensor) -> dict[str, str]:
    """Return what a run's bits depend on, by which its checkpoint is recognised."""
    return {
        "method": repr(method),
        "source": task.fingerprint(),
        "validation nodes": task.val.fingerprint(),
        "nodes per class": str(allocation.tolist()),
    }


def _record(
    method: NodeMethod,
    task: NodeTask,
    budget: Budget,
    allocation: Tensor,
    result: SyntheticNodes,
    data: Data,
    costs: Costs,
    conditions: Conditions,
) -> Record:
    graph = task.train.graph
    source: dict[str, Any] = {
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
    spent = {
        "nodes": data.num_nodes,
        "edges": data.num_edges,
        "bytes": sum(value.numel() * value.element_size() for value in data.to_dict().values()),
        "nodes_per_class": torch.bincount(data.y, minlength=task.num_classes).tolist(),
    }
    asked = budget.asked() | ({"ratio_of": budget.ratio_of} if budget.ratio is not None else {})
    return Record(
        method=method.label,
        settings=settings_of(method),
        choices=result.choices,
        seed=conditions.seed,
        device=str(conditions.device),
        processes=conditions.processes.count,
        source=source,
        budget={"asked": asked, "allocated": allocation.tolist(), "spent": spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=task.notes,
    )
