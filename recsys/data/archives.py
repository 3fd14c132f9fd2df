"""The archives that Distill-CF (Sachdeva et al., NeurIPS 2022) was published with."""

import importlib
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from recsys.data.checks import check_lengths
from recsys.data.log import Duplicates, InteractionLog
from recsys.data.split import Holdout, Split

PARTS = ("training", "validation", "test")
DROPPED = -1
BROKEN = (ValueError, TypeError, LookupError, EOFError, OSError, MemoryError, zipfile.BadZipFile, zlib.error)


def read_archive(folder: str | Path, *, duplicates: Duplicates = "sum") -> Split:
    """Read interactions with their published split.

    The folder holds ``interactions.npz`` (arrays ``user``, ``item`` and ``index`` of one length), or the original pair
    ``total_data.hdf5`` (``user``, ``item``) and ``index.npz`` (``data``), for which h5py must be installed. ``index``
    is 0 for training, 1 for validation, 2 for testing and -1 for interactions that are dropped. Ratings are not looked
    at: each, however low, is an interaction. Everybody is trained on; validation shows the training interactions, the
    test those and the validation ones.

    Args:
        folder: Where the files are.
        duplicates: What training interactions that repeat a pair become: ``"sum"``, as in the published code, counts
            them; ``"binary"`` and ``"max"`` make 1 of them.

    Raises:
        FileNotFoundError: neither file is in the folder.
        ImportError: h5py is needed and not installed.
        ValueError: the files are broken.

    Note:
        The published reader numbers users and items in the iteration order of a Python set, here they ascend with
        their ids; scores do not depend on it. As there, a target that is also in the context stays, although it can
        never be found: :func:`recsys.data.audit.audit` counts them.
    """
    path = Path(folder)
    user, item, index = _columns(path)
    kept = index != DROPPED
    index, notes = index[kept], []
    if not kept.all():
        notes.append(f"{int((~kept).sum())} interactions are dropped by the published split.")
    (user_ids, users), (item_ids, items) = (
        np.unique(column[kept].astype(np.int64), return_inverse=True) for column in (user, item)
    )
    log = InteractionLog(users.astype(np.int64), items.astype(np.int64), user_ids, item_ids, name=path.resolve().name)
    logs = [log.take(index == part) for part in range(len(PARTS))]
    targets = [part.user_items("binary") for part in logs]
    repeated = [len(part) - cells.nnz for part, cells in zip(logs, targets, strict=True)]
    if any(repeated):
        found = ", ".join(
            f"{count} of {len(part)} {name}" for count, part, name in zip(repeated, logs, PARTS, strict=True)
        )
        notes.append(f"Interactions that repeat a pair of their part: {found}.")
    train, val = (part.user_items(duplicates) for part in logs[:2])
    shown: csr_matrix = train + val
    if duplicates != "sum":
        shown.data[:] = 1
    return Split(
        train,
        Holdout(train, targets[1]),
        Holdout(shown, targets[2]),
        user_ids,
        item_ids,
        log.name,
        "archive",
        tuple(notes),
    )


def _columns(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    plain, original = folder / "interactions.npz", (folder / "total_data.hdf5", folder / "index.npz")
    if not plain.is_file() and not all(path.is_file() for path in original):
        raise FileNotFoundError(
            f"{folder} holds neither interactions.npz nor total_data.hdf5 with index.npz; give the folder of an archive"
        )
    try:
        columns = _npz(plain, "user", "item", "index") if plain.is_file() else _hdf5(*original)
        _check(columns)
    except BROKEN as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the archive in {folder} cannot be read ({reason}); a copy may have broken off: copy it "
                         "again") from error  # fmt: skip
    return columns[0], columns[1], columns[2]


def _npz(path: Path, *names: str) -> list[np.ndarray]:
    # NumPy leaves a file open that turns out to be broken.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return [archive[name] for name in names]


def _hdf5(path: Path, index: Path) -> list[np.ndarray]:
    try:
        h5py: Any = importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError(
            f"{path} needs h5py; pip install h5py, or save user, item and index in an interactions.npz beside it"
        ) from error
    with h5py.File(path, "r") as file:
        return [np.asarray(file[name]) for name in ("user", "item")] + _npz(index, "data")


def _check(columns: list[np.ndarray]) -> None:
    names = ("user", "item", "index")
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold integers in one dimension, got {column.dtype} {column.shape}")
    check_lengths(**dict(zip(names, columns, strict=True)))
    if not np.isin(columns[2], (DROPPED, *range(len(PARTS)))).all():
        raise ValueError("index must be -1, 0, 1 or 2")
    if not (columns[2] == 0).any():
        raise ValueError("no interaction is for training")
