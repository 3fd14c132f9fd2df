"""The idx format that MNIST was published in: a short header, then the values (LeCun, Cortes and Burges, 1998).

Two zero bytes, a byte for the type of the values, a byte for the number of dimensions, the size of each dimension as a
big-endian 32-bit integer, and the values, the last dimension fastest.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GZIP = b"\x1f\x8b"
UNSIGNED_BYTES = 0x08
MOST_DIMENSIONS = 8
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


def read_idx(path: str | Path) -> Tensor:
    """Read an idx file of unsigned bytes, whether compressed by gzip or not.

    Returns:
        uint8, in the shape that the file states.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is something else, or was cut off; the message names the file.
    """
    path = Path(path)
    content = path.read_bytes()
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except BROKEN as error:
            raise ValueError(
                f"{path} is a broken gzip file ({error}); a copy may have broken off: copy it again"
            ) from error
    shape, start = _header(content, path)
    count = math.prod(shape)
    if len(content) - start != count:
        raise ValueError(
            f"{path} must hold {count:,} values, shape {shape}, but holds {len(content) - start:,}; a copy may have "
            "broken off: copy it again"
        )
    values = np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    return torch.from_numpy(values.copy())  # torch warns of arrays that cannot be written to


def _header(content: bytes, path: Path) -> tuple[tuple[int, ...], int]:
    """Return the shape that a file states, and where its values start."""
    if len(content) < 4 or content[:2] != b"\0\0" or not 0 < content[3] <= MOST_DIMENSIONS:
        raise ValueError(f"{path} is no idx file (it starts with {content[:4].hex(' ') or 'nothing'}); give one such "
                         "as train-images-idx3-ubyte")  # fmt: skip
    if content[2] != UNSIGNED_BYTES:
        raise ValueError(f"{path} holds values of the type 0x{content[2]:02x}; only unsigned bytes (0x08) are read")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path} ends within its header; a copy may have broken off: copy it again")
    return tuple(np.frombuffer(content[4:start], ">u4").tolist()), start
