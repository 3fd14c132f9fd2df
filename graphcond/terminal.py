"""What the commands of the package share on a terminal: options, a progress bar, JSON."""

import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Protocol

import torch.distributed as dist
import typer
from tqdm import tqdm

from graphcond.core.checkpoint import check_checkpoint
from graphcond.core.files import check_target, same_file
from graphcond.core.processes import Processes
from graphcond.core.progress import Progress
from graphcond.evaluation.tables import render
from graphcond.record import Record

RATIO_DEFAULT = 0.01  # where no size is asked for

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda.")]


def print_json(value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2))


def names(text: str) -> list[str]:
    """Return the names of an option that takes several, separated by commas outside of parentheses.

    >>> names("random, gcond(inner_steps=10, features_rate=0.1)")
    ['random', 'gcond(inner_steps=10, features_rate=0.1)']
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def record_table(record: Record) -> str:
    """Return a record as a table."""
    rows = [
        (part, key, value if isinstance(value, str) else json.dumps(value))
        for part in ("settings", "choices", "source", "budget", "versions")
        for key, value in getattr(record, part).items()
    ]
    return render("record", ("part", "what", "value"), rows, text_columns=3)


@contextmanager
def joined() -> Iterator[None]:
    """Let the processes that ``torchrun`` started, where it did, share the work of a block."""
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield
        return
    dist.init_process_group()
    try:
        if Processes.current().rank:
            logging.disable(logging.WARNING)  # one process says it for all
        yield
    finally:
        dist.destroy_process_group()


def check_output(output: Path | None, *, overwrite: bool, checkpoint: Path | None = None) -> None:
    """Raise, on all processes, if the first could not write a result or the state of the work on it."""
    if output is not None and checkpoint is not None and same_file(output, checkpoint):
        raise ValueError(f"--output and --checkpoint are the same file, {output}; give two names")
    first = Processes.current().first
    if output is not None:
        first(lambda: check_target(output, overwrite=overwrite))
    if checkpoint is not None:
        first(lambda: check_checkpoint(checkpoint))


class Saved(Protocol):
    """A result that can be saved."""

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a file; return its path."""
        ...


def write_result(small: Saved, output: Path, *, overwrite: bool, checkpoint: Path | None) -> None:
    """Save the result of long work; where that fails, keep it in another folder, and say where."""
    try:
        small.save(output, overwrite=overwrite)
    except OSError as error:
        told = f"{error}; {_kept_elsewhere(small, output)}"
        if checkpoint is not None:
            told += f"; the same command with --checkpoint {checkpoint} makes it again in a moment"
        raise type(error)(told) from error


def _kept_elsewhere(small: Saved, output: Path) -> str:
    for parent in (Path(tempfile.gettempdir()), Path.cwd(), Path.home()):
        with suppress(OSError):
            folder = tempfile.mkdtemp(prefix="graphcond-", dir=parent)
            return f"the result was kept as {small.save(Path(folder, output.name))}"
    return "no other folder takes the result"


@contextmanager
def progress_bar(unit: str = "training") -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar on standard error, if that is a terminal; one for all processes."""
    with tqdm(disable=Processes.current().rank > 0 or None, leave=False, file=sys.stderr, unit=unit) as bar:

        def report(progress: Progress) -> None:
            bar.total = progress.total
            bar.set_description(progress.what, refresh=False)
            bar.update(progress.done - bar.n)

        yield report
