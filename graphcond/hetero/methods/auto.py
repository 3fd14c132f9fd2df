"""The default method: propagate along meta-paths, teach, cluster, place, and give each cluster its neighbourhood."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields, require_positive
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.progress import Progress, ProgressCallback
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.cost_model import HeteroShape, taught_work
from graphcond.hetero.downstream import HeteroDownstream
from graphcond.hetero.layout import neighbourhoods
from graphcond.hetero.metapaths import HOPS, MetaPath, blocks, concatenated
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.hetero.teacher import HeteroTeacherChoice, choose_teacher, posteriors
from graphcond.nodes.cost_model import Work
from graphcond.nodes.methods.base import SyntheticNodes, likely_rows
from graphcond.nodes.methods.candidates import (
    PLACEMENTS,
    Choice,
    Offers,
    choose,
    compared,
    drawn,
    placed,
    scores_of,
    with_soft_labels,
)
from graphcond.nodes.placement import Places, cluster_classes
from graphcond.nodes.quick_validation import Effort
from graphcond.nodes.teacher import with_validation
from graphcond.surrogates.ridge import fit_ridge

STAGES = ("propagation", "teacher", "clusters", "candidates", "graph", "done")
FINALS = Effort(length=1, networks=1, drop=True)  # a step has a weight for each relation, and costs more
SOFTENING = Effort(length=0.5, networks=1)
DEFAULT = "cluster means"  # another one has to be clearly better
CANDIDATES = (DEFAULT, *(name for name in PLACEMENTS if name != DEFAULT), "random_soft")


@dataclass(frozen=True, kw_only=True)
class HeteroAuto(HeteroMethod):
    r"""The default: a closed-form teacher on meta-paths, clusters, and a neighbourhood for each of them.

    1. *Propagate.* :math:`H` has for each labelled node the mean features along all meta-paths of at most ``hops``
       relations (as RGCN, NARS and SeHGNN read them), each type's features in their leading principal components.
    2. *Teach.* Ridge regression on :math:`H`, its meta-paths and penalty chosen on validation data, gives each
       labelled node soft targets.
    3. *Cluster and place.* k-means of :math:`H` within each (predicted) class, and the placements of
       :class:`graphcond.Auto` of these clusters. Which one is taken is decided by short trainings of a network with a
       weight for each relation and of an MLP on meta-paths, scored on validation nodes.
    4. *Give each cluster its neighbourhood.* What each meta-path brings to a cluster becomes a node, joined by the
       aggregated relation :math:`P^\top A P` to the node that it is brought to (:mod:`graphcond.hetero.layout`). Where
       meta-paths return to the labelled type, its further nodes are not in ``train_mask``.

    Any network for ``HeteroData`` trains on the result unchanged. The method is this project's own; clusters instead of
    trained features are also what HGC-Herd and HGC-RC use.

    Args:
        hops: Relations of a meta-path at most: the depth of the downstream network.
        penalty: Of the ridge regression that finds class directions, relative to the mean squared norm of its rows.
        structure: Whether the result is a graph; else it has the labelled type alone, whose ``x`` holds the features of
            all meta-paths side by side, as :func:`graphcond.metapath_features` gives those of the original.
        candidate: The candidate that is taken, by a name in the record's ``choices["candidates"]``; ``None``: the
            validation nodes choose.
    """

    name: ClassVar[str] = "auto"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    hops: int = HOPS
    penalty: float = 30.0
    structure: bool = True
    candidate: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        require_positive(self, but=("candidate", "structure"))
        if self.candidate not in (None, *CANDIDATES):
            raise ValueError(f"candidate must be one of {', '.join(CANDIDATES)}, got {self.candidate!r}")

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        stage = _stages(run.progress)
        next(stage)
        propagated = MetaPathSpace(task.graph, self.hops)
        trial = with_validation(task)
        next(stage)
        teacher = choose_teacher(trial, propagated)
        soft = posteriors(task, propagated, teacher)
        next(stage)
        places, groups = self._places(task, propagated, soft, allocation)
        next(stage)
        chosen = self._chosen(trial, propagated, teacher, offers(task, propagated, places, groups, soft, allocation))
        next(stage)
        if self.structure:
            made = _with_structure(task, propagated, chosen, self.hops)
        else:
            made = _without_structure(task, propagated, chosen, self.hops)
        next(stage)
        return made

    def work(self, shape: HeteroShape) -> Work:
        """See :meth:`HeteroMethod.work`."""
        return taught_work(shape, self.hops)

    def _places(
        self, task: HeteroTask, propagated: MetaPathSpace, soft: Tensor, allocation: Tensor
    ) -> tuple[Places, list[Tensor]]:
        """Return clusters with class directions, and the nodes of each class, whether labelled or presumed."""
        student = fit_ridge(propagated.space, task.targets.regressands(soft), [self.penalty])[0]
        groups = likely_rows(task.targets.likely(soft), allocation)
        known = torch.full_like(task.graph.y, -1)
        known[task.train.nodes] = task.train.labels
        clusters = cluster_classes(propagated, groups, soft, known, allocation)
        return Places(propagated, task.targets, soft, student, clusters), groups

    def _chosen(
        self, trial: HeteroTask, propagated: MetaPathSpace, teacher: HeteroTeacherChoice, found: Offers
    ) -> SyntheticNodes:
        """Return the candidate that was asked for, or that validation nodes choose, with soft labels."""
        choices: dict[str, Any] = {"teacher": asdict(teacher)}
        if not len(trial.val.nodes):
            taken = self.candidate or DEFAULT
            result = found[taken]
            soft = None if result.y_soft is None else trial.targets.balanced(result.y_soft, result.y)
            return replace(result, y_soft=soft, choices=choices | {"taken": taken})
        downstream = HeteroDownstream(propagated, trial.val.nodes, trial.targets)
        if self.candidate is None:
            choice = choose(found, downstream, FINALS)
        else:
            choice = Choice(self.candidate, compared({self.candidate: found[self.candidate]}, downstream, FINALS))
        result, softness = with_soft_labels(found[choice.taken], downstream, trial.targets, SOFTENING)
        choices |= {"taken": choice.taken, "softness": softness}
        choices["candidates"] = {name: scores_of(one) for name, one in choice.outcomes.items()}
        notes = (*choice.notes, *downstream.doubts(choice.outcomes[choice.taken]))
        return replace(result, choices=choices, notes=notes)


def offers(
    task: HeteroTask, propagated: MetaPathSpace, places: Places, groups: list[Tensor], soft: Tensor, counts: Tensor
) -> Offers:
    """Return the candidates of a size, the default first."""
    found = {name: placed(places, PLACEMENTS[name], task.targets) for name in CANDIDATES if name in PLACEMENTS}
    rows = torch.cat([drawn(one, count) for one, count in zip(groups, counts.tolist(), strict=True)])
    found["random_soft"] = SyntheticNodes(
        x=propagated.rows(rows),
        y=task.targets.made(places.clusters.y, soft[rows]),
        y_soft=soft[rows],
        members=Members.from_groups(list(rows.reshape(-1, 1).cpu())),
    )
    return found


def _stages(progress: ProgressCallback) -> Iterator[None]:
    for done, what in enumerate(STAGES):
        progress(Progress(done, len(STAGES) - 1, what))
        yield


def _moved(propagated: MetaPathSpace, chosen: SyntheticNodes) -> dict[MetaPath, Tensor]:
    """Return by how much a placement moved the means of its clusters, by meta-path, in the units of the features."""
    assert chosen.members is not None
    own = torch.stack([propagated.space[rows.to(propagated.space.device)].mean(dim=0) for rows in chosen.members])
    parts = propagated.parts(chosen.x - own)
    return {path: propagated.reduction(path).back(part) for path, part in parts.items()}


def _with_structure(task: HeteroTask, propagated: MetaPathSpace, chosen: SyntheticNodes, hops: int) -> SyntheticHetero:
    """Return placed clusters with their neighbourhoods."""
    assert chosen.members is not None
    made = neighbourhoods(task.graph, chosen.members, _moved(propagated, chosen), hops)
    return SyntheticHetero(
        x=made.x, y=chosen.y, edges=made.edges, y_soft=chosen.y_soft, members=chosen.members, choices=chosen.choices,
        notes=chosen.notes,
    )  # fmt: skip


def _without_structure(
    task: HeteroTask, propagated: MetaPathSpace, chosen: SyntheticNodes, hops: int
) -> SyntheticHetero:
    """Return placed clusters as rows of the features that meta-paths bring."""
    assert chosen.members is not None
    moved, members = _moved(propagated, chosen), chosen.members
    found = []
    for path, part in blocks(task.graph, hops).items():
        means = torch.stack([part[rows.to(part.device)].mean(dim=0) for rows in members])
        found.append(means + moved[path])
    return SyntheticHetero(
        x={task.graph.node_type: concatenated(found)},
        y=chosen.y,
        y_soft=chosen.y_soft,
        members=members,
        choices=chosen.choices,
        notes=chosen.notes,
    )
