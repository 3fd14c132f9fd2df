"""The metric by which a dataset is evaluated."""

from dataclasses import replace
from typing import Any

from torch.utils.data import Subset
from torch_geometric.data import Dataset

from graphcond.core.evaluation.metrics import metric_name, suits
from graphcond.datasets.catalogue import list_datasets


def own_metric(dataset: object) -> str | None:
    """Return the name of the metric by which a dataset is evaluated: what OGB says of its own, or the catalogue.

    ``None`` where neither says one.
    """
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if (named := metric_name(getattr(dataset, "eval_metric", None))) is not None:
        return named
    name = getattr(dataset, "name", None)
    if not isinstance(dataset, Dataset) or not isinstance(name, str):
        return None
    known = {entry.name: entry for entry in list_datasets()}.get(name.lower().replace("_", "-"))
    return known.metric if known is not None and known.num_classes == dataset.num_classes else None


def with_own_metric(task: Any, dataset: object) -> Any:  # noqa: ANN401 (a task of any modality)
    """Return the task of a dataset with the metric by which the dataset is evaluated.

    A task keeps its own where the dataset has none, or one that is not for what is learned.
    """
    if not hasattr(task, "metric") or dataset is task:
        return task
    metric = own_metric(dataset)
    if getattr(task, "probed", None) is not None:
        task = replace(task, probed=with_own_metric(task.probed, dataset))
    return task if metric is None or not suits(metric, task.targets) else replace(task, metric=metric)
