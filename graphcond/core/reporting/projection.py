"""Points in the plane: the two leading principal components of an original, and items in between."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphcond.core.runtime.randomness import seeded

MOST_ORIGINAL = 2000  # items of the original on a map


def sampled(count: int, most: int = MOST_ORIGINAL) -> Tensor:
    """Return which items of an original are drawn: all, or some at random, always the same ones, ascending."""
    if count <= most:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))[:most].sort().values


@dataclass(frozen=True, eq=False)
class Projection:
    """The plane of the two leading principal components of some rows.

    Shapes:
        center: ``(width,)``; directions: ``(width, 2)``.
    """

    center: Tensor
    directions: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "Projection":
        """Return the plane of rows, ``(n, width)``; random states stay as they are."""
        rows = rows.float()
        center = rows.mean(dim=0)
        with seeded(0):
            directions = torch.pca_lowrank(rows - center, q=min(6, *rows.shape), center=False)[2][:, :2]
        # Which way an axis points is arbitrary: the heaviest entry is made positive, so that it is always the same.
        heaviest = directions.abs().argmax(dim=0, keepdim=True)
        return cls(center, directions * directions.gather(0, heaviest).sign())

    def __call__(self, rows: Tensor) -> np.ndarray:
        """Return where rows are in the plane, ``(n, 2)``."""
        places = (rows.float() - self.center) @ self.directions
        found: np.ndarray = torch.nn.functional.pad(places, (0, 2 - places.size(1))).numpy()
        return found
