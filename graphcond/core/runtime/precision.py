"""Numbers of single precision, whatever the caller's default is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def in_float32() -> Iterator[None]:
    """Run a block in which torch makes float32 numbers, also where ``torch.set_default_dtype`` asked for others.

    Features are float32, and new tensors and networks have to go with them.

    >>> torch.set_default_dtype(torch.float64)
    >>> with in_float32():
    ...     torch.ones(1).dtype
    torch.float32
    >>> torch.get_default_dtype()
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)
