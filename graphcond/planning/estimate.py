"""What a condensation will take, estimated before anything runs."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from graphcond.core.fields import check_flag
from graphcond.core.method import Method
from graphcond.core.run import Run, check_run
from graphcond.core.runtime.costs import peak_memory
from graphcond.core.runtime.memory import held_memory, shown
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size, asked_size, check_kind
from graphcond.core.words import MEMORY, SIZES, answers
from graphcond.planning.kinds import known_of
from graphcond.planning.machine import Machine
from graphcond.planning.trial import attempt

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
    method: str | Method = "auto",
    inductive: bool | None = None,
    run: Run = Run(),
) -> Plan:
    """Return the time, memory and disk that :func:`graphcond.condense` is expected to take for nodes of one graph.

    Nothing is downloaded: of a dataset of the catalogue its published size is enough, half of the nodes counting as
    labelled. This machine's speed is measured on a random graph, and the method is tried for some seconds on a small
    one with as many features and classes. Expect the right order of magnitude, and more time where other work goes on.

    Args:
        dataset: A name of the catalogue, the path of a folder for :func:`graphcond.datasets.load_folder`, or what
            :func:`graphcond.condense` takes, a task included.
        ratio: As :func:`graphcond.condense` takes it.
        size: Likewise.
        method: Likewise.
        inductive: Whether the subgraph of the training nodes is condensed, of a graph with one type of nodes; default:
            as a task was read, else no.
        run: Its ``memory`` is what the process may take.

    Raises:
        TypeError: the dataset is not one graph whose nodes something is learned of.
        ValueError: an argument makes no sense, or the memory does not suffice.

    >>> import graphcond
    >>> graphcond.plan("ogbn-arxiv", size=454, method="class_mean").disk
    0
    """
    run = check_run(run, only=("memory",), of="plan")
    planned, known = known_of(dataset)
    modality = planned.modality
    chosen = modality.methods.resolve(method)
    asked = asked_size(ratio, size, needed=chosen.sized)
    check_kind(asked, modality.sizes, modality.described)
    modality.check_size(asked, chosen)
    modality.check_memory(run.memory)
    induced = inductive is not None and check_flag("inductive", inductive)
    modality.check_reading(inductive=inductive)
    asked, shape = planned.counted(asked, known, chosen), known.shape
    if known.kind != "single_label":  # the trial has a class for each label or number
        total = asked.among(shape.num_train if asked.of == "train" else shape.num_labelled)
        shape = replace(shape, num_classes=max(2, min(shape.num_classes, total)))
    if isinstance(dataset, modality.task):
        modality.task_of(dataset, inductive=inductive)  # which says that a task was read already
    elif induced:
        shape = shape.among(shape.num_train / shape.num_labelled)
    allocation = planned.allocation(asked, shape)
    work, name = chosen.work(shape), modality.methods.name_of(chosen)
    peak, disk = work.fitted(run.memory_limit, held_memory() + known.loaded, name)
    with seeded(0):
        machine = Machine.measure(shape)
        before = peak_memory(CPU)
        trial = attempt(planned, chosen, shape, allocation)
    if peak_memory(CPU) > before:  # what the steps take does not depend on the original
        peak = max(peak, known.loaded + peak_memory(CPU))
    tried = chosen.work(trial.shape)
    seconds = (
        trial.seconds
        + trial.step_seconds * trial.steps
        + machine.seconds_per_edge * shape.num_edges
        + max(work.products - tried.products, 0.0) / machine.products
        + max(work.dense - tried.dense, 0.0) / machine.dense
    )
    return Plan(name, int(allocation.sum()), seconds, peak, disk, trial.steps)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
