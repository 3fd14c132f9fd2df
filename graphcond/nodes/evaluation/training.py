"""Training one downstream model on graphs with labelled nodes."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.metrics import Metric
from graphcond.core.evaluation.training import LEARNING_RATE_DROP, train
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.evaluation.models import ModelKind, View
from graphcond.nodes.evaluation.protocol import Protocol


@dataclass(frozen=True)
class Lesson:
    """What a model is trained on: a view of a graph, the nodes with labels, their targets and weights.

    Shapes:
        nodes: ``(m,)`` int64; targets: ``(m,)`` int64 or ``(m, num_classes)`` float32; weights: ``(m,)`` float32.
    """

    view: View
    nodes: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Exam:
    """Where a model is judged: a view of a graph, the nodes, and their labels."""

    view: View
    nodes: Tensor
    labels: Tensor


def train_once(
    kind: ModelKind,
    lesson: Lesson,
    val: Exam,
    test: Exam,
    num_classes: int,
    protocol: Protocol,
    metric: Metric,
    seed: int,
) -> Score:
    """Train a fresh model on ``lesson``, keep the weights of its best validation epoch, read the test split once.

    Without validation nodes the last weights are kept.
    """
    with seeded(seed):
        model = kind.build(lesson.view.x.size(1), num_classes, protocol).to(lesson.view.x.device)
        rate = protocol.learning_rate
        best = train(
            model,
            _optimizer(model, protocol, rate),
            steps=protocol.epochs,
            step=lambda optimizer: _step(model, lesson, optimizer),
            at_half_time=lambda _: _optimizer(model, protocol, rate * LEARNING_RATE_DROP),
            validate=(lambda: metric(predict(model, val), val.labels)) if len(val.nodes) else None,
            validates_after=lambda epoch: epoch % protocol.validate_every == 0,
        )
        logits = predict(model, test)
        return Score(
            test=metric(logits, test.labels),
            val=float("nan") if best is None else best,
            items=outcomes(logits, test.labels, metric),
        )


@torch.no_grad()
def predict(model: nn.Module, exam: Exam) -> Tensor:
    """Return the model's logits of the nodes of an exam, ``(n, num_classes)``."""
    model.eval()
    logits: Tensor = model(exam.view.x, exam.view.edge_index, exam.view.edge_weight)[exam.nodes]
    return logits


def _step(model: nn.Module, lesson: Lesson, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    optimizer.zero_grad()
    logits = model(lesson.view.x, lesson.view.edge_index, lesson.view.edge_weight)[lesson.nodes]
    losses = F.cross_entropy(logits, lesson.targets, reduction="none")
    loss = (losses * lesson.weights).sum() / lesson.weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _optimizer(model: nn.Module, protocol: Protocol, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=protocol.weight_decay, fused=True)
