"""Datasets that need no file of their own: CiteSeer from inside this package and digits from inside scikit-learn."""

from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.utils import to_undirected

from graphcond.datasets.splits import balanced_split

NEIGHBOURS = 8


class OneGraph(InMemoryDataset):  # type: ignore[misc]
    """A PyG dataset of one graph that lives in memory and touches no file."""

    def __init__(self, data: Data, name: str) -> None:
        super().__init__(root=None)
        self.name = name
        self.data, self.slices = self.collate([data])

    def __repr__(self) -> str:
        return f"{self.name}()"


def citeseer(seed: int) -> Data:
    """Return CiteSeer with the public split, bit for bit as PyG's ``Planetoid`` gives it; ``seed`` has no effect."""
    with (files("graphcond.datasets") / "embedded" / "citeseer.npz").open("rb") as file:
        return unpack(file)


def unpack(file: IO[bytes] | Path) -> Data:
    """Read a graph with binary features that ``datasets/make_embedded_citeseer.py`` packed; nothing is executed."""
    with np.load(file, allow_pickle=False) as packed:
        counts, columns = packed["x_counts"], packed["x_columns"].astype(np.int64)
        x = torch.zeros(len(counts), int(packed["num_features"]))
        x[np.repeat(np.arange(len(counts)), counts), columns] = 1
        split = torch.from_numpy(packed["split"])
        return Data(
            x=x,
            edge_index=torch.from_numpy(packed["edge_index"].astype(np.int64)),
            y=torch.from_numpy(packed["y"].astype(np.int64)),
            train_mask=split == 1,
            val_mask=split == 2,
            test_mask=split == 3,
        )


def digits(seed: int) -> Data:
    """Return scikit-learn's 1,797 handwritten digits, each joined with its 8 nearest by their pixels.

    Pixels are divided by 16; the neighbour graph is symmetrised and has no weights. ``seed`` draws the split.

    Note:
        Pixels are whole numbers, so distances are exact and 47 digits have ties for the last place. The lowest number
        wins; scikit-learn's ``kneighbors_graph`` leaves it to the version and the machine.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    distance = cdist(pixels, pixels, "sqeuclidean")
    np.fill_diagonal(distance, np.inf)
    nearest = torch.from_numpy(distance.argsort(axis=1, kind="stable")[:, :NEIGHBOURS].copy())
    digit = torch.arange(len(pixels)).repeat_interleave(NEIGHBOURS)
    y = torch.from_numpy(labels.astype(np.int64))
    return Data(
        x=torch.from_numpy((pixels / 16).astype(np.float32)),
        edge_index=to_undirected(torch.stack([digit, nearest.flatten()]), num_nodes=len(y)),
        y=y,
        **balanced_split(y, seed),
    )
