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
