"""The default method: propagate, teach, cluster, place, rehearse."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.condensed import Members
from graphcond.core.batch import Batch
from graphcond.core.progress import Progress, ProgressCallback
from graphcond.core.run import Run
from graphcond.methods.base import NodeMethod, SyntheticNodes, check_depth, likely_rows
from graphcond.nodes.clustering import cluster, cluster_means
from graphcond.nodes.rehearsal import Rehearsal
from graphcond.nodes.task import NodeTask
from graphcond.nodes.teacher import choose_teacher, for_choosing, posteriors
from graphcond.nodes.views import Propagated, Views
from graphcond.surrogates.ridge import LinearModel, fit_ridge, fit_ridge_iteratively

STAGES = ("teacher", "student", "clusters", "rehearsals", "done")


@dataclass(frozen=True)
class Placement:
    """Where the synthetic nodes go, as chosen by rehearsal.

    Args:
        spread: Distance of the class anchors from the mean, as a multiple of the class means' distance; ``None`` puts
            the nodes at plain cluster means.
        labelled: Whether only training nodes are clustered, instead of all.
        score: Validation score of the rehearsal, in [0, 1].
    """

    spread: float | None = 0.75
    labelled: bool = False
    score: float = 0.0


CHOICES = (
    Placement(),  # the incumbent: the others have to be clearly better
    Placement(spread=0.5),
    Placement(spread=1.0),
    Placement(spread=2.0),
    Placement(spread=None),
    Placement(spread=None, labelled=True),
)


@dataclass(frozen=True, kw_only=True)
class Auto(NodeMethod):
    r"""The default: closed-form teacher, clusters, and nodes placed where a network trained on them finds the teacher.

    1. *Propagate and teach.* Ridge regression on :math:`\hat A^k X`, ``k`` = 0 ... 4 (0: the graph is ignored), with or
       without unit rows, its scores smoothed by personalised PageRank or not, all chosen on validation data. The result
       is a class posterior for every node, labelled or not.
    2. *Student.* A second ridge regression repeats these posteriors from :math:`H = \hat A^{depth} X`, which is what a
       downstream network of that depth sees. Its weight column :math:`w_c` is the direction in which class :math:`c`
       differs from the others once all directions are weighed against each other, as class means do not.
    3. *Cluster.* k-means of :math:`H` within each (predicted) class gives centroids, masses, mean posteriors and
       members.
    4. *Place.* Node :math:`j` of class :math:`c` goes to
       :math:`x_j = \mu + \text{spread} \cdot \gamma w_c + \text{residual} \cdot (m_j - \bar m_c)`
       with :math:`\mu` the mean of :math:`H`, :math:`m_j` the centroid, :math:`\bar m_c` the class's mean centroid, and
       :math:`\gamma` making the anchors as far from :math:`\mu` as the class means are; or simply to :math:`m_j`.
    5. *Rehearse.* Which of these, and with which spread, is decided by training a small network on
       each candidate for a few steps and looking at the validation nodes.

    There are no edges but self-loops, which transfers best between architectures. ``node_weight`` is the cluster's
    share of its class times the class's training nodes; ``y_soft`` the cluster's mean posterior. Without validation
    nodes a fifth of the training nodes is held out for choosing.

    The method is this project's own. It starts from SGC (Wu et al., ICML 2019), from the observation that gradient and
    distribution matching reduce to class-wise feature means (CGC: Gao et al., 2025) and from clustering condensers
    (GECC, ClustGDD); placing nodes along a regularised student's directions and choosing by rehearsal are new here.

    Args:
        depth: Hops of the features that are condensed: the depth of the downstream network.
        residual: How much of the centroids' spread within a class the anchored nodes keep.
        penalty: Of the student's ridge regression, relative to the mean squared norm of its rows.
    """

    name: ClassVar[str] = "auto"
    depth: int = 2
    residual: float = 0.5
    penalty: float = 30.0

    def __post_init__(self) -> None:
        """Check the fields."""
        check_depth(self.depth)
        if not 0 <= self.residual <= 1:
            raise ValueError(f"residual must be in [0, 1], got {self.residual!r}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be positive, got {self.penalty!r}")

    def condense(self, task: NodeTask, allocation: Tensor, run: Run = Run()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        stage = _stages(run.progress)
        views = Views.of(task, self.depth)
        trial, trial_views = for_choosing(task, views)
        next(stage)
        teacher = choose_teacher(trial, trial_views)
        probabilities = posteriors(task, views, teacher)
        next(stage)
        student = _fit_student(views.train, probabilities, self.penalty)
        next(stage)
        candidates = _Candidates(task, views.train.space, probabilities, student, allocation, self.residual)
        next(stage)
        placement = Placement()
        if len(trial.val.nodes):
            seen = Batch(trial_views.val.space[trial.val.nodes], trial.val.labels)
            placement = _choose_placement(candidates, Rehearsal(seen, task.num_classes))
        next(stage)
        clusters = candidates.clusters(placement.labelled)
        return SyntheticNodes(
            x=candidates.place(placement),
            y=clusters.y,
            node_weight=clusters.weight,
            y_soft=clusters.posteriors,
            members=Members.from_groups([rows.cpu() for rows in clusters.rows]),
            choices={"teacher": asdict(teacher), "placement": asdict(placement)},
        )


def _stages(progress: ProgressCallback) -> Iterator[None]:
    for done, what in enumerate(STAGES):
        progress(Progress(done, len(STAGES) - 1, what))
        yield


def _fit_student(view: Propagated, probabilities: Tensor, penalty: float) -> LinearModel:
    if view.is_sparse:
        return fit_ridge_iteratively(view.products(view.depth), probabilities, [penalty])[0]
    return fit_ridge(view.space, probabilities, [penalty])[0]


@dataclass(frozen=True)
class _Clusters:
    """The clusters of all classes, class by class.

    Shapes:
        y: ``(n,)``; means, centers (of each cluster's class): ``(n, num_features)``; weight: ``(n,)``;
        posteriors: ``(n, num_classes)``; rows: the members of each cluster.
    """

    y: Tensor
    means: Tensor
    centers: Tensor
    weight: Tensor
    posteriors: Tensor
    rows: list[Tensor]


class _Candidates:
    """The sets of synthetic nodes to choose from; clusters and anchors are computed once."""

    def __init__(
        self,
        task: NodeTask,
        space: Tensor,
        probabilities: Tensor,
        student: LinearModel,
        allocation: Tensor,
        residual: float,
    ) -> None:
        self._space = space
        self._probabilities = probabilities
        self._likely = likely_rows(probabilities, allocation)
        self._allocation = allocation
        self._residual = residual
        self._class_counts = task.class_counts
        self._labelled = torch.zeros(len(space), dtype=torch.bool, device=space.device)
        self._labelled[task.train.nodes] = True
        self._center = space.mean(dim=0)
        means = (probabilities.T @ space) / probabilities.sum(dim=0).unsqueeze(1)
        distance = (means - self._center).norm()
        length = student.weight.norm().clamp(min=torch.finfo(space.dtype).tiny)
        self._directions = student.weight.T * distance / length
        self._clusters: dict[bool, _Clusters] = {}

    def clusters(self, labelled: bool) -> _Clusters:
        """Return the clusters of all nodes, or of the training nodes only."""
        if labelled not in self._clusters:
            self._clusters[labelled] = self._cluster(labelled)
        return self._clusters[labelled]

    def place(self, placement: Placement) -> Tensor:
        """Return the features of the synthetic nodes, ``(n, num_features)``."""
        clusters = self.clusters(placement.labelled)
        if placement.spread is None:
            return clusters.means
        anchors = self._center + placement.spread * self._directions
        features: Tensor = anchors[clusters.y] + self._residual * (clusters.means - clusters.centers)
        return features

    def _cluster(self, labelled: bool) -> _Clusters:
        counts = self._allocation.tolist()
        means, centers, weights, posterior, members = [], [], [], [], []
        for label, (rows, count) in enumerate(zip(self._likely, counts, strict=True)):
            if labelled and int(self._labelled[rows].sum()) >= count:
                rows = rows[self._labelled[rows]]
            points = self._space[rows]
            assigned = cluster(points, count)
            sizes = torch.bincount(assigned, minlength=count)
            means.append(cluster_means(points, assigned, count))
            centers.append(points.mean(dim=0).expand(count, -1))
            weights.append(sizes / len(rows) * self._class_counts[label])
            posterior.append(cluster_means(self._probabilities[rows], assigned, count))
            members += rows[assigned.argsort(stable=True)].split(sizes.tolist())
        return _Clusters(
            y=torch.repeat_interleave(self._allocation.to(self._space.device)),
            means=torch.cat(means),
            centers=torch.cat(centers),
            weight=torch.cat(weights),
            posteriors=torch.cat(posterior),
            rows=members,
        )


def _choose_placement(candidates: _Candidates, rehearsal: Rehearsal) -> Placement:
    """Return the placement that rehearses best, or the first one if none is clearly better.

    Without that bar the choice would follow the noise of a few hundred validation nodes.
    """
    clusters = [candidates.clusters(placement.labelled) for placement in CHOICES]
    x = torch.stack([candidates.place(placement) for placement in CHOICES])
    outcomes = rehearsal.run(x, clusters[0].y, torch.stack([c.weight for c in clusters]))
    best = max(range(len(outcomes)), key=lambda i: outcomes[i].score)
    if not rehearsal.clearly_better(outcomes[best], outcomes[0]):
        best = 0
    return replace(CHOICES[best], score=outcomes[best].score)
