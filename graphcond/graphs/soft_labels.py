"""Soft labels that take a byte or two each; probabilities of classes still sum to 1."""

import numpy as np
import torch
from torch import Tensor

LEVELS = 256
HALF_ERROR = 1 / 256  # of a deviation, by which rounding may change a number


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits, row by row."""
    shifted: np.ndarray = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def prior_shift(original: Tensor, condensed: Tensor, num_classes: int) -> np.ndarray:
    """Return by how much each class's logits rise because it has a larger share of condensed graphs, ``(classes,)``.

    Args:
        original: ``(n,)`` int64 labels of the training graphs, of every class.
        condensed: ``(m,)`` int64 labels of the condensed graphs, of every class.
        num_classes: Number of classes.

    >>> prior_shift(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1]), 2).round(3).tolist()
    [-0.405, 0.693]
    """
    counts = [torch.bincount(labels, minlength=num_classes).numpy() / len(labels) for labels in (condensed, original)]
    shift: np.ndarray = np.log(counts[0]) - np.log(counts[1])
    return shift


def rounded_probabilities(logits: np.ndarray) -> Tensor:
    """Return the softmax of logits in steps of 1/256, each row summing to 1 exactly, ``(n, num_classes)`` float32.

    >>> rounded_probabilities(np.array([[0.0, 1.0]]))
    tensor([[0.2695, 0.7305]])
    """
    soft = probabilities(logits)
    steps = np.floor(soft * LEVELS)
    short = LEVELS - steps.sum(axis=1).astype(int)
    rank = np.argsort(np.argsort(-(soft * LEVELS - steps), axis=1, kind="stable"), axis=1)
    return torch.from_numpy((steps + (rank < short[:, None])) / LEVELS).float()


def rounded_shares(shares: Tensor) -> Tensor:
    """Return probabilities of labels in steps of 1/256, at most 255/256, so that each takes a byte, float32.

    >>> rounded_shares(torch.tensor([[0.0, 0.3, 1.0]]))
    tensor([[0.0000, 0.3008, 0.9961]])
    """
    return ((shares.double() * LEVELS).round().clamp(0, LEVELS - 1) / LEVELS).float()


def rounded_halves(numbers: Tensor, scale: Tensor) -> Tensor:
    """Return numbers as float32 that take two bytes each, unless that changes one by much.

    Args:
        numbers: ``(n, outputs)``.
        scale: ``(outputs,)`` their deviation, which tells what is much.

    >>> rounded_halves(torch.tensor([[0.1], [1e9]]), torch.ones(1))
    tensor([[1.0000e-01],
            [1.0000e+09]])
    """
    numbers = numbers.float()
    half = numbers.half().float()
    return half if bool(((half - numbers).abs() <= HALF_ERROR * scale).all()) else numbers
