"""Datasets of ``torch_geometric.datasets``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphcond.datasets.files import check_rows, construct, has_files

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset


def import_planetoid() -> type["InMemoryDataset"]:
    """Import the class of Planetoid's datasets whose reader runs nothing."""
    from graphcond.datasets.planetoid import Planetoid

    return Planetoid


@dataclass(frozen=True)
class PyG:
    """Loads a dataset by its class in ``torch_geometric.datasets``.

    Args:
        kind: Name of the class, and of the folder under the root.
        part: Which of the class's datasets, and its folder; empty for a class with only one.
        draw_split: Whether its nodes were published without a split and get a balanced one.
        options: Further arguments of the class, by name.
        needs: Raw files that the class does not ask for, without which it would silently leave something out.
        made_by: Imports the class to use instead of that in ``torch_geometric.datasets``.
    """

    kind: str
    part: str = ""
    draw_split: bool = False
    options: tuple[tuple[str, object], ...] = ()
    needs: tuple[str, ...] = ()
    made_by: Callable[[], type["InMemoryDataset"]] | None = None

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset":
        """Return the dataset with its features as published; one of nodes has masks."""
        dataset = construct(self._build, name, root, str(Path(self.kind, self.part)))
        if self.draw_split:
            from graphcond.datasets.splits import balanced_split

            data = dataset.get(0)
            data.update(balanced_split(data.y, seed))
            dataset.data = data
        return dataset

    def _build(self, root: Path) -> "InMemoryDataset":
        import torch_geometric.datasets

        raw = root / self.kind / self.part / "raw"
        missing = [name for name in self.needs if not (raw / name).exists()]
        if missing and has_files(raw):
            raise FileNotFoundError(f"{missing[0]} is missing")
        if not has_files(raw.parent / "processed"):
            for file in raw.glob("*.npz"):
                _check_matrices(file)
        kind = self.made_by() if self.made_by else getattr(torch_geometric.datasets, self.kind)
        names = [self.part] if self.part else []
        dataset = kind(str(root / self.kind), *names, **dict(self.options))
        if len(dataset) > 1:
            check_rows(dataset)
        return dataset


def _check_matrices(file: Path) -> None:
    """Raise unless the sparse matrices of a file are whole: PyG hands them to compiled code as they are."""
    from graphcond.core.sparse import check_compressed

    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        for name in arrays.files:
            if name.endswith("indptr"):
                before = name.removesuffix("indptr")
                pointers, indices, data = (arrays[f"{before}{part}"] for part in ("indptr", "indices", "data"))
                check_compressed(f"{file.name}/{before}", pointers, indices, arrays[f"{before}shape"], len(data))
