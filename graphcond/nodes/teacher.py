r"""The closed-form teacher: ridge regression on propagated features, its depth and smoothing chosen on validation data.

Depth 0 ignores the graph: it is the guard for heterophilous graphs, on which propagation hurts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from graphcond.core.targets import Targets
from graphcond.nodes.cost_model import NUMBER, Shape
from graphcond.nodes.hops import are_many
from graphcond.nodes.propagated_features import PropagatedFeatures, Views, unit
from graphcond.nodes.propagation import PAGERANK_STEPS, personalized_pagerank
from graphcond.nodes.task import Graph, LabelledTask, NodeTask
from graphcond.surrogates.ridge import DIRECT_LIMIT, LinearModel, fit_ridge, fit_ridge_iteratively

T = TypeVar("T", bound=LabelledTask)

MAX_HOPS = 4
PENALTIES = (0.01, 0.1, 1.0, 10.0)
TELEPORTS = (0.3, 0.1)  # besides 1, which is no smoothing
FINALISTS = 3  # teachers whose smoothing is tried
SELECTION_LIMIT = 2000  # training nodes that take part in choosing; the fit itself takes all
VALIDATION_LIMIT = 5000  # validation nodes on which hops, scaling and penalty are chosen
ROWS_AT_ONCE = 1 << 16
# Multiplications that may be spent on more hops than the features are kept for, and on smoothing one teacher's scores:
# some seconds, and a second, of one core. On larger graphs either would cost more than all else together.
HOPS_LIMIT = 1e10
SMOOTHING_LIMIT = 1e9
KEPT_LIMIT = 1 << 28  # bytes of features that are kept besides those after the model's depth
HELD_OUT = 5  # without validation nodes, one in this many training nodes of a class is held out for choosing


@dataclass(frozen=True)
class TeacherChoice:
    """The teacher's settings.

    Args:
        hops: Hops of feature propagation.
        unit_rows: Whether propagated rows are scaled to unit length.
        penalty: Of the ridge regression, relative.
        teleport: Of the personalised-PageRank smoothing of the scores; 1 for none.
        temperature: Scores are multiplied by it before the softmax, where there is one.
        score: Validation score (:func:`graphcond.core.validation_score.score`), in [0, 1].
    """

    hops: int
    unit_rows: bool
    penalty: float
    teleport: float = 1.0
    temperature: float = 8.0
    score: float = 0.0


def with_validation(task: T) -> T:
    """Return the task itself, or, where it has no validation nodes, one that holds a fifth of the training nodes out.

    Classes with fewer than five training nodes hold none out.
    """
    if len(task.val.nodes):
        return task
    nodes, labels = task.train.nodes, task.train.labels
    held = torch.zeros(len(nodes), dtype=torch.bool, device=nodes.device)
    for label in range(task.num_classes):
        rows = (labels == label).nonzero().flatten()
        order = torch.randperm(len(rows)).to(rows.device)
        held[rows[order[: len(rows) // HELD_OUT]]] = True
    train = replace(task.train, nodes=nodes[~held])
    val = replace(task.train, nodes=nodes[held])
    return replace(task, train=train, val=val)  # type: ignore[type-var]  # tasks are dataclasses


def for_choosing(task: NodeTask, views: Views) -> tuple[NodeTask, Views]:
    """Return the task and views on which settings are chosen: those given, or :func:`with_validation`'s."""
    trial = with_validation(task)
    return trial, views if trial is task else Views(views.train, views.train)


def choose_teacher(task: NodeTask, views: Views) -> TeacherChoice:
    """Choose hops, row scaling and penalty on the validation nodes, then smoothing for the best, then temperature.

    Without anything to choose on (no validation nodes), two hops and a penalty of 1 are taken.
    """
    if not len(task.val.nodes):
        return TeacherChoice(hops=2, unit_rows=False, penalty=1.0)
    validation_nodes = _some(task.val.nodes, min(VALIDATION_LIMIT, _rows_limit(task)))
    y = replace(task.val, nodes=validation_nodes).learned
    ranked = sorted(_candidates(task, views, validation_nodes), key=lambda one: -one.choice.score)[:FINALISTS]
    outcomes = [(one.choice, one.scores) for one in ranked]
    for one in ranked[: _smoothings(task)]:
        outcomes += _smoothed(one, views, validation_nodes, task.targets, y)
    best, scores = max(outcomes, key=lambda pair: pair[0].score)
    losses = {t: float(task.targets.loss(t * scores, y)) for t in task.targets.temperatures}
    return replace(best, temperature=min(losses, key=losses.__getitem__))


def _hops(views: Views) -> int:
    """Return how many hops are tried at most."""
    graph = views.train.graph
    return affordable_hops(_products(graph, graph.x.size(1)), views.train.depth)


def affordable_hops(products: int, depth: int) -> int:
    """Return how many hops are tried at most, by the multiplications that one takes."""
    return MAX_HOPS if (MAX_HOPS - depth) * products <= HOPS_LIMIT else depth


def keeps(shape: Shape, hops: int, depth: int) -> bool:
    """Return whether all features after the most hops are kept, besides those after the model's depth.

    Where training nodes are many, fitting them to such features asks for nearly all rows, and choosing for most.
    """
    small = shape.num_features <= DIRECT_LIMIT and shape.rows_bytes(shape.num_features) <= KEPT_LIMIT
    return hops > depth and small and are_many(shape.num_train, shape.num_nodes)


def _smoothings(task: NodeTask) -> int:
    """Return for how many teachers smoothing is tried."""
    steps = PAGERANK_STEPS * len(TELEPORTS)
    dearest = max(_products(split.graph, task.targets.outputs) for split in (task.train, task.val))
    return int(SMOOTHING_LIMIT / (steps * dearest))


def _products(graph: Graph, columns: int) -> int:
    """Return the multiplications of one hop."""
    return (graph.edge_index.size(1) + graph.num_nodes) * columns


@dataclass(frozen=True)
class _Candidate:
    """A teacher without smoothing, and its scores of the nodes that evaluate it, ``(m, num_classes)``."""

    choice: TeacherChoice
    model: LinearModel
    scores: Tensor


def _candidates(task: NodeTask, views: Views, validation_nodes: Tensor) -> Iterator[_Candidate]:
    nodes = _some(task.train.nodes, min(SELECTION_LIMIT, _rows_limit(task)))
    goals = task.targets.regressands(replace(task.train, nodes=nodes).learned)
    y = replace(task.val, nodes=validation_nodes).learned
    for hops, (known, asked) in enumerate(_paired_rows(views, nodes, validation_nodes, Shape.of(task))):
        for unit_rows in (False, True):
            if unit_rows:  # in their own memory: wide rows are many numbers
                known, asked = unit(known, out=known), unit(asked, out=asked)
            models = fit_ridge(known, goals, PENALTIES)
            outputs = [model(asked) for model in models]
            values = [task.targets.score(output, y) for output in outputs]
            best = max(range(len(values)), key=values.__getitem__)
            choice = TeacherChoice(hops, unit_rows, PENALTIES[best], score=values[best])
            yield _Candidate(choice, models[best], outputs[best])
        del known, asked  # before the next ones are made


def _rows_limit(task: NodeTask) -> int:
    """Return how many rows of the features may be in memory at each hop."""
    return max(KEPT_LIMIT // (NUMBER * task.train.graph.x.size(1)), task.num_classes)


def _some(nodes: Tensor, limit: int) -> Tensor:
    """Return the nodes, or a random sample of the given size."""
    return nodes if len(nodes) <= limit else nodes[torch.randperm(len(nodes))[:limit].to(nodes.device)]


def _paired_rows(views: Views, train: Tensor, val: Tensor, shape: Shape) -> Iterator[tuple[Tensor, Tensor]]:
    hops = _hops(views)
    keep = keeps(shape, hops, views.train.depth)
    if views.train is views.val:
        for rows in views.train.rows_by_hop(torch.cat([train, val]), hops, keep):
            yield rows[: len(train)], rows[len(train) :]
            del rows
    else:
        yield from zip(views.train.rows_by_hop(train, hops, keep), views.val.rows_by_hop(val, hops), strict=True)


def _smoothed(
    candidate: _Candidate, views: Views, validation_nodes: Tensor, targets: Targets, y: Tensor
) -> Iterator[tuple[TeacherChoice, Tensor]]:
    choice = candidate.choice
    scores = views.val.scores(candidate.model, choice.hops, choice.unit_rows)
    for teleport in TELEPORTS:
        final = personalized_pagerank(views.val.adjacency, scores, teleport)[validation_nodes]
        yield replace(choice, teleport=teleport, score=targets.score(final, y)), final


def fitted(task: NodeTask, view: PropagatedFeatures, choice: TeacherChoice) -> LinearModel:
    """Return the ridge regression of a teacher, fitted to all training nodes."""
    nodes = task.train.nodes
    goals = task.targets.regressands(task.train.learned)
    if min(len(nodes), view.graph.x.size(1)) > DIRECT_LIMIT:
        rows = view.products(choice.hops, nodes, choice.unit_rows)
        model, *_ = fit_ridge_iteratively(rows, goals, [choice.penalty])
    else:
        known = view.rows_at(nodes, choice.hops)
        model, *_ = fit_ridge(unit(known, out=known) if choice.unit_rows else known, goals, [choice.penalty])
    return model


def scores_of_all(view: PropagatedFeatures, choice: TeacherChoice, model: LinearModel) -> Tensor:
    """Return a teacher's scores of every node, ``(num_nodes, outputs)``."""
    scores = view.scores(model, choice.hops, choice.unit_rows)
    if choice.teleport < 1:
        scores = personalized_pagerank(view.adjacency, scores, choice.teleport)
    return scores


def posteriors(task: NodeTask, views: Views, choice: TeacherChoice) -> Tensor:
    """Return soft targets of every node of the condensed graph, ``(num_nodes, outputs)``.

    The teacher's where a target is not known, the target itself where it is, on training nodes.
    """
    nodes = task.train.nodes
    scores = scores_of_all(views.train, choice, fitted(task, views.train, choice))
    for part in torch.split(scores, ROWS_AT_ONCE):  # in their own memory: on a large graph they are many
        task.targets.soft(part, choice.temperature)
    given = task.targets.softened(task.train.learned).to(scores)
    scores[nodes] = torch.where(given.isnan(), scores[nodes], given)
    return scores
