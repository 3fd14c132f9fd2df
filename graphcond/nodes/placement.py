"""Where synthetic nodes go: along a student's class directions, or at plain cluster means."""

import warnings
from dataclasses import dataclass, replace

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from graphcond.core.threads import side_by_side
from graphcond.nodes.clustering import cluster, cluster_means
from graphcond.nodes.rehearsal import Rehearsal
from graphcond.surrogates.ridge import LinearModel


@dataclass(frozen=True)
class Placement:
    """Where the synthetic nodes go, as chosen by rehearsal.

    Args:
        spread: Distance of the class anchors from the mean, as a multiple of the class means' distance; ``None`` puts
            the nodes at plain cluster means.
        labelled: Whether these are the means of the training nodes in a cluster, instead of all its nodes.
        score: Validation score of the rehearsal, in [0, 1].
    """

    spread: float | None = 0.75
    labelled: bool = False
    score: float = 0.0


CHOICES = (
    Placement(),  # the incumbent: the others have to be clearly better
    Placement(spread=1.0),
    Placement(spread=2.0),
    Placement(spread=None),
    Placement(spread=None, labelled=True),
)


@dataclass(frozen=True)
class Clusters:
    """The clusters of all classes, class by class.

    Shapes:
        y: ``(n,)`` int64; means, labelled_means (of the training nodes only, where a cluster has some), centers (of
        each cluster's class): ``(n, num_features)``; weight: ``(n,)``; posteriors: ``(n, num_classes)``; rows: the
        members of each cluster.
    """

    y: Tensor
    means: Tensor
    labelled_means: Tensor
    centers: Tensor
    weight: Tensor
    posteriors: Tensor
    rows: list[Tensor]


def cluster_classes(
    space: Tensor, groups: list[Tensor], posteriors: Tensor, labels: Tensor, counts: Tensor
) -> Clusters:
    """Return so many clusters of each class; they weigh what their class has in labels, shared by their sizes.

    Args:
        space: ``(num_nodes, num_features)`` features in which distances and means are taken.
        groups: The nodes of each class, whether labelled or presumed.
        posteriors: ``(num_nodes, num_classes)``.
        labels: ``(num_nodes,)`` int64, the classes of training nodes, -1 elsewhere.
        counts: ``(num_classes,)`` int64, clusters of each class.
    """

    def within(one: tuple[int, Tensor, int, int]) -> tuple[Tensor, ...]:
        label, rows, count, seed = one
        points, known = space[rows], labels[rows] >= 0
        assigned = cluster(points, count, seed)
        sizes = torch.bincount(assigned, minlength=count)
        own = cluster_means(points, assigned, count)
        some = torch.bincount(assigned[known], minlength=count).unsqueeze(1) > 0
        labelled = torch.where(some, cluster_means(points[known], assigned[known], count), own)
        center = points.mean(dim=0).expand(count, -1)
        weight = sizes / len(rows) * (labels == label).sum()
        return own, labelled, center, weight, cluster_means(posteriors[rows], assigned, count), sizes, assigned

    sizes_asked = counts.tolist()
    seeds = torch.randint(2**31 - 1, (len(groups),)).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of duplicate points, which are dealt with
        found = side_by_side(within, list(zip(range(len(groups)), groups, sizes_asked, seeds, strict=True)))
    means, labelled, centers, weights, posterior, sizes, assigned = zip(*found, strict=True)
    members = [
        part
        for rows, own, held in zip(groups, assigned, sizes, strict=True)
        for part in torch.split(rows[own.argsort(stable=True)], held.tolist())
    ]
    return Clusters(
        y=torch.repeat_interleave(counts.to(space.device)),
        means=torch.cat(means),
        labelled_means=torch.cat(labelled),
        centers=torch.cat(centers),
        weight=torch.cat(weights),
        posteriors=torch.cat(posterior),
        rows=members,
    )


class Places:
    """Clusters, and the class anchors that a student gives.

    Args:
        space: ``(num_nodes, num_features)``.
        posteriors: ``(num_nodes, num_classes)``.
        student: A linear model of the posteriors in that space.
        clusters: Clusters in that space.
        residual: How much of the clusters' spread within a class anchored nodes keep.
    """

    def __init__(
        self, space: Tensor, posteriors: Tensor, student: LinearModel, clusters: Clusters, residual: float
    ) -> None:
        self.clusters = clusters
        self._residual = residual
        self._center = space.mean(dim=0)
        means = (posteriors.T @ space) / posteriors.sum(dim=0).unsqueeze(1)
        distance = (means - self._center).norm()
        length = student.weight.norm().clamp(min=torch.finfo(space.dtype).tiny)
        self._directions = student.weight.T * distance / length

    def at(self, placement: Placement) -> Tensor:
        """Return the features of the synthetic nodes, ``(n, num_features)``."""
        clusters = self.clusters
        if placement.spread is None:
            return clusters.labelled_means if placement.labelled else clusters.means
        anchors = self._center + placement.spread * self._directions
        x: Tensor = anchors[clusters.y] + self._residual * (clusters.means - clusters.centers)
        return x

    def choose(self, rehearsal: Rehearsal) -> Placement:
        """Return the placement that rehearses best, or the first one if none is clearly better.

        Without that bar the choice would follow the noise of a few hundred validation nodes.
        """
        x = torch.stack([self.at(placement) for placement in CHOICES])
        outcomes = rehearsal.run(x, self.clusters.y, self.clusters.weight.expand(len(CHOICES), -1))
        best = max(range(len(outcomes)), key=lambda i: outcomes[i].score)
        if not rehearsal.clearly_better(outcomes[best], outcomes[0]):
            best = 0
        return replace(CHOICES[best], score=outcomes[best].score)
