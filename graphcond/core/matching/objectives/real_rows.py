"""What objectives observe whose loss is a mean over real rows: the rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.runtime.processes import Processes


@dataclass(frozen=True, eq=False)
class RealRows:
    """Real rows themselves. The loss is a mean over them, so what adds up over processes is its gradient.

    Args:
        batch: The rows.
        counted: How many rows of a batch the mean is over.
        share: What these rows weigh in the mean over those of all processes, a scalar; ``None``: there are no others.
    """

    batch: Batch
    counted: Callable[[Batch], int] = len
    share: Tensor | None = None

    def __add__(self, other: "RealRows") -> "RealRows":
        """Return two disjoint sets of rows together."""
        mine, theirs = self.batch, other.batch
        return replace(self, batch=Batch(torch.cat([mine.x, theirs.x]), torch.cat([mine.y, theirs.y])))

    def over(self, processes: Processes) -> "RealRows":
        """Return the rows with their share in those of all processes."""
        mine = torch.tensor(float(self.counted(self.batch)), device=self.batch.y.device)
        (total,) = processes.sum([mine])
        return replace(self, share=mine / total.clamp(min=1))
