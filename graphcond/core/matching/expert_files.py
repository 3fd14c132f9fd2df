"""Files of experts: trained ones, and one whose training had to stop."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from graphcond.core.matching.surrogate import Weights
from graphcond.core.runtime import storage
from graphcond.core.runtime.checkpoint import require_identity
from graphcond.core.runtime.contents import FLOAT16, explained, require
from graphcond.core.runtime.files import replacing, require_space
from graphcond.core.runtime.processes import Processes

Trajectory = tuple[Weights, ...]
"""The weights of an expert at each checkpoint."""

REMEDY = "delete it: it is trained again"
logger = logging.getLogger(__name__)


class ExpertFile:
    """Where an expert is kept, when it is trained and when its training had to stop; the first process does it for all.

    Args:
        folder: The folder; ``None``: nowhere.
        number: Of the expert.
        identity: What it is recognised by.
    """

    def __init__(self, folder: Path | None, number: int, identity: Mapping[str, str]) -> None:
        self._path = None if folder is None else folder / f"expert-{number:03d}.safetensors"
        self._identity = dict(identity)
        self._processes = Processes.current()

    def finished(self, checkpoints: int, like: Weights) -> Trajectory | None:
        """Return the trajectory of a trained expert, if there is one.

        Args:
            checkpoints: How many it has after its first weights.
            like: Weights of the same network.

        Raises:
            ValueError: the file is of another run, or holds no such trajectory.
        """
        if self._path is None or (found := self._read(self._path)) is None:
            return None
        with explained(self._path, REMEDY):
            return weights_of(found, checkpoints, like)

    def resume(self, restore: Callable[[dict[str, Tensor]], None]) -> None:
        """Give the state of a training that had to stop, if there is one, to what restores it.

        Raises:
            ValueError: the file is of another run, or its state cannot be restored.
        """
        path = self._unfinished
        if path is None or (state := self._read(path)) is None:
            return
        with explained(path, REMEDY):
            restore(state)

    def write(self, trajectory: Trajectory) -> None:
        """Keep a trained expert."""
        self._write(self._path, named_weights(trajectory))
        if self._unfinished is not None:
            path = self._unfinished
            self._processes.first(lambda: path.unlink(missing_ok=True))

    def write_unfinished(self, state: dict[str, Tensor]) -> None:
        """Keep the state of a training."""
        self._write(self._unfinished, state)

    @property
    def _unfinished(self) -> Path | None:
        return None if self._path is None else self._path.with_suffix(".unfinished.safetensors")

    def _read(self, path: Path) -> dict[str, Tensor] | None:
        return self._processes.first(lambda: self._checked(path) if path.exists() else None)

    def _checked(self, path: Path) -> dict[str, Tensor]:
        tensors, record = storage.read(path, storage.EXPERT)
        with explained(path, REMEDY):
            found = {**json.loads(record)}
        require_identity(
            f"{path} is an expert of another run", found, self._identity, "delete the folder or give another"
        )
        return tensors

    def _write(self, path: Path | None, tensors: dict[str, Tensor]) -> None:
        """Write a file; where the disk does not take it, warn, and go on: the tensors are in memory all the same."""
        if path is None:
            return

        def write() -> None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path, overwrite=True) as temporary:
                    storage.write(temporary, tensors, json.dumps(self._identity), storage.EXPERT)
            except OSError as error:
                logger.warning("the work goes on, but if it is interrupted, this expert is trained again: %s", error)

        self._processes.first(write)


def check_space(folder: Path | None, number: int, nbytes: int) -> None:
    """Raise ``OSError`` if there is no space for the experts that a folder lacks, of ``nbytes`` bytes each."""
    if folder is None:
        return

    def check() -> None:
        if folder.parent.is_dir():
            trained = sum(1 for _ in folder.glob("expert-*[0-9].safetensors"))
            require_space(folder.parent, nbytes * max(number - trained, 0))

    Processes.current().first(check)


def named_weights(trajectory: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the weights of a trajectory as tensors with names."""
    return {f"{c}.{i}": weight for c, weights in enumerate(trajectory) for i, weight in enumerate(weights)}


def weights_of(tensors: dict[str, Tensor], checkpoints: int, like: Weights) -> Trajectory:
    """Return the trajectory that :func:`named_weights` named: the first weights of a network, and ``checkpoints`` more.

    Raises:
        KeyError: weights are missing.
        ValueError: they are not in half precision, of another shape than those of the network, or not finite.
    """
    return tuple(
        tuple(require(f"{c}.{i}", tensors[f"{c}.{i}"], FLOAT16, weight.shape) for i, weight in enumerate(like))
        for c in range(checkpoints + 1)
    )
