"""Linear probes of what downstream models learned without labels: nodes of the original, and their labels."""

from dataclasses import dataclass
from functools import partial

from torch import nn

from graphcond.core.evaluation.candidates import Candidate
from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.controls import Control, OneTraining
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.evaluation.models import ModelKind, NodeView
from graphcond.nodes.evaluation.protocol import Protocol
from graphcond.nodes.evaluation.training import EvaluationData, predict
from graphcond.nodes.task import NodePart, NodeTask


def scored_task(task: NodeTask, protocol: Protocol) -> NodeTask:
    """Return the task by whose labels models are scored."""
    return task if protocol.probe is None or task.probed is None else task.probed


def check_probed(setting: Setting) -> None:
    """Raise if a probe has no labels to learn.

    Raises:
        ValueError: the dataset has none.
    """
    if (setting.protocol.probe is not None and not len(setting.scored.train.labels)) or _unlabelled(setting):
        raise ValueError(
            "a linear probe needs labels, and the dataset has none (data.y); pass a dataset with labels, or "
            'protocol="standard" to score the predicted vectors themselves'
        )


def _unlabelled(setting: Setting) -> bool:
    return setting.protocol.probe is not None and bool(getattr(setting.scored.targets, "origin", ""))


def evaluation_data(setting: Setting, kind: ModelKind, part: NodePart) -> EvaluationData[NodeView]:
    """Return nodes of a part of the original as a model is evaluated on them."""
    view = setting.once((id(part.graph), kind.view), lambda: kind.view(part.graph, training=False))
    return EvaluationData(view, part.nodes, part.learned)


def probe(setting: Setting, kind: ModelKind, model: nn.Module, probe: LinearProbe) -> Score:
    """Return the score of a linear probe of a model's outputs, trained on the labelled nodes of the original."""
    task, metric = setting.scored, setting.metric
    train, val, test = (
        (predict(model, data), data.targets)
        for data in (evaluation_data(setting, kind, part) for part in (task.train, task.val, task.test))
    )
    head, score = probe.fit(task.targets, train, val if len(val[1]) else None, metric)
    found = task.targets.answers(head(test[0]))
    return Score(
        test=metric(found, test[1]),
        val=float("nan") if score is None else score,
        items=outcomes(found, test[1], metric),
    )


@dataclass(frozen=True)
class UntrainedNodeModel(Control):
    """A network with its first random weights, and a linear probe of it."""

    def trainings(self, setting: Setting, candidate: Candidate, model: ModelKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_untrained, setting, model, seed)) for seed in setting.seeds(model)]


def _untrained(setting: Setting, kind: ModelKind, seed: int) -> Score:
    task: NodeTask = setting.task
    with seeded(seed):
        model = kind.build(task.train.graph.x.size(1), task.targets.outputs, setting.protocol).to(setting.device)
        return probe(setting, kind, model, setting.protocol.probe or LinearProbe())
