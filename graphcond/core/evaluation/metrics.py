"""What a score is."""

from collections.abc import Callable

import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch import Tensor

Metric = Callable[[Tensor, Tensor], float]


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of correct predictions, in [0, 1]."""
    return float((logits.argmax(dim=1) == labels).double().mean())


def roc_auc(logits: Tensor, labels: Tensor) -> float:
    """Return the area under the ROC curve of class 1 against class 0, in [0, 1]."""
    return float(roc_auc_score(labels.cpu().numpy(), (logits[:, 1] - logits[:, 0]).cpu().numpy()))


def f1_macro(logits: Tensor, labels: Tensor) -> float:
    """Return the mean over classes of F1, in [0, 1]; a class that is neither there nor predicted counts as 0."""
    predicted = logits.argmax(dim=1).cpu().numpy()
    every = list(range(logits.size(1)))
    return float(f1_score(labels.cpu().numpy(), predicted, labels=every, average="macro", zero_division=0.0))


def average_precision(logits: Tensor, labels: Tensor) -> float:
    """Return the average precision of class 1 against class 0, in [0, 1]."""
    return float(average_precision_score(labels.cpu().numpy(), (logits[:, 1] - logits[:, 0]).cpu().numpy()))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy, "roc_auc": roc_auc, "f1": f1_macro, "average_precision": average_precision,
}  # fmt: skip
OF_TWO_CLASSES = ("roc_auc", "average_precision")


def resolve_metric(metric: str | Metric, num_classes: int | None) -> Metric:
    """Return the metric of a name, checked against the number of classes, if that is known; or the given function.

    Raises:
        ValueError: there is no such metric, or ROC-AUC was asked for with more than two classes.
    """
    if callable(metric):
        return metric
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if metric in OF_TWO_CLASSES and num_classes not in (2, None):
        raise ValueError(f"metric={metric!r} needs two classes, the dataset has {num_classes}; use 'accuracy' or 'f1'")
    return METRICS[metric]


def check_metric(metric: str | Metric | None) -> None:
    """Raise if a protocol's metric is a name that there is not; ``None`` is the dataset's own."""
    if metric is not None:
        resolve_metric(metric, None)


def metric_name(metric: str | Metric) -> str | None:
    """Return the name of one of graphcond's own metrics, given that or the metric; ``None``: it is another one."""
    return next((name for name, own in METRICS.items() if metric in (name, own)), None)


def metric_label(metric: str | Metric) -> str:
    """Return what tables call a metric."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    tensor = torch.tensor(values, dtype=torch.float64)
    return float(tensor.mean()), float(tensor.std()) if len(values) > 1 else 0.0
