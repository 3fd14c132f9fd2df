"""Gradients, whatever the caller switched off."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def with_gradients() -> Iterator[None]:
    """Run a block in which torch makes gradients, also where it is called under ``no_grad`` or ``inference_mode``.

    >>> with torch.no_grad(), with_gradients():
    ...     torch.is_grad_enabled()
    True
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield
