"""Greedy selections of rows: herding, farthest-first traversal and maximum cover."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

Rows = np.ndarray[Any, np.dtype[np.int64]]


def herd(points: Tensor, count: int) -> Tensor:
    """Return the rows that herding picks, in order, ``(count,)`` int64 without repetition.

    Each step takes the row that brings the mean of the picked rows closest to the mean of all rows.

    Args:
        points: ``(num_points, num_features)``.
        count: How many rows, at most ``num_points``.
    """
    mean = points.mean(dim=0)
    squares = points.square().sum(dim=1)
    total = torch.zeros_like(mean)
    free = torch.ones(len(points), dtype=torch.bool, device=points.device)
    picked = []
    for step in range(1, count + 1):
        # ||(total + p) / step - mean||^2 without the terms that all candidates share.
        distance = squares + 2 * points @ (total - step * mean)
        row = int(distance.masked_fill(~free, torch.inf).argmin())
        picked.append(row)
        free[row] = False
        total = total + points[row]
    return torch.tensor(picked, device=points.device)


def farthest_first(points: Tensor, count: int) -> Tensor:
    """Return the rows of a farthest-first traversal, ``(count,)`` int64 without repetition.

    The first row is the one closest to the mean; each further one is the farthest from those already chosen, which is
    within a factor of two of the best covering radius (Gonzalez, 1985).
    """
    distance = (points - points.mean(dim=0)).square().sum(dim=1)
    row = int(distance.argmin())
    nearest = torch.full_like(distance, torch.inf)
    picked = []
    for _ in range(count):
        picked.append(row)
        nearest = torch.minimum(nearest, (points - points[row]).square().sum(dim=1))
        nearest[row] = -torch.inf
        row = int(nearest.argmax())
    return torch.tensor(picked, device=points.device)


def cover(named: Rows, count: int) -> Iterator[int]:
    """Yield all rows in the order in which each covers the most that no earlier one covers.

    A row covers those that name it. Whatever is covered is taken off the gains of the rows that it names, so that gains
    are exact at each step. When nothing is left to gain, all that named a row has to be covered again.

    Args:
        named: ``(num_naming, k)`` int64, the rows that each names.
        count: How many rows there are.
    """
    pointers = named.shape[1] * np.arange(len(named) + 1)
    naming = csr_matrix((np.ones(named.size), named.ravel(), pointers), shape=(len(named), count)).tocsc()
    uncovered = np.zeros(len(named), dtype=bool)
    gains = np.zeros(count, dtype=np.int64)
    free = np.ones(count, dtype=bool)
    for _ in range(count):
        row = int(np.where(free, gains, -1).argmax())
        if not gains[row]:
            uncovered[:] = True
            gains = np.bincount(named.ravel(), minlength=count)
            row = int(np.where(free, gains, -1).argmax())
        yield row
        free[row] = False
        those = naming.indices[naming.indptr[row] : naming.indptr[row + 1]]
        those = those[uncovered[those]]
        uncovered[those] = False
        np.subtract.at(gains, named[those].ravel(), 1)
