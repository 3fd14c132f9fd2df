"""Changes that leave a label as it is, drawn once and applied to real and synthetic data alike (DSA)."""

from collections.abc import Callable
from typing import Protocol

from graphcond.core.matching.batch import Batch

Change = Callable[[Batch], Batch]


class Augment(Protocol):
    """A family of changes."""

    def draw(self) -> Change:
        """Draw a change from torch's global state.

        What is returned draws nothing any more: it does the same to every batch, differentiably, so that real and
        synthetic data can be changed alike (Zhao and Bilen, ICML 2021).
        """
        ...
