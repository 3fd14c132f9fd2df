"""Processes of this machine that end with the one that started them."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class LocalWorkers:
    """Runs a function in processes of this machine (:class:`graphcond.core.runtime.parallel.WorkerPool`)."""

    pool: ProcessPoolExecutor
    function: Callable[[Any], Any]

    def submit(self, argument: object) -> Future[Any]:
        """Start a call, and return a handle of it."""
        return self.pool.submit(self.function, argument)

    def ended(self, handles: Iterable[Future[Any]]) -> list[Future[Any]]:
        """Wait for a call to end, and return the handles of those that have."""
        return list(wait(handles, return_when=FIRST_COMPLETED).done)

    def result(self, handle: Future[Any]) -> tuple[Any, Exception | None]:
        """Return what an ended call returned."""
        error = handle.exception()
        if isinstance(error, BrokenProcessPool):
            raise ChildProcessError(
                "a worker process died, as when the machine runs out of memory; try again with fewer workers"
            ) from error
        if isinstance(error, Exception):  # the result could not be sent back
            return None, error
        value: tuple[Any, Exception | None] = handle.result()
        return value


@contextmanager
def local_workers(function: Callable[[Any], Any], workers: int) -> Iterator[LocalWorkers]:
    """Yield processes; they end with the block, at once if it is left by an error, and with this process."""
    context = get_context("spawn")
    # Nothing is ever written: the reading end becomes ready when the writing one is closed, by us or by our death.
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(reader,))
    try:
        yield LocalWorkers(pool, function)
    except BaseException:
        writer.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        writer.close()
        reader.close()


def _begin(lifeline: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one decides
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    with suppress(OSError):
        lifeline.poll(None)
    os._exit(1)
