"""Where synthetic nodes go: along a student's class directions, or at plain cluster means."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from graphcond.core.runtime.threads import side_by_side
from graphcond.core.targets import Targets
from graphcond.nodes.clustering import cluster, duplicates_allowed
from graphcond.nodes.points import Points, group_means
from graphcond.surrogates.ridge import LinearModel


class Space(Protocol):
    """Nodes as rows of numbers, in which distances and means are taken."""

    def points(self, nodes: Tensor) -> Points:
        """Return the rows of some nodes as clustering asks for them."""
        ...

    def mean(self) -> Tensor:
        """Return the mean of all rows."""
        ...

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return sums over all rows, ``(k, columns)``, for ``(num_nodes, k)`` weights."""
        ...


@dataclass(frozen=True)
class Placement:
    """Where the synthetic nodes go.

    Args:
        spread: Distance of the class anchors from the mean, as a multiple of the class means' distance; ``None`` puts
            the nodes at plain cluster means.
        labelled: Whether these are the means of the training nodes in a cluster, instead of all its nodes.
        residual: How much of the clusters' spread within a class the nodes keep, in [0, 1].
    """

    spread: float | None = 0.75
    labelled: bool = False
    residual: float = 0.5


@dataclass(frozen=True)
class Clusters:
    """The clusters of all classes, class by class.

    Shapes:
        y: ``(n,)`` int64; means, labelled_means (of the training nodes only, where a cluster has some):
        ``(n, num_features)``; sizes, labelled_sizes (members of each cluster, and training nodes among them): ``(n,)``
        float32; posteriors: ``(n, num_classes)``; rows: the members of each cluster.
    """

    y: Tensor
    means: Tensor
    labelled_means: Tensor
    sizes: Tensor
    labelled_sizes: Tensor
    posteriors: Tensor
    rows: list[Tensor]


def cluster_classes(view: Space, groups: list[Tensor], posteriors: Tensor, labels: Tensor, counts: Tensor) -> Clusters:
    """Return the clusters of each class.

    Args:
        view: The propagated features, in which distances and means are taken.
        groups: The nodes of each class, whether labelled or presumed.
        posteriors: ``(num_nodes, num_classes)``.
        labels: ``(num_nodes,)`` int64, the classes of training nodes, -1 elsewhere.
        counts: ``(num_classes,)`` int64, clusters of each class.
    """

    def within(one: tuple[Tensor, int, int]) -> tuple[Tensor, ...]:
        rows, count, seed = one
        points, known = view.points(rows), (labels[rows] >= 0).nonzero().flatten()
        assigned = cluster(points, count, seed)
        sizes = torch.bincount(assigned, minlength=count)
        own = points.group_means(assigned, count)
        labelled_sizes = torch.bincount(assigned[known], minlength=count)
        some = labelled_sizes.unsqueeze(1) > 0
        labelled = torch.where(some, points.take(known).group_means(assigned[known], count), own)
        return own, labelled, labelled_sizes, group_means(posteriors[rows], assigned, count), sizes, assigned

    sizes_asked = counts.tolist()
    seeds = torch.randint(2**31 - 1, (len(groups),)).tolist()
    with duplicates_allowed():
        found = side_by_side(within, list(zip(groups, sizes_asked, seeds, strict=True)))
    means, labelled, labelled_sizes, posterior, sizes, assigned = zip(*found, strict=True)
    members = [
        part
        for rows, own, held in zip(groups, assigned, sizes, strict=True)
        for part in torch.split(rows[own.argsort(stable=True)], held.tolist())
    ]
    return Clusters(
        y=torch.repeat_interleave(counts.to(posteriors.device)),
        means=torch.cat(means),
        labelled_means=torch.cat(labelled),
        sizes=torch.cat(sizes).to(posteriors),
        labelled_sizes=torch.cat(labelled_sizes).to(posteriors),
        posteriors=torch.cat(posterior),
        rows=members,
    )


class Places:
    """Clusters, and the class anchors that a student gives.

    Args:
        view: The propagated features.
        targets: What is learned.
        posteriors: ``(num_nodes, outputs)`` soft targets.
        student: A linear model of what a regression learns of them, by these features.
        clusters: Clusters of these features.
    """

    def __init__(
        self, view: Space, targets: Targets, posteriors: Tensor, student: LinearModel, clusters: Clusters
    ) -> None:
        self.clusters = clusters
        self._center = view.mean()
        memberships = targets.memberships(posteriors)
        tiny = torch.finfo(memberships.dtype).tiny
        means = view.weighted_sums(memberships) / memberships.sum(dim=0).clamp(min=tiny).unsqueeze(1)
        distance = (means - self._center).norm()
        directions = targets.directions(student.weight.T)
        self._directions = directions * distance / directions.T.norm().clamp(min=tiny)

    def at(self, placement: Placement) -> Tensor:
        """Return the features of the synthetic nodes, ``(n, num_features)``."""
        clusters = self.clusters
        means = clusters.labelled_means if placement.labelled else clusters.means
        sizes = clusters.labelled_sizes if placement.labelled else clusters.sizes
        centers = _class_means(means, sizes, clusters.y)
        if placement.spread is not None:
            centers = (self._center + placement.spread * self._directions)[clusters.y]
        x: Tensor = centers + placement.residual * (means - _class_means(means, None, clusters.y))
        return x


def recentred(means: Tensor, clusters: Clusters) -> Tensor:
    """Return cluster means, moved such that the plain mean of each class is the weighted one.

    A training loop that weights all nodes alike then sees each class where it is, though clusters differ in size.
    """
    within = means - _class_means(means, None, clusters.y)
    return within + _class_means(means, clusters.sizes, clusters.y)


def _class_means(means: Tensor, weight: Tensor | None, y: Tensor) -> Tensor:
    """Return for each cluster the weighted or plain mean of its class's clusters, ``(n, num_features)``."""
    weight = torch.ones_like(means[:, 0]) if weight is None else weight
    count = int(y.max()) + 1
    total = weight.new_zeros(count).index_add_(0, y, weight).clamp(min=torch.finfo(weight.dtype).tiny)
    sums = means.new_zeros(count, means.size(1)).index_add_(0, y, means * weight.unsqueeze(1))
    return (sums / total.unsqueeze(1))[y]
