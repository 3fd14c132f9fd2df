"""The two columns of every row: what a user's plain training loop gets, and what a set's own weights and labels give.

*Plain* trains on hard labels, without weights of nodes, edges, graphs or users: the loop that every user writes. *Own*
trains with all weights and soft labels that the set carries. A set that carries neither has one column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import Tensor

from graphcond.core.evaluation.column_metrics import mae_parts, rmse_parts
from graphcond.core.evaluation.comparison import TestPart
from graphcond.core.evaluation.metrics import METRICS, Metric, metric_name

Column = Literal["plain", "own"]
PARTS = {"rmse": rmse_parts, "mae": mae_parts}


@dataclass(frozen=True)
class Score:
    """One training: the score on the test split, and what else is known of it.

    Args:
        test: Of the weights that were kept.
        val: Their validation score; ``None`` or NaN where validation data did not choose.
        last: The test score of the last weights, where it was taken.
        items: What each test item contributed (:func:`outcomes`), ``(num_test,)``.
        seconds: How long the training took, where that was measured.
    """

    test: float
    val: float | None = None
    last: float | None = None
    items: Tensor | None = field(default=None, compare=False)
    seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Columns:
    """The trainings of one row.

    Args:
        plain: On hard labels and without weights.
        own: On the same sets and with the same seeds, with the weights and soft labels of the set; empty for a set
            that carries none.
    """

    plain: Sequence[Score] = ()
    own: Sequence[Score] = ()

    def fields(self) -> dict[str, Any]:
        """Return the fields of a :class:`graphcond.Row` that they fill."""
        return {
            "scores": tuple(one.test for one in self.plain),
            "val_scores": _known([one.val for one in self.plain]),
            "last_scores": _known([one.last for one in self.plain]),
            "own_scores": tuple(one.test for one in self.own),
            "own_val_scores": _known([one.val for one in self.own]),
            "items": _stacked(self.plain),
            "own_items": _stacked(self.own),
        }

    def train_seconds(self, elapsed: float) -> float:
        """Return the mean time of a training: as it was measured, else its share of the time that all took."""
        trainings = (*self.plain, *self.own)
        measured = _known([one.seconds for one in trainings])
        if measured and len(measured) == len(trainings):
            return sum(measured) / len(measured)
        return elapsed / max(len(trainings), 1)


def _known(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)


def _stacked(scores: Sequence[Score]) -> Tensor | None:
    items = [one.items for one in scores if one.items is not None]
    return torch.stack(items) if items and len(items) == len(scores) else None


def outcomes(logits: Tensor, labels: Tensor, metric: Metric) -> Tensor | None:
    """Return what each test item contributes to a score, by which two rows can be compared later.

    For accuracy whether it was right, ``(n,)`` uint8; for ROC-AUC of two classes twice its rank by the margin of class
    1, where ties share their mean rank, negative for items of class 1, ``(n,)`` int32; for RMSE and MAE its part of the
    error, of which the mean is the score, ``(n,)`` float64; ``None`` for other metrics.

    Args:
        logits: As the metric is given them.
        labels: Those of the items.
        metric: What a score is.

    >>> outcomes(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 1]), METRICS["accuracy"])
    tensor([1, 0], dtype=torch.uint8)
    >>> outcomes(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 0]), METRICS["roc_auc"])
    tensor([-4,  2], dtype=torch.int32)
    """
    if metric is METRICS["accuracy"]:
        return (logits.argmax(dim=1) == labels).to(torch.uint8).cpu()
    if (parts := PARTS.get(metric_name(metric) or "")) is not None:
        return parts(logits, labels).cpu()
    if metric is METRICS["roc_auc"] and labels.dim() == 1:
        margin = (logits[:, 1] - logits[:, 0]).double().cpu().numpy()
        ranks = (2 * stats.rankdata(margin)).astype(np.int32)
        return torch.from_numpy(np.where(labels.cpu().numpy() == 1, -ranks, ranks))
    return None


def score_of(items: Tensor) -> float:
    """Return the score that :func:`outcomes` were taken from: by their type, a mean or ROC-AUC."""
    if items.dtype != torch.int32:
        return float(items.double().mean())
    return float(roc_auc_score((items < 0).numpy(), items.abs().numpy()))


def part_of(labels: Tensor, metric: Metric) -> TestPart | None:
    """Return what the noise of a test part depends on, for accuracy and ROC-AUC of two classes.

    ``None`` for other metrics, whose noise only the outcomes of items tell, where there are any.
    """
    if metric is METRICS["accuracy"]:
        return TestPart(len(labels))
    ranks = metric is METRICS["roc_auc"] and labels.dim() == 1
    return TestPart(len(labels), int((labels == 1).sum())) if ranks else None
