"""How many threads work at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let torch and the libraries under NumPy work in so many threads for the length of a block.

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
