"""The metric by which a dataset is evaluated."""

from dataclasses import replace
from typing import Any

from torch.utils.data import Subset
from torch_geometric.data import Dataset

from graphcond.datasets.catalogue import list_datasets


def own_metric(dataset: object) -> str:
    """Return the name of the metric by which a dataset is evaluated: what OGB says of its own, or the catalogue."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if getattr(dataset, "eval_metric", None) == "rocauc" and getattr(dataset, "num_tasks", 1) == 1:
        return "roc_auc"
    name = getattr(dataset, "name", None)
    if not isinstance(dataset, Dataset) or not isinstance(name, str):
        return "accuracy"
    known = {entry.name: entry for entry in list_datasets()}.get(name.lower().replace("_", "-"))
    return known.metric if known is not None and known.num_classes == dataset.num_classes else "accuracy"


def with_own_metric(task: Any, dataset: object) -> Any:  # noqa: ANN401 (a task of any modality)
    """Return the task of a dataset with the metric by which the dataset is evaluated, where tasks have one."""
    if not hasattr(task, "metric") or dataset is task:
        return task
    return replace(task, metric=own_metric(dataset))
