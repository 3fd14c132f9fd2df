r"""The closed-form teacher: ridge regression on the blocks of meta-paths, chosen on validation data.

0 hops, which are the labelled nodes' own features, guard against relations on which propagation hurts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.propagated_features import unit
from graphcond.nodes.teacher import PENALTIES, ROWS_AT_ONCE, SELECTION_LIMIT, VALIDATION_LIMIT
from graphcond.surrogates.ridge import LinearModel, fit_ridge


@dataclass(frozen=True)
class HeteroTeacherChoice:
    """The teacher's settings.

    Args:
        hops: Relations of its meta-paths at most.
        unit_rows: Whether rows are scaled to unit length.
        penalty: Of the ridge regression, relative.
        temperature: Scores are multiplied by it before the softmax, where there is one.
        score: Validation score (:func:`graphcond.core.validation_score.score`), in [0, 1].
    """

    hops: int
    unit_rows: bool
    penalty: float
    temperature: float = 8.0
    score: float = 0.0


def choose_teacher(task: HeteroTask, propagated: MetaPathSpace) -> HeteroTeacherChoice:
    """Choose hops, row scaling and penalty on the validation nodes, then the temperature.

    Without anything to choose on, all meta-paths and a penalty of 1 are taken.
    """
    hops = max(len(path) for path in propagated.paths)
    if not len(task.val.nodes):
        return HeteroTeacherChoice(hops=hops, unit_rows=False, penalty=1.0)
    asked = _some(task.val.nodes, VALIDATION_LIMIT)
    y = replace(task.val, nodes=asked).learned
    best, scores = max(_candidates(task, propagated, asked, y, hops), key=lambda pair: pair[0].score)
    losses = {t: float(task.targets.loss(t * scores, y)) for t in task.targets.temperatures}
    return replace(best, temperature=min(losses, key=losses.__getitem__))


def _some(nodes: Tensor, limit: int) -> Tensor:
    """Return the nodes, or a random sample of the given size."""
    return nodes if len(nodes) <= limit else nodes[torch.randperm(len(nodes))[:limit].to(nodes.device)]


def _candidates(
    task: HeteroTask, propagated: MetaPathSpace, asked: Tensor, y: Tensor, most: int
) -> Iterator[tuple[HeteroTeacherChoice, Tensor]]:
    """Yield teachers and their scores of the asked nodes."""
    nodes = _some(task.train.nodes, SELECTION_LIMIT)
    goals = task.targets.regressands(replace(task.train, nodes=nodes).learned)
    for hops in range(most + 1):
        known, shown = (propagated.space[rows, : propagated.width(hops)] for rows in (nodes, asked))
        for unit_rows in (False, True):
            if unit_rows:
                known, shown = unit(known), unit(shown)
            for penalty, model in zip(PENALTIES, fit_ridge(known, goals, PENALTIES), strict=True):
                scores = model(shown)
                yield HeteroTeacherChoice(hops, unit_rows, penalty, score=task.targets.score(scores, y)), scores


def fitted(task: HeteroTask, propagated: MetaPathSpace, choice: HeteroTeacherChoice) -> LinearModel:
    """Return the ridge regression of a teacher, fitted to all training nodes."""
    known = propagated.space[task.train.nodes, : propagated.width(choice.hops)]
    goals = task.targets.regressands(task.train.learned)
    return fit_ridge(unit(known) if choice.unit_rows else known, goals, [choice.penalty])[0]


def scores_of_all(propagated: MetaPathSpace, choice: HeteroTeacherChoice, model: LinearModel) -> Tensor:
    """Return a teacher's scores of every labelled node, ``(labelled nodes, outputs)``."""
    rows = propagated.space[:, : propagated.width(choice.hops)]
    parts = torch.split(rows, ROWS_AT_ONCE)
    return torch.cat([model(unit(part) if choice.unit_rows else part) for part in parts])


def posteriors(task: HeteroTask, propagated: MetaPathSpace, choice: HeteroTeacherChoice) -> Tensor:
    """Return soft targets of every labelled node, ``(labelled nodes, outputs)``.

    The teacher's where a target is not known, the target itself where it is, on training nodes.
    """
    scores = scores_of_all(propagated, choice, fitted(task, propagated, choice))
    task.targets.soft(scores, choice.temperature)
    nodes = task.train.nodes
    given = task.targets.softened(task.train.learned).to(scores)
    scores[nodes] = torch.where(given.isnan(), scores[nodes], given)
    return scores
