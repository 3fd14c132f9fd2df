"""Which cells of the tables were measured on the test set more than once, and what they had before.

    python benchmarks/earlier.py images results graphs      # prints a table for each file of rows

A file of rows keeps what a row was before it was taken again (row_file.py). Rows from before that rule were found in
the history of files and pages; they are marked `replaced`, and `replaced_for` says why, as far as messages, settings
and pages tell. Cells that were measured and have no row any more are in withdrawn.jsonl. Rows with the same
scores, one after the other, are one measurement. Where there are two columns, both are shown, plain / own.
"""

import argparse
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import row_file

from graphcond.core.runtime.jsonl import Key, RowFile

WITHDRAWN = row_file.MEASUREMENTS / "withdrawn.jsonl"
NAMED = {"per_class": "{} per class", "budget": "{} s", "nodes": "{} nodes", "runs": None}  # others by their values


Columns = list[list[float]]
Measurement = tuple[Columns, str]  # scores by columns, and why the cell was measured again


def plain_and_own(row: dict[str, Any]) -> Columns:
    """Return plain scores and, where there are some, own ones; rows that were found on pages have means only."""
    return [row.get("scores") or [row["mean"]], *([row["own_scores"]] if row.get("own_scores") else [])]


@dataclass(frozen=True)
class File:
    """A file of rows.

    Args:
        script: The script that writes it, whose ``ROWS`` it is.
        columns: The test scores of a row, column by column.
        percent: What makes scores percentages.
        digits: Decimals that are shown.
        merged: A field whose rows are one cell of the tables: its scores are taken together.
    """

    script: str
    columns: Callable[[dict[str, Any]], Columns] = plain_and_own
    percent: float = 100.0
    digits: int = 1
    merged: str | None = None


FILES = {
    "images": File("images", percent=1.0),
    "results": File("nodes"),
    "graphs": File("graphs"),
    "interactions": File(
        "interactions", lambda row: [row[part]["ndcg@10"] for part in ("scores", "own_scores") if part in row], digits=2
    ),
    "matching": File("matching", lambda row: [row["published"], row["standard"]]),
    "ogb": File("ogb_sets", merged="seed"),
    "released": File("released"),
    "targets": File("targets"),
    "refinement": File("refinement", lambda row: [[row["auto"]["test"]], [row["refined"]["test"]]], merged="seed"),
}
"""Interactions are shown by NDCG@10; columns of matching are both protocols, those of refinement both ways."""


def cells(name: str, rows: RowFile) -> tuple[dict[Key, list[Measurement]], dict[Key, list[Measurement]]]:
    """Return the measurements of the cells of a file, in order, and those of cells that have no row any more.

    Each measurement tells why it was made, the first one of a cell nothing.
    """
    lines, before = _lines(rows.path), [row for row in _lines(WITHDRAWN) if row["file"] == name]
    there, ever = (_cells(FILES[name], rows, some) for some in (lines, before + lines))
    return {cell: ever[cell] for cell in there}, {cell: found for cell, found in ever.items() if cell not in there}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def _cells(file: File, rows: RowFile, lines: list[dict[str, Any]]) -> dict[Key, list[Measurement]]:
    several: dict[Key, list[list[dict[str, Any]]]] = {}
    histories: dict[Key, list[dict[str, Any]]] = {}
    for row in lines:
        if (key := rows.key(row)) not in histories:
            cell = tuple(row[field] for field in rows.fields if field != file.merged)
            several.setdefault(cell, []).append(histories.setdefault(key, []))
        histories[key].append(row)
    return {cell: _joined(file, [_measurements(file, parts) for parts in found]) for cell, found in several.items()}


def _measurements(file: File, history: list[dict[str, Any]]) -> list[Measurement]:
    found: list[Measurement] = []
    replaced_for = ""
    for row in history:
        columns = file.columns(row)
        if not found or columns[0] != found[-1][0][0]:
            found.append((columns, replaced_for or row.get("retaken") or row.get("reason") or "" if found else ""))
        replaced_for = row.get("replaced_for", "")
    return found


def _joined(file: File, parts: list[list[Measurement]]) -> list[Measurement]:
    """Return the measurements of several rows that are one cell; one that was not measured again keeps its scores."""
    turns = [[part[min(turn, len(part) - 1)] for part in parts] for turn in range(max(map(len, parts)))]
    joined: list[Measurement] = []
    for turn in turns:
        columns = [
            [score for column in same for score in column] for same in zip(*(some for some, _ in turn), strict=False)
        ]
        joined.append((columns, next((why for _, why in turn if why), "")))
    return joined


def tables(name: str) -> None:
    """Print as Markdown how many cells were measured more than once, what they had and have, and why."""
    file = FILES[name]
    rows: RowFile = importlib.import_module(file.script).ROWS
    found, gone = cells(name, rows)
    again = {cell: measured for cell, measured in found.items() if len(measured) > 1}
    times = f", up to {max(map(len, again.values()))} times" if again else ""
    print(f"{len(again)} of {len(found)} cells were measured on the test set more than once{times}.\n")
    fields = [field for field in rows.fields if field != file.merged]
    if again:
        print("| cell | earlier | now | why again |\n|---|---|---|---|")
    for cell, measured in again.items():
        *earlier, now = (_score(file, columns) for columns, _ in measured)
        why = "; then ".join(dict.fromkeys(reason for _, reason in measured[1:] if reason)) or "not known"
        print(f"| {_named(fields, cell)} | {', '.join(earlier)} | {now} | {why} |")
    if gone:
        print(f"\n{len(gone)} further cells were measured and have no row any more:\n")
        print("| cell | scores |\n|---|---|")
    for cell, measured in gone.items():
        print(f"| {_named(fields, cell)} | {', '.join(_score(file, columns) for columns, _ in measured)} |")


def _named(fields: list[str], cell: Key) -> str:
    shown = []
    for field, value in zip(fields, cell, strict=True):
        text = f"{value:g}" if isinstance(value, float) else str(value)
        if (pattern := NAMED.get(field, "{}")) is not None:
            shown.append(pattern.format(text))
    return ", ".join(shown)


def _score(file: File, columns: Columns) -> str:
    return " / ".join(_column([file.percent * score for score in column], file.digits) for column in columns)


def _column(values: list[float], digits: int) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{deviation}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FILES)} (default: all)")
    names = parser.parse_args().names or list(FILES)
    if unknown := set(names) - set(FILES):
        parser.error(f"names must be of {', '.join(FILES)}, got {', '.join(sorted(unknown))}")
    for name in names:
        print(f"\n### {name}.jsonl\n")
        tables(name)


if __name__ == "__main__":
    main()
