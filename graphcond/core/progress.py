"""Progress goes through one callback; the command line turns it into a bar."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of a running task: ``done`` of ``total`` steps, and what is being worked on."""

    done: int
    total: int
    what: str


ProgressCallback = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Do nothing with a report: the default callback."""


def resolve_progress(progress: object) -> ProgressCallback:
    """Return what is told of progress; ``None``: nobody.

    Raises:
        TypeError: neither ``None`` nor a function.
    """
    if progress is None:
        return ignore_progress
    if not callable(progress):
        raise TypeError(f"progress must be a function of a graphcond.Progress, or None, got {progress!r}")
    return progress
