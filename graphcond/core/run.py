"""The conditions of a run, apart from what is run: who is told, how long it may take, where it keeps its state."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from graphcond.core.checkpoint import Checkpoint
from graphcond.core.progress import ProgressCallback, ignore_progress
from graphcond.core.spill import Place, in_memory


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
    """

    progress: ProgressCallback = ignore_progress
    checkpoint: Checkpoint | None = None
    max_seconds: float | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    place: Place = in_memory

    @property
    def allows_long_work(self) -> bool:
        """Whether work was asked for that takes long: up to some time, or to be stopped and resumed."""
        return self.max_seconds is not None or self.checkpoint is not None

    def left_since(self, began: float) -> "Run":
        """Return the conditions of the rest of a work that began at that reading of ``time.monotonic``."""
        if self.max_seconds is None:
            return self
        return replace(self, max_seconds=self.max_seconds - (time.monotonic() - began))
