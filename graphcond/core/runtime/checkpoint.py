"""Checkpoints: everything that a long run needs to go on as if nothing had happened."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from graphcond.core.fields import is_number, is_whole, require_positive
from graphcond.core.ranges import first_not_finite
from graphcond.core.runtime import storage
from graphcond.core.runtime.contents import explained, require
from graphcond.core.runtime.files import check_target, replacing
from graphcond.core.runtime.state import part

REMEDY = "delete it, or give another path"
logger = logging.getLogger(__name__)

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


def check_checkpoint(checkpoint: str | Path | Checkpoint) -> None:
    """Raise, before any work, what :func:`graphcond.core.runtime.files.check_target` raises for a checkpoint."""
    path = checkpoint.path if isinstance(checkpoint, Checkpoint) else checkpoint
    check_target(path, overwrite=True, kept=True)


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
        check_checkpoint(checkpoint)

    def require_space(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise ``OSError`` if there is no space for this state."""
        nbytes = sum(value.numel() * value.element_size() for value in tensors.values())
        check_target(self._path, overwrite=True, kept=True, nbytes=nbytes)

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the tensors and notes of the last state, or ``None`` if there is no file yet.

        Raises:
            ValueError: the file is not a whole checkpoint, or belongs to another run.
        """
        if not self._path.exists():
            return None
        tensors, record = storage.read(self._path, storage.CHECKPOINT)
        with explained(self._path, REMEDY):
            notes = json.loads(record)
            found = {**notes.pop("identity")}
        require_identity(f"checkpoint {self._path} belongs to another run", found, self._identity, REMEDY)
        return tensors, notes

    def due(self) -> bool:
        """Return whether it is time to write again."""
        return time.monotonic() - self._written >= self._every

    def write(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        """Write a state; where the disk does not take it, warn, and go on without: the work itself is not at fault."""
        self._written = time.monotonic()
        record = json.dumps(notes | {"identity": self._identity})
        try:
            with replacing(self._path, overwrite=True) as temporary:
                storage.write(temporary, tensors, record, storage.CHECKPOINT)
        except OSError as error:
            logger.warning("the work goes on, but if it is interrupted, only from its last checkpoint: %s", error)


def check_state(
    tensors: Mapping[str, Tensor], notes: Mapping[str, Any], learned: Mapping[str, Tensor], steps: int
) -> None:
    """Raise ``ValueError`` unless a state that was read can be that of a run.

    Args:
        tensors: Of the state: under ``synthetic`` and ``best`` what is learned, and whatever else a run needs.
        notes: Steps and scores of the state.
        learned: What is learned, as it stands in this run.
        steps: How many steps the run takes.
    """
    tensors = {name: _filled(name, value) for name, value in tensors.items()}
    if (name := first_not_finite(tensors)) is not None:
        raise ValueError(f"{name} must be finite, but holds NaN or infinity")
    for group in ("synthetic", "best"):
        found = part(dict(tensors), group)
        if group == "best" and not found:
            continue
        if found.keys() != learned.keys():
            raise ValueError(f"{group} must hold {', '.join(learned)}, got {', '.join(found) or 'nothing'}")
        for name, value in found.items():
            require(f"{group}.{name}", value, (learned[name].dtype,), learned[name].shape)
    done, kept = notes["step"], notes["kept_step"]
    if not (is_whole(done) and is_whole(kept) and 0 <= kept <= done <= steps):
        raise ValueError(f"the steps done must be at most {steps}, those kept at most as many, got {done!r}, {kept!r}")
    for step, score in notes["scores"]:
        if not is_whole(step) or not 0 < step <= done or not is_number(score):
            raise ValueError(f"the score of step {step!r} must be a number, got {score!r}")


def _filled(name: str, value: Tensor) -> Tensor:
    """Return a tensor of a state, targets with zeros where they are missing."""
    targets = name.rpartition(".")[2] == "y" and value.is_floating_point()
    return value.masked_fill(value.isnan(), 0) if targets else value
