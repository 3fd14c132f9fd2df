"""How a call runs, apart from what it does: what is told of progress, where its state is kept, how long it may take."""

from dataclasses import dataclass
from pathlib import Path

from graphcond.core.fields import is_number
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.memory import parse_memory
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress
from graphcond.core.words import answers

LEAST = 10**6  # bytes
FIELDS = ("progress", "checkpoint", "max_seconds", "memory")


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a call runs, apart from what it does.

    Args:
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            while long work runs.
        checkpoint: A file in which a method that works in steps keeps its state; the same call with the same file goes
            on from there, to the same bits as without the interruption. A :class:`graphcond.Checkpoint` says how often.
        max_seconds: A method that works in steps stops ``max_seconds`` after the call and gives the best that it
            has found, or where it had not begun, what it starts from; the record's ``stopped`` says where. The training
            of experts counts. ``"auto"`` takes such steps only if this or ``checkpoint`` is given.
        memory: The memory that the process may take for a node dataset, such as ``"4GB"``: what does not fit is kept
            in a temporary file. Pages of memory-mapped files do not count. See :func:`graphcond.plan`.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: a number that makes no sense.

    >>> Run(max_seconds=60).max_seconds
    60.0
    """

    progress: ProgressCallback | bool | None = None
    checkpoint: str | Path | Checkpoint | None = None
    max_seconds: float | None = None
    memory: int | str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        resolve_progress(self.progress)
        if self.checkpoint is not None and not isinstance(self.checkpoint, str | Path | Checkpoint):
            raise TypeError(f"checkpoint must be a path or a Checkpoint, got {type(self.checkpoint).__name__}")
        limit = self.max_seconds
        if limit is not None and not is_number(limit):
            raise TypeError(f"max_seconds must be a number of seconds, got {limit!r}")
        if limit is not None and not limit > 0:
            raise ValueError(f"max_seconds must be positive, got {limit!r}")
        object.__setattr__(self, "max_seconds", None if limit is None else float(limit))
        if self.memory is not None and (amount := parse_memory(self.memory)) < LEAST:
            raise ValueError(f"memory={self.memory!r} is {amount} bytes, too few; write a unit, such as '4GB'")

    @property
    def memory_limit(self) -> int | None:
        """The memory in bytes; ``None``: no limit."""
        return None if self.memory is None else parse_memory(self.memory)


WORDS = {"verbose": "progress={}", "callback": "progress={}", "timeout": "max_seconds={}"}
Run.__init__ = answers(WORDS, "Run")(Run.__init__)  # type: ignore[method-assign]


def check_run(run: object, *, only: tuple[str, ...] = FIELDS, of: str = "") -> Run:
    """Return an argument ``run``.

    Args:
        run: The argument.
        only: The values that the function uses.
        of: The function's name.

    Raises:
        TypeError: no ``Run``.
        ValueError: it has a value that the function does not use.
    """
    if not isinstance(run, Run):
        raise TypeError(f"run must be a Run, such as graphcond.Run(max_seconds=60), got {run!r}")
    for name in FIELDS:
        if name not in only and getattr(run, name) is not None:
            raise ValueError(f"Run({name}=...) makes no sense for {of}; leave it out")
    return run
