"""Several labels of each graph in bits: a graph of 12 labels takes 2 bytes, or 4 where some are missing.

>>> packed = packed_labels(torch.tensor([[1.0, 0.0, torch.nan]]))
>>> {name: value.tolist() for name, value in packed.items()}
{'y_bits': [[128]], 'y_columns': [3], 'y_known': [[192]]}
>>> unpacked_labels(packed)
tensor([[1., 0., nan]])
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from graphcond.core.runtime.contents import require, require_present

BITS = "y_bits"
OF_LABELS = ("y", BITS, "y_columns", "y_known")


def packed_labels(y: Tensor) -> dict[str, Tensor]:
    """Return what graphs have as labels: rows of 0, 1 and NaN in bits, anything else under ``y`` as it is.

    Args:
        y: ``(num_graphs,)`` classes or numbers, or ``(num_graphs, targets)``.
    """
    if not y.is_floating_point():
        return {"y": y.long()}
    if y.dim() != 2 or not bool(((y == 0) | (y == 1) | y.isnan()).all()):
        return {"y": y}
    known = ~y.isnan()
    packed = {BITS: _bits(y == 1), "y_columns": torch.tensor([y.size(1)])}
    return packed if bool(known.all()) else packed | {"y_known": _bits(known)}


def unpacked_labels(tensors: Mapping[str, Tensor]) -> Tensor:
    """Return the labels that :func:`packed_labels` was given.

    Raises:
        ValueError: the tensors are something else.
    """
    if BITS not in tensors:
        require_present(tensors, ("y",))
        return tensors["y"]
    require_present(tensors, ("y_columns",))
    columns = int(require("y_columns", tensors["y_columns"], (torch.int64,), (1,), 1))
    shape = (None, -(-columns // 8))
    bits = require(BITS, tensors[BITS], (torch.uint8,), shape)
    y = _unpacked(bits, columns).float()
    if "y_known" in tensors:
        known = require("y_known", tensors["y_known"], (torch.uint8,), (len(bits), shape[1]))
        y[~_unpacked(known, columns)] = torch.nan
    return y


def _bits(rows: Tensor) -> Tensor:
    return torch.from_numpy(np.packbits(rows.numpy(), axis=1))


def _unpacked(bits: Tensor, columns: int) -> Tensor:
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=1, count=columns)).bool()
