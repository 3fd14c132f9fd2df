"""Rows of propagated features as clustering asks for them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Products(NamedTuple):
    """Products with a matrix and with its transpose."""

    times: Callable[[Tensor], Tensor]
    transposed_times: Callable[[Tensor], Tensor]


class Points(ABC):
    """Some rows, ``(num_points, num_features)``."""

    shape: tuple[int, int]
    device: torch.device

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def take(self, index: Tensor) -> "Points":
        """Return some of the points."""

    @abstractmethod
    def dense(self) -> Tensor:
        """Return the points as a matrix."""

    @abstractmethod
    def columns(self, columns: Tensor) -> Tensor:
        """Return some features of the points, ``(num_points, len(columns))``."""

    @abstractmethod
    def mean(self) -> Tensor:
        """Return the mean point, ``(num_features,)``."""

    @abstractmethod
    def group_means(self, labels: Tensor, count: int) -> Tensor:
        """Return the mean point of each group, ``(count, num_features)``, zeros for a group without points."""

    @abstractmethod
    def centred(self, center: Tensor) -> Products:
        """Return the points less a center, to be multiplied."""


class DensePoints(Points):
    """Points that are in memory, ``(num_points, num_features)``."""

    def __init__(self, x: Tensor) -> None:
        self._x = x
        self.shape = (x.size(0), x.size(1))
        self.device = x.device

    def take(self, index: Tensor) -> Points:
        """See :meth:`Points.take`."""
        return DensePoints(self._x[index])

    def dense(self) -> Tensor:
        """See :meth:`Points.dense`."""
        return self._x

    def columns(self, columns: Tensor) -> Tensor:
        """See :meth:`Points.columns`."""
        return self._x[:, columns]

    def mean(self) -> Tensor:
        """See :meth:`Points.mean`."""
        return self._x.mean(dim=0)

    def group_means(self, labels: Tensor, count: int) -> Tensor:
        """See :meth:`Points.group_means`."""
        return group_means(self._x, labels, count)

    def centred(self, center: Tensor) -> Products:
        """See :meth:`Points.centred`."""
        x = self._x - center
        return Products(x.matmul, x.T.matmul)


def group_means(x: Tensor, labels: Tensor, count: int) -> Tensor:
    """Return the mean row of each group, ``(count, num_features)``, zeros for a group without rows."""
    sums = x.new_zeros(count, x.size(1)).index_add_(0, labels, x)
    return sums / torch.bincount(labels, minlength=count).clamp(min=1).unsqueeze(1)
