"""What a score is: metrics by name, and those of the user's own.

A metric is a function of outputs and labels. Outputs are logits ``(n, classes)`` with labels ``(n,)`` int64; logits
``(n, labels)`` with labels ``(n, labels)``; or numbers in the units of the original, ``(n, targets)``. In the last two
NaN is a missing label or target, which has no part in a score.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch import Tensor

from graphcond.core.evaluation.column_metrics import (
    average_precision_of_labels,
    f1_macro_of_labels,
    f1_micro_of_labels,
    mae,
    predicted_labels,
    r2,
    rmse,
    roc_auc_of_labels,
    top_labels,
)
from graphcond.core.evaluation.scale import ScoreScale
from graphcond.core.targets import Kind, Targets

Metric = Callable[[Tensor, Tensor], float]


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of correct predictions, in [0, 1]."""
    return float((logits.argmax(dim=1) == labels).double().mean())


def roc_auc(logits: Tensor, labels: Tensor) -> float:
    """Return the area under the ROC curve of class 1 against class 0, or its mean over labels, in [0, 1]."""
    if labels.dim() == 2:
        return roc_auc_of_labels(logits, labels)
    return float(roc_auc_score(labels.cpu().numpy(), (logits[:, 1] - logits[:, 0]).cpu().numpy()))


def average_precision(logits: Tensor, labels: Tensor) -> float:
    """Return the average precision of class 1 against class 0, or its mean over labels, in [0, 1]."""
    if labels.dim() == 2:
        return average_precision_of_labels(logits, labels)
    return float(average_precision_score(labels.cpu().numpy(), (logits[:, 1] - logits[:, 0]).cpu().numpy()))


def f1_macro(logits: Tensor, labels: Tensor) -> float:
    """Return the mean of F1 over classes, or labels, in [0, 1]; one that is neither there nor predicted counts as 0."""
    if labels.dim() == 2:
        return f1_macro_of_labels(predicted_labels(logits), labels)
    predicted = logits.argmax(dim=1).cpu().numpy()
    every = list(range(logits.size(1)))
    return float(f1_score(labels.cpu().numpy(), predicted, labels=every, average="macro", zero_division=0.0))


def f1_micro(logits: Tensor, labels: Tensor) -> float:
    """Return F1 of all labels counted together, in [0, 1]; of classes that is the accuracy."""
    return f1_micro_of_labels(predicted_labels(logits), labels) if labels.dim() == 2 else accuracy(logits, labels)


def f1_micro_top(logits: Tensor, labels: Tensor) -> float:
    """Return :func:`f1_micro` where each item is given as many labels as it truly has, those of its highest logits."""
    return f1_micro_of_labels(top_labels(logits, labels), labels)


def f1_macro_top(logits: Tensor, labels: Tensor) -> float:
    """Return :func:`f1_macro` where each item is given as many labels as it truly has, those of its highest logits."""
    return f1_macro_of_labels(top_labels(logits, labels), labels)


def mrr(logits: Tensor, labels: Tensor) -> float:
    """Return the mean of 1 / rank of the true class, in (0, 1]; it is the middle one of those with the same logit."""
    above, equal = _around(logits, labels)
    return float((1 / (1 + above + equal / 2)).mean())


@dataclass(frozen=True)
class Hits:
    """How often the true class is among the ``k`` of the highest logits; classes with the same logit share the places.

    Args:
        k: How many classes count.
    """

    k: int

    @property
    def __name__(self) -> str:
        return f"hits@{self.k}"

    def __call__(self, logits: Tensor, labels: Tensor) -> float:
        """Return the share, in [0, 1]."""
        above, equal = _around(logits, labels)
        return float(((self.k - above) / (1 + equal)).clamp(0, 1).mean())


def _around(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many classes have a higher logit than the true one, and how many others the same, ``(n,)`` float64."""
    own = logits.gather(1, labels.unsqueeze(1))
    return (logits > own).sum(dim=1).double(), (logits == own).sum(dim=1).double() - 1


@dataclass(frozen=True, eq=False)
class OwnMetric:
    """A metric of the user's: a function, or an object such as those of torchmetrics.

    Args:
        given: Is called with outputs and labels, and returns one number.
    """

    given: Callable[[Tensor, Tensor], Any]

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better, which is so unless the object says otherwise."""
        return getattr(self.given, "higher_is_better", None) is not False

    def __call__(self, outputs: Tensor, labels: Tensor) -> float:
        """Return the score.

        Raises:
            TypeError: what is returned is not one number.
        """
        found = self.given(outputs, labels)
        if callable(reset := getattr(self.given, "reset", None)):
            reset()  # torchmetrics keep all that they have seen
        try:
            return float(found)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"metric must return one number, {metric_label(self.given)} returned {found!r}") from error


METRICS: dict[str, Metric] = {
    "accuracy": accuracy, "roc_auc": roc_auc, "f1": f1_macro, "average_precision": average_precision,
    "f1_micro": f1_micro, "f1_micro_top": f1_micro_top, "f1_macro_top": f1_macro_top, "mrr": mrr,
    "rmse": rmse, "mae": mae, "r2": r2,
}  # fmt: skip
ALIASES = {"acc": "accuracy", "rocauc": "roc_auc", "ap": "average_precision", "F1": "f1"}
"""OGB's spellings."""
HITS = re.compile(r"hits@([1-9]\d*)")
FITS: dict[Kind, tuple[str, ...]] = {
    "single_label": ("accuracy", "roc_auc", "f1", "average_precision", "f1_micro", "mrr", "hits@k"),
    "multi_label": ("roc_auc", "average_precision", "f1", "f1_micro", "f1_micro_top", "f1_macro_top"),
    "regression": ("rmse", "mae", "r2"),
}
"""The metrics of each kind of targets."""
OF_TWO_CLASSES = ("roc_auc", "average_precision")
ERRORS = ("rmse", "mae")


def resolve_metric(metric: str | Metric, targets: Targets | None) -> Metric:
    """Return the metric of a name, checked against what is predicted, if that is known; or the given function.

    Raises:
        TypeError: it is neither a name nor a function.
        ValueError: there is no such metric, or it is not for what is predicted.
    """
    name = metric_name(metric)
    if name is None:
        if callable(metric):
            return metric if isinstance(metric, OwnMetric) else OwnMetric(metric)
        if not isinstance(metric, str):
            raise TypeError(f"metric must be a name or a function of outputs and labels, got {metric!r}")
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, hits@k (such as hits@3), got {metric!r}")
    if targets is not None and (refusal := _refusal(name, targets)):
        raise ValueError(f"metric={name!r} {refusal}")
    found = HITS.fullmatch(name)
    return Hits(int(found[1])) if found else METRICS[name]


def _refusal(name: str, targets: Targets) -> str:
    """Return why a metric is not for targets, and which are; empty if it is."""
    hits, fitting = HITS.fullmatch(name), FITS[targets.kind]
    if ("hits@k" if hits else name) not in fitting:
        return f"is not for {targets.words}; use {_either(fitting)}"
    if targets.kind == "single_label" and name in OF_TWO_CLASSES and targets.outputs != 2:
        others = [one for one in fitting if one not in OF_TWO_CLASSES]
        return f"needs two classes, the dataset has {targets.outputs}; use {_either(others)}"
    if hits and int(hits[1]) >= targets.outputs:
        return f"is 1 for all models, as the dataset has {targets.outputs} classes; use a smaller number"
    return ""


def _either(names: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"


def suits(name: str, targets: Targets) -> bool:
    """Return whether there is a metric of a name, and it is for what is predicted."""
    known = metric_name(name)
    return known is not None and not _refusal(known, targets)


def check_metric(metric: str | Metric | None) -> None:
    """Raise if a protocol's metric is a name that there is not; ``None`` is the dataset's own."""
    if metric is not None:
        resolve_metric(metric, None)


def direction(metric: str | Metric) -> int:
    """Return 1 for a metric of which more is better, -1 for one of which less is.

    Objects say it by ``higher_is_better``, as those of torchmetrics do; of functions, more is better.

    >>> direction("accuracy"), direction("rmse")
    (1, -1)
    """
    name = metric_name(metric)
    if name is not None:
        return -1 if name in ERRORS else 1
    return -1 if getattr(metric, "higher_is_better", None) is False else 1


def scale_of(metric: str | Metric, targets: Targets) -> ScoreScale:
    """Return how the scores of a metric are read: in %, unless they are errors or scores of numbers."""
    less = direction(metric) < 0
    return ScoreScale(percent=not less and targets.kind != "regression", less_is_better=less)


def metric_name(metric: object) -> str | None:
    """Return the name of one of graphcond's own metrics, given that or the metric; ``None``: it is another one."""
    if isinstance(metric, str):
        name = ALIASES.get(metric, metric)
        return name if name in METRICS or HITS.fullmatch(name) else None
    if isinstance(metric, Hits):
        return metric.__name__
    return next((name for name, own in METRICS.items() if metric is own), None)


def metric_label(metric: str | Metric) -> str:
    """Return what tables call a metric."""
    given: object = metric.given if isinstance(metric, OwnMetric) else metric
    known = metric_name(given) or given
    return known if isinstance(known, str) else getattr(known, "__name__", type(known).__name__)


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    tensor = torch.tensor(values, dtype=torch.float64)
    return float(tensor.mean()), float(tensor.std()) if len(values) > 1 else 0.0
