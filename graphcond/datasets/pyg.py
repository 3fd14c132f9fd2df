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
        file: What of the class's address is the dataset's, for messages.
    """

    kind: str
    part: str = ""
    draw_split: bool = False
    options: tuple[tuple[str, object], ...] = ()
    needs: tuple[str, ...] = ()
    made_by: Callable[[], type["InMemoryDataset"]] | None = None
    file: str = ""

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset":
        """Return the dataset with its features as published; one of nodes has masks."""
        dataset = construct(self._build, name, root, str(Path(self.kind, self.part)), self.url)
        if self.draw_split:
            from graphcond.datasets.splits import balanced_split

            data = dataset.get(0)
            data.update(balanced_split(data.y, seed))
            dataset.data = data
        return dataset

    @property
    def url(self) -> str:
        """Where the class downloads the raw files from."""
        kind = self._class()
        if (address := getattr(kind, "url", None)) is not None:
            return f"{address.rstrip('/')}/{self.file}".rstrip("/")
        drive = [value for name, value in vars(kind).items() if name.endswith("_id")]  # as Flickr's class has them
        return ", ".join(f"https://drive.usercontent.google.com/download?id={one}" for one in drive)

    def _class(self) -> type["InMemoryDataset"]:
        import torch_geometric.datasets

        kind: type[InMemoryDataset] = self.made_by() if self.made_by else getattr(torch_geometric.datasets, self.kind)
        return kind

    def _build(self, root: Path) -> "InMemoryDataset":
        raw = root / self.kind / self.part / "raw"
        missing = [name for name in self.needs if not (raw / name).exists()]
        if missing and has_files(raw):
            raise FileNotFoundError(f"{missing[0]} is missing")
        if not has_files(raw.parent / "processed"):
            for file in raw.glob("*.npz"):
                _check_matrices(file)
        names = [self.part] if self.part else []
        dataset = self._class()(str(root / self.kind), *names, **dict(self.options))
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
