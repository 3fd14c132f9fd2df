"""Files of experts: trained ones, and one whose training had to stop."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from graphcond.core import storage
from graphcond.core.checkpoint import require_identity
from graphcond.core.files import replacing
from graphcond.core.processes import Processes
from graphcond.core.surrogate import Weights

Way = tuple[Weights, ...]
"""The weights of an expert at each checkpoint."""


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

    def finished(self) -> Way | None:
        """Return the way of a trained expert, if there is one."""
        found = self._read(self._path)
        return None if found is None else weights_of(found)

    def unfinished(self) -> dict[str, Tensor] | None:
        """Return the state of a training that had to stop, if there is one."""
        return self._read(self._unfinished)

    def write(self, way: Way) -> None:
        """Keep a trained expert."""
        self._write(self._path, named_weights(way))
        if self._unfinished is not None:
            path = self._unfinished
            self._processes.first(lambda: path.unlink(missing_ok=True))

    def write_unfinished(self, state: dict[str, Tensor]) -> None:
        """Keep the state of a training."""
        self._write(self._unfinished, state)

    @property
    def _unfinished(self) -> Path | None:
        return None if self._path is None else self._path.with_suffix(".unfinished.safetensors")

    def _read(self, path: Path | None) -> dict[str, Tensor] | None:
        if path is None:
            return None
        return self._processes.first(lambda: self._checked(path) if path.exists() else None)

    def _checked(self, path: Path) -> dict[str, Tensor]:
        tensors, record = storage.read(path, storage.EXPERT)
        require_identity(
            f"{path} is an expert of another run", json.loads(record), self._identity,
            "delete the folder or give another",
        )  # fmt: skip
        return tensors

    def _write(self, path: Path | None, tensors: dict[str, Tensor]) -> None:
        if path is None:
            return

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, overwrite=True) as temporary:
                storage.write(temporary, tensors, json.dumps(self._identity), storage.EXPERT)

        self._processes.first(write)


def named_weights(way: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the weights of a way as tensors with names."""
    return {f"{c}.{i}": weight for c, weights in enumerate(way) for i, weight in enumerate(weights)}


def weights_of(tensors: dict[str, Tensor]) -> Way:
    """Return the way that :func:`named_weights` named."""
    checkpoints = 1 + max(int(name.split(".")[0]) for name in tensors)
    count = len(tensors) // checkpoints
    return tuple(tuple(tensors[f"{c}.{i}"] for i in range(count)) for c in range(checkpoints))
