"""Files of benchmark rows: a row that is there is taken again for a reason only, and what it was stays in the file.

Test items that are scored again and again until a score pleases say nothing. So every script asks here which rows
are to be run, and writes them here.
"""

import argparse
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from graphcond.core.runtime.jsonl import Key, RowFile

MEASUREMENTS = Path(__file__).parent.parent / "docs" / "measurements"  # rows, and the pages that show them
SHOWN = 3  # rows that a message names


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--retake REASON``."""
    parser.add_argument(
        "--retake", metavar="REASON", type=_reason, help="run rows again that are in the file; why, for the record"
    )


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a reason is needed, which is written into the row")
    return text.strip()


def wanted(rows: RowFile, keys: Iterable[Key], reason: str | None, asked: set[Key] | None = None) -> list[Key]:
    """Return the keys of the rows to be run: those that are not in the file, with a reason all; tell of the others.

    Args:
        rows: The file.
        keys: Of the rows that are asked for.
        reason: Why rows that are there are taken again.
        asked: What was asked for before and is left out; the keys are added.
    """
    asked = set() if asked is None else asked
    keys = [key for key in keys if key not in asked]
    asked.update(keys)
    if reason is not None:
        return keys
    missing = rows.missing(keys)
    tell_there(rows, [key for key in keys if key not in missing])
    return missing


def tell_there(rows: RowFile, keys: list[Key]) -> None:
    """Print one line about rows that are not run because they are in the file."""
    if keys:
        named = "; ".join(", ".join(map(str, key)) for key in keys[:SHOWN])
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        there, them = ("is", "it") if len(keys) == 1 else ("are", "them")
        print(f"{named}{more}: {there} in {rows.path.name} already; --retake REASON takes {them} again", flush=True)


def write(rows: RowFile, reason: str | None, *made: dict[str, Any]) -> None:
    """Append rows with the date; with a reason they count instead of those that are there, which stay in the file.

    Without one, rows that are there are left as they are, also those that another process has written meanwhile.

    Raises:
        ValueError: the reason is empty.
    """
    if reason is not None and not reason.strip():
        raise ValueError("reason is empty; say why rows that are there are taken again")
    dated = [row | {"date": datetime.now(timezone.utc).date().isoformat()} for row in made]
    if reason is None:
        rows.append(*dated)
        return
    known = rows.read()
    rows.replace(*(row | ({"retaken": reason} if rows.key(row) in known else {}) for row in dated))
