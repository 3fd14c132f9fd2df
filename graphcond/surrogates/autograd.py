"""Gradients of a surrogate by automatic differentiation: the general path, and the oracle of the closed forms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.batch import Batch
from graphcond.core.statistic import Statistic, class_counts
from graphcond.core.surrogate import Surrogate, Weights


def class_gradients(surrogate: Surrogate, weights: Weights, batch: Batch) -> Statistic:
    """Return what :meth:`Surrogate.class_gradients` promises, class by class through double backward."""
    keep_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        weights = tuple(weight.detach().requires_grad_() for weight in weights)
        losses = F.cross_entropy(surrogate.layers(weights, batch)[-1], batch.y, reduction="none")
        rows: list[tuple[Tensor, ...]] = []
        for label in range(surrogate.num_classes):
            mine = batch.y == label
            if mine.any():
                rows.append(
                    torch.autograd.grad(losses[mine].sum(), weights, create_graph=keep_graph, retain_graph=True)
                )
            else:
                rows.append(tuple(torch.zeros_like(weight) for weight in weights))
    sums = tuple(torch.stack(gradients) for gradients in zip(*rows, strict=True))
    return Statistic(sums, class_counts(batch.y, surrogate.num_classes, sums[0]))


def loss_gradients(surrogate: Surrogate, weights: Weights, batch: Batch) -> Weights:
    """Return what :meth:`Surrogate.loss_gradients` promises."""
    with torch.enable_grad():
        weights = tuple(weight.detach().requires_grad_() for weight in weights)
        return torch.autograd.grad(F.cross_entropy(surrogate.layers(weights, batch)[-1], batch.y), weights)
