"""Interactions as text: separated by commas, tabs or others, with or without a header, and RecBole's ``name:type``."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from recsys.data.columns import COLUMNS, Layout, has_header, layout_by_position, layout_of
from recsys.data.dialect import Text, unquoted
from recsys.data.ids import ids_from_text

# RecBole's names of our columns.
ATOMIC = {"user_id": "user_id:token", "item_id": "item_id:token", "weight": "rating:float",
          "datetime": "timestamp:float"}  # fmt: skip
ROWS = 2**20  # are read at once
MISSING = ["", "nan", "NaN", "NA", "null"]  # weights and times; an id may well be NA


class Table(NamedTuple):
    """What a file holds.

    Args:
        frame: The columns of :data:`~recsys.data.columns.COLUMNS` that are used, by these names.
        layout: What was found where in the file, used or not.
        item_ids: All items, where the file tells.
        header: Whether the file names its columns.
    """

    frame: pd.DataFrame
    layout: Layout
    item_ids: np.ndarray | None = None
    header: bool = True

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Mapping[str, str | int] | None) -> "Table":
        """Return the columns of a frame that are understood."""
        layout = layout_of(list(frame.columns), columns)
        return cls(frame.iloc[:, list(layout.places.values())].set_axis(list(layout.places), axis=1), layout)


def read_delimited(path: Path, columns: Mapping[str, str | int] | None, weighted: bool) -> Table:
    """Read a text file of interactions.

    Ids are integers if all of a column are written as such and the first is not in quotes, and strings otherwise.

    Args:
        path: The file.
        columns: Names or places of columns, see :func:`~recsys.data.columns.layout_of`.
        weighted: Whether a column that is not called ``weight`` is read as such.
    """
    text = Text.of(path)
    first, *others = ([unquoted(value) for value in row] for row in text.rows)
    header = has_header(first, others[0] if others else None, columns)
    layout = layout_of(first, columns) if header else layout_by_position(first, columns)
    frame = _columns(text, layout, header, weighted)
    for name in COLUMNS[:2]:
        frame[name] = _typed(frame[name], _is_quoted(text, layout.places[name], header))
    return Table(frame, layout, header=header)


def read_atomic(path: Path, columns: Mapping[str, str | int] | None, items: Sequence[str] | None) -> Table:
    """Read RecBole's ``.inter`` file; its ``rating`` is a weight.

    Args:
        path: The file.
        columns: As for :func:`read_delimited`; names are those before the colon.
        items: All items, as :func:`atomic_items` returns them, where there is an ``.item`` file.
    """
    text = Text.of(path)
    layout = layout_of(_fields(text), columns)
    usual = {name for name in layout.guessed if ATOMIC[name].split(":")[0] == layout.names[layout.places[name]]}
    frame = _columns(text, layout, True, True)
    for name, others in (("user_id", ()), ("item_id", items or ())):
        frame[name] = _typed(frame[name], _is_quoted(text, layout.places[name], True), others)
    item_ids = None if items is None else np.asarray(frame["item_id"].cat.categories)
    return Table(frame, Layout(layout.places, layout.guessed - usual, layout.names), item_ids)


def atomic_items(path: Path) -> list[str]:
    """Return the items of RecBole's ``.item`` file as text.

    Raises:
        ValueError: it has no such column.
    """
    text = Text.of(path)
    names = _fields(text)
    if "item_id" not in names:
        raise ValueError("it has no column item_id:token; rename it or move that file away")
    layout = Layout({"item_id": names.index("item_id")}, frozenset(), tuple(names))
    items: list[str] = _columns(text, layout, True, False)["item_id"].cat.categories.tolist()
    return items


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


def _fields(text: Text) -> list[str]:
    return [unquoted(field).split(":")[0] for field in text.rows[0]]


def _is_quoted(text: Text, place: int, header: bool) -> bool:
    """Return whether the first value of a column stands in quotation marks."""
    rows = text.rows[header:]
    return bool(rows) and place < len(rows[0]) and rows[0][place].startswith('"')


def _columns(text: Text, layout: Layout, header: bool, weighted: bool) -> pd.DataFrame:
    """Return the columns that are used, ids as categories of strings.

    They become categories piece by piece: a string for each interaction would take far more memory.
    """
    if "weight" in layout.guessed and not weighted:
        layout = layout.without("weight")
    ours = {place: name for name, place in layout.places.items()}
    width = len(layout.names)
    if len(text.rows) > 1 and len(text.rows[1]) != width and not any('"' in value for value in text.rows[1]):
        what = (
            f"it names {width} columns, but its first row" if header else f"it begins with {width} values, its next row"
        )
        raise ValueError(f"{what} has {len(text.rows[1])} values")
    with text.cleaned(ours.__contains__) as file:
        return _frame(file, text.separator, [ours.get(i, str(i)) for i in range(width)], header)


def _frame(file: TextIO, separator: str, names: list[str], header: bool) -> pd.DataFrame:
    ids = [name for name in COLUMNS[:2] if name in names]
    numbers = [name for name in COLUMNS[2:] if name in names]
    # Only where all columns are read does pandas tell rows that are too long.
    with pd.read_csv(
        file,
        sep=separator,
        header=0 if header else None,
        names=names,
        index_col=False,
        dtype={name: float if name == "weight" else str for name in names if name != "datetime"},
        keep_default_na=False,
        na_values=dict.fromkeys(numbers, MISSING),
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
