"""What the commands of the package share on a terminal: options, a progress bar, JSON."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from tqdm import tqdm

from graphcond.core.progress import Progress
from graphcond.evaluation.tables import render
from graphcond.record import Record

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda.")]


def print_json(value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2))


def names(text: str) -> list[str]:
    """Return the names of an option that takes several, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def record_table(record: Record) -> str:
    """Return a record as a table."""
    rows = [
        (part, key, value if isinstance(value, str) else json.dumps(value))
        for part in ("settings", "choices", "source", "budget", "versions")
        for key, value in getattr(record, part).items()
    ]
    return render("record", ("part", "what", "value"), rows, text_columns=3)


@contextmanager
def progress_bar(unit: str = "training") -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar on standard error, if that is a terminal."""
    with tqdm(disable=None, leave=False, file=sys.stderr, unit=unit) as bar:

        def report(progress: Progress) -> None:
            bar.total = progress.total
            bar.set_description(progress.what, refresh=False)
            bar.update(progress.done - bar.n)

        yield report
