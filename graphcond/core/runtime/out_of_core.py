"""Large tensors in files: for what is needed again and again but does not fit in memory."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

TensorStorage = Callable[[Tensor], Tensor]
"""Makes an empty tensor of another's shape and type, in memory or on disk."""

in_memory: TensorStorage = torch.empty_like


class OnDisk:
    """A :data:`TensorStorage` in a temporary folder, which is removed at the end of a ``with`` block.

    The system writes the files when it needs the memory, and reads them when they are needed. Where that folder is, is
    up to the environment variable ``TMPDIR``, as for all temporary files; a folder that is itself in memory is of no
    use.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def __enter__(self) -> "OnDisk":
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
            raise RuntimeError("OnDisk has its folder inside a with block only")
        if like.is_cuda or not like.numel():
            return torch.empty_like(like)
        self._files += 1
        path = Path(self._folder.name) / str(self._files)
        kind = torch.empty(0, dtype=like.dtype).numpy().dtype
        _reserve(path, like.numel() * like.element_size())
        return torch.from_numpy(np.memmap(path, dtype=kind, mode="r+", shape=tuple(like.shape)))


def _reserve(path: Path, nbytes: int) -> None:
    """Make a file of ``nbytes`` bytes whose space on the disk is reserved.

    Without, a full disk would be met where the file is written to as memory, and the system would end the process.

    Raises:
        OSError: there is no space.
    """
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, nbytes)
            else:
                file.truncate(nbytes)
    except OSError as error:
        raise OSError(
            f"{path.parent} has no space for {nbytes:,} bytes that do not fit in memory ({error.strerror}); free some "
            "space, or name another folder by the environment variable TMPDIR"
        ) from error
