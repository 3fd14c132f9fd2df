"""The binary files of CIFAR-10 and CIFAR-100: rows of label bytes and the pixels of one image, one after the other."""

import numpy as np
import torch
from torch import Tensor

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


def read_records(content: bytes, where: str, *, labels: int, rows: int) -> tuple[Tensor, Tensor]:
    """Read images and their labels.

    Args:
        content: What the file holds.
        where: What it is called, for messages.
        labels: Label bytes of each row, of which the last is taken: CIFAR-100 has the coarse class before the fine one.
        rows: How many rows there have to be.

    Returns:
        uint8 ``(rows, 3, 32, 32)`` and int64 ``(rows,)``.

    Raises:
        ValueError: the file has another size.
    """
    width = labels + PIXELS
    if len(content) != rows * width:
        raise ValueError(
            f"{where} must have {rows * width:,} bytes, {rows:,} rows of {width:,}, but has {len(content):,}; a copy "
            "may have broken off: copy it again"
        )
    values = torch.from_numpy(np.frombuffer(content, np.uint8).reshape(rows, width).copy())
    return values[:, labels:].reshape(rows, *SHAPE), values[:, labels - 1].long()
