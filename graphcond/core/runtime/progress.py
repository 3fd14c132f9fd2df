"""Progress goes through one callback; a bar on standard error is what it tells where nobody gave another."""

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch.distributed as dist
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from graphcond.core.fields import is_number

DELAY = 2.0  # seconds: work that is shorter shows no bar by itself

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


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
    """Return what is told of progress: a function, or nobody. Bars are made by :func:`shows_progress`.

    Raises:
        TypeError: neither true, false or ``None`` nor a function.
    """
    if progress is None or isinstance(progress, bool | np.bool_):
        return ignore_progress
    if not callable(progress):
        raise TypeError(f"progress must be True, False, None or a function of a graphcond.Progress, got {progress!r}")
    return progress


def shows_progress(
    unit: str,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator that gives a function with an argument ``progress`` what is told of progress.

    ``True`` becomes a bar, ``None`` a bar where somebody watches (:func:`watched`) once two seconds have passed, and
    ``False`` nobody; a function stays itself. A bar says ``max_seconds``, where the function has that argument. Of the
    processes of ``torch.distributed`` only the first has one.

    Args:
        unit: What is counted.
    """

    def decorated(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @functools.wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            given: dict[str, Any] = {**kwargs}
            with _shown(given.get("progress"), unit, given.get("max_seconds")) as progress:
                return function(*args, **given | {"progress": progress})

        return call

    return decorated


def _shown(progress: object, unit: str, limit: object) -> AbstractContextManager[ProgressCallback]:
    told = resolve_progress(progress)
    if told is not ignore_progress or not (watched() if progress is None else progress) or not _is_first():
        return nullcontext(told)
    return progress_bar(unit, limit if is_number(limit) else None, DELAY if progress is None else 0.0)


def watched() -> bool:
    """Return whether somebody sees standard error: it is a terminal, or that of a notebook."""
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = sys.modules.get("IPython")
    found = None if shell is None else shell.get_ipython()
    return getattr(found, "kernel", None) is not None


def _is_first() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


@contextmanager
def progress_bar(unit: str, limit: float | None = None, delay: float = 0.0) -> Iterator[ProgressCallback]:
    """Show a progress bar on standard error for the length of a block.

    Args:
        unit: What is counted.
        limit: Seconds after which the work stops, which the bar says.
        delay: Seconds before it is shown.
    """
    with tqdm(file=sys.stderr, leave=False, unit=unit, delay=delay) as bar, _notes_beside():
        if limit is not None:
            bar.set_postfix_str(f"stops after {limit:g} s", refresh=False)

        def report(progress: Progress) -> None:
            bar.total = progress.total
            bar.set_description(progress.what, refresh=False)
            bar.update(progress.done - bar.n)

        yield report


def _notes_beside() -> AbstractContextManager[None]:
    """Let notes go to lines of their own, where they would go to the terminal as plain text."""
    handlers = logging.getLogger().handlers
    plain = all(type(handler) is logging.StreamHandler for handler in handlers)
    return logging_redirect_tqdm() if plain else nullcontext()
