"""The MATLAB files of SVHN's cropped digits: images ``X`` (32, 32, 3, n) and labels ``y`` (n, 1) from 1 to 10."""

import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

# With MatReadError, what SciPy raises for what is no such file, or was cut off; it runs nothing of what a file holds.
BROKEN = (ValueError, TypeError, LookupError, NotImplementedError, EOFError, OSError, MemoryError, OverflowError,
          zlib.error)  # fmt: skip
ZERO = 10  # how the files call the digit 0


def read_mat(path: Path) -> tuple[Tensor, Tensor]:
    """Read images and their labels.

    Returns:
        uint8 ``(n, 3, 32, 32)`` and int64 ``(n,)`` from 0 to 9.

    Raises:
        ValueError: it is something else, or was cut off; the message names the file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path, variable_names=("X", "y"))
    except (MatReadError, *BROKEN) as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ValueError(
            f"{path} cannot be read as a MATLAB 5 file ({reason}); a copy may have broken off: copy it again"
        ) from error
    x, y = found.get("X"), found.get("y")
    if x is None or y is None or x.ndim != 4 or x.shape[:3] != (32, 32, 3) or x.dtype != np.uint8:
        raise ValueError(f"{path} must hold bytes X of the shape (32, 32, 3, n) and labels y; give SVHN's cropped "
                         "digits, such as train_32x32.mat")  # fmt: skip
    if y.shape != (x.shape[3], 1) or y.dtype.kind not in "ui" or not ((y >= 1) & (y <= ZERO)).all():
        raise ValueError(f"y in {path} must hold a whole number from 1 to 10 for each of {x.shape[3]:,} images")
    labels = torch.from_numpy(y[:, 0].astype(np.int64)) % ZERO
    return torch.from_numpy(np.ascontiguousarray(x.transpose(3, 2, 0, 1))), labels
