"""The conditions of a run, apart from what is run: who is told, how long it may take, where it keeps its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import torch

from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.out_of_core import Place, in_memory
from graphcond.core.runtime.processes import Processes
from graphcond.core.runtime.progress import ProgressCallback, ignore_progress


class OutOfTime(Exception):  # noqa: N818 (no error: the method gives what it has)
    """Ends long work that comes before the steps of a method, such as the training of experts."""


@dataclass(frozen=True)
class Run:
    """Conditions under which a method works.

    Args:
        progress: Told of the steps of long work.
        checkpoint: Where the state of long work is kept; ``None``: nowhere.
        max_seconds: Long work stops after so many seconds and gives the best that it has; ``None``: no limit.
        identity: What a checkpoint of this run is recognised by.
        device: Where to compute; tensors that a task brings along are there already.
        place: Where large tensors are kept that are needed again and again.
        began: The reading of ``time.monotonic`` from which seconds count.
        rates: The learning rates among the method's settings, by name: what to lower where a run diverges.
    """

    progress: ProgressCallback = ignore_progress
    checkpoint: Checkpoint | None = None
    max_seconds: float | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    place: Place = in_memory
    began: float = field(default_factory=lambda: monotonic())
    rates: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def allows_long_work(self) -> bool:
        """Whether work was asked for that takes long: up to some time, or to be stopped and resumed."""
        return self.max_seconds is not None or self.checkpoint is not None

    def seconds(self) -> float:
        """Return the seconds since it began."""
        return monotonic() - self.began

    def out_of_time(self, reserve: float = 0.0) -> bool:
        """Return whether the time is over, but for what is left to be done; every loop of long work asks after a step.

        Where several processes share the run, all have to ask alike, and get the same answer.

        Args:
            reserve: Seconds that are needed after the loop.
        """
        if self.max_seconds is None:
            return False
        return Processes.current().agree(self.seconds() + reserve >= self.max_seconds)

    def time_over(self, where: str) -> str:
        """Return the words that say where a method stopped because the time was over, for the record."""
        return f"{where}: max_seconds={self.max_seconds:g} was over"
