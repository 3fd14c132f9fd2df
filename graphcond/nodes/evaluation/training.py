"""Training one downstream model on graphs with labelled nodes."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.metrics import Metric, direction
from graphcond.core.evaluation.training import LEARNING_RATE_DROP, train
from graphcond.core.targets import Targets


class View(Protocol):
    """A graph as a model wants it."""

    def outputs(self, model: nn.Module) -> Tensor:
        """Return the logits of all its labelled nodes, ``(n, num_classes)``."""
        ...


class TrainingSettings(Protocol):
    """What a training reads of a protocol."""

    @property
    def learning_rate(self) -> float:
        """Adam's, until half time."""
        ...

    @property
    def weight_decay(self) -> float:
        """L2 penalty on all weights."""
        ...

    @property
    def epochs(self) -> int:
        """Full-batch steps."""
        ...

    @property
    def validate_every(self) -> int:
        """Epochs between two validations."""
        ...


V = TypeVar("V", bound=View)


@dataclass(frozen=True)
class TrainingData(Generic[V]):
    """What a model is trained on: a view of a graph, the nodes with labels, their targets and weights.

    Shapes:
        nodes: ``(m,)`` int64; targets: ``(m,)`` int64 or ``(m, outputs)`` float32; weights: ``(m,)`` float32.
    """

    view: V
    nodes: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True)
class EvaluationData(Generic[V]):
    """Where a model is tested or validated: a view of a graph, the nodes, and their targets."""

    view: V
    nodes: Tensor
    targets: Tensor


def trained(
    model: nn.Module,
    training: TrainingData[V],
    val: EvaluationData[V],
    targets: Targets,
    protocol: TrainingSettings,
    metric: Metric,
) -> float | None:
    """Train a model on ``training``, leave it with the weights of its best epoch, and return that epoch's score.

    The score is that of validation. Without validation nodes the last weights are kept.
    """
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
    return None if best is None else direction(metric) * best


def score_on(model: nn.Module, val: float | None, test: EvaluationData[V], targets: Targets, metric: Metric) -> Score:
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
def predict(model: nn.Module, data: EvaluationData[V]) -> Tensor:
    """Return the model's logits of the nodes of evaluation data, ``(n, num_classes)``."""
    model.eval()
    return data.view.outputs(model)[data.nodes]


def _step(model: nn.Module, training: TrainingData[V], targets: Targets, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    optimizer.zero_grad()
    logits = training.view.outputs(model)[training.nodes]
    losses = targets.losses(logits, training.targets)
    loss = (losses * training.weights).sum() / training.weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _optimizer(model: nn.Module, protocol: TrainingSettings, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=protocol.weight_decay, fused=True)
