"""Class probabilities that take a byte each and still sum to 1."""

import numpy as np
import torch
from torch import Tensor

from graphcond.graphs.teacher import probabilities

LEVELS = 256


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
