"""Linear probes: what a linear model makes of a network's outputs, for labels that the network was not trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.evaluation.metrics import Metric, direction
from graphcond.core.targets import Targets

ITERATIONS = 200
PATIENCE = 1e-7  # the change of the loss below which the fit ends

Labelled = tuple[Tensor, Tensor]
"""Outputs of a network, ``(n, columns)``, and labels."""
Head = Callable[[Tensor], Tensor]
"""From outputs of a network to logits or numbers."""


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    r"""A linear model on the outputs of a network that is fixed: multinomial logistic regression for classes.

    .. math:: \min_{W, b} \frac 1 n \sum_i \ell(W z_i + b, y_i) + \frac{s}{2} \|W\|^2

    with outputs :math:`z` that are centred and divided by one number, their root mean square on the training items,
    and the loss :math:`\ell` of the labels' kind. Which strength :math:`s` is taken, validation items choose.

    Args:
        strengths: Those that are tried; without validation items, the middle one is taken.
    """

    strengths: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

    def __post_init__(self) -> None:
        """Check the field."""
        if not self.strengths or any(not 0 < one < float("inf") for one in self.strengths):
            raise ValueError(f"strengths must be positive numbers, at least one, got {self.strengths!r}")

    def fit(self, targets: Targets, train: Labelled, val: Labelled | None, metric: Metric) -> tuple[Head, float | None]:
        """Return the best model, and its validation score as the metric has it.

        Args:
            targets: What is predicted.
            train: The training items.
            val: The validation items; ``None``: there are none.
            metric: By which they choose.
        """
        strengths = self._tried(val)
        heads = _fitted(targets, *train, strengths)
        if val is None:
            return heads[0], None
        outputs, labels = val
        scores = [metric(targets.answers(head(outputs)), labels) for head in heads]
        best = max(range(len(heads)), key=lambda i: direction(metric) * scores[i])
        return heads[best], scores[best]

    def _tried(self, val: Labelled | None) -> Sequence[float]:
        return self.strengths if val is not None else (sorted(self.strengths)[len(self.strengths) // 2],)


def _fitted(targets: Targets, outputs: Tensor, labels: Tensor, strengths: Sequence[float]) -> list[Head]:
    """Return a model for each strength; each fit starts from the one before."""
    center = outputs.double().mean(dim=0)
    scale = (outputs.double() - center).square().mean().sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    rows = (outputs.double() - center) / scale
    weight = rows.new_zeros(rows.size(1), targets.outputs)
    bias = targets.prior(labels).to(rows)
    heads: dict[float, Head] = {}
    for strength in sorted(strengths, reverse=True):
        weight, bias = _minimum(targets, rows, labels, strength, weight, bias)
        heads[strength] = _head(center, scale, weight, bias)
    return [heads[strength] for strength in strengths]


def _minimum(
    targets: Targets, rows: Tensor, labels: Tensor, strength: float, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    weight, bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, tolerance_change=PATIENCE, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = targets.losses(rows @ weight + bias, labels).mean() + strength / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _head(center: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Head:
    return lambda outputs: ((outputs.double() - center) / scale) @ weight + bias
