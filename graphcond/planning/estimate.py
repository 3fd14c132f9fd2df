"""What a condensation will take, estimated before anything runs."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data, Dataset

from graphcond.core.fields import check_flag
from graphcond.core.run import Run, check_run
from graphcond.core.runtime.costs import peak_memory
from graphcond.core.runtime.memory import held_memory, shown
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size, asked_size, check_kind
from graphcond.core.target_reading import kind_of
from graphcond.core.targets import Kind
from graphcond.core.words import MEMORY, SIZES, answers
from graphcond.datasets import entry
from graphcond.datasets.entries import Entry
from graphcond.datasets.folders import Folder, load_folder
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.modality import NODES, allocation_of
from graphcond.nodes.structural_features import EdgeFactorization, count_nodes
from graphcond.nodes.task import NodeTask
from graphcond.planning.machine import Machine
from graphcond.planning.trial import attempt

LOADED = 16  # bytes of an edge in memory
MADE_FEATURES = EdgeFactorization().columns  # of nodes without features
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plan:
    """What a condensation is expected to take on this machine.

    Args:
        method: The method's name.
        num_nodes: Synthetic nodes.
        seconds: Of the condensation, reading and checking the dataset included, loading it not.
        memory: Bytes that the process will hold at the peak; pages of mapped files do not count.
        disk: Bytes of temporary files.
        steps: Steps of the method; 0 where it has none.
    """

    method: str
    num_nodes: int
    seconds: float
    memory: int
    disk: int
    steps: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        steps = f", {self.steps:,} steps" if self.steps else ""
        disk = shown(self.disk) if self.disk else "none"
        return (
            f"{self.method}, {self.num_nodes:,} nodes{steps}: about {_duration(self.seconds)}, "
            f"{shown(self.memory)} of memory, {disk} of temporary files"
        )


@answers(SIZES | MEMORY | {"split": "graphcond.read(dataset, split={}) in place of the dataset"})
def plan(
    dataset: object,
    ratio: float | None = None,
    *,
    size: int | float | str | Size | None = None,
    method: str | NodeMethod = "auto",
    inductive: bool | None = None,
    run: Run = Run(),
) -> Plan:
    """Return the time, memory and disk that :func:`graphcond.condense` is expected to take for a node dataset.

    Nothing is downloaded: of a dataset of the catalogue its published size is enough, half of the nodes counting as
    labelled. This machine's speed is measured on a random graph, and the method is tried for some seconds on a small
    one with as many features and classes. Expect the right order of magnitude, and more time where other work goes on.

    Args:
        dataset: A name of the catalogue, the path of a folder for :func:`graphcond.datasets.load_folder`, or what
            :func:`graphcond.condense` takes, a task included.
        ratio: As :func:`graphcond.condense` takes it.
        size: Likewise.
        method: Likewise.
        inductive: Whether the subgraph of the training nodes is condensed; default: as a task was read, else no.
        run: Its ``memory`` is what the process may take.

    Raises:
        TypeError: the dataset is not one graph whose nodes something is learned of.
        ValueError: an argument makes no sense, or the memory does not suffice.

    >>> import graphcond
    >>> graphcond.plan("ogbn-arxiv", size=454, method="class_mean").disk
    0
    """
    run = check_run(run, only=("memory",), of="plan")
    asked = asked_size(ratio, size)
    check_kind(asked, NODES.sizes, NODES.name)
    chosen = NODES.methods.resolve(method)
    induced = inductive is not None and check_flag("inductive", inductive)
    shape, loaded, kind = _shape(dataset)
    if kind != "single_label":  # the trial has a class for each label or number
        total = asked.among(shape.num_train if asked.of == "train" else shape.num_nodes)
        shape = replace(shape, num_classes=max(2, min(shape.num_classes, total)))
    if isinstance(dataset, NodeTask):
        NODES.task_of(dataset, inductive=inductive)  # which says that a task was read already
    elif induced:
        shape = shape.among(shape.num_train / shape.num_nodes)
    counts = torch.full((shape.num_classes,), max(1, shape.num_train // shape.num_classes))
    allocation = allocation_of(asked, shape.num_nodes, counts)
    work, name = chosen.work(shape), NODES.methods.name_of(chosen)
    peak, disk = work.fitted(run.memory_limit, held_memory() + loaded, name)
    with seeded(0):
        machine = Machine.measure(shape)
        before = peak_memory(CPU)
        trial = attempt(chosen, shape, allocation)
    if peak_memory(CPU) > before:  # what the steps take does not depend on the original
        peak = max(peak, loaded + peak_memory(CPU))
    tried = chosen.work(trial.shape)
    seconds = (
        trial.seconds
        + trial.step_seconds * trial.steps
        + machine.seconds_per_edge * shape.num_edges
        + max(work.products - tried.products, 0.0) / machine.products
        + max(work.dense - tried.dense, 0.0) / machine.dense
    )
    return Plan(name, int(allocation.sum()), seconds, peak, disk, trial.steps)


def _shape(dataset: object) -> tuple[Shape, int, Kind]:
    """Return the size of a graph, the bytes that loading it will take beyond those taken already, and its targets."""
    if isinstance(dataset, str | Path):
        found = entry(dataset)
        if found.task != "nodes":
            raise TypeError(f"plan is for datasets with classified nodes so far, and {found.name!r} holds {found.task}")
        if isinstance(found.loader, Folder):
            return _size(load_folder(found.loader.path))
        shape = _published(found)
        return shape, shape.rows_bytes(shape.num_features) + LOADED * shape.num_edges, found.target
    if isinstance(dataset, NodeTask):
        return Shape.of(dataset), 0, dataset.targets.kind
    data = dataset[0] if isinstance(dataset, Dataset) and len(dataset) == 1 else dataset
    if not isinstance(data, Data) or data.edge_index is None or data.y is None:
        raise TypeError(
            "dataset must be a name, a folder, or a PyG dataset with one graph that has edge_index and y, got "
            f"{type(dataset).__name__}"
        )
    return _size(data)


def _published(found: Entry) -> Shape:
    return Shape(
        num_nodes=found.num_nodes,
        num_edges=found.num_edges,
        num_features=found.num_features or MADE_FEATURES,
        num_classes=found.num_targets if found.target != "single_label" else found.num_classes,
        num_train=found.num_nodes // 2,
    )


def _size(data: Data) -> tuple[Shape, int, Kind]:
    mask = data.get("train_mask")
    nodes = count_nodes(data) if data.x is None else len(data.x)
    known = nodes // 2 if mask is None else int((mask if mask.dim() == 1 else mask[:, 0]).sum())
    kind = kind_of(data.y, None)
    columns = data.y.reshape(len(data.y), -1).size(1)
    shape = Shape(
        num_nodes=nodes,
        num_edges=data.edge_index.size(1),
        num_features=MADE_FEATURES if data.x is None else data.x.size(1),
        num_classes=int(data.y.nan_to_num(-1).max()) + 1 if kind == "single_label" else columns,
        num_train=max(known, 1),
    )
    return shape, 0, kind


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
