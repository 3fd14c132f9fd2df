"""The one call: a dataset in, a small dataset of the same kind out."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import scipy.sparse
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.checkpoint import Checkpoint
from graphcond.core.costs import Costs, measured
from graphcond.core.devices import resolve_device
from graphcond.core.progress import ProgressCallback, ignore_progress
from graphcond.core.randomness import check_seed, seeded
from graphcond.core.run import Run
from graphcond.methods import NodeMethod, SyntheticNodes, resolve_method
from graphcond.nodes.budget import Budget, RatioOf
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import NodeTask
from graphcond.record import Record, library_versions

logger = logging.getLogger(__name__)


def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    num_nodes: int | None = None,
    nodes_per_class: int | None = None,
    ratio_of: RatioOf = "nodes",
    method: str | NodeMethod = "auto",
    inductive: bool = False,
    split: int = 0,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback = ignore_progress,
    checkpoint: str | Path | Checkpoint | None = None,
    max_seconds: float | None = None,
) -> CondensedDataset:
    """Condense a node-classification dataset into a small one that trains nearly as well.

    The size is asked in exactly one way: ``ratio``, ``num_nodes`` or ``nodes_per_class``. Classes share it in
    proportion to their training nodes (largest remainder, at least one each), and the number asked is delivered.

    Args:
        dataset: A PyG dataset with one graph, a ``Data`` with ``x``, ``edge_index``, ``y`` and boolean masks, or OGB's
            ``PygNodePropPredDataset``. Labels of -1 or NaN mean unlabelled. It is not changed.
        ratio: Nodes out / nodes of the graph that is condensed, in (0, 1].
        num_nodes: Number of synthetic nodes.
        nodes_per_class: Number of synthetic nodes of each class.
        ratio_of: ``"nodes"``: ``ratio`` counts against all nodes, as the papers' tables do; ``"train"``: against the
            training nodes, as their code does.
        method: A method's name (:func:`graphcond.list_methods`) or object, such as ``Auto(depth=3)``.
        inductive: Condense the subgraph of the training nodes only; validation nodes see only one another.
        split: Which column of the masks to take where a dataset has several splits.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        progress: Called with a :class:`graphcond.Progress` while long work runs.
        checkpoint: A file in which a method that works in steps keeps its state; the same call with the same file goes
            on from there, to the same bits as without the interruption. A :class:`graphcond.Checkpoint` says how often.
        max_seconds: A method that works in steps stops after so many seconds and gives the best that it has found.

    Returns:
        A PyG dataset with one small ``Data``, and the record of how it was made.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value; the message names it and the remedy.

    >>> import graphcond
    >>> small = graphcond.condense(graphcond.datasets.load("digits"), num_nodes=20)
    >>> small[0].num_nodes, small.num_classes, small.record.method
    (20, 10, 'auto')
    """
    check_seed(seed)
    budget = Budget(ratio=ratio, num_nodes=num_nodes, nodes_per_class=nodes_per_class, ratio_of=ratio_of)
    chosen = resolve_method(method)
    where = resolve_device(device)
    _check_conditions(chosen, checkpoint, max_seconds)
    _refuse_other_modalities(dataset)
    task = read_nodes(dataset, split=split, inductive=inductive)
    allocation = budget.allocate(task.train.graph.num_nodes, task.class_counts)
    for note in task.notes:
        logger.warning(note)
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(checkpoint)
    identity = {} if checkpoint is None else _identity(chosen, task, allocation, seed, where)
    run = Run(progress, checkpoint, max_seconds, identity)
    with measured(where) as costs, seeded(seed):
        result = chosen.condense(task.to(where), allocation, run)
    data = as_data(result)
    record = _record(chosen, task, budget, allocation, result, data, costs, seed, where)
    return CondensedDataset([data], record, result.members)


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


def _refuse_other_modalities(dataset: object) -> None:
    if scipy.sparse.issparse(dataset):
        raise TypeError("condensing a sparse interaction matrix is not supported yet; pass a PyG node dataset")


def _check_conditions(method: NodeMethod, checkpoint: object, max_seconds: float | None) -> None:
    for name, value in (("checkpoint", checkpoint), ("max_seconds", max_seconds)):
        if value is not None and not method.stepwise:
            raise ValueError(f"{name} is for methods that work in steps, and {method.label!r} does not; leave it out")
    if checkpoint is not None and not isinstance(checkpoint, str | Path | Checkpoint):
        raise TypeError(f"checkpoint must be a path or a Checkpoint, got {type(checkpoint).__name__}")
    if max_seconds is not None and (isinstance(max_seconds, bool) or not isinstance(max_seconds, int | float)):
        raise TypeError(f"max_seconds must be a number of seconds, got {max_seconds!r}")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds must be positive, got {max_seconds!r}")


def _identity(
    method: NodeMethod, task: NodeTask, allocation: Tensor, seed: int, device: torch.device
) -> dict[str, str]:
    """Return what a run's bits depend on, by which its checkpoint is recognised."""
    versions = library_versions()
    return {
        "method": repr(method),
        "source": task.fingerprint(),
        "validation nodes": task.val.fingerprint(),
        "nodes per class": str(allocation.tolist()),
        "seed": str(seed),
        "device": device.type,
        "graphcond": versions["graphcond"],
        "torch": versions["torch"],
    }


def _settings(method: NodeMethod) -> dict[str, Any]:
    """Return a method's fields, values of classes as the expression that makes them."""
    values = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    plain = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}


def _record(
    method: NodeMethod,
    task: NodeTask,
    budget: Budget,
    allocation: Tensor,
    result: SyntheticNodes,
    data: Data,
    costs: Costs,
    seed: int,
    device: torch.device,
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
        settings=_settings(method),
        choices=result.choices,
        seed=seed,
        device=str(device),
        source=source,
        budget={"asked": asked, "allocated": allocation.tolist(), "spent": spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=task.notes,
    )
