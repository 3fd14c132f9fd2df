r"""What CGC and DeepCGC have in common: a linear teacher, and a graph made of the means of cells.

Its edges join means that point the same way, and its features are those that propagate to the means:

.. math:: A'_{jl} = 1[\cos(h'_j, h'_l) > T], \qquad
          X' = \arg\min_X \|\hat A'^K X - H'\|^2 + \alpha \operatorname{tr}(X^\top L' X)
             = (\hat A'^K \hat A'^{K\top} + \alpha L')^{-1} \hat A'^{K\top} H'

with :math:`L' = D'^{-1/2} (D' - A') D'^{-1/2}` without self-loops.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.positive_definite import solve
from graphcond.core.targets import Targets
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.propagated_features import cosines
from graphcond.nodes.task import NodeTask
from graphcond.surrogates.ridge import LinearModel, fit_ridge
from graphcond.synthetic.graph import normalize

PENALTY = 1e-4  # relative, of the least squares: where features are more than nodes, the shortest of all solutions


def check_threshold(threshold: float | None) -> None:
    """Raise if a threshold is one that no cosine is above."""
    if threshold is not None and threshold >= 1:
        raise ValueError(f"threshold must be below 1, got {threshold!r}; None makes no edges")


def linear_teacher(task: NodeTask, hops: Sequence[Tensor]) -> LinearModel:
    """Return the least-squares fit of what training nodes learn by the mean of their features after some hops.

    Args:
        task: The task.
        hops: Their features after each number of hops, ``(num_train, num_features)``.
    """
    mean = sum(hops[1:], hops[0]) / len(hops)
    return fit_ridge(mean, task.targets.regressands(task.train.learned).to(mean), [PENALTY])[0]


def predicted_classes(targets: Targets, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return how sure a teacher is of the likeliest class or stratum of each row, and which that is, ``(n,)`` each."""
    surest = targets.likely(targets.soft(scores.clone())).max(dim=1)
    return surest.values, surest.indices


def cosine_edges(means: Tensor, threshold: float) -> Tensor:
    """Return the adjacency that joins rows whose cosine is above a threshold, without self-loops, ``(n, n)``."""
    adjacency = (cosines(means, means) > threshold).to(means)
    return torch.maximum(adjacency, adjacency.T).fill_diagonal_(0)


def smoothed_features(adjacency: Tensor, means: Tensor, hops: int, smoothness: float) -> Tensor:
    """Return the features that propagate to the means, and differ little along edges, ``(n, num_features)``.

    Args:
        adjacency: ``(n, n)`` symmetric, without self-loops.
        means: ``(n, num_features)``.
        hops: Of the downstream network.
        smoothness: What differences along edges weigh.
    """
    operator = torch.linalg.matrix_power(normalize(adjacency.double()), hops)
    degrees = adjacency.double().sum(dim=1)
    scale = torch.where(degrees > 0, degrees.rsqrt(), 0.0)
    laplacian = torch.diag((degrees > 0).double()) - scale.unsqueeze(1) * adjacency * scale
    system = operator @ operator.T + smoothness * laplacian
    return solve(system, operator.T @ means.double()).to(means)


def cells_by_class(labels: Tensor, allocation: Tensor, assign: Callable[[Tensor, int, int], Tensor]) -> Tensor:
    """Return the cell of each row, numbered class by class, ``(n,)`` int64.

    Args:
        labels: ``(n,)`` int64 the class of each row.
        allocation: Cells of each class.
        assign: Returns the cells of some rows, given which these are, how many cells there are and a seed.
    """
    cells, first = torch.empty_like(labels), 0
    for label, count in enumerate(allocation.tolist()):
        rows = (labels == label).nonzero().flatten()
        cells[rows] = first + assign(rows, count, int(torch.randint(2**31 - 1, ())))
        first += count
    return cells


@dataclass(frozen=True, kw_only=True)
class CellGraph:
    """How a graph is made of the means of cells.

    Args:
        threshold: Means whose cosine is above it are joined; ``None``: there are no edges.
        hops: Of the downstream network.
        smoothness: What differences along edges weigh.
    """

    threshold: float | None
    hops: int
    smoothness: float

    def of(self, means: Tensor, y: Tensor, members: Members) -> SyntheticNodes:
        """Return the condensed graph.

        Args:
            means: The mean of each cell, ``(n, num_features)``.
            y: What it learns.
            members: Its nodes.
        """
        adjacency = None if self.threshold is None else cosine_edges(means, self.threshold)
        if adjacency is None or not bool(adjacency.any()):
            return SyntheticNodes(x=means, y=y, members=members)
        x = smoothed_features(adjacency, means, self.hops, self.smoothness)
        return SyntheticNodes(x=x, y=y, edge_index=adjacency.nonzero().T.contiguous(), members=members)
