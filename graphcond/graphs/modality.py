"""Sets of graphs, as the pipeline takes them."""

from dataclasses import replace
from typing import Any

from graphcond.condensed import condensed_dataset
from graphcond.core.allocation import require_total
from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.core.ranges import without_missing
from graphcond.core.size import Size
from graphcond.graphs.budget import GraphBudget, expected_graphs
from graphcond.graphs.format import GRAPH_FORMAT
from graphcond.graphs.methods import METHODS
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.reading import HasGraphSplit, read_graphs
from graphcond.graphs.splits import FOLDS
from graphcond.graphs.task import GraphTask
from graphcond.pyg.containers import is_graph_dataset


def _for_method(task: GraphTask, method: GraphMethod) -> GraphTask:
    """Return the task with a note if the method leaves the weights of edges out."""
    if task.train.edge_weight is None or method.keeps_weights:
        return task
    others = ", ".join(sorted(other.name for other in METHODS.classes if other.keeps_weights))
    name = METHODS.name_of(method)
    note = f"data.edge_weight was not used: to method={name!r} all edges count alike; these keep it: {others}."
    return replace(task, notes=(*task.notes, note))


def _for_size(task: GraphTask, size: Size, _: GraphMethod) -> GraphTask:
    """Return the task with strata that stand for classes, where there are none.

    Raises:
        ValueError: a number of graphs of each class is asked for, and there are none.
    """
    require_total(size, task.targets, "graphs")
    return task.stratified(expected_graphs(task, size))


def _request(size: Size, task: GraphTask, _: GraphMethod) -> Requested:
    budget = GraphBudget(size)
    if size.kind not in ("bytes", "everything"):
        budget.allocate(task.class_counts)  # an impossible size is refused before any work is done
    return Requested(budget, {"size": str(size)}, {})


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
        "num_classes": task.targets.outputs,
        "num_train": len(train),
        "split": task.split,
        **task.targets.source,
    }


def _deliver(result: SyntheticGraphs, task: GraphTask, _: Requested, __: GraphMethod) -> Delivered:
    items = GRAPH_FORMAT.canonical([item.to("cpu") for item in result.items])
    finite = tuple(without_missing(item.to_dict()) for item in items)
    return Delivered(items, GRAPH_FORMAT.spent(items, task.targets.outputs), finite, result.notes)


GRAPHS = Modality(
    name="graphs",
    task=GraphTask,
    accepts=is_graph_dataset,
    read=read_graphs,
    reading=frozenset({"split", "target"}),
    splits=lambda dataset: 1 if isinstance(dataset, HasGraphSplit) else FOLDS,
    methods=METHODS,
    sizes=frozenset({"count", "ratio", "per_class", "bytes", "everything"}),
    usual_size=Size.ratio(0.01),
    for_method=_for_method,
    for_size=_for_size,
    request=_request,
    validation=_validation,
    source=_source,
    deliver=_deliver,
    condensed=condensed_dataset,
)
