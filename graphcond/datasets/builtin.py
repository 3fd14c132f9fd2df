"""Datasets that need no file of their own: CiteSeer and molecules of this package, digits of scikit-learn."""

from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.utils import to_undirected

from graphcond.datasets.splits import balanced_split

NEIGHBOURS = 8
PARTS = ("train", "valid", "test")
"""What OGB calls the parts of a split, in the order of their numbers in a packed file."""


class OneGraph(InMemoryDataset):  # type: ignore[misc]
    """A PyG dataset of one graph that lives in memory and touches no file."""

    def __init__(self, data: Data, name: str) -> None:
        super().__init__(root=None)
        self.name = name
        self.data, self.slices = self.collate([data])

    def __repr__(self) -> str:
        return f"{self.name}()"


class Molecules(InMemoryDataset):  # type: ignore[misc]
    """Molecules of this package with a property that they have or not, as OGB's class of the same set gives them.

    Args:
        items: A ``Data`` of each molecule.
        name: OGB's name of the set.
        split: Graph numbers under ``train``, ``valid`` and ``test``.
    """

    num_tasks, eval_metric, task_type, binary = 1, "rocauc", "binary classification", False

    def __init__(self, items: list[Data], name: str, split: dict[str, Tensor]) -> None:
        super().__init__(root=None)
        self.name = name
        self._split = split
        self.data, self.slices = self.collate(items)

    @property
    def num_classes(self) -> int:
        """2."""
        return 2

    def get_idx_split(self, split_type: str | None = None) -> dict[str, Any]:
        """Return graph numbers under ``train``, ``valid`` and ``test``; there is no other split than OGB's scaffold."""
        if split_type not in (None, "scaffold"):
            raise ValueError(f"split_type must be 'scaffold', the only split of {self.name}, got {split_type!r}")
        return {part: graphs.clone() for part, graphs in self._split.items()}

    def __repr__(self) -> str:
        return f"{self.name}({len(self)})"


def citeseer(seed: int) -> Data:
    """Return CiteSeer with the public split, bit for bit as PyG's ``Planetoid`` gives it; ``seed`` has no effect."""
    with _embedded("citeseer.npz") as file:
        return unpack(file)


def _embedded(name: str) -> IO[bytes]:
    return (files("graphcond.datasets") / "embedded" / name).open("rb")


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


def molbace() -> Molecules:
    """Return ``ogbg-molbace`` with OGB's split, bit for bit as OGB's class gives it."""
    with _embedded("ogbg_molbace.npz") as file:
        return unpack_molecules(file, "ogbg-molbace")


def unpack_molecules(file: IO[bytes] | Path, name: str) -> Molecules:
    """Read molecules that ``datasets/make_embedded_molbace.py`` packed; nothing is executed."""
    with np.load(file, allow_pickle=False) as packed:
        whole = {key: torch.from_numpy(packed[key].astype(np.int64)) for key in ("x", "bonds", "bond_attr")}
        y, part = (torch.from_numpy(packed[key].astype(np.int64)) for key in ("y", "split"))
        atoms, per_graph = packed["atoms"].tolist(), packed["bond_counts"].tolist()
    x = torch.split(whole["x"], atoms)
    bonds, kinds = (torch.split(whole[key], per_graph) for key in ("bonds", "bond_attr"))
    items = [
        Data(edge_index=_both_directions(ends), edge_attr=kind.repeat_interleave(2, dim=0), x=rows, y=label.view(1, 1))
        for rows, ends, kind, label in zip(x, bonds, kinds, y, strict=True)
    ]
    for item in items:
        item.num_nodes = len(item.x)  # as OGB does
    parts = {key: (part == number).nonzero().flatten() for number, key in enumerate(PARTS)}
    return Molecules(items, name, parts)


def _both_directions(bonds: Tensor) -> Tensor:
    """Return ``(2, 2 * bonds)`` edges: each bond ``(bonds, 2)`` and, next to it, its reverse."""
    return torch.stack([bonds, bonds.flip(1)], dim=1).view(-1, 2).t().contiguous()


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
