"""A graph as a folder of plain ``.npy`` files, which stay on disk until they are read.

``edge_index.npy`` (2, m) int64, ``train_mask.npy`` (n,) bool and ``y.npy``: (n,) int64 classes, or float32 labels or
numbers, (n, outputs) or (n,); where there are any, ``x.npy`` (n, features) float32, ``val_mask.npy`` and
``test_mask.npy``, and ``edge_weight.npy`` (m,) float32. Nothing is pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.files import replacing_folder
from graphcond.core.target_reading import kind_of
from graphcond.core.targets import TARGETS
from graphcond.datasets.builtin import OneGraph
from graphcond.datasets.entries import Entry

# Type and shape; what stands for a number is the same wherever it stands.
ARRAYS: dict[str, tuple[str, tuple[int | str, ...]]] = {
    "x": ("float32", ("nodes", "features")),
    "edge_index": ("int64", (2, "edges")),
    "y": ("int64", ("nodes",)),  # or floats, see _check
    "train_mask": ("bool", ("nodes",)),
    "val_mask": ("bool", ("nodes",)),
    "test_mask": ("bool", ("nodes",)),
    "edge_weight": ("float32", ("edges",)),
}
REQUIRED = ("edge_index", "y", "train_mask")
BROKEN = (ValueError, EOFError, OSError, SyntaxError, TypeError, OverflowError, MemoryError)


def load_folder(path: str | Path, mapped: bool = True) -> Data:
    """Load the graph of a folder.

    Args:
        path: The folder; :mod:`graphcond.datasets.folders` says what lies in it, :func:`save_folder` writes one.
        mapped: Whether tensors are views of the files, read when they are used and dropped when memory is short.
            Changes to them stay in memory and never reach the files. ``False`` reads everything at once.

    Returns:
        The graph, ready for :func:`graphcond.condense`.

    Raises:
        FileNotFoundError: there is no such folder, or a file is missing in it.
        ValueError: a file is broken, or its type or shape is not what it should be.

    >>> import tempfile
    >>> from graphcond.datasets import load
    >>> with tempfile.TemporaryDirectory() as scratch:
    ...     save_folder(load("digits")[0], f"{scratch}/digits")
    ...     load_folder(f"{scratch}/digits", mapped=False).num_nodes
    1797
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; graphcond.datasets.save_folder writes one")
    missing = [f"{name}.npy" for name in REQUIRED if not (folder / f"{name}.npy").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {', '.join(missing)}; graphcond.datasets.save_folder writes all files of a graph"
        )
    files = {name: folder / f"{name}.npy" for name in ARRAYS}
    arrays = {name: _read(file, mapped) for name, file in files.items() if file.is_file()}
    _check({name: (str(array.dtype), array.shape) for name, array in arrays.items()}, f"{folder}/", ".npy")
    return Data(**{name: torch.from_numpy(array) for name, array in arrays.items()})


def save_folder(data: Data, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a graph as a folder for :func:`load_folder`: features, edges and their weights, labels and masks, no more.

    Args:
        data: A graph with ``edge_index``, ``y`` and ``train_mask``, of the types and shapes of the files.
        path: The folder to make. It is written under another name beside it, and renamed when it is whole.
        overwrite: Replace the folder if it exists; one that holds anything else is refused.

    Raises:
        FileExistsError: ``path`` exists already, or holds something else.
        NotADirectoryError: ``path`` is a file.
        FileNotFoundError: the folder that it is in does not exist.
        TypeError: something of the graph is not a tensor.
        ValueError: something is missing, or of another type or shape.
    """
    tensors = {name: data[name] for name in ARRAYS if data.get(name) is not None}
    missing = [name for name in REQUIRED if name not in tensors]
    if missing:
        raise ValueError(f"data has no {', '.join(missing)}; a folder needs {', '.join(REQUIRED)}")
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided:
            raise TypeError(f"data.{name} must be a dense tensor, got {type(value).__name__}")
    _check({name: (str(value.dtype)[6:], tuple(value.shape)) for name, value in tensors.items()}, "data.")
    with replacing_folder(path, overwrite=overwrite, known=[f"{name}.npy" for name in ARRAYS]) as new:
        for name, value in tensors.items():
            np.save(new / f"{name}.npy", value.detach().cpu().numpy(), allow_pickle=False)


def folder_entry(path: Path) -> Entry:
    """Return a folder as if it stood in the catalogue."""
    data = load_folder(path)
    kind = kind_of(data.y, None)
    columns = data.y.size(1) if data.y.dim() > 1 else 1
    return Entry(
        name=path.resolve().name,
        description=f"the graph in {path}",
        num_nodes=len(data.y),
        num_edges=data.num_edges,
        num_features=data.num_features,
        target=kind,
        num_targets=columns,
        num_classes=int(data.y.nan_to_num(-1).max()) + 1 if kind == "single_label" and len(data.y) else 0,
        metric=TARGETS[kind].metric,
        source=str(path),
        licence="its owner's",
        loader=Folder(path),
    )


@dataclass(frozen=True)
class Folder:
    """Loads a folder.

    Args:
        path: Where it is.
    """

    path: Path

    def read(self, name: str, root: Path, seed: int) -> OneGraph:
        """Return the dataset; ``root`` and ``seed`` are not used."""
        return OneGraph(load_folder(self.path), name)


def _read(file: Path, mapped: bool) -> np.ndarray[Any, Any]:
    try:
        if mapped:
            mapping = npy.open_memmap(file, mode="c")
            if (whole := mapping.offset + mapping.nbytes) != (found := file.stat().st_size):
                raise ValueError(
                    f"it should have {whole:,} bytes and has {found:,}"
                )  # else the system ends the process
            return mapping
        with file.open("rb") as opened:
            array = npy.read_array(opened, allow_pickle=False)
            if opened.read(1):
                raise ValueError("it goes on after its array")
            return array
    except BROKEN as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{file} cannot be read ({reason}); write it again with numpy.save") from error


def _check(found: Mapping[str, tuple[str, tuple[int, ...]]], before: str, after: str = "") -> None:
    """Raise unless all arrays have their types and shapes; ``before`` and ``after`` complete a name for the user."""
    sizes: dict[int | str, int] = {2: 2}
    for name, (kind, shape) in found.items():
        wanted_kind, wanted = ARRAYS[name]
        if name == "y" and kind == "float32":  # labels or numbers
            wanted_kind, wanted = "float32", ("nodes", "outputs")[: max(1, len(shape))]
        where = f"{before}{name}{after}"
        if kind != wanted_kind:
            raise ValueError(f"{where} must hold {wanted_kind}, got {kind}; convert it")
        if len(shape) != len(wanted) or any(
            sizes.setdefault(size, got) != got for size, got in zip(wanted, shape, strict=True)
        ):
            expected = ", ".join(str(sizes.get(size, size)) for size in wanted) + "," * (len(wanted) == 1)
            raise ValueError(f"{where} must have the shape ({expected}), got {shape}")
