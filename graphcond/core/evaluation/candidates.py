"""What is judged, and by what rules: the same for every modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from graphcond.core.evaluation.metrics import Metric
from graphcond.core.fields import plain_fields, positive_integer
from graphcond.core.record import Record

P = TypeVar("P")


@dataclass(frozen=True)
class Candidate:
    """A training set to judge: one or several condensations under one name.

    Args:
        name: Its name; ``"whole"`` is the original itself.
        sets: The data of each condensation.
        bytes: Of the first of them, where that is known beforehand.
        seconds: Of a condensation.
        peak_memory: In bytes.
        note: Why there are none, if so.
        depth: How deep its computation trees are; ``None``: it holds none.
    """

    name: str
    sets: tuple[Any, ...] = ()
    bytes: int = 0
    seconds: float = 0.0
    peak_memory: int = 0
    note: str = ""
    depth: int | None = None


@dataclass(frozen=True)
class Rules(Generic[P]):
    """How all training sets of a report are judged.

    Args:
        protocol: How a model is trained.
        metric: What a score is.
        runs: Trainings of each condensation.
        seed: Of the first of them.
        device: Where.
    """

    protocol: P
    metric: str | Metric
    runs: int
    seed: int
    device: torch.device

    def __post_init__(self) -> None:
        """Check the number of runs."""
        plain_fields(self)
        positive_integer("runs", self.runs)

    @property
    def seeds(self) -> range:
        """The seeds of the trainings on a set."""
        return range(self.seed, self.seed + self.runs)


def costs_of(records: Sequence[Record]) -> dict[str, Any]:
    """Return the mean seconds and the peak memory of condensations, as fields of a :class:`Candidate`."""
    seconds = sum(record.seconds for record in records) / len(records)
    return {"seconds": seconds, "peak_memory": max(record.peak_memory for record in records)}


def impossible(name: str, reason: ValueError) -> Candidate:
    """Return a control that cannot be made for a dataset or a size."""
    return Candidate(name, note=f"not possible: {reason}".split(";")[0])
