"""Progress goes through one callback; without another, a bar on standard error."""

import dataclasses
import functools
import inspect
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
R = TypeVar("R")


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
    """Return the progress callback. Bars are made by :func:`shows_progress`.

    Raises:
        TypeError: neither true, false or ``None`` nor a function.
    """
    if progress is None or isinstance(progress, bool | np.bool_):
        return ignore_progress
    if not callable(progress):
        raise TypeError(f"progress must be True, False, None or a function of a graphcond.Progress, got {progress!r}")
    return progress


def shows_progress(unit: str, of: str = "run") -> Callable[[Callable[Arguments, R]], Callable[Arguments, R]]:
    """Return a decorator that gives a function what is told of progress, in a value among its arguments.

    ``True`` becomes a bar, ``None`` a bar where somebody watches (:func:`watched`) once two seconds have passed, and
    ``False`` nobody; a function stays itself. A bar says ``max_seconds``, where the value has that. Of the processes of
    ``torch.distributed`` only the first has one.

    Args:
        unit: What is counted.
        of: The keyword argument, a dataclass with the field ``progress``; or ``progress`` itself.
    """

    def decorated(function: Callable[Arguments, R]) -> Callable[Arguments, R]:
        default = inspect.signature(function).parameters[of].default

        @functools.wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> R:
            given: dict[str, Any] = {**kwargs}
            value = given.get(of, default)
            if of == "progress":
                with _shown(value, unit, None) as reported:
                    return function(*args, **given | {of: reported})
            if type(value) is not type(default):  # the function says what is wrong with it
                return function(*args, **given)
            with _shown(value.progress, unit, getattr(value, "max_seconds", None)) as reported:
                return function(*args, **given | {of: dataclasses.replace(value, progress=reported)})

        return call

    return decorated


def _shown(progress: object, unit: str, limit: object) -> AbstractContextManager[ProgressCallback]:
    reported = resolve_progress(progress)
    if reported is not ignore_progress or not (watched() if progress is None else progress) or not _is_first():
        return nullcontext(reported)
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
