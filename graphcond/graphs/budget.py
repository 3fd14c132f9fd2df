"""How large a condensed set of graphs shall be."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.fields import is_number, positive_integer

SIZES = ("ratio", "num_graphs", "graphs_per_class", "max_bytes")


@dataclass(frozen=True)
class GraphBudget:
    """The size of the condensed set, asked in exactly one way.

    Args:
        ratio: Synthetic graphs as a fraction of the training graphs, in (0, 1].
        num_graphs: Number of synthetic graphs.
        graphs_per_class: Number of synthetic graphs of each class.
        max_bytes: Bytes of everything that training needs (:func:`graphcond.graphs.storage.packing.packed_bytes`).
        allocation: Number of synthetic graphs of each class, one by one, as controls need.
    """

    ratio: float | None = None
    num_graphs: int | None = None
    graphs_per_class: int | None = None
    max_bytes: int | None = None
    allocation: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check that one size is asked for, and that it makes sense by itself."""
        asked = [*self.asked(), *(["allocation"] if self.allocation is not None else [])]
        if len(asked) != 1:
            what = " and ".join(asked) or "none"
            raise ValueError(f"give exactly one of {', '.join(f'{name}=' for name in SIZES)}, got {what}")
        if self.ratio is not None and not (is_number(self.ratio) and 0 < self.ratio <= 1):
            raise ValueError(f"ratio must be in (0, 1], got {self.ratio!r}; for a number of graphs use num_graphs=")
        for name in SIZES[1:]:
            if (value := getattr(self, name)) is not None:
                positive_integer(name, value)

    def asked(self) -> dict[str, float | int]:
        """Return the argument that was given."""
        return {name: getattr(self, name) for name in SIZES if getattr(self, name) is not None}

    def allocate(self, class_counts: Tensor) -> Tensor:
        """Return the number of synthetic graphs of each class, ``(num_classes,)`` int64.

        Classes share them in proportion to their training graphs (largest remainder, at least one each).

        Raises:
            ValueError: fewer graphs than classes, more than there are, or the size was asked in bytes.
        """
        if self.allocation is not None:
            return torch.tensor(self.allocation)
        classes, available = len(class_counts), int(class_counts.sum())
        (name, value), *_ = self.asked().items()
        if name == "max_bytes":
            raise ValueError("max_bytes is for methods that choose their size by bytes, such as 'auto' and 'mirage'; "
                             "ask for num_graphs= or graphs_per_class=")  # fmt: skip
        if name == "graphs_per_class":
            return torch.full((classes,), int(value))
        total = int(value) if name == "num_graphs" else math.floor(value * available + 0.5)
        if total < classes:
            raise ValueError(
                f"{name}={value} gives {total} graphs, fewer than the {classes} classes; ask for at least one per "
                f"class: num_graphs={classes}"
            )
        if total > available:
            raise ValueError(f"{name}={value} asks for {total} graphs, more than the {available} to train on; ask less")
        return largest_remainder(total, class_counts)

    def allocate_within(self, class_counts: Tensor, purpose: str) -> list[int]:
        """Return the number of synthetic graphs of each class, which may not be more than its training graphs.

        Args:
            class_counts: ``(num_classes,)`` training graphs of each class.
            purpose: What they are there for, such as ``"to choose from"``.

        Raises:
            ValueError: as :meth:`allocate`, or a class has fewer graphs than are asked for.
        """
        allocation = self.allocate(class_counts)
        short = (allocation > class_counts).nonzero().flatten()
        if len(short):
            label = int(short[0])
            raise ValueError(
                f"{int(allocation[label])} graphs of class {label} were asked for, but it has only "
                f"{int(class_counts[label])} {purpose}; ask for fewer"
            )
        counts: list[int] = allocation.tolist()
        return counts
