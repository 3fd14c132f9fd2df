"""What ``normalize=True`` does with the features: each family of datasets has its custom in the literature."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

Scaling = Callable[["InMemoryDataset"], None]


def keep_as_published(dataset: "InMemoryDataset") -> None:
    """Leave the features alone."""


def normalize_rows(dataset: "InMemoryDataset") -> None:
    """Let every access scale each node's features to the sum 1, as PyG's examples do for bags of words."""
    from torch_geometric.transforms import NormalizeFeatures

    dataset.transform = NormalizeFeatures()


def standardize(dataset: "InMemoryDataset") -> None:
    """Give each feature mean 0 and deviation 1 over the training nodes, as GraphSAINT and GCond do.

    Validation and test nodes do not enter the mean and the deviation, so the inductive setting stays clean.
    """
    import torch
    from sklearn.preprocessing import StandardScaler

    data = dataset.get(0)
    scaler = StandardScaler().fit(data.x[data.train_mask].numpy())
    data.x = torch.from_numpy(scaler.transform(data.x.numpy()))
    dataset.data = data
