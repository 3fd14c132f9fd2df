"""Files of interactions: ``.csv``, ``.tsv``, ``.parquet`` and RecBole's ``.inter``."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphcond.core.files import replacing
from recsys.data.checks import check_columns
from recsys.data.delimited import ATOMIC, Table, read_atomic, read_delimited, write_delimited
from recsys.data.ids import needs_quotes
from recsys.data.log import InteractionLog

SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t"}
SUFFIXES = (*SEPARATORS, ".parquet")


def read_table(path: Path) -> Table:
    """Read a file of interactions, by its suffix.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: parquet was asked for and pyarrow is not installed.
        ValueError: it is none of these formats, is broken or lacks columns.
    """
    suffix = _suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a {', '.join(SUFFIXES)} file")
    with _explained(path):
        if suffix == ".parquet":
            return _read_parquet(path)
        return read_atomic(path) if suffix == ".inter" else read_delimited(path, SEPARATORS[suffix])


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
    suffix = _suffix(target)
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


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"the path must end in {', '.join(SUFFIXES)}, got {path}")
    return suffix


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


def _read_parquet(path: Path) -> Table:
    with _pyarrow():
        frame = pd.read_parquet(path, engine="pyarrow")
    unused = check_columns(list(frame.columns))
    return Table(frame.drop(columns=unused), None, unused)


@contextmanager
def _pyarrow() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ImportError("parquet files need pyarrow; pip install pyarrow, or use .csv") from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} cannot be read as {path.suffix} ({reason}); it may be cut off or of another format"
        ) from error
