"""What stands beside every score of a condensed set of graphs: controls that need no condensation, or no network."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.evaluation.models import Features, GraphKind
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.evaluation.training import GraphExam, predict
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import teach

SELECTIONS = ("random", "random_soft", "herding", "k_center")
"""Real graphs, of the same number in each class or in the same bytes."""

GRAPH_CONTROLS = ("size", "untrained", *SELECTIONS, "wl_linear", "whole")
"""Beside them: the number of nodes alone, a network that was never trained, a linear model on colour counts of all
training graphs, and training on all of them."""

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
    kind: GraphKind, features: tuple[Features, Features | None], task: GraphTask, protocol: GraphProtocol,
    val: GraphExam, seed: int,
) -> Callable[[GraphExam], Tensor]:  # fmt: skip
    """Return what a network with its first random weights says, its sign and threshold set on the validation graphs."""
    with seeded(seed):
        scale = float(task.train.sizes.double().mean())
        model = kind.network(features, task.num_classes, protocol, scale).to(val.labels.device)

    def outputs(exam: GraphExam) -> np.ndarray:
        out = predict(model, exam).double().cpu().numpy()
        differences: np.ndarray = out[:, 1:] - out[:, :1]
        return differences  # one column for two classes: nothing is left to be trained but sign and bias

    center, spread = outputs(val).mean(axis=0), outputs(val).std(axis=0) + 1e-12
    head = LogisticRegression(max_iter=1000).fit((outputs(val) - center) / spread, val.labels.cpu().numpy())
    return lambda exam: _two_columns(head.decision_function((outputs(exam) - center) / spread))


def _two_columns(scores: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores)
