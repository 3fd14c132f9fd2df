"""Gradients of a surrogate by automatic differentiation: the general path, and the oracle of the closed forms."""

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic, class_counts
from graphcond.core.matching.surrogate import Surrogate, Weights


def class_gradients(surrogate: Surrogate, weights: Weights, batch: Batch) -> Statistic:
    """Return what :meth:`Surrogate.class_gradients` promises, class by class through double backward."""
    keep_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        weights = tuple(weight.detach().requires_grad_() for weight in weights)
        losses = _class_losses(surrogate, weights, batch)
        absent = tuple(torch.zeros_like(weight) for weight in weights)
        rows = [
            torch.autograd.grad(losses[label], weights, create_graph=keep_graph, retain_graph=True)
            if label in losses
            else absent
            for label in range(surrogate.num_classes)
        ]
    sums = tuple(torch.stack(gradients) for gradients in zip(*rows, strict=True))
    return Statistic(sums, class_counts(batch.classes, surrogate.num_classes, sums[0]))


def _class_losses(surrogate: Surrogate, weights: Weights, batch: Batch) -> dict[int, Tensor]:
    """Return the summed loss of each class that is present."""
    losses_of = surrogate.targets.losses
    if batch.adj is None:  # rows do not see one another: each class passes by itself, and so does its gradient
        parts = batch.by_class().items()
        return {c: losses_of(surrogate.layers(weights, part)[-1], part.y).sum() for c, part in parts}
    losses = losses_of(surrogate.layers(weights, batch)[-1], batch.y)
    classes = batch.classes
    return {c: losses[classes == c].sum() for c in torch.unique(classes).tolist()}


def loss_gradients(surrogate: Surrogate, weights: Weights, batch: Batch) -> Weights:
    """Return what :meth:`Surrogate.loss_gradients` promises."""
    with torch.enable_grad():
        weights = tuple(weight.detach().requires_grad_() for weight in weights)
        return torch.autograd.grad(surrogate.targets.loss(surrogate.layers(weights, batch)[-1], batch.y), weights)
