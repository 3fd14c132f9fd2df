"""Datasets of the Open Graph Benchmark, and what its package needs under today's torch."""

import io
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from graphcond.datasets.files import construct, has_files, remove_if_empty

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

_rebuild_array: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
_rebuild_number: Callable[..., Any] = np.int64(0).__reduce__()[0]


@contextmanager
def ogb_loading() -> Iterator[None]:
    """Let OGB's datasets load under torch >= 2.6, for the length of a block.

    OGB 1.3.6 calls ``torch.load`` on stored graphs, which torch refuses since 2.6 unless each type in the file is
    allowed. This allows the few types that OGB stores and nothing else; code in a file is not executed, neither in
    OGB's own nor in those that PyG keeps beside them. It also hides torch's warning that arrays from pandas >= 3 are
    read-only: OGB writes them to a file and never changes them.

    >>> from graphcond.datasets import ogb_loading
    >>> with ogb_loading():  # doctest: +SKIP
    ...     dataset = PygNodePropPredDataset("ogbn-arxiv")
    ...     split = dataset.get_idx_split()
    """
    from graphcond.datasets.pickles import checked_torch_load

    with checked_torch_load(also=_stored_types()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        yield


def _stored_types() -> tuple[Any, ...]:
    """Return what OGB's files hold: graphs, and splits as tensors or, from its ``DatasetSaver``, as NumPy arrays."""
    from torch_geometric.data.data import Data, DataEdgeAttr, DataTensorAttr
    from torch_geometric.data.storage import GlobalStorage

    # Which module NumPy's functions are stored under depends on the version that wrote the file. Numbers of NumPy are
    # what the reader of OGB's binary layout stores as the number of nodes.
    return (
        Data, DataEdgeAttr, DataTensorAttr, GlobalStorage,
        np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in (bool, "int32", "int64", "float32", "float64")),
        (_rebuild_array, "numpy.core.multiarray._reconstruct"), (_rebuild_array, "numpy._core.multiarray._reconstruct"),
        (_rebuild_number, "numpy.core.multiarray.scalar"), (_rebuild_number, "numpy._core.multiarray.scalar"),
    )  # fmt: skip


class OGBKind(Protocol):
    """A class of OGB's datasets."""

    def __call__(self, name: str, root: Path) -> "InMemoryDataset":
        """Return a dataset, below the folder of all OGB datasets."""
        ...

    def url(self, name: str) -> str:
        """Return where a dataset is downloaded from."""
        ...


def published_at(package: str, name: str) -> str:
    """Return where OGB downloads a dataset from, by the table of ``ogb.nodeproppred`` or ``ogb.graphproppred``."""
    import pandas as pd

    with (files(package) / "master.csv").open() as table:
        return str(pd.read_csv(table, index_col=0, keep_default_na=False).loc["url", name])


# Importing OGB asks PyPI for its newest version, which is for those only who want its data.
def import_nodes() -> OGBKind:
    """Import the class of OGB's node datasets."""
    from graphcond.datasets.ogb_nodes import OGBNodes

    return OGBNodes


def import_hetero() -> OGBKind:
    """Import the class of OGB's node datasets with several types of nodes."""
    from graphcond.datasets.ogb_hetero import OGBHetero

    return OGBHetero


def import_graphs() -> OGBKind:
    """Import the class of OGB's graph datasets."""
    from graphcond.datasets.ogb_graphs import OGBGraphs

    return OGBGraphs


@dataclass(frozen=True)
class OGB:
    """Loads a dataset of OGB.

    Args:
        kind: Imports the dataset's class, which is called with its name and the folder of all OGB datasets.
        undirected: Whether to add the reverse of each edge of a dataset with one graph; of relations between two types
            of nodes, as relations of their own.
        version: The version of the dataset that OGB's package reads.
    """

    kind: Callable[[], OGBKind] = import_nodes
    undirected: bool = False
    version: int = 1

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset":
        """Return the dataset with OGB's split, of nodes as masks, its features as published; ``seed`` has no effect."""
        folder = folder_of(name, root)
        _check_release(root / folder, self.version)
        kind = self.kind()
        with _download_confirmed():
            dataset = construct(lambda base: kind(name, base / "ogb"), name, root, str(folder), kind.url(name))
        if self.undirected:
            from torch_geometric.transforms import ToUndirected

            dataset.data = ToUndirected()(dataset.get(0))
        return dataset


def folder_of(name: str, root: Path) -> Path:
    """Return the folder of a dataset of OGB under ``root``."""
    folder = Path("ogb", name.replace("-", "_"))
    converted = Path(f"{folder}_pyg")  # OGB's own fallback
    return converted if (root / converted).exists() else folder


def _check_release(folder: Path, version: int) -> None:
    release = f"RELEASE_v{version}.txt"
    if (folder / release).exists() or not folder.exists():
        return
    if has_files(folder):  # OGB would ask on the terminal whether to delete the folder
        raise FileNotFoundError(
            f"{folder} holds files but no {release}, by which OGB knows their version; add an empty file of that "
            "name if they are OGB's, else delete the folder"
        )
    remove_if_empty(folder)


@contextmanager
def _download_confirmed() -> Iterator[None]:
    """Answer OGB's question whether to download more than 1 GB: who loads a dataset by its name wants it."""
    terminal, sys.stdin = sys.stdin, io.StringIO("y\n")
    try:
        yield
    finally:
        sys.stdin = terminal
