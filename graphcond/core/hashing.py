"""Words of 64 bits that stand for rows of numbers, and for sets of such words."""

import numpy as np
import torch
from torch import Tensor

Words = np.ndarray  # of uint64
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
STEP = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def row_words(rows: Tensor) -> Words:
    """Return a word for each row, by the values alone: 1 and 1.0 give the same."""
    values = (rows.double() + 0.0).numpy()  # 0.0 takes the sign of a negative zero away
    result = np.full(len(values), STEP, dtype=np.uint64)
    for column in np.ascontiguousarray(values.T):
        result = mixed(result ^ column.view(np.uint64))
    return result


def mixed(words: Words) -> Words:
    """Return words whose bits all depend on all bits (the finaliser of SplitMix64: Steele et al., OOPSLA 2014)."""
    words = words + STEP
    words ^= words >> _SHIFTS[0]
    words *= _FIRST
    words ^= words >> _SHIFTS[1]
    words *= _SECOND
    words ^= words >> _SHIFTS[2]
    return words


def added(words: Words, place: Tensor, count: int) -> Words:
    """Return the sum of the words of each place, ``(count,)``; it wraps around.

    Integers wrap around alike in any order, so the sum has the same bits however many threads add.
    """
    total = torch.zeros(count, dtype=torch.int64)
    total.index_add_(0, place, torch.from_numpy(words.view(np.int64)))
    return total.numpy().view(np.uint64)
