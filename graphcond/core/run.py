"""The conditions of a run, apart from what is run: who is told, how long it may take, where it keeps its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
