"""The default method: propagate, teach, cluster, and take what trains small networks best."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.progress import Progress, ProgressCallback
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.cost_model import Shape, Work
from graphcond.nodes.downstream import Downstream
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, likely_rows
from graphcond.nodes.methods.candidates import (
    CANDIDATES,
    DEFAULT,
    FINAL,
    PLACEMENTS,
    Choice,
    Offers,
    choose,
    compared,
    offers,
    placed,
    scores_of,
    with_soft_labels,
    within,
)
from graphcond.nodes.methods.kernel_refinement import Refinement
from graphcond.nodes.placement import Places, cluster_classes
from graphcond.nodes.propagated_features import PropagatedFeatures, Views
from graphcond.nodes.task import NodeTask
from graphcond.nodes.teacher import TeacherChoice, choose_teacher, for_choosing, posteriors
from graphcond.nodes.teacher_cost import taught_work
from graphcond.surrogates.ridge import LinearModel, fit_ridge, fit_ridge_iteratively

STAGES = ("teacher", "student", "clusters", "candidates", "done")


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
       :math:`x_j = \mu + \text{spread} \cdot \gamma w_c + \tfrac 1 2 (m_j - \bar m_c)`
       with :math:`\mu` the mean of :math:`H`, :math:`m_j` the centroid, :math:`\bar m_c` the plain mean of the class's
       centroids, and :math:`\gamma` making the anchors as far from :math:`\mu` as the class means are; or simply to
       :math:`m_j`, moved such that the plain mean of a class is the mean of its nodes. So no node needs a weight.
    5. *Choose.* Which of these, and with which spread, is decided by short trainings on each candidate whose networks
       (a GCN, a GraphSAGE, an MLP) are scored on the validation nodes; their mean decides. Candidates are also the
       controls (class means, random nodes, herding, k-center) and, for labels that depend on the structure, the
       clusters with edges where the original has more of them than by chance. The record has all scores.
    6. *Refine*, only where the call allows long work, by ``max_seconds`` or a ``checkpoint``: the nodes are moved step
       by step, and the outcome replaces them if networks trained on it do clearly better on the validation nodes.

    A plain training loop on ``x``, ``edge_index`` and ``y`` is all that the result needs. Placements have no edges but
    self-loops, which transfers best between architectures. ``y_soft`` is the cluster's mean posterior, balanced over
    classes, and mixed with the class where networks learn better from that. Without validation nodes a fifth of the
    training nodes is held out for choosing.

    The method is this project's own. It starts from SGC (Wu et al., ICML 2019), from the observation that gradient and
    distribution matching reduce to class-wise feature means (CGC: Gao et al., 2025) and from clustering condensers
    (GECC, ClustGDD); placing nodes along a regularised student's directions and choosing by short trainings of several
    networks are new here.

    Args:
        depth: Hops of the features that are condensed: the depth of the downstream network.
        penalty: Of the student's ridge regression, relative to the mean squared norm of its rows.
        refinement: How the nodes are refined where the call allows long work.
        candidate: The candidate that is taken, such as ``"cluster graph"`` for networks that use the structure, by a
            name in the record's ``choices["candidates"]``; ``None``: the validation nodes choose.
    """

    name: ClassVar[str] = "auto"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    has_soft_labels: ClassVar[bool] = True
    resumable: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {"refinement": {"steps": 3, "validations": 1}}
    depth: int = 2
    penalty: float = 30.0
    refinement: Refinement = field(default_factory=Refinement)
    candidate: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_depth(self.depth)
        require_positive(self, but=("depth",))
        if self.candidate not in (None, *CANDIDATES):
            raise ValueError(f"candidate must be one of {', '.join(CANDIDATES)}, got {self.candidate!r}")
        if not isinstance(self.refinement, Refinement):
            raise TypeError(f"refinement must be a Refinement(), got {self.refinement!r}")

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        stage = _stages(run.progress)
        prepared = self.prepare(task, allocation, run, stage)
        next(stage)
        result = _chosen(prepared, self.candidate, run.max_bytes)
        next(stage)
        if run.allows_long_work and result.edge_index is None:
            trial, views = prepared.trial, prepared.views
            seen = Batch(views.val.rows(trial.val.nodes), trial.val.learned)
            return self.refinement.refine(result, trial, views.train.rows, seen, run)
        return result

    def prepare(
        self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext(), stage: Iterator[None] | None = None
    ) -> "Prepared":
        """Return all that candidates are made of; ``stage`` is advanced as parts are done."""
        stage = _stages(run.progress) if stage is None else stage
        views = Views.of(task, self.depth, run.storage)
        trial, trial_views = for_choosing(task, views)
        next(stage)
        teacher = choose_teacher(trial, trial_views)
        probabilities = posteriors(task, views, teacher)
        next(stage)
        student = _fit_student(views.train, task.targets.regressands(probabilities), self.penalty)
        next(stage)
        groups = likely_rows(task.targets.likely(probabilities), allocation)
        clusters = cluster_classes(views.train, groups, probabilities, _known_labels(task), allocation)
        places = Places(views.train, task.targets, probabilities, student, clusters)
        return Prepared(trial, trial_views, teacher, probabilities, groups, places, allocation)

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return taught_work(shape, self.depth)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What candidates are made of.

    Args:
        trial: The task on which they are compared.
        views: Its graphs, propagated.
        teacher: The teacher's settings.
        probabilities: The teacher's soft targets, ``(num_nodes, outputs)``.
        groups: The nodes of each class, whether labelled or presumed.
        places: Clusters and class anchors.
        allocation: Nodes of each class.
    """

    trial: NodeTask
    views: Views
    teacher: TeacherChoice
    probabilities: Tensor
    groups: list[Tensor]
    places: Places
    allocation: Tensor

    def offers(self) -> Offers:
        """Return the candidates."""
        rows_of = self.views.train.rows
        return offers(self.trial, self.places, self.probabilities, self.groups, rows_of, self.allocation)


def _chosen(prepared: Prepared, asked: str | None, max_bytes: int | None = None) -> SyntheticNodes:
    """Return the candidate that was asked for, or that validation nodes choose, with soft labels.

    Args:
        prepared: All that candidates are made of.
        asked: The name of a candidate; ``None``: validation nodes choose.
        max_bytes: Those that take more, with their edges and soft labels, are none; ``None``: no limit.

    Raises:
        ValueError: the candidate that was asked for is not possible.
    """
    trial = prepared.trial
    choices: dict[str, Any] = {"teacher": asdict(prepared.teacher)}
    # Where nothing chooses, the others need not be made.
    chooses = len(trial.val.nodes) or asked is not None
    found = prepared.offers() if chooses else {DEFAULT: placed(prepared.places, PLACEMENTS[DEFAULT], trial.targets)}
    if max_bytes is not None:
        found = within(found, max_bytes, NodeBytes.of(trial))
    if asked is not None and asked not in found:
        raise ValueError(f"candidate={asked!r} is not possible for this size and data; there are {', '.join(found)}")
    if not len(trial.val.nodes):
        result = found[asked or DEFAULT]
        soft = None if result.y_soft is None else trial.targets.balanced(result.y_soft, result.y)
        return replace(result, y_soft=soft, choices=choices | {"taken": asked or DEFAULT})
    downstream = Downstream(prepared.views.val, trial.val.nodes, trial.targets)
    if asked is None:
        choice = choose(found, downstream)
    else:
        choice = Choice(asked, compared({asked: found[asked]}, downstream, FINAL))
    result, softness = with_soft_labels(found[choice.taken], downstream, trial.targets)
    choices |= {"taken": choice.taken, "softness": softness}
    choices["candidates"] = {name: scores_of(one) for name, one in choice.outcomes.items()}
    notes = (*choice.notes, *downstream.doubts(choice.outcomes[choice.taken]))
    return replace(result, choices=choices, notes=notes)


def _stages(progress: ProgressCallback) -> Iterator[None]:
    for done, what in enumerate(STAGES):
        progress(Progress(done, len(STAGES) - 1, what))
        yield


def _fit_student(view: PropagatedFeatures, probabilities: Tensor, penalty: float) -> LinearModel:
    if view.is_sparse:
        return fit_ridge_iteratively(view.products(view.depth), probabilities, [penalty])[0]
    return fit_ridge(view.space, probabilities, [penalty])[0]


def _known_labels(task: NodeTask) -> Tensor:
    """Return the classes of the training nodes, -1 for all others, ``(num_nodes,)``."""
    labels = torch.full_like(task.train.graph.y, -1)
    labels[task.train.nodes] = task.train.labels
    return labels
