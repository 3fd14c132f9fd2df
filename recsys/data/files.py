"""Files of interactions: ``.csv``, ``.tsv``, ``.txt``, ``.dat``, ``.parquet`` and RecBole's ``.inter``."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphcond.core.runtime.files import replacing
from recsys.data.columns import ColumnError
from recsys.data.delimited import ATOMIC, Table, atomic_items, read_atomic, read_delimited, write_delimited
from recsys.data.dialect import SEPARATORS, broke_off, suffix_of
from recsys.data.ids import needs_quotes
from recsys.data.log import InteractionLog

WRITTEN = (".csv", ".tsv", ".parquet", ".inter")
SUFFIXES = (*WRITTEN, ".txt", ".dat", ".data")
BROKE_OFF = "it may be cut off"


def read_table(path: Path, columns: Mapping[str, str | int] | None = None, weighted: bool = False) -> Table:
    """Read a file of interactions, by its suffix; a text file may be compressed (``.gz``).

    Args:
        path: The file.
        columns: Names or places of columns, see :func:`~recsys.data.columns.layout_of`.
        weighted: Whether weights are asked for, so that a column of ratings is read.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: parquet was asked for and pyarrow is not installed.
        ValueError: it is none of these formats, is broken or lacks columns.
    """
    suffix = _suffix(path, SUFFIXES)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a {', '.join(SUFFIXES)} file")
    items, beside = None, _item_file(path)
    if suffix == ".inter" and beside.is_file():
        with _explained(beside):
            items = atomic_items(beside)
    with _explained(path):
        if suffix == ".parquet":
            return _read_parquet(path, columns)
        return read_atomic(path, columns, items) if suffix == ".inter" else read_delimited(path, columns, weighted)


def write_interactions(
    interactions: InteractionLog | tuple[csr_matrix, np.ndarray, np.ndarray],
    path: str | Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write interactions to a file, by its suffix; :func:`~recsys.data.reading.read_interactions` reads it again.

    Only ``.inter`` keeps items that nobody interacted with, in an ``.item`` file beside it, without which RecBole would
    forget them. Strings that could be taken for numbers are put in quotes.

    Args:
        interactions: A log, or a matrix with the ids of its rows and columns.
        path: Where to; ``.csv``, ``.tsv``, ``.parquet`` or ``.inter``.
        overwrite: Replace existing files.

    Raises:
        FileExistsError: the file is there and ``overwrite`` is false.
        ImportError: parquet was asked for and pyarrow is not installed.
        ValueError: none of these formats.
    """
    target = Path(path)
    suffix = _suffix(target, WRITTEN)
    if target.suffix.lower() == ".gz":
        raise ValueError(f"interactions are written without compression, got {target}; leave .gz out")
    log = interactions if isinstance(interactions, InteractionLog) else InteractionLog.from_matrix(*interactions)
    frame = _frame(log)
    quoted = needs_quotes(log.user_ids) or needs_quotes(log.item_ids)
    with ExitStack() as stack:
        temporary = stack.enter_context(replacing(target, overwrite=overwrite))
        if suffix == ".parquet":
            with _pyarrow():
                frame.to_parquet(temporary, index=False, engine="pyarrow")
            return
        if suffix == ".inter":
            beside = stack.enter_context(replacing(target.with_suffix(".item"), overwrite=overwrite))
            write_delimited(pd.DataFrame({ATOMIC["item_id"]: log.item_ids}), beside, "\t", quoted)
            frame = frame.rename(columns=ATOMIC)
        write_delimited(frame, temporary, SEPARATORS[suffix], quoted)


def _suffix(path: Path, known: tuple[str, ...]) -> str:
    suffix = suffix_of(path)
    if suffix not in known or (suffix == ".parquet" and path.suffix.lower() != suffix):
        raise ValueError(f"the path must end in {', '.join(known)}, got {path}")
    return suffix


def _item_file(path: Path) -> Path:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).with_suffix(".item")


def _frame(log: InteractionLog) -> pd.DataFrame:
    columns: dict[str, object] = {"user_id": _ids(log.users, log.user_ids), "item_id": _ids(log.items, log.item_ids)}
    if log.weights is not None:
        columns["weight"] = log.weights
    if log.times is not None:
        columns["datetime"] = log.times
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def _ids(codes: np.ndarray, ids: np.ndarray) -> object:
    # A string for each interaction would take many times the memory.
    return pd.Categorical.from_codes(codes, pd.Index(ids.tolist())) if ids.dtype.kind == "U" else ids[codes]


def _read_parquet(path: Path, columns: Mapping[str, str | int] | None) -> Table:
    with _pyarrow():
        frame = pd.read_parquet(path, engine="pyarrow")
    return Table.of(frame, columns)


@contextmanager
def _pyarrow() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ImportError("parquet files need pyarrow; pip install pyarrow, or use .csv") from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of which file an error is, and that it may be cut off where it may."""
    try:
        yield
    except ColumnError as error:
        raise ValueError(f"{path}: {error}") from error
    except (ValueError, OSError, EOFError, csv.Error) as error:
        reason = " ".join(str(error).split())
        hint = f"; {BROKE_OFF}" if _may_be_cut_off(path, error) else ""
        raise ValueError(f"{path} cannot be read as {suffix_of(path)} ({reason}){hint}") from error


def _may_be_cut_off(path: Path, error: Exception) -> bool:
    if isinstance(error, EOFError) or suffix_of(path) == ".parquet":
        return True
    try:
        return broke_off(path)
    except (ValueError, OSError):
        return False
