"""Many tasks whose rows go to one file: stopped or killed, and started again, it goes on where it was."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphcond.core.runtime.jsonl import Key, RowFile
from graphcond.core.runtime.parallel import Engine, outcomes
from graphcond.core.runtime.progress import Progress, ProgressCallback, ignore_progress

T = TypeVar("T")


@dataclass(frozen=True)
class _Work(Generic[T]):
    """Does what is left of a task: ``outcomes`` wants a function of one argument that can be pickled."""

    function: Callable[[T, Sequence[Key]], Sequence[dict[str, Any]]]

    def __call__(self, todo: tuple[T, tuple[Key, ...]]) -> Sequence[dict[str, Any]]:
        return self.function(*todo)


def sweep(
    function: Callable[[T, Sequence[Key]], Sequence[dict[str, Any]]], tasks: Sequence[tuple[T, Sequence[Key]]],
    rows: RowFile, *, workers: int = 1, engine: Engine = "auto", threads: int | None = 1, gpus: float = 0.0,
    progress: ProgressCallback = ignore_progress,
) -> list[tuple[T, Exception]]:  # fmt: skip
    """Run the tasks whose rows are not in the file, append each one's rows as it ends, and return those that failed.

    Args:
        function: Is called with a task and those of its keys that have no row yet, and returns their rows.
        tasks: Each with the keys of all its rows.
        rows: Where rows are kept. A task that fails has none, and is tried again by the next sweep.
        workers: As in :func:`graphcond.core.runtime.parallel.outcomes`.
        engine: Likewise.
        threads: Likewise.
        gpus: Likewise.
        progress: Called for each task that ended.

    Raises:
        ValueError: the function returned rows that are not those of its keys, or the file holds something else.
        ChildProcessError: a worker died; the rows of what had ended are kept.
    """
    known = rows.read()
    left = [(task, tuple(key for key in keys if key not in known)) for task, keys in tasks]
    todo = [(task, missing) for task, missing in left if missing]
    if not todo:  # no processes for nothing
        return []
    failed = []
    ended = outcomes(_Work(function), todo, workers=workers, engine=engine, threads=threads, gpus=gpus)
    with closing(ended):
        for done, outcome in enumerate(ended, start=1):
            task, missing = outcome.task
            if outcome.error is None:
                _keep(outcome.get(), missing, rows)
            else:
                failed.append((task, outcome.error))
            progress(Progress(done, len(todo), str(task)))
    return failed


def _keep(made: Sequence[dict[str, Any]], keys: Sequence[Key], rows: RowFile) -> None:
    found = [rows.key(row) for row in made]
    if set(found) != set(keys):
        raise ValueError(f"the rows of a task must be those of its keys {list(keys)}, got {found}")
    rows.append(*made)
