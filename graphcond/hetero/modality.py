"""Heterogeneous graphs with one labelled type of nodes, as the pipeline takes them."""

from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.condensed import condensed_dataset
from graphcond.core.allocation import Available, allocate, require_total
from graphcond.core.fields import is_whole
from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.core.ranges import without_missing
from graphcond.core.size import Size
from graphcond.core.targets import Targets
from graphcond.hetero.format import HETERO_FORMAT, tensors_by_name
from graphcond.hetero.methods import METHODS
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.reading import is_hetero, node_features, read_hetero, splits_of
from graphcond.hetero.task import HeteroTask


def _read(
    dataset: object, *, split: object = 0, target: object = None, features: object = None, node_type: object = None
) -> HeteroTask:
    if not is_whole(split):
        raise TypeError(f"split must be a number for a heterogeneous graph, whose parts are masks, got {split!r}")
    return read_hetero(dataset, split=int(split), target=target, features=features, node_type=node_type)


def _for_size(task: HeteroTask, size: Size, _: HeteroMethod) -> HeteroTask:
    """Return the task with strata where nodes have no classes.

    Raises:
        ValueError: a number for each class is asked for.
    """
    require_total(size, task.targets, "nodes")
    if size.kind == "per_class":
        return task
    return task.stratified(size.among(len(task.train.nodes) if size.of == "train" else task.graph.num_labelled))


def _request(size: Size, task: HeteroTask, _: HeteroMethod) -> Requested:
    allocation = allocation_of(size, task.graph.num_labelled, task.class_counts)
    counts = allocation.tolist()
    return Requested(allocation, {"nodes per class": str(counts)}, {"allocated": counts})


def allocation_of(size: Size, num_labelled: int, class_counts: Tensor) -> Tensor:
    """Return the number of synthetic nodes of each class, see :func:`graphcond.core.allocation.allocate`.

    A ratio is of all nodes of the labelled type, as the papers on heterogeneous graphs count.

    Args:
        size: What is asked for.
        num_labelled: Nodes of the labelled type.
        class_counts: Training nodes of each class, ``(num_classes,)``, all positive.
    """
    return allocate(size, Available("nodes", class_counts, "of the labelled type", num_labelled))


def _source(task: HeteroTask) -> dict[str, Any]:
    graph = task.graph
    return {
        "name": task.name,
        "fingerprint": task.fingerprint(),
        "node_type": graph.node_type,
        "num_labelled": graph.num_labelled,
        "node_types": graph.counts,
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "num_features": graph.x[graph.node_type].size(1),
        "num_classes": task.targets.outputs,
        "num_train": len(task.train.nodes),
        "split": task.split,
        **task.targets.source,
        **({"features": task.features, "made": list(task.made)} if task.features else {}),
    }


def _deliver(result: SyntheticHetero, task: HeteroTask, requested: Requested, method: HeteroMethod) -> Delivered:
    data, notes = as_data(result, task.targets, task.graph.node_type), list(result.notes)
    if len(result.y) < (asked := int(requested.size.sum())):
        name = METHODS.name_of(method)
        notes.append(f"{name} made {len(result.y)} labelled nodes of the {asked} asked; it never makes more.")
    finite = without_missing(tensors_by_name(data))
    return Delivered([data], HETERO_FORMAT.spent([data], task.targets.outputs), (finite,), tuple(notes))


def as_data(result: SyntheticHetero, targets: Targets, node_type: str) -> HeteroData:
    """Return a synthetic graph as a plain ``HeteroData`` on the CPU."""
    count, total = len(result.y), len(result.x[node_type])
    node_weight = torch.ones(count) if result.node_weight is None else result.node_weight
    rows = torch.arange(total) % count  # neighbours of neighbours: whose targets they get
    data = HeteroData()
    for name, x in result.x.items():
        data[name].x = _kept(x)
    labelled = {
        "y": targets.shaped(result.y),
        "node_weight": node_weight / node_weight.mean(),
        **({} if result.y_soft is None else {"y_soft": result.y_soft}),
    }
    for name, value in labelled.items():
        data[node_type][name] = _kept(value)[rows]
    data[node_type].train_mask = torch.arange(total) < count
    for relation, edges in result.edges.items():
        data[relation].edge_index = _kept(edges)
        data[relation].edge_weight = _kept(result.weights.get(relation, torch.ones(edges.size(1))))
    return data


def _kept(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()


HETERO = Modality(
    name="hetero",
    called="heterogeneous graphs",
    task=HeteroTask,
    accepts=is_hetero,
    read=_read,
    reading=frozenset({"split", "target", "features", "node_type"}),
    with_features=node_features,
    splits=splits_of,
    methods=METHODS,
    sizes=frozenset({"count", "ratio", "train", "per_class"}),
    usual_size=Size.ratio(0.01),
    for_size=_for_size,
    request=_request,
    validation=lambda task: {"validation nodes": task.val.fingerprint()},
    source=_source,
    deliver=_deliver,
    condensed=condensed_dataset,
)
