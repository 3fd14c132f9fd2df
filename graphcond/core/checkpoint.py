"""Checkpoints: everything that a long run needs to go on as if nothing had happened."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from graphcond.core import storage
from graphcond.core.fields import require_positive
from graphcond.core.files import check_target, replacing

THREADS = "threads"  # what the identity of a run calls their number


@dataclass(frozen=True)
class Checkpoint:
    """Where a long run keeps its state, and how often.

    The file is safetensors with JSON metadata, written under a temporary name and renamed, so that it is whole at any
    time. A run that finds it goes on from there and ends on the same bits as one that was never interrupted.

    Args:
        path: The file.
        every_seconds: How often it is written. A run that is killed loses at most so much work.
    """

    path: str | Path
    every_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.path, str | Path):
            raise TypeError(f"path must be a string or a Path, got {type(self.path).__name__}")
        require_positive(self, but=("every_seconds",))


def require_identity(what: str, found: Mapping[str, str], here: Mapping[str, str], remedy: str) -> None:
    """Raise unless a file was written by the run that reads it, to whose bits it would lead no more.

    Args:
        what: Begins the message.
        found: What the file says of the run that wrote it.
        here: The run that reads it.
        remedy: Ends the message.

    Raises:
        ValueError: they differ; the message says in what.
    """
    for name in sorted({*found, *here}):
        if found.get(name) != here.get(name):
            if name == THREADS and found.get(name) is not None:  # sums come out differently with another number
                remedy = f"set OMP_NUM_THREADS={found[name]} or call torch.set_num_threads({found[name]}), or {remedy}"
            raise ValueError(f"{what} ({name}: {found.get(name)} there, {here.get(name)} here); {remedy}")


class CheckpointFile:
    """A checkpoint of one run.

    Args:
        checkpoint: Where and how often.
        identity: What the run is: settings, seed, source. A file of another run is refused.
    """

    def __init__(self, checkpoint: Checkpoint, identity: Mapping[str, str]) -> None:
        self._path = Path(checkpoint.path)
        self._every = checkpoint.every_seconds
        self._identity = dict(identity)
        self._written = time.monotonic()
        check_target(self._path, overwrite=True)

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the tensors and notes of the last state, or ``None`` if there is no file yet.

        Raises:
            ValueError: the file is not a whole checkpoint, or belongs to another run.
        """
        if not self._path.exists():
            return None
        tensors, record = storage.read(self._path, storage.CHECKPOINT)
        notes = json.loads(record)
        require_identity(
            f"checkpoint {self._path} belongs to another run", notes.pop("identity"), self._identity,
            "delete it or give another path",
        )  # fmt: skip
        return tensors, notes

    def due(self) -> bool:
        """Return whether it is time to write again."""
        return time.monotonic() - self._written >= self._every

    def write(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        """Write a state."""
        with replacing(self._path, overwrite=True) as temporary:
            storage.write(temporary, tensors, json.dumps(notes | {"identity": self._identity}), storage.CHECKPOINT)
        self._written = time.monotonic()
