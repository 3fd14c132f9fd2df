"""CGC: each class is partitioned, and a linear teacher says how much each of its nodes counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import f1_score
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.clustering import DISTANCE_DIMENSIONS, duplicates_allowed, without_empty
from graphcond.nodes.cost_model import Shape, Work, propagation_work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, require_capacity
from graphcond.nodes.methods.cells import (
    CellGraph,
    cells_by_class,
    check_threshold,
    linear_teacher,
    predicted_classes,
)
from graphcond.nodes.methods.groups import group_members, group_targets
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.task import NodeTask

OFFSET = 0.5**0.5  # of the polynomial kernel
EVEN = 1e-20  # chance of a node whose class the teacher always finds

PRESETS: dict[str, dict[str, Any]] = {
    "cora": {"temperature": 1.0},
    "citeseer": {"temperature": 0.05, "augmentation": 0.1},
    "ogbn-arxiv": {"threshold": 0.92, "temperature": 15.0, "augmentation": 0.4},
    "flickr": {"threshold": 0.996, "temperature": 0.08, "augmentation": 0.3},
    "reddit": {"threshold": 0.95, "temperature": 10.0, "augmentation": 0.55},
}


@dataclass(frozen=True, kw_only=True)
class CGC(NodeMethod):
    r"""Partition of each class and confidence-weighted means, without training (CGC: Gao et al., WWW 2025).

    1. A linear teacher is fitted by least squares to the mean of :math:`X, \hat A X, ..., \hat A^K X`.
    2. Training nodes are drawn once more, the rather the worse the teacher does on their class (by 1 - F1), with the
       features after :math:`K - 1` hops.
    3. The rows after :math:`K` hops and the drawn ones are partitioned class by class, by spectral clustering with a
       polynomial kernel of degree 2, into as many cells as nodes are asked for.
    4. With :math:`p_i` the teacher's probability of the right class, the least of all where it predicts another,
       the mean of the cell :math:`C_j` is

       .. math:: h'_j = \sum_{i \in C_j} e^{p_i / \tau} h_i \Big/ \sum_{i \in C_j} e^{p_i / \tau} .

    5. Edges join means that point the same way, and features are those that propagate to the means
       (:mod:`graphcond.nodes.methods.cells`). Without edges (``threshold=None``, CGC-X) they are the means.

    The defaults are the published settings for Cora at its smallest size; :meth:`preset` has those for the middle size
    of each dataset.

    Args:
        depth: Hops of propagation, the paper's :math:`K`.
        augmentation: How many training nodes are drawn once more, relative to their number.
        temperature: :math:`\tau`; the larger, the more alike all nodes of a cell count.
        threshold: The cosine above which means are joined; ``None``: there are no edges.
        smoothness: :math:`\alpha`, what differences along edges weigh in the features.

    Note:
        Where this departs from the published code (XYGaoG/CGC), and why:

        - Its features are :math:`\alpha (\hat A'^3 \hat A'^{3 \top} + L')^{-1} \hat A'^3 H'`, where its network has two
          layers and :math:`\alpha` only scales them. Here they are the paper's, with ``depth`` hops; the presets have
          the smoothness 1 that its code amounts to.
        - Its spectral clustering takes as many singular vectors as there are cells, and products of all pairs of them.
          Here they are at most 32, so that a class of many cells is not quadratic in their number; the decompositions
          and k-means are scikit-learn's instead of TruncatedSVD's and faiss's.
        - The least squares have an intercept and a penalty of 0.0001 of the mean squared row.
        - A cell that is left empty takes a node from the largest.
        - Its adjacency gives self-loops to nodes only if the first node has none; here every node has one.
        - Labels are shared out by largest remainder, features are taken as they come.
        - Of other targets than classes, strata take the place of classes, and :math:`p_i` is :math:`e^{-\text{loss}}`.
    """

    name: ClassVar[str] = "cgc"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    capped_by_class: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    depth: int = 2
    augmentation: float = 0.5
    temperature: float = 0.5
    threshold: float | None = 0.8
    smoothness: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("augmentation", "smoothness", "threshold"))
        check_threshold(self.threshold)

    @property
    def takes_bytes(self) -> bool:  # type: ignore[override]  # of the threshold
        """See :class:`NodeMethod`."""
        return self.threshold is None

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        require_capacity(task, allocation)
        nodes, labels = task.train.nodes, task.train.labels
        hops = list(PropagatedFeatures(task.train.graph, 0).rows_by_hop(nodes, self.depth))
        teacher = linear_teacher(task, hops)
        rows, sure = hops[-1], confidence(task, teacher(hops[-1]))
        drawn = self.augmented(task, teacher(hops[-2]))
        rows = torch.cat([rows, hops[-2][drawn]])
        sure = torch.cat([sure, confidence(task, teacher(hops[-2]))[drawn]])
        which = torch.cat([torch.arange(len(nodes), device=nodes.device), drawn])
        cells = cells_by_class(
            labels[which], allocation, lambda own, count, seed: spectral_cells(rows[own], count, seed)
        )
        goals = task.targets.regressands(task.train.learned)[which].to(rows)
        count = int(allocation.sum())
        return CellGraph(threshold=self.threshold, hops=self.depth, smoothness=self.smoothness).of(
            weighted_means(rows, sure / self.temperature, cells, count),
            group_targets(task.targets, goals, cells, allocation),
            group_members(nodes[which], cells, count),
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return propagation_work(shape, self.depth)

    def augmented(self, task: NodeTask, scores: Tensor) -> Tensor:
        """Return which training nodes are drawn once more, by how the teacher does on their classes.

        Args:
            task: The task.
            scores: Of the training nodes, ``(num_train, outputs)``.
        """
        labels = task.train.labels
        count = int(self.augmentation * len(labels))
        if not count:
            return labels.new_empty(0)
        predicted = predicted_classes(task.targets, scores)[1]
        every = np.arange(task.num_classes)
        scored = f1_score(labels.cpu(), predicted.cpu(), labels=every, average=None, zero_division=0)
        chances = torch.from_numpy(1 - scored)[labels.cpu()] + EVEN
        return chances.multinomial(count, replacement=True).to(labels.device)


def confidence(task: NodeTask, scores: Tensor) -> Tensor:
    """Return how sure a teacher is of what training nodes learn, ``(n,)``; the least where it predicts another class.

    Args:
        task: The task.
        scores: Of its training nodes, ``(num_train, outputs)``.
    """
    sure = (-task.targets.losses(scores, task.train.learned)).exp()
    wrong = predicted_classes(task.targets, scores)[1] != task.train.labels
    return torch.where(wrong, sure.min(), sure)


def weighted_means(rows: Tensor, scores: Tensor, cells: Tensor, count: int) -> Tensor:
    """Return the means of cells, rows weighted by the softmax of their scores within each, ``(count, num_features)``.

    Args:
        rows: ``(n, num_features)``.
        scores: ``(n,)``.
        cells: ``(n,)`` int64.
        count: Cells.
    """
    highest = scores.new_full((count,), -torch.inf).scatter_reduce(0, cells, scores, "amax")
    weight = (scores - highest[cells]).exp()
    total = weight.new_zeros(count).index_add_(0, cells, weight)
    return rows.new_zeros(count, rows.size(1)).index_add_(0, cells, rows * (weight / total[cells]).unsqueeze(1))


def spectral_cells(rows: Tensor, count: int, seed: int) -> Tensor:
    r"""Return the clusters of rows by spectral clustering, linear in their number, ``(n,)`` int64, none of them empty.

    With :math:`U` the leading left singular vectors of the centred rows, affinities are
    :math:`K = (U U^\top + c)^2 = \Phi \Phi^\top`. What k-means clusters are the left singular vectors of
    :math:`D^{-1/2} \Phi` after the first, :math:`D = \operatorname{diag}(K 1)`, so that no pair of rows is looked at.

    Args:
        rows: ``(n, num_features)``.
        count: Clusters, at most ``n``.
        seed: Of all that is drawn.
    """
    if count in (1, len(rows)):
        return torch.arange(len(rows), device=rows.device) % count
    x = rows.cpu().double().numpy()
    vectors = _left_vectors(x - x.mean(axis=0), min(count, DISTANCE_DIMENSIONS), seed)
    features = square_features(vectors)
    degrees = np.maximum(features @ features.sum(axis=0), np.finfo(np.float64).tiny)
    shown = _left_vectors(features / np.sqrt(degrees)[:, None], min(count, DISTANCE_DIMENSIONS) + 1, seed)[:, 1:]
    with duplicates_allowed():
        found = KMeans(count, n_init=1, random_state=seed).fit(shown)
    return without_empty(torch.as_tensor(found.labels_, dtype=torch.long, device=rows.device), count)


def square_features(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    r"""Return rows :math:`\phi(u)` whose products are :math:`(u^\top v + c)^2`."""
    pairs = (vectors[:, :, None] * vectors[:, None, :]).reshape(len(vectors), -1)
    constant = np.full((len(vectors), 1), OFFSET)
    return np.concatenate([constant, np.sqrt(2 * OFFSET) * vectors, pairs], axis=1)


def _left_vectors(matrix: np.ndarray[Any, Any], count: int, seed: int) -> np.ndarray[Any, Any]:
    """Return the leading left singular vectors of a matrix, ``(n, count)`` or fewer."""
    vectors: np.ndarray[Any, Any] = randomized_svd(matrix, min(count, *matrix.shape), random_state=seed)[0]
    return vectors
