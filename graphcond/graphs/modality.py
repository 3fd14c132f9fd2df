"""What ``condense`` does with a dataset of many graphs."""

import logging
from dataclasses import replace
from typing import Any

import torch

from graphcond.condensed import CondensedDataset
from graphcond.core.record import Record
from graphcond.core.run_conditions import Conditions, require_finite, settings_of
from graphcond.core.runtime.costs import Costs, measured
from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.budget import SIZES, GraphBudget
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.reading import Split, read_graphs
from graphcond.graphs.storage.packing import canonical, packed_bytes
from graphcond.graphs.task import GraphTask

logger = logging.getLogger(__name__)


def condense_graphs(
    dataset: object, sizes: dict[str, Any], method: GraphMethod, conditions: Conditions, *, split: Split
) -> CondensedDataset:
    """Return a dataset of graphs condensed by a method.

    Args:
        dataset: The dataset.
        sizes: The arguments of :class:`GraphBudget`, those that were not given being ``None``.
        method: The method.
        conditions: Seed, device and the like.
        split: As :func:`read_graphs` takes it.
    """
    conditions.check(method)
    asked = any(sizes[name] is not None for name in SIZES)
    budget = GraphBudget(**sizes) if asked or method.sized else None
    task = _told(read_graphs(dataset, split=split), method)
    if budget is not None and budget.max_bytes is None:
        budget.allocate(task.class_counts)  # an impossible size is refused before any work is done
    for note in task.notes:
        logger.warning(note)
    run = conditions.run(method, lambda: _identity(method, task, budget))
    with measured(conditions.device) as costs, seeded(conditions.seed):
        # Colours are integers, which are counted on the CPU; only what learns step by step gains from a device.
        result = method.condense(task.to(conditions.device) if method.stepwise else task, budget, run)
    for note in result.notes:
        logger.warning(note)
    items = canonical([item.to("cpu") for item in result.items])
    for item in items:
        require_finite(method, item.to_dict())
    task = replace(task, notes=(*task.notes, *conditions.notes(method, result.choices)))
    small = replace(result, items=items)
    return CondensedDataset(items, _record(method, task, budget, small, costs, conditions), result.members)


def _told(task: GraphTask, method: GraphMethod) -> GraphTask:
    """Return the task with a note if the method leaves the weights of edges out."""
    if task.train.edge_weight is None or method.keeps_weights:
        return task
    others = ", ".join(sorted(other.name for other in GRAPH_METHODS.classes if other.keeps_weights))
    note = f"data.edge_weight was not used: to method={method.label!r} all edges count alike; these keep it: {others}."
    return replace(task, notes=(*task.notes, note))


def _identity(method: GraphMethod, task: GraphTask, budget: GraphBudget | None) -> dict[str, str]:
    """Return what a run's bits depend on, by which its checkpoint is recognised."""
    return {
        "method": repr(method),
        "source": task.fingerprint(),
        "validation graphs": task.val.fingerprint(),
        "size": str({} if budget is None else budget.asked()),
    }


def _record(
    method: GraphMethod,
    task: GraphTask,
    budget: GraphBudget | None,
    result: SyntheticGraphs,
    costs: Costs,
    conditions: Conditions,
) -> Record:
    train, items = task.train, result.items
    source: dict[str, Any] = {
        "name": task.name,
        "fingerprint": task.fingerprint(),
        "num_graphs": len(train),
        "num_nodes": train.num_nodes,
        "num_edges": train.edge_index.size(1),
        "num_features": train.x.size(1),
        "num_classes": task.num_classes,
        "num_train": len(train),
        "split": task.split,
    }
    labels = torch.cat([item.y for item in items])
    spent = {
        "graphs": len(labels),
        "nodes": sum(item.x.size(0) for item in items),
        "edges": sum(item.edge_index.size(1) for item in items),
        "bytes": packed_bytes(items),
        "graphs_per_class": torch.bincount(labels, minlength=task.num_classes).tolist(),
    }
    return Record(
        method=method.label,
        settings=settings_of(method),
        choices=result.choices,
        seed=conditions.seed,
        device=str(conditions.device),
        processes=conditions.processes.count,
        source=source,
        budget={"asked": {} if budget is None else budget.asked(), "spent": spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=task.notes + result.notes,
    )
