"""Outcomes of single test items beside a file of rows: what rows are compared by later.

A side file is an ordinary ``.npz``: an array for each row and column, of hits (bits, packed along the items) or ranks.
"""

import fcntl
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.lib import format as npy


def save(path: Path, name: str, values: np.ndarray) -> None:
    """Append an array; one of that name that is there already is left behind and no longer read."""
    packed = np.packbits(values, axis=-1) if values.dtype == np.uint8 else values
    with _alone(path), zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        known = {entry.split(".npy")[0] for entry in file.namelist()}
        turn = sum(1 for entry in known if entry.split("#")[0] == name)
        with file.open(f"{name}#{turn}.npy", "w") as entry:
            npy.write_array(entry, packed)


def keep(path: Path, name: str, parts: Sequence[torch.Tensor | None]) -> None:
    """Append the outcomes of several condensations on the same test items, one below the other, where all are known."""
    known = [part.numpy() for part in parts if part is not None]
    if known and len(known) == len(parts) and len({part.shape[1] for part in known}) == 1:
        save(path, name, np.concatenate(known))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing the file meanwhile."""
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def load(path: Path, name: str, items: int | None = None) -> np.ndarray:
    """Return the latest array of a name, hits unpacked to ``items`` numbers where these are given."""
    with np.load(path, allow_pickle=False) as file:
        latest = max((entry for entry in file.files if entry.split("#")[0] == name), key=lambda e: int(e.split("#")[1]))
        values = file[latest]
    return values if items is None else np.unpackbits(values, axis=-1, count=items)
