"""The default for sets of graphs: real graphs, chosen in several ways, the best of which validation data choose."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.selection import farthest_first, herd
from graphcond.core.targets import EVERY, MultiLabel, Regression, SingleLabel, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.ridge import RidgeGraphs
from graphcond.graphs.methods.selection import Dressed, Order, chosen_graphs, color_space, drawn, softened
from graphcond.graphs.methods.validation import GraphValidation, GraphValidationOutcome
from graphcond.graphs.task import GraphTask
from graphcond.graphs.teacher import teach

CONTROLS: dict[str, Order] = {"random": drawn, "herding": herd, "k_center": farthest_first}


PREFERRED: dict[type[Targets], str] = {SingleLabel: "ridge", MultiLabel: "ridge", Regression: "herding"}
"""The choice that is taken unless another is clearly better."""


@dataclass(frozen=True, kw_only=True)
class AutoGraphs(GraphMethod):
    """The default: real graphs that any training loop takes as they are, with a teacher's soft labels beside their own.

    The graphs are chosen by a ridge regression (:class:`RidgeGraphs`), at random, by herding and by k-center. A GIN and
    a GCN are trained on each choice for a few steps, on hard labels and with all nodes pooled alike, and evaluated on
    the validation graphs. Another choice than the ridge regression's (of numbers: than herding's) is taken if it is
    better by two standard errors of the paired difference. ``y_soft`` is kept if training on it does no worse there
    than on ``y``.

    Without validation graphs the ridge regression's (herding's) choice is taken. A result that is no better than chance
    on the validation graphs, or from which no network learned to predict some class, is returned with a warning.
    """

    name: ClassVar[str] = "auto"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    keeps_weights: ClassVar[bool] = True

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        preferred, teacher = PREFERRED[type(task.targets)], teach(task)
        dressed = softened(task, teacher)
        candidates, impossible = _candidates(task, budget, dressed, preferred)
        choices: dict[str, Any] = {"taken": preferred, "teacher": dict(teacher.choices)}
        if impossible:
            choices["not_possible"] = impossible
        if not len(task.val):
            return _result(dressed(candidates[preferred]), candidates[preferred], choices)
        validation = GraphValidation(task)
        outcomes = {name: validation.outcome(dressed(graphs)) for name, graphs in candidates.items()}
        taken = _taken(validation, outcomes, preferred)
        items = dressed(candidates[taken])
        soft = validation.outcome(items, soft=True)
        choices |= {
            "taken": taken,
            "scores": {name: round(outcome.score, 4) for name, outcome in outcomes.items()},
            "soft_score": round(soft.score, 4),
            "soft_labels": soft.score >= outcomes[taken].score,
        }
        if not choices["soft_labels"]:
            for item in items:
                del item.y_soft
        return _result(items, candidates[taken], choices, validation.doubts(outcomes[taken]))


def _candidates(
    task: GraphTask, budget: GraphBudget, dressed: Dressed, preferred: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the graphs of each choice, and why others are not possible; the preferred one's reason is raised."""
    points = color_space(task.train)
    made = {
        name: _attempted(partial(chosen_graphs, task, budget, points, order, dressed))
        for name, order in CONTROLS.items()
    }
    made = {"ridge": _attempted(partial(RidgeGraphs().choose, task, budget, dressed))} | made
    candidates = {name: graphs for name, graphs in made.items() if isinstance(graphs, Tensor)}
    impossible = {name: reason for name, reason in made.items() if isinstance(reason, str)}
    if (reason := impossible.get(preferred)) is not None:
        raise ValueError(reason)
    return candidates, impossible


def _attempted(choose: Callable[[], Tensor]) -> Tensor | str:
    """Return the graphs of a choice, or why it is not possible, such as one large graph that takes all bytes."""
    try:
        return choose()
    except ValueError as reason:
        return str(reason)


def _taken(validation: GraphValidation, outcomes: dict[str, GraphValidationOutcome], preferred: str) -> str:
    """Return the best of the candidates that are clearly better than the preferred one, or this."""
    better = [name for name in outcomes if validation.clearly_better(outcomes[name], outcomes[preferred])]
    return max(better, key=lambda name: outcomes[name].score, default=preferred)


def _result(items: list[Data], graphs: Tensor, choices: dict[str, Any], notes: tuple[str, ...] = ()) -> SyntheticGraphs:
    members = Members.from_groups(list(graphs.reshape(-1, 1)))
    return SyntheticGraphs(items, choices, members, notes)
