"""Training one downstream model on graphs with labelled nodes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.metrics import Metric, direction
from graphcond.core.evaluation.training import LEARNING_RATE_DROP, train
from graphcond.core.targets import Targets
from graphcond.nodes.evaluation.models import ModelKind, NodeView
from graphcond.nodes.evaluation.protocol import Protocol


@dataclass(frozen=True)
class TrainingData:
    """What a model is trained on: a view of a graph, the nodes with labels, their targets and weights.

    Shapes:
        nodes: ``(m,)`` int64; targets: ``(m,)`` int64 or ``(m, outputs)`` float32; weights: ``(m,)`` float32.
    """

    view: NodeView
    nodes: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True)
class EvaluationData:
    """Where a model is tested or validated: a view of a graph, the nodes, and their targets."""

    view: NodeView
    nodes: Tensor
    targets: Tensor


def trained(
    kind: ModelKind,
    training: TrainingData,
    val: EvaluationData,
    targets: Targets,
    protocol: Protocol,
    metric: Metric,
) -> tuple[nn.Module, float | None]:
    """Return a model trained on ``training``, with the weights of its best epoch, and that epoch's validation score.

    Without validation nodes the last weights are kept.
    """
    model = kind.build(training.view.x.size(1), targets.outputs, protocol).to(training.view.x.device)
    rate = protocol.learning_rate

    def scored() -> float:
        return direction(metric) * metric(targets.answers(predict(model, val)), val.targets)

    best = train(
        model,
        _optimizer(model, protocol, rate),
        steps=protocol.epochs,
        step=lambda optimizer: _step(model, training, targets, optimizer),
        at_half_time=lambda _: _optimizer(model, protocol, rate * LEARNING_RATE_DROP),
        validate=scored if len(val.nodes) else None,
        validates_after=lambda epoch: epoch % protocol.validate_every == 0,
    )
    return model, None if best is None else direction(metric) * best


def score_on(model: nn.Module, val: float | None, test: EvaluationData, targets: Targets, metric: Metric) -> Score:
    """Return the score of a model on test nodes.

    Args:
        model: The model.
        val: Its validation score, if there is one.
        test: The nodes.
        targets: What is predicted.
        metric: What a score is.
    """
    found = targets.answers(predict(model, test))
    return Score(
        test=metric(found, test.targets),
        val=float("nan") if val is None else val,
        items=outcomes(found, test.targets, metric),
    )


@torch.no_grad()
def predict(model: nn.Module, data: EvaluationData) -> Tensor:
    """Return the model's logits of the nodes of evaluation data, ``(n, num_classes)``."""
    model.eval()
    logits: Tensor = model(data.view.x, data.view.edge_index, data.view.edge_weight)[data.nodes]
    return logits


def _step(model: nn.Module, training: TrainingData, targets: Targets, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    optimizer.zero_grad()
    logits = model(training.view.x, training.view.edge_index, training.view.edge_weight)[training.nodes]
    losses = targets.losses(logits, training.targets)
    loss = (losses * training.weights).sum() / training.weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _optimizer(model: nn.Module, protocol: Protocol, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=protocol.weight_decay, fused=True)
