"""Herding: greedy selection whose running mean follows the class mean."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.run import Run
from graphcond.methods.base import NodeMethod, SyntheticNodes, check_depth, pick_per_class
from graphcond.nodes.task import NodeTask


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


@dataclass(frozen=True, kw_only=True)
class Herding(NodeMethod):
    r"""Training nodes whose mean follows the class mean of propagated features (Welling, ICML 2009).

    Distances are taken in the space :math:`\hat A^{depth} X`; the nodes keep their raw features and common edges.

    Args:
        depth: Hops of propagation of the space in which distances are taken.

    Note:
        GCond's baseline measures distances in the embedding of a GCN trained on the whole graph. Propagated features
        need no training and keep the control cheap and deterministic.
    """

    name: ClassVar[str] = "herding"
    reads_sparse: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: Run = Run()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return pick_per_class(task, allocation, self.depth, run.place, herd)
