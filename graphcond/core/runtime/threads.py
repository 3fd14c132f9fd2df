"""How many threads work at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
R = TypeVar("R")


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let torch and the libraries under NumPy use a number of threads within a block.

    Many small operations do as well in one thread where the machine is idle, and far better where it is not: each of
    them would wait for the thread that another process has pushed aside.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


def side_by_side(function: Callable[[Item], R], items: Sequence[Item]) -> list[R]:
    """Return what a function makes of each item, as many at once as torch has threads, each of them in one thread.

    What is random in it needs a generator of its own, or it would depend on which item comes first.
    """
    threads = max(1, min(len(items), torch.get_num_threads()))
    with limited_threads(1), ThreadPoolExecutor(threads, initializer=_keep_to_one_thread) as pool:
        return list(pool.map(function, items))


def _keep_to_one_thread() -> None:
    """Limit the thread itself: OpenMP holds its number of threads per thread, and a new one has all of them."""
    torch.set_num_threads(1)
    threadpool_limits(1)
