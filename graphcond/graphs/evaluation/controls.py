"""What stands beside every score of a condensed set of graphs.

Real graphs, of the same number in each class or in the same bytes; the number of nodes alone; a network that was never
trained; a linear model on colour counts of all training graphs; and training on all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from graphcond.core.evaluation.candidates import Candidate
from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.controls import Control, OneTraining, Selection, Whole
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.evaluation.data import evaluation_data, features_of
from graphcond.graphs.evaluation.models import FeatureSizes, GraphKind
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.evaluation.training import GraphEvaluationData, predict
from graphcond.graphs.methods import METHODS
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import teach

Logits = Callable[[GraphSet], Tensor]


def size_logits(task: GraphTask) -> Logits:
    """Return logits by the number of nodes alone: a logistic regression on it and its logarithm."""

    def points(graphs: GraphSet) -> np.ndarray:
        sizes = graphs.sizes.numpy().astype(float)
        return np.stack([sizes, np.log(sizes)], axis=1)

    center, spread = points(task.train).mean(axis=0), points(task.train).std(axis=0) + 1e-12
    model = LogisticRegression(max_iter=1000).fit((points(task.train) - center) / spread, task.train.y.numpy())
    return lambda graphs: _two_columns(model.decision_function((points(graphs) - center) / spread))


def linear_logits(task: GraphTask) -> Logits:
    """Return the logits of the linear teacher on colour counts of all training graphs."""
    teacher = teach(task)
    return lambda graphs: torch.from_numpy(teacher.logits(graphs))


def untrained_logits(
    kind: GraphKind, features: tuple[FeatureSizes, FeatureSizes | None], task: GraphTask, protocol: GraphProtocol,
    val: GraphEvaluationData, seed: int,
) -> Callable[[GraphEvaluationData], Tensor]:  # fmt: skip
    """Return what a network with its first random weights says, its sign and threshold set on the validation graphs."""
    with seeded(seed):
        scale = float(task.train.sizes.double().mean())
        model = kind.network(features, task.num_classes, protocol, scale).to(val.labels.device)

    def outputs(data: GraphEvaluationData) -> np.ndarray:
        out = predict(model, data).double().cpu().numpy()
        differences: np.ndarray = out[:, 1:] - out[:, :1]
        return differences  # one column for two classes: nothing is left to be trained but sign and bias

    center, spread = outputs(val).mean(axis=0), outputs(val).std(axis=0) + 1e-12
    head = LogisticRegression(max_iter=1000).fit((outputs(val) - center) / spread, val.labels.cpu().numpy())
    return lambda data: _two_columns(head.decision_function((outputs(data) - center) / spread))


def _two_columns(scores: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores)


@dataclass(frozen=True)
class SizeOnly(Control):
    """The number of nodes of a graph, and nothing else of it."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_fitted, setting, size_logits))]


@dataclass(frozen=True)
class LinearControl(Control):
    """A linear model on colour counts of all training graphs."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_fitted, setting, linear_logits))]


@dataclass(frozen=True)
class Untrained(Control):
    """A network with its first random weights."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_untrained, setting, model, seed)) for seed in setting.seeds(model)]


def _fitted(setting: Setting, fit: Callable[[GraphTask], Logits]) -> Score:
    task: GraphTask = setting.task
    logits = fit(task)
    return _score(setting, logits(task.val) if len(task.val) else None, logits(task.test))


def _untrained(setting: Setting, kind: GraphKind, seed: int) -> Score:
    val, test = (evaluation_data(setting, kind, part) for part in ("val", "test"))
    if len(torch.unique(val.labels)) < 2:
        return Score(float("nan"), float("nan"), float("nan"))
    logits = untrained_logits(kind, features_of(setting), setting.task, setting.protocol, val, seed)
    return _score(setting, logits(val), logits(test))


def _score(setting: Setting, val: Tensor | None, test: Tensor) -> Score:
    """Return the score of logits that are not trained step by step."""
    metric, task = setting.metric, setting.task
    found = metric(test, task.test.y.to(test.device))
    val_score = float("nan") if val is None else metric(val, task.val.y.to(val.device))
    return Score(found, val_score, found, outcomes(test, task.test.y.to(test.device), metric))


SELECTIONS = ("random", "random_soft", "herding", "k_center")
GRAPH_CONTROLS: dict[str, Control] = {
    "size": SizeOnly(),
    "untrained": Untrained(),
    **{name: Selection(METHODS.resolve(name)) for name in SELECTIONS},
    "wl_linear": LinearControl(),
    "whole": Whole(),
}
