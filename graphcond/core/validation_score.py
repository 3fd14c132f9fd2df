"""How candidates are compared on validation nodes."""

import math

import torch
from torch import Tensor

ABOVE_CHANCE = 2.0  # standard errors by which a result has to be better than chance


def share_correct(scores: Tensor, labels: Tensor) -> float:
    """Return the share of rows whose largest score is at the label, in [0, 1]; 0 for no rows."""
    return float((scores.argmax(dim=1) == labels).double().mean()) if len(labels) else 0.0


def ranking(scores: Tensor, labels: Tensor) -> float:
    """Return the area under the ROC curve of class 1 against class 0 (ties count half); 0.5 if one class is absent."""
    margin = (scores[:, 1] - scores[:, 0]).double()
    positive = labels == 1
    many, few = int(positive.sum()), int((~positive).sum())
    if not many or not few:
        return 0.5
    _, group, sizes = torch.unique(margin, return_inverse=True, return_counts=True)
    ends = sizes.cumsum(0).double()
    ranks = (ends - (sizes - 1) / 2)[group]
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * few))


def score(scores: Tensor, labels: Tensor) -> float:
    """Return the score by which choices are made: accuracy, or, for two classes, the area under the ROC curve.

    Two classes are often unbalanced, and the share of correct answers then tells little.
    """
    return ranking(scores, labels) if scores.size(1) == 2 and len(labels) else share_correct(scores, labels)


def contributions(scores: Tensor, labels: Tensor) -> Tensor:
    """Return what each node contributes to :func:`score`, ``(n,)``: the score is their mean, within each group if many.

    For accuracy a 1 or a 0; for the area under the curve the share of nodes of the other class that are ranked on the
    right side (the structural components of DeLong et al., Biometrics 1988), of which each class's mean is the score.
    """
    if scores.size(1) > 2:
        return (scores.argmax(dim=1) == labels).double()
    margin = (scores[:, 1] - scores[:, 0]).double()
    positive = labels == 1
    above = (margin[positive].unsqueeze(1) - margin[~positive]).sign() / 2 + 0.5
    result = torch.full_like(margin, 0.5)
    if above.numel():
        result[positive], result[~positive] = above.mean(dim=1), above.mean(dim=0)
    return result


def standard_error_of_difference(first: Tensor, second: Tensor, labels: Tensor, num_classes: int) -> float:
    """Return the standard error of the difference of two scores on the same nodes, from their contributions."""
    difference = first - second
    groups = [difference[labels == label] for label in range(2)] if num_classes == 2 else [difference]
    return math.sqrt(sum(float(group.var()) / len(group) for group in groups if len(group) > 1))


def standard_error(contribution: Tensor, labels: Tensor, num_classes: int) -> float:
    """Return the standard error of a score, from the contributions of its nodes."""
    return standard_error_of_difference(contribution, torch.zeros_like(contribution), labels, num_classes)


def doubts(value: float, contribution: Tensor, predicted: Tensor, labels: Tensor, unit: str) -> tuple[str, ...]:
    """Return what speaks against a result by its validation, one sentence each.

    Args:
        value: The :func:`score` of the best network.
        contribution: What each node or graph contributed to it, ``(n,)``.
        predicted: ``(num_classes,)`` bool, the classes that any network predicted.
        labels: ``(n,)`` int64.
        unit: ``"nodes"`` or ``"graphs"``.
    """
    found, num_classes = [], len(predicted)
    chance = chance_level(labels, num_classes)
    if value <= chance + ABOVE_CHANCE * standard_error(contribution, labels, num_classes):
        found.append(
            f"no network trained on the result is better than chance on the validation {unit} ({100 * value:.1f} %, "
            f"chance {100 * chance:.1f} %); ask for more {unit}, or look at features and labels"
        )
    missing = ~predicted & (torch.bincount(labels, minlength=num_classes) > 0)
    if names := ", ".join(map(str, missing.nonzero().flatten().tolist())):
        found.append(
            f"no network trained on the result predicts class {names} for any validation {unit.removesuffix('s')}; ask "
            f"for more {unit}"
        )
    return tuple(found)


def chance_level(labels: Tensor, num_classes: int) -> float:
    """Return the :func:`score` that needs no features: one half for two classes, else the largest class's share."""
    return 0.5 if num_classes == 2 else float(torch.bincount(labels).max()) / len(labels)
