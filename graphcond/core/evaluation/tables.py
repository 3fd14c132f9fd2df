"""Text tables that fit the terminal."""

import io
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

NARROW, WIDE = 80, 140
"""Characters of a line where there is no terminal: of what is read, and of what is searched by a program."""
LEAST = 40
GAP, EDGES = 3, 2  # characters between columns, and beside them


def line_width(otherwise: int = NARROW) -> int:
    """Return how many characters a line has: those of the terminal, or of ``COLUMNS``.

    Args:
        otherwise: Where there is neither.
    """
    return max(LEAST, shutil.get_terminal_size((otherwise, 24)).columns)


def wrapped(lines: Iterable[str]) -> list[str]:
    """Return sentences, of which those that are longer than a line go on in the next, further in."""
    return [
        textwrap.fill(line, line_width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in lines
    ]


def render(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 2,
    spare: Sequence[str] = (), piped: int = NARROW,
) -> str:  # fmt: skip
    """Return a table as text: the leading ``text_columns`` flush left, the others, which hold numbers, flush right.

    Args:
        title: Above it.
        header: Names of the columns.
        rows: Their cells.
        text_columns: How many columns hold texts, which may be broken where the table would be too wide.
        spare: Columns that are left out, in this order, where it would be too wide; a last line names them.
        piped: Characters of a line where there is no terminal.
    """
    width = line_width(piped)
    shown, left = _fitting(header, rows, spare, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i in shown:
        number = i >= text_columns
        table.add_column(header[i], justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*(row[i] for i in shown))
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(table)
    body = "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")
    above = [*wrapped([title]), ""] if title else []
    below = (
        wrapped([f"Not shown in {width} characters (COLUMNS={WIDE} shows more): {', '.join(left)}."]) if left else []
    )
    return "\n".join([*above, body, *below])


def _fitting(
    header: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str], width: int
) -> tuple[list[int], list[str]]:
    """Return the numbers of the columns that fit a line, and the names of the others."""
    widths = [max(map(cell_len, [name, *(row[i] for row in rows)])) for i, name in enumerate(header)]
    shown, left = list(range(len(header))), []
    for name in spare:
        if sum(widths[i] for i in shown) + GAP * (len(shown) - 1) + EDGES <= width:
            break
        if name in header:
            shown.remove(header.index(name))
            left.append(name)
    return shown, sorted(left, key=header.index)
