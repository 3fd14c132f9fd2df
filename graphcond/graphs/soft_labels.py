"""Class probabilities that take a byte each and still sum to 1."""

import numpy as np
import torch
from torch import Tensor

from graphcond.graphs.teacher import probabilities

LEVELS = 256


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
