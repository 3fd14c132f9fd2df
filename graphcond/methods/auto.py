"""The default method: propagate, teach, cluster, place, rehearse."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.condensed import Members
from graphcond.core.batch import Batch
from graphcond.core.progress import Progress, ProgressCallback
from graphcond.core.run import Run
from graphcond.methods.base import NodeMethod, SyntheticNodes, check_depth, likely_rows
from graphcond.methods.refinement import Refinement
from graphcond.nodes.placement import Placement, Places, cluster_classes
from graphcond.nodes.rehearsal import Rehearsal
from graphcond.nodes.task import NodeTask
from graphcond.nodes.teacher import choose_teacher, for_choosing, posteriors, taught_work
from graphcond.nodes.views import Propagated, Views
from graphcond.nodes.work import Shape, Work
from graphcond.surrogates.ridge import LinearModel, fit_ridge, fit_ridge_iteratively

STAGES = ("teacher", "student", "clusters", "rehearsals", "done")


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
       :math:`\gamma` making the anchors as far from :math:`\mu` as the class means are; or simply to :math:`m_j`, or
       to the mean of the training nodes among the cluster's members.
    5. *Rehearse.* Which of these, and with which spread, is decided by training a small network on
       each candidate for a few steps and looking at the validation nodes.
    6. *Refine*, only where the call allows long work, by ``max_seconds`` or a ``checkpoint``: the nodes are moved step
       by step, and the outcome replaces them if networks trained on it do clearly better on the validation nodes.

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
        refinement: How the nodes are refined where the call allows long work.
    """

    name: ClassVar[str] = "auto"
    stepwise: ClassVar[bool] = True
    depth: int = 2
    residual: float = 0.5
    penalty: float = 30.0
    refinement: Refinement = field(default_factory=Refinement)

    def __post_init__(self) -> None:
        """Check the fields."""
        check_depth(self.depth)
        if not 0 <= self.residual <= 1:
            raise ValueError(f"residual must be in [0, 1], got {self.residual!r}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be positive, got {self.penalty!r}")
        if not isinstance(self.refinement, Refinement):
            raise TypeError(f"refinement must be a Refinement(), got {self.refinement!r}")

    def condense(self, task: NodeTask, allocation: Tensor, run: Run = Run()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        began = time.monotonic()
        stage = _stages(run.progress)
        views = Views.of(task, self.depth, run.place)
        trial, trial_views = for_choosing(task, views)
        next(stage)
        teacher = choose_teacher(trial, trial_views)
        probabilities = posteriors(task, views, teacher)
        next(stage)
        student = _fit_student(views.train, probabilities, self.penalty)
        next(stage)
        groups = likely_rows(probabilities, allocation)
        clusters = cluster_classes(views.train.space, groups, probabilities, _known_labels(task), allocation)
        places = Places(views.train.space, probabilities, student, clusters, self.residual)
        next(stage)
        seen = Batch(trial_views.val.space[trial.val.nodes], trial.val.labels)
        placement = places.choose(Rehearsal(seen, task.num_classes)) if len(seen) else Placement()
        next(stage)
        placed = SyntheticNodes(
            x=places.at(placement),
            y=clusters.y,
            node_weight=clusters.weight,
            y_soft=clusters.posteriors,
            members=Members.from_groups([rows.cpu() for rows in clusters.rows]),
            choices={"teacher": asdict(teacher), "placement": asdict(placement)},
        )
        if run.allows_long_work:
            return self.refinement.refine(placed, trial, views.train.space, seen, run.left_since(began))
        return placed

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return taught_work(shape, self.depth)


def _stages(progress: ProgressCallback) -> Iterator[None]:
    for done, what in enumerate(STAGES):
        progress(Progress(done, len(STAGES) - 1, what))
        yield


def _fit_student(view: Propagated, probabilities: Tensor, penalty: float) -> LinearModel:
    if view.is_sparse:
        return fit_ridge_iteratively(view.products(view.depth), probabilities, [penalty])[0]
    return fit_ridge(view.space, probabilities, [penalty])[0]


def _known_labels(task: NodeTask) -> Tensor:
    """Return the classes of the training nodes, -1 for all others, ``(num_nodes,)``."""
    labels = torch.full_like(task.train.graph.y, -1)
    labels[task.train.nodes] = task.train.labels
    return labels
