"""The graphs that the benchmarks run on, with the sizes of the tables."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data
from torch_geometric.transforms import RandomNodeSplit
from torch_geometric.utils import to_undirected

import graphcond
from graphcond.core.runtime.randomness import seeded


@dataclass(frozen=True)
class Workload:
    """One dataset of the tables.

    Args:
        name: As the tables show it.
        sizes: Synthetic nodes; or fractions of the training nodes (never fewer nodes than classes).
        metric: ``"accuracy"`` or ``"roc_auc"``.
        splits: How many of the dataset's own splits are used, one for each condensation seed.
    """

    name: str
    sizes: tuple[float, ...]
    metric: str = "accuracy"
    splits: int = 1


FRACTIONS = (0.005, 0.01, 0.05)
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("cora", (7, 35, 70, 140)),
        Workload("citeseer", (6, 30, 60, 120)),
        Workload("pubmed", (3, 15, 30, 60)),
        Workload("digits", FRACTIONS),
        Workload("photo", FRACTIONS),
        Workload("physics", FRACTIONS),
        Workload("tolokers", FRACTIONS, metric="roc_auc", splits=10),
        Workload("fashion", FRACTIONS),
    )
}


def load(name: str, root: Path | None) -> Data:
    """Return a workload's graph; sets without a split of their own get a seeded one, 60/20/20 %."""
    if name == "fashion":
        return fashion_graph(graphcond.datasets.resolve_root(root))
    data = graphcond.datasets.load(name, root)[0]
    if name in ("digits", "photo", "physics"):
        with seeded(0):
            data = RandomNodeSplit(num_val=0.2, num_test=0.2)(data)
    return data


def fashion_graph(root: Path) -> Data:
    """Return FashionMNIST as a graph of 70,000 images, each joined with its 8 nearest; 55,000/5,000/10,000 split.

    Not a published benchmark: it stands in for a larger graph with real features and labels.
    """
    images, labels = [], []
    for part in ("train", "t10k"):
        images.append(_idx(root / "FashionMNIST" / "raw" / f"{part}-images-idx3-ubyte.gz", 16))
        labels.append(_idx(root / "FashionMNIST" / "raw" / f"{part}-labels-idx1-ubyte.gz", 8))
    x = torch.from_numpy(np.concatenate(images).reshape(70_000, 784)).float() / 255
    y = torch.from_numpy(np.concatenate(labels)).long()
    with np.load(root / "FashionMNISTGraph" / "knn8.npz", allow_pickle=False) as file:
        neighbour = torch.from_numpy(file["neighbour"].astype(np.int64))
    edge_index = to_undirected(torch.stack([torch.arange(70_000).repeat_interleave(8), neighbour.flatten()]))
    data = Data(x=x, y=y, edge_index=edge_index)
    with seeded(0):
        training = torch.randperm(60_000)
    splits = {"train_mask": training[5_000:], "val_mask": training[:5_000], "test_mask": torch.arange(60_000, 70_000)}
    for mask, nodes in splits.items():
        data[mask] = torch.zeros(70_000, dtype=torch.bool)
        data[mask][nodes] = True
    return data


def _idx(path: Path, header: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)
