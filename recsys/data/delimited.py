"""Interactions as text: comma- or tab-separated, and RecBole's header ``name:type``."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from recsys.data.checks import COLUMNS, check_columns
from recsys.data.ids import ids_from_text

# RecBole's names of our columns.
ATOMIC = {"user_id": "user_id:token", "item_id": "item_id:token", "weight": "rating:float",
          "datetime": "timestamp:float"}  # fmt: skip
ROWS = 2**20  # are read at once
MISSING = ["", "nan", "NaN", "NA", "null"]  # weights and times; an id may well be NA


class Table(NamedTuple):
    """What a file holds.

    Args:
        frame: The columns of :data:`~recsys.data.checks.COLUMNS` that there are.
        item_ids: All items, where the file tells.
        unused: The names of further columns.
    """

    frame: pd.DataFrame
    item_ids: np.ndarray | None
    unused: list[str]


class Head(NamedTuple):
    """The beginning of a file: the names of its columns, and whether the first value of each stands in quotes."""

    names: list[str]
    quoted: list[bool]


def read_delimited(path: Path, separator: str) -> Table:
    """Read a text file of interactions.

    Ids are integers if all of a column are written as such and the first is not in quotes, and strings otherwise.
    """
    head = _head(path, separator)
    unused = check_columns(head.names)
    frame = _columns(path, separator, head)
    for name in COLUMNS[:2]:
        frame[name] = _typed(frame[name], head.quoted[head.names.index(name)])
    return Table(frame, None, unused)


def read_atomic(path: Path) -> Table:
    """Read RecBole's ``.inter`` file, and all items from the ``.item`` file of the same name if there is one."""
    head = _atomic_head(path)
    unused = check_columns(head.names)
    frame = _columns(path, "\t", head)
    frame["user_id"] = _typed(frame["user_id"], head.quoted[head.names.index("user_id")])
    others, beside = list[str](), path.with_suffix(".item")
    if beside.is_file():
        more = _atomic_head(beside)
        if "item_id" not in more.names:
            raise ValueError(f"{beside} has no column item_id:token; rename it or move that file away")
        others = _columns(beside, "\t", more)["item_id"].cat.categories.tolist()
    frame["item_id"] = _typed(frame["item_id"], head.quoted[head.names.index("item_id")], others)
    return Table(frame, np.asarray(frame["item_id"].cat.categories) if beside.is_file() else None, unused)


def write_delimited(frame: pd.DataFrame, path: Path, separator: str, quoted: bool) -> None:
    """Write a frame as text; the header is never in quotes, because RecBole splits it itself."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(separator.join(frame.columns) + "\n")
        frame.to_csv(
            file,
            sep=separator,
            header=False,
            index=False,
            quoting=csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL,
            lineterminator="\n",
        )


def _atomic_head(path: Path) -> Head:
    head = _head(path, "\t")
    ours = {field.split(":")[0]: name for name, field in ATOMIC.items()}
    fields = [field.split(":")[0] for field in head.names]
    return Head([ours.get(field, field) for field in fields], head.quoted)


def _head(path: Path, separator: str) -> Head:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines: list[str] = []
        records = csv.reader(_remembered(file, lines), delimiter=separator)
        names = next(filter(None, records), None)
        if names is None:
            raise ValueError("it is empty")
        lines.clear()
        first = next(filter(None, records), None)
    if first is None:
        return Head(names, [False] * len(names))
    if len(first) != len(names):
        raise ValueError(f"it names {len(names)} columns, but its first row has {len(first)} values")
    field = re.compile(f'(?:^|{separator})("(?:[^"]|"")*"|[^{separator}]*)')
    return Head(names, [value.startswith('"') for value in field.findall("".join(lines).strip("\r\n"))])


def _remembered(lines: Iterable[str], memory: list[str]) -> Iterator[str]:
    for line in lines:
        memory.append(line)
        yield line


def _columns(path: Path, separator: str, head: Head) -> pd.DataFrame:
    """Return the columns that are understood, ids as categories of strings.

    They become categories piece by piece: a string for each interaction would take far more memory.
    """
    names = [name if name in COLUMNS else str(i) for i, name in enumerate(head.names)]
    ids = [name for name in COLUMNS[:2] if name in names]
    numbers = [name for name in COLUMNS[2:] if name in names]
    # Only where all columns are read does pandas tell rows that are too long.
    with pd.read_csv(
        path,
        sep=separator,
        header=0,
        names=names,
        index_col=False,
        dtype={name: float if name == "weight" else str for name in names if name != "datetime"},
        keep_default_na=False,
        na_values=dict.fromkeys(numbers, MISSING),
        encoding="utf-8-sig",
        chunksize=ROWS,
    ) as reader:
        chunks = [chunk[ids].astype("category").join(chunk[numbers]) for chunk in reader]
    frame: pd.DataFrame = pd.concat([chunk[numbers] for chunk in chunks], ignore_index=True)
    for name in ids:
        frame[name] = union_categoricals([chunk[name] for chunk in chunks])
    return frame


def _typed(texts: "pd.Series[Any]", quoted: bool, others: Sequence[str] = ()) -> "pd.Series[Any]":
    every = sorted({*texts.cat.categories, *others})
    return texts.cat.set_categories(every).cat.rename_categories(pd.Index(ids_from_text(every, quoted)))
