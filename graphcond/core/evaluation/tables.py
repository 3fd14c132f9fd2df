"""Text tables."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 140


def render(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 2, width: int = WIDTH
) -> str:
    """Return a table as text: the leading ``text_columns`` flush left, the others, which hold numbers, flush right.

    Cells are broken where the table would be wider than ``width`` characters.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(name, justify="left" if i < text_columns else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")
