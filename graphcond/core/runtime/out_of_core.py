"""Large tensors in files: for what is needed again and again but does not fit in memory."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

Place = Callable[[Tensor], Tensor]
"""Makes an empty tensor of another's shape and type, where there is room for it."""

in_memory: Place = torch.empty_like


class Spill:
    """A :data:`Place` in a temporary folder, which is removed at the end of a ``with`` block.

    The system writes the files when it needs the memory, and reads them when they are needed. Where that folder is, is
    up to the environment variable ``TMPDIR``, as for all temporary files; a folder that is itself in memory is of no
    use.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def __enter__(self) -> "Spill":
        self._folder = tempfile.TemporaryDirectory(prefix="graphcond-", ignore_cleanup_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def __call__(self, like: Tensor) -> Tensor:
        """Return an empty tensor of another's shape and type in a file; on a GPU it stays there."""
        if self._folder is None:
            raise RuntimeError("a Spill has its folder inside a with block only")
        if like.is_cuda or not like.numel():
            return torch.empty_like(like)
        self._files += 1
        path = Path(self._folder.name) / str(self._files)
        kind = torch.empty(0, dtype=like.dtype).numpy().dtype
        _reserve(path, like.numel() * like.element_size())
        return torch.from_numpy(np.memmap(path, dtype=kind, mode="r+", shape=tuple(like.shape)))


def _reserve(path: Path, nbytes: int) -> None:
    """Make a file of so many bytes that has its room on the disk.

    Without, a full disk would be met where the file is written to as memory, and the system would end the process.

    Raises:
        OSError: there is no such room.
    """
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, nbytes)
            else:
                file.truncate(nbytes)
    except OSError as error:
        raise OSError(
            f"{path.parent} has no room for {nbytes:,} bytes that do not fit in memory ({error.strerror}); free some "
            "space, or name another folder by the environment variable TMPDIR"
        ) from error
