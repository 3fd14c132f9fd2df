"""Scores of several labels, or of numbers: a column for each, and NaN where one is missing.

A missing label or number has no part in a score. Outputs are ``(n, columns)``: the logits of labels, and numbers in the
units of the original.
"""

import torch
from torch import Tensor

from graphcond.core.targets.multi_label import Ranking


def roc_auc_of_labels(outputs: Tensor, labels: Tensor) -> float:
    """Return the mean over labels of the area under the ROC curve, as OGB's ``Evaluator`` takes it.

    A label of which the rows hold one value only does not count; NaN where no label counts.

    Raises:
        ValueError: an output is NaN.
    """
    _check_outputs(outputs)
    return _mean(Ranking.of(outputs, labels).areas)


def average_precision_of_labels(outputs: Tensor, labels: Tensor) -> float:
    """Return the mean over labels of the average precision, as OGB's ``Evaluator`` takes it.

    A label of which the rows hold one value only does not count; NaN where no label counts.

    Raises:
        ValueError: an output is NaN.
    """
    _check_outputs(outputs)
    positive, negative, first = _ranked_labels(outputs, labels)
    found, false = (_at_least_as_high(chosen, first) for chosen in (positive, negative))
    precision = torch.where(positive, found.double() / (found + false).clamp(min=1), 0.0)
    return _mean(precision.sum(dim=1) / positive.sum(dim=1))


def predicted_labels(outputs: Tensor) -> Tensor:
    """Return which labels are more likely than not, ``(n, labels)`` bool: those of a positive logit."""
    return outputs > 0


def top_labels(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return as many labels of each item as it truly has, those of its highest outputs, ``(n, labels)`` bool.

    Of equal outputs, the earlier labels are taken.
    """
    ordered = outputs.masked_fill(labels.isnan(), -torch.inf).argsort(dim=1, descending=True, stable=True)
    return ordered.argsort(dim=1) < (labels == 1).sum(dim=1, keepdim=True)


def f1_macro_of_labels(predicted: Tensor, labels: Tensor) -> float:
    """Return the mean over labels of F1; a label that is neither there nor predicted counts as 0.

    A label of which nothing is known does not count.

    Shapes:
        predicted: ``(n, labels)`` bool; labels: ``(n, labels)``, NaN where missing.
    """
    right, wrong = _right_and_wrong(predicted, labels)
    f1 = 2 * right.double() / (2 * right + wrong).clamp(min=1)
    return _mean(f1[~labels.isnan().all(dim=0)])


def f1_micro_of_labels(predicted: Tensor, labels: Tensor) -> float:
    """Return F1 of all labels counted together; 0 where none is there or predicted.

    Shapes:
        predicted: ``(n, labels)`` bool; labels: ``(n, labels)``, NaN where missing.
    """
    right, wrong = (int(counts.sum()) for counts in _right_and_wrong(predicted, labels))
    return 2 * right / max(2 * right + wrong, 1)


def rmse(outputs: Tensor, targets: Tensor) -> float:
    """Return the root of the mean squared error; of several targets the mean of theirs, as OGB has it."""
    error, counts = _errors(outputs, targets)
    return _mean((error.square().sum(dim=0) / counts).sqrt())


def mae(outputs: Tensor, targets: Tensor) -> float:
    """Return the mean absolute error; of several targets the mean of theirs."""
    error, counts = _errors(outputs, targets)
    return _mean(error.abs().sum(dim=0) / counts)


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Return the share of the variance that is explained, at most 1; of several targets the mean of theirs.

    A target that is the same in all rows does not count.
    """
    error, counts = _errors(outputs, targets)
    known = ~targets.reshape(len(targets), -1).isnan()
    goal = targets.reshape(len(targets), -1).double().nan_to_num(0.0)[:, known.any(dim=0)]
    known = known[:, known.any(dim=0)]
    spread = ((goal - goal.sum(dim=0) / counts) * known).square().sum(dim=0)
    some = spread > 0
    return _mean(1 - error[:, some].square().sum(dim=0) / spread[some])


def rmse_parts(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return what each item contributes to :func:`rmse`, ``(n,)`` float64, of which the mean is the score.

    That is the score and, to first order, by how much the item changes it.
    """
    error, counts = _errors(outputs, targets)
    squared, each = error.square(), len(error) / counts
    root = (squared.sum(dim=0) / counts).sqrt()
    scale = torch.where(root > 0, 2 * root, 1.0)
    return (root + (each * squared - root.square()) / scale).mean(dim=1)


def mae_parts(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return what each item contributes to :func:`mae`, ``(n,)`` float64, of which the mean is the score."""
    error, counts = _errors(outputs, targets)
    return (error.abs() * (len(error) / counts)).mean(dim=1)


def _mean(values: Tensor) -> float:
    return float(values.double().mean()) if len(values) else float("nan")


def _check_outputs(outputs: Tensor) -> None:
    """Raise unless outputs can be ranked."""
    if bool(outputs.isnan().any()):
        raise ValueError("the outputs of the model hold NaN, which cannot be ranked")


def _ranked_labels(outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where labels are 1 and 0, by their outputs from the lowest on, and where equal outputs begin.

    Those of the labels that have both values, ``(labels, n)`` each: two bool, one int64.
    """
    positive, negative = (labels == 1).T, (labels == 0).T
    both = positive.any(dim=1) & negative.any(dim=1)
    scores, order = outputs.T[both].sort(dim=1)
    place = torch.arange(scores.size(1), device=scores.device)
    differs, edge = scores[:, 1:] != scores[:, :-1], torch.ones_like(scores[:, :1], dtype=torch.bool)
    first = torch.where(torch.cat([edge, differs], dim=1), place, 0).cummax(dim=1).values
    return positive[both].gather(1, order), negative[both].gather(1, order), first


def _at_least_as_high(chosen: Tensor, first: Tensor) -> Tensor:
    """Return how many of the chosen outputs of a row are at least as high as each, ``(labels, n)``."""
    return (chosen.sum(dim=1, keepdim=True) - chosen.cumsum(dim=1) + chosen.long()).gather(1, first)


def _right_and_wrong(predicted: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return how often each label is rightly predicted, and how often wrongly or wrongly not, ``(labels,)`` each."""
    there = labels == 1
    right = (predicted & there).sum(dim=0)
    return right, (predicted & (labels == 0)).sum(dim=0) + there.sum(dim=0) - right


def _errors(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return errors, 0 where a target is missing, and how many are known, of the targets that any row has.

    Shapes:
        errors: ``(n, targets)``; counts: ``(targets,)``; both float64.
    """
    goal = targets.reshape(len(targets), -1).double()
    known = ~goal.isnan()
    error = torch.where(known, outputs.reshape(goal.shape).double() - goal, 0.0)
    some = known.any(dim=0)
    return error[:, some], known.sum(dim=0)[some].double()
