"""How candidates are compared on validation nodes."""

import torch
from torch import Tensor


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
