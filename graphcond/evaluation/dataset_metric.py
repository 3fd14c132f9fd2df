"""The metric that a dataset is judged by."""

from torch.utils.data import Subset
from torch_geometric.data import Dataset

from graphcond.core.evaluation.metrics import Metric
from graphcond.datasets import list_datasets


def own_metric(dataset: object) -> str:
    """Return the name of the metric that a dataset is judged by: what OGB says of its own, or the catalogue."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if getattr(dataset, "eval_metric", None) == "rocauc" and getattr(dataset, "num_tasks", 1) == 1:
        return "roc_auc"
    name = getattr(dataset, "name", None)
    if not isinstance(dataset, Dataset) or not isinstance(name, str):
        return "accuracy"
    known = {entry.name: entry for entry in list_datasets()}.get(name.lower().replace("_", "-"))
    return known.metric if known is not None and known.num_classes == dataset.num_classes else "accuracy"


def chosen_metric(asked: str | Metric | None, protocol: object, dataset: object) -> str | Metric:
    """Return the metric of a call: the one that was asked for, else the protocol's, else the dataset's own."""
    of_protocol: str | Metric | None = getattr(protocol, "metric", None)  # a protocol by name has none
    for metric in (asked, of_protocol):
        if metric is not None:
            return metric
    return own_metric(dataset)
