"""What stands beside every score of a condensed set of graphs.

What needs no graph at all; the number of nodes alone; a network that was never trained; real graphs, of the same number
in each class or in the same bytes; a linear model on colour counts of all training graphs; and training on all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from graphcond.core.evaluation.candidates import Candidate
from graphcond.core.evaluation.columns import Score
from graphcond.core.evaluation.controls import Control, OneTraining, Prior, Selection, Whole, score_of_outputs
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.evaluation.data import evaluation_data, features_of
from graphcond.graphs.evaluation.models import FeatureSizes, GraphKind
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.evaluation.training import GraphEvaluationData, predict
from graphcond.graphs.linear_models import linear_models
from graphcond.graphs.methods import METHODS
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import teach

Model = Callable[[GraphSet], Tensor]
"""From graphs to outputs, ``(num_graphs, outputs)``."""


def size_model(task: GraphTask) -> Model:
    """Return a model of the number of nodes alone: a linear one on it and its logarithm."""

    def points(graphs: GraphSet) -> np.ndarray:
        sizes = graphs.sizes.numpy().astype(float)
        return np.stack([sizes, np.log(sizes)], axis=1)

    center, spread = points(task.train).mean(axis=0), points(task.train).std(axis=0) + 1e-12
    model = linear_models(task.targets).fit_few((points(task.train) - center) / spread, task.train.learned)
    return lambda graphs: torch.from_numpy(model((points(graphs) - center) / spread))


def linear_model(task: GraphTask) -> Model:
    """Return the linear teacher on colour counts of the training graphs; of very many labels, it reads some of them."""
    teacher = teach(task)
    return lambda graphs: torch.from_numpy(teacher.outputs(graphs))


def untrained_model(
    kind: GraphKind, features: tuple[FeatureSizes, FeatureSizes | None], task: GraphTask, protocol: GraphProtocol,
    val: GraphEvaluationData, seed: int,
) -> Callable[[GraphEvaluationData], Tensor]:  # fmt: skip
    """Return what a network with its first random weights says, its sign and threshold set on the validation graphs."""
    targets = task.targets
    with seeded(seed):
        scale = float(task.train.sizes.double().mean())
        model = kind.network(features, targets.outputs, protocol, scale).to(val.labels.device)

    def outputs(data: GraphEvaluationData) -> np.ndarray:
        found: np.ndarray = targets.contrasts(predict(model, data).double()).cpu().numpy()
        return found

    center, spread = outputs(val).mean(axis=0), outputs(val).std(axis=0) + 1e-12
    head = linear_models(targets).fit_few((outputs(val) - center) / spread, val.labels.cpu())
    return lambda data: torch.from_numpy(head((outputs(data) - center) / spread))


@dataclass(frozen=True)
class SizeOnly(Control):
    """The number of nodes of a graph, and nothing else of it."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_fitted, setting, size_model))]


@dataclass(frozen=True)
class LinearControl(Control):
    """A linear model on colour counts of all training graphs."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_fitted, setting, linear_model))]


@dataclass(frozen=True)
class Untrained(Control):
    """A network with its first random weights."""

    def trainings(self, setting: Setting, candidate: Candidate, model: GraphKind) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_untrained, setting, model, seed)) for seed in setting.seeds(model)]


def _fitted(setting: Setting, fit: Callable[[GraphTask], Model]) -> Score:
    task: GraphTask = setting.task
    model = fit(task)
    return _score(setting, model(task.val) if len(task.val) else None, model(task.test))


def _untrained(setting: Setting, kind: GraphKind, seed: int) -> Score:
    val, test = (evaluation_data(setting, kind, part) for part in ("val", "test"))
    if len(torch.unique(val.labels, dim=0)) < 2:
        return Score(float("nan"), float("nan"), float("nan"))
    model = untrained_model(kind, features_of(setting), setting.task, setting.protocol, val, seed)
    return _score(setting, model(val), model(test))


def _score(setting: Setting, val: Tensor | None, test: Tensor) -> Score:
    """Return the score of outputs that are not trained step by step."""
    task: GraphTask = setting.task
    return score_of_outputs(setting, test, task.test.learned, val, task.val.learned)


SELECTIONS = ("random", "random_soft", "herding", "k_center")
GRAPH_CONTROLS: dict[str, Control] = {
    "prior": Prior(),
    "size": SizeOnly(),
    "untrained": Untrained(),
    **{name: Selection(METHODS.resolve(name)) for name in SELECTIONS},
    "wl_linear": LinearControl(),
    "whole": Whole(),
}
