"""What an objective keeps of real data: class sums and counts, which add over shards."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.runtime.processes import Processes


@dataclass(frozen=True, eq=False)
class Statistic:
    """Sums over the rows of each class.

    Shapes:
        sums: each ``(num_classes, *shape)``; counts: ``(num_classes,)`` float, rows of each class.
    """

    sums: tuple[Tensor, ...]
    counts: Tensor

    def __add__(self, other: "Statistic") -> "Statistic":
        """Return the statistic of two disjoint sets of rows together."""
        sums = tuple(mine + theirs for mine, theirs in zip(self.sums, other.sums, strict=True))
        return Statistic(sums, self.counts + other.counts)

    def __sub__(self, other: "Statistic") -> "Statistic":
        """Return the statistic without some of its rows."""
        sums = tuple(mine - theirs for mine, theirs in zip(self.sums, other.sums, strict=True))
        return Statistic(sums, self.counts - other.counts)

    def over(self, processes: Processes) -> "Statistic":
        """Return the statistic of the rows of all processes together."""
        *sums, counts = processes.sum([*self.sums, self.counts])
        return Statistic(tuple(sums), counts)

    def class_weight(self, other: "Statistic", weight: Tensor | None) -> Tensor:
        """Return how much each class counts in a comparison, ``(num_classes,)``: 0 if either side lacks it."""
        present = ((self.counts > 0) & (other.counts > 0)).to(other.counts.dtype)
        return present if weight is None else present * weight

    def means(self) -> tuple[Tensor, ...]:
        """Return class means; zeros for a class without rows."""
        counts = self.counts.clamp(min=1)
        return tuple(value / counts.view(-1, *[1] * (value.dim() - 1)) for value in self.sums)


def class_counts(y: Tensor, num_classes: int, like: Tensor) -> Tensor:
    """Return the rows of each class as floats, ``(num_classes,)``."""
    return torch.bincount(y, minlength=num_classes).to(like.dtype)


def class_sums(values: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Return the sum of the rows of each class, ``(num_classes, *row)``."""
    return values.new_zeros(num_classes, *values.shape[1:]).index_add(0, y, values)
