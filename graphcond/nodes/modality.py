"""Graphs with labelled nodes, as the pipeline takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import condensed_dataset
from graphcond.core.allocation import Available, allocate, require_total
from graphcond.core.fields import check_flag, is_whole
from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.core.ranges import without_missing
from graphcond.core.runtime.memory import held_memory
from graphcond.core.runtime.out_of_core import OnDisk, TensorStorage, in_memory
from graphcond.core.size import Size
from graphcond.core.targets import Targets
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.singular_vectors import SingularVectors, made_by, resolve_target, without_labels
from graphcond.nodes.structural_features import node_features
from graphcond.nodes.task import NodeTask


def _read(
    dataset: object, *, split: object = 0, inductive: object = False, target: object = None, features: object = None
) -> NodeTask:
    if not is_whole(split):
        raise TypeError(f"split must be a number for a node dataset, whose parts are masks, got {split!r}")
    flag, asked = check_flag("inductive", inductive), resolve_target(target)
    return read_nodes(dataset, split=int(split), inductive=flag, target=asked, features=features)


def _for_method(task: NodeTask, method: NodeMethod) -> NodeTask:
    """Return the task with vectors in place of labels for a method that reads none."""
    made = "target" in task.targets.source and made_by(task.targets.source["target"])
    return task if made or not method.label_free else without_labels(task, SingularVectors(), task)


def _splits(dataset: Any) -> int:  # noqa: ANN401 (what a reader of nodes takes)
    """Return the number of columns of the masks."""
    data = dataset if isinstance(dataset, Data) else dataset[0]
    mask = data.get("train_mask")
    return 1 if mask is None or mask.dim() == 1 else int(mask.size(1))


def _check_size(size: Size, method: NodeMethod) -> None:
    """Raise if a method takes no size of this kind, or none at all."""
    name = METHODS.name_of(method)
    if not method.sized and size.kind != "everything":
        raise ValueError(f"method={name!r} takes no size, got {size.argument}; leave it out")
    if method.sized and size.kind == "everything":
        raise ValueError("size='everything' is for methods that take no size; ask for a number of nodes, size=35")
    if size.kind == "bytes" and not method.takes_bytes:
        others = ", ".join(other for other in METHODS if METHODS[other]().takes_bytes)
        raise ValueError(
            f"{size.argument} is not for method={name!r}, whose edges are not known before they are made; "
            f"ask for a number of nodes, size=35, or choose from {others}"
        )


def _for_size(task: NodeTask, size: Size, method: NodeMethod) -> NodeTask:
    """Return the task with strata where nodes have no classes.

    Raises:
        ValueError: a number for each class is asked for, or too few bytes.
    """
    require_total(size, task.targets, "nodes")
    size = counted(size, method, NodeBytes.of(task), _most(task, method))
    if size.kind in ("per_class", "everything"):
        return task
    train = task.train
    return task.stratified(size.among(len(train.nodes) if size.of == "train" else train.graph.num_nodes))


def _request(size: Size, task: NodeTask, method: NodeMethod) -> Requested:
    nodes = counted(size, method, NodeBytes.of(task), _most(task, method))
    if size.kind == "everything":
        return Requested(task.class_counts, {}, {})
    max_bytes = int(size.value) if size.kind == "bytes" else None
    real = max_bytes is not None and method.capped_by_class
    allocation = allocation_of(nodes, task.train.graph.num_nodes, task.class_counts, real=real)
    counts = allocation.tolist()
    identity = {"nodes per class": str(counts)} | ({} if max_bytes is None else {"bytes": str(max_bytes)})
    return Requested(allocation, identity, {"allocated": counts}, max_bytes)


def _most(task: NodeTask, method: NodeMethod) -> int:
    """Return how many nodes there are to be had."""
    return len(task.train.nodes) if method.capped_by_class else task.train.graph.num_nodes


def counted(size: Size, method: NodeMethod, unit: NodeBytes, most: int) -> Size:
    """Return a number of bytes as the number of nodes without edges that take no more; other sizes as they are.

    Args:
        size: What is asked for.
        method: What makes the nodes.
        unit: What they take.
        most: How many nodes there are.

    Raises:
        ValueError: they are too few for a node of each class.
    """
    if size.kind != "bytes":
        return size
    each, needed = unit.alone(method.has_soft_labels), unit.outputs if unit.classes else 1
    if (count := int(size.value) // each) < needed:
        what = f"one node of each of {needed} classes" if unit.classes else "a node"
        raise ValueError(
            f"{size.argument} is too little for {what}, which takes {each * needed:,} bytes; ask for at least "
            f"size='{each * needed}B'"
        )
    return Size.count(min(count, most))


def allocation_of(size: Size, num_nodes: int, class_counts: Tensor, *, real: bool = False) -> Tensor:
    """Return the number of synthetic nodes of each class, see :func:`graphcond.core.allocation.allocate`.

    Two conventions are about that differ by 20 times on Cora: nodes out / all nodes (the papers' tables) and nodes out
    / training nodes (their code). A ratio is the first, unless it is ``of="train"``.

    Args:
        size: What is asked for.
        num_nodes: Nodes of the graph that is condensed.
        class_counts: Training nodes of each class, ``(num_classes,)``, all positive.
        real: Whether no class gets more nodes than it has for training.
    """
    return allocate(size, Available("nodes", class_counts, "of the graph", num_nodes, real))


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
        "num_classes": task.targets.outputs,
        "num_train": len(task.train.nodes),
        "inductive": task.inductive,
        "split": task.split,
        **task.targets.source,
        **({"features": task.features} if task.features else {}),
    }


def _prepare(task: NodeTask, method: NodeMethod, device: torch.device) -> NodeTask:
    given = task if method.reads_sparse else task.dense()
    return given.to(device) if method.on_device else given


@contextmanager
def _storage(method: NodeMethod, task: NodeTask, memory: int | None) -> Iterator[TensorStorage]:
    """Yield where large tensors are kept so that a method needs no more memory than it may have.

    Raises:
        ValueError: it needs more in any case.
    """
    _, in_files = method.work(Shape.of(task)).fitted(memory, held_memory(), METHODS.name_of(method))
    if not in_files:
        yield in_memory
        return
    with OnDisk() as storage:
        yield storage


def _deliver(result: SyntheticNodes, task: NodeTask, requested: Requested, method: NodeMethod) -> Delivered:
    data, notes = as_data(result, task.targets), list(result.notes)
    if method.sized and data.num_nodes < (asked := int(requested.size.sum())):
        name = METHODS.name_of(method)
        of = f"of the {asked} asked" if requested.max_bytes is None else f"where {asked} without edges fit"
        notes.append(f"{name} made {data.num_nodes} nodes {of}; it never makes more.")
    finite = without_missing(data.to_dict())
    return Delivered([data], NODE_FORMAT.spent([data], task.targets.outputs), (finite,), tuple(notes))


def as_data(result: SyntheticNodes, targets: Targets) -> Data:
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
        "y": targets.shaped(result.y),
        "node_weight": node_weight / node_weight.mean(),
        "train_mask": torch.ones(count, dtype=torch.bool) if result.train_mask is None else result.train_mask,
    }
    if result.y_soft is not None:
        tensors["y_soft"] = result.y_soft
    return Data(**{name: value.detach().cpu().contiguous() for name, value in tensors.items()})


NODES = Modality(
    name="nodes",
    task=NodeTask,
    accepts=lambda _: True,  # the reader says what it takes instead
    read=_read,
    reading=frozenset({"split", "inductive", "target", "features"}),
    with_features=lambda data, features: node_features(data) if features is None else node_features(data, features),
    splits=_splits,
    methods=METHODS,
    sizes=frozenset({"count", "ratio", "train", "per_class", "bytes", "everything"}),
    usual_size=Size.ratio(0.01),
    check_size=_check_size,
    for_method=_for_method,
    for_size=_for_size,
    request=_request,
    validation=_validation,
    source=_source,
    prepare=_prepare,
    storage=_storage,
    deliver=_deliver,
    condensed=condensed_dataset,
)
