"""What the commands of the package share on a terminal: a progress bar, ways to go on, JSON."""

import json
import logging
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer
from rich.console import Console
from rich.logging import RichHandler
from tqdm import tqdm
from typer.core import TyperGroup

from graphcond.core.evaluation.tables import WIDE, render
from graphcond.core.runtime.files import check_target, same_file
from graphcond.core.words import SEED, SIZES

if TYPE_CHECKING:
    from graphcond.core.record import Record

PROGRAM = "graphcond"
INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


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


class Commands(TyperGroup):
    """Commands that say a word when Ctrl-C ends them; those that keep something say more, by :func:`interruptible`."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 (a context of the library that Typer keeps to itself)
        """Run a command; an option that is known from other libraries is answered with the one to write."""
        with interruptible(lambda: f"start again with: {command_line()}"):
            try:
                return super().invoke(ctx)
            except Exception as error:
                # Typer keeps the class of this error to itself, and says what is possible in its own way.
                if word := other_option(getattr(error, "option_name", None) or ""):
                    error.possibilities = [word]  # type: ignore[attr-defined]
                raise


def other_option(name: str) -> str | None:
    """Return what to write for an option that other libraries have.

    >>> other_option("--nodes-per-class")
    '--size N/class'
    """
    answer = {**SIZES, **SEED}.get(name.removeprefix("--").replace("-", "_"), "")
    known = re.fullmatch(r"(size|ratio|seed)='?(\{\}[\w/]*)'?", answer)
    return f"--{known[1]} {known[2].format('N')}" if known else None


@contextmanager
def interruptible(remedy: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C within a block into a sentence and an exit code.

    Args:
        remedy: Says how to go on.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        from graphcond.core.runtime.processes import Processes

        if not Processes.current().rank:
            typer.echo(f"{PROGRAM}: interrupted; {remedy()}", err=True)
        raise typer.Exit(INTERRUPTED) from error


def command_line(*more: str) -> str:
    """Return the command that is running, and what is added to it, as a shell takes it."""
    return shlex.join([PROGRAM, *sys.argv[1:], *more])


def go_on_from(checkpoint: Path | None) -> str:
    """Return how to go on with long work that was interrupted."""
    if checkpoint is None:
        return f"nothing was kept, --checkpoint FILE would; start again with: {command_line()}"
    kept = checkpoint.exists() or Path(f"{checkpoint}.experts").exists()
    return f"{'go on' if kept else 'nothing was kept yet, start again'} with: {command_line()}"


class Described(Protocol):
    """A condensed dataset of any modality."""

    @property
    def record(self) -> "Record":
        """How it was made."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of everything that training needs."""
        ...

    def described(self) -> tuple[str, str]:
        """Return the original and the dataset in words."""
        ...

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a file; return its path."""
        ...


def summary(small: Described) -> str:
    """Return one line on what became of what."""
    record = small.record
    before, after = small.described()
    kilobytes = small.nbytes / 1000
    return (
        f"{record.source['name']}: {before} -> {after}, {kilobytes:,.{0 if kilobytes >= 10 else 1}f} kB by "
        f"{record.method} in {record.seconds:.2f} s"
    )


def deliver(
    small: Described,
    output: Path | None,
    *,
    overwrite: bool,
    checkpoint: Path | None,
    as_json: bool,
    evaluate: list[str],
) -> None:
    """Write what a command condensed, and print what became of what.

    Args:
        small: What was condensed.
        output: Where it goes; ``None``: nowhere.
        overwrite: Whether a file that is there may be replaced.
        checkpoint: The option.
        as_json: Whether the record is printed, and nothing else.
        evaluate: The command that evaluates it, word by word.
    """
    from graphcond.core.runtime.processes import Processes

    if Processes.current().rank:
        return  # the first process writes and prints
    if output is not None:
        write_result(small, output, overwrite=overwrite, checkpoint=checkpoint)
    if as_json:
        print_json({"record": json.loads(small.record.to_json())})
        return
    typer.echo(summary(small))
    if output is not None:
        typer.echo(f"written to {output}; evaluate it with: {shlex.join([PROGRAM, *evaluate])}")
    print_ending(small.record, checkpoint, () if output is None or overwrite else ("--overwrite",))


def print_ending(record: "Record", checkpoint: Path | None, more: tuple[str, ...]) -> None:
    """Print, where steps were left undone, why, and how to go on.

    Args:
        record: Of the result.
        checkpoint: The option.
        more: What the command needs besides to be run again.
    """
    if record.stopped is None:
        return
    where = in_command_words(record.stopped, ["max_seconds"])
    remedy = ""
    if "max_seconds" in record.stopped:
        remedy = "; --checkpoint FILE lets the same command go on later"
        if checkpoint is not None:
            remedy = f"; go on with: {command_line(*more)}"
    typer.echo(f"\nstopped {where}{remedy}")


def in_command_words(message: str, options: Iterable[str]) -> str:
    """Return a message of the library with its arguments as the command line has them.

    >>> in_command_words("give one of size= and ratio=, got size=0", ["size", "ratio"])
    'give one of --size and --ratio, got --size=0'
    >>> in_command_words("Run(max_seconds=...) is for methods that work in steps", ["max_seconds"])
    '--max-seconds is for methods that work in steps'
    """
    names = "|".join(sorted(options, key=len, reverse=True))
    message = re.sub(r"Run\((\w+)=\.\.\.\)", r"\1=", message)

    message = re.sub(
        rf"(?<![\w.-])({names})(?:=(?=[\s,;.)]|$)|(=)(?!\{{)|(?= must | is empty))",
        lambda found: f"--{found[1].replace('_', '-')}{found[2] or ''}",
        message,
    )
    return re.sub(r"(--[\w-]+)(=\S+)? \(\1\)", r"\1", message)  # the library names the option beside the argument


def record_table(record: "Record") -> str:
    """Return a record as a table."""
    parts = {"run": record.run} | {
        part: getattr(record, part) for part in ("settings", "choices", "source", "budget", "versions")
    }
    rows = [
        (part, key, value if isinstance(value, str) else json.dumps(value))
        for part, values in parts.items()
        for key, value in values.items()
    ]
    return render("record", ("part", "what", "value"), rows, text_columns=3, piped=WIDE)


def print_record(record: "Record", summary: str) -> None:
    """Print a record for people: what became of what, the record as a table, and its notes."""
    typer.echo(f"{summary}\n\n{record_table(record)}")
    for note in record.notes:
        typer.echo(f"note: {note}")


@contextmanager
def joined() -> Iterator[None]:
    """Let the processes that ``torchrun`` started, where it did, share the work of a block."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # it is not asked of torch, which takes a second to be imported
        yield
        return
    import torch.distributed as dist

    from graphcond.core.runtime.processes import Processes

    dist.init_process_group()
    try:
        if Processes.current().rank:
            logging.disable(logging.WARNING)  # one process says it for all
        yield
    finally:
        dist.destroy_process_group()


def check_output(
    output: Path | None, *, overwrite: bool, checkpoint: Path | None = None, inputs: Iterable[Path] = ()
) -> None:
    """Raise, on all processes, if the first could not write a result or the state of the work on it.

    Args:
        output: The result; ``None``: it is not written.
        overwrite: Whether it may exist.
        checkpoint: The state of the work.
        inputs: Files that are read, which the result must not replace.
    """
    from graphcond.core.runtime.checkpoint import check_checkpoint
    from graphcond.core.runtime.processes import Processes

    if output is not None and checkpoint is not None and same_file(output, checkpoint):
        raise ValueError(f"--output and --checkpoint are the same file, {output}; give two names")
    if output is not None and any(same_file(output, one) for one in inputs):
        raise ValueError(f"{output} is what is read; give the output another name")
    first = Processes.current().first
    if output is not None:
        first(lambda: check_target(output, overwrite=overwrite))
    if checkpoint is not None:
        first(lambda: check_checkpoint(checkpoint))


def write_result(small: Described, output: Path, *, overwrite: bool, checkpoint: Path | None) -> None:
    """Save the result of long work; where that fails, keep it in another folder, and say where."""
    try:
        small.save(output, overwrite=overwrite)
    except OSError as error:
        reported = f"{error}; {_kept_elsewhere(small, output)}"
        if checkpoint is not None:
            reported += f"; the same command with --checkpoint {checkpoint} makes it again in a few seconds"
        raise type(error)(reported) from error


def _kept_elsewhere(small: Described, output: Path) -> str:
    for parent in (Path(tempfile.gettempdir()), Path.cwd(), Path.home()):
        with suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="graphcond-", dir=parent))
            try:
                return f"the result was kept as {small.save(folder / output.name)}"
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
    return "no other folder takes the result"


class NoteHandler(RichHandler):
    """Writes notes on standard error, on lines of their own: a progress bar makes way for them."""

    def __init__(self) -> None:
        super().__init__(console=Console(stderr=True), show_time=False, show_path=False, show_level=False)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a note."""
        with tqdm.external_write_mode(file=sys.stderr):
            super().emit(record)
