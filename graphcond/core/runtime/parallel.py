"""A function over many tasks: in this process, in several, or on Ray; what comes out does not depend on which."""

import importlib.util
import pickle
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Literal, Protocol, TypeVar

from graphcond.core.fields import is_whole
from graphcond.core.names import named
from graphcond.core.runtime.local_workers import local_workers
from graphcond.core.runtime.ray_workers import ray_workers
from graphcond.core.runtime.threads import limited_threads

T = TypeVar("T")
R = TypeVar("R")
Engine = Literal["auto", "local", "ray"]


@dataclass(frozen=True)
class TaskOutcome(Generic[T, R]):
    """How one task ended.

    Args:
        number: Its place among the tasks, from 0.
        task: The task.
        value: What the function returned, if it did.
        error: What it raised instead.
    """

    number: int
    task: T
    value: R | None = None
    error: Exception | None = None

    def get(self) -> R:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # there is one, which may be None, where there is no error


class WorkerPool(Protocol):
    """Processes that run a function of one argument."""

    def submit(self, argument: object) -> Any:  # noqa: ANN401 (each kind has handles of its own)
        """Start a call, and return a handle of it."""

    def ended(self, handles: Iterable[Any]) -> list[Any]:
        """Wait for a call to end, and return the handles of those that have."""

    def result(self, handle: Any) -> tuple[Any, Exception | None]:  # noqa: ANN401
        """Return what an ended call returned."""


def outcomes(
    function: Callable[[T], R], tasks: Iterable[T], *,
    workers: int = 1, engine: Engine = "auto", threads: int | None = 1, gpus: float = 0.0,
) -> Generator[TaskOutcome[T, R], None, None]:  # fmt: skip
    """Yield the outcome of every task, as they end; a task that fails is an outcome, and the others go on.

    With several processes, function, tasks and results are pickled, and the calling script must be importable without
    starting work (``if __name__ == "__main__"``). No more tasks than ``workers`` are under way at a time. When the
    iteration is left early, by an error or Ctrl-C, calls that run are ended with their processes, which also end when
    this process is killed.

    Args:
        function: What is called with each task.
        tasks: Read one by one.
        workers: How many tasks run at a time; 1: in this process, unless Ray is asked for by name.
        engine: ``"ray"``: on the cluster that the caller connected to or ``RAY_ADDRESS`` names, else on one of this
            machine that lasts as long as the iteration; ``"local"``: in processes of this machine; ``"auto"``: on Ray
            if it is installed.
        threads: Of each task, in this process as well: sums come out differently with another number. ``None``: in this
            process as many as the caller set, elsewhere 1.
        gpus: GPUs that a task takes of a Ray cluster.

    Raises:
        ValueError: there is no such engine, or ``workers`` or ``threads`` is no positive number.
        ImportError: Ray was asked for and is not installed.
        TypeError: the function or a task cannot be sent to another process.
        ChildProcessError: a process died, as when the machine runs out of memory.
    """
    check_engine(engine, workers, threads)
    if workers == 1 and engine != "ray":
        return _here(function, tasks, threads)
    _check_picklable(function, "function", workers)
    return _elsewhere(_Attempt(function, threads or 1), tasks, workers, _chosen(engine), gpus)


def check_engine(engine: str, workers: int, threads: int | None = 1) -> None:
    """Raise what :func:`outcomes` raises on these arguments, before anything is done."""
    named(engine, dict.fromkeys(("auto", "local", "ray")), "engine")
    for name, value in (("workers", workers), ("threads", 1 if threads is None else threads)):
        if not is_whole(value) or value < 1:
            raise ValueError(f"{name} must be a whole number, 1 or more, got {value!r}")
    if engine == "ray" and not _has_ray():
        raise ImportError("engine='ray' needs Ray, which is not installed; pip install 'graphcond[ray]'")


def _has_ray() -> bool:
    return importlib.util.find_spec("ray") is not None


def _chosen(engine: Engine) -> Engine:
    if engine == "auto":
        return "ray" if _has_ray() else "local"
    return engine


def _here(
    function: Callable[[T], R], tasks: Iterable[T], threads: int | None
) -> Generator[TaskOutcome[T, R], None, None]:
    attempt = _Attempt(function, threads)
    for number, task in enumerate(tasks):
        yield TaskOutcome(number, task, *attempt(task))


def _elsewhere(
    attempt: "_Attempt[T, R]", tasks: Iterable[T], workers: int, engine: Engine, gpus: float
) -> Generator[TaskOutcome[T, R], None, None]:
    waiting = iter(enumerate(tasks))
    running: dict[Any, tuple[int, T]] = {}
    with _pool(attempt, workers, engine, gpus) as pool:
        while True:
            for number, task in islice(waiting, workers - len(running)):
                if number == 0:
                    _check_picklable(task, "tasks", workers)
                running[pool.submit(task)] = (number, task)
            if not running:
                return
            for handle in pool.ended(running):
                number, task = running.pop(handle)
                yield TaskOutcome(number, task, *pool.result(handle))


def _pool(
    function: Callable[[Any], Any], workers: int, engine: Engine, gpus: float
) -> AbstractContextManager[WorkerPool]:
    if engine == "local":
        return local_workers(function, workers)
    return ray_workers(function, workers, gpus)


def _check_picklable(value: object, what: str, workers: int) -> None:
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"{what} must be what can be pickled for workers={workers} ({error}); use functions of a module, with "
            "functools.partial where need be, or workers=1"
        ) from error


@dataclass(frozen=True)
class _Attempt(Generic[T, R]):
    """Calls a function with a number of threads, and returns what it returned and raised, in a form that travels."""

    function: Callable[[T], R]
    threads: int | None

    def __call__(self, task: T) -> tuple[R | None, Exception | None]:
        with nullcontext() if self.threads is None else limited_threads(self.threads):
            try:
                return self.function(task), None
            except Exception as error:  # noqa: BLE001 (it is handed on to whoever asked)
                return None, _portable(error)


def _portable(error: Exception) -> Exception:
    """Return an error itself where it survives being pickled, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 (anybody's class may raise anything)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
