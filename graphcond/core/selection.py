"""Greedy selections of rows: herding and farthest-first traversal."""

import torch
from torch import Tensor


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
