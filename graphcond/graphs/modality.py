"""Sets of graphs, as the pipeline takes them."""

from dataclasses import replace
from typing import Any

import torch

from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.graphs.budget import SIZES, GraphBudget
from graphcond.graphs.format import GRAPH_FORMAT
from graphcond.graphs.methods import METHODS
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.reading import Split, read_graphs
from graphcond.graphs.task import GraphTask


def graph_budget(sizes: dict[str, Any], method: GraphMethod) -> GraphBudget | None:
    """Return the size that was asked for; ``None`` of a method that needs none.

    Args:
        sizes: The arguments of :class:`GraphBudget`, those that were not given being ``None``.
        method: The method.
    """
    asked = any(sizes[name] is not None for name in SIZES)
    return GraphBudget(**sizes) if asked or method.sized else None


def read_for(method: GraphMethod, dataset: object, split: Split) -> GraphTask:
    """Return the task of a dataset, with a note if the method leaves the weights of edges out."""
    task = read_graphs(dataset, split=split)
    if task.train.edge_weight is None or method.keeps_weights:
        return task
    others = ", ".join(sorted(other.name for other in METHODS.classes if other.keeps_weights))
    note = f"data.edge_weight was not used: to method={method.label!r} all edges count alike; these keep it: {others}."
    return replace(task, notes=(*task.notes, note))


def _request(budget: GraphBudget | None, task: GraphTask, _: GraphMethod) -> Requested:
    asked = {} if budget is None else budget.asked()
    if budget is not None and budget.max_bytes is None:
        budget.allocate(task.class_counts)  # an impossible size is refused before any work is done
    return Requested(budget, {"size": str(asked)}, {"asked": asked})


def _validation(task: GraphTask) -> dict[str, str]:
    return {"validation graphs": task.val.fingerprint()}


def _source(task: GraphTask) -> dict[str, Any]:
    train = task.train
    return {
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


def _prepare(task: GraphTask, method: GraphMethod, device: torch.device) -> GraphTask:
    # Colours are integers, which are counted on the CPU; only what learns step by step gains from a device.
    return task.to(device) if method.stepwise else task


def _deliver(result: SyntheticGraphs, task: GraphTask, _: Requested, __: GraphMethod) -> Delivered:
    items = GRAPH_FORMAT.canonical([item.to("cpu") for item in result.items])
    return Delivered(
        items, GRAPH_FORMAT.spent(items, task.num_classes), tuple(item.to_dict() for item in items), result.notes
    )


GRAPHS = Modality(
    name="graphs",
    methods=METHODS,
    request=_request,
    validation=_validation,
    source=_source,
    prepare=_prepare,
    deliver=_deliver,
)
