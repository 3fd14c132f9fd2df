"""How large a condensed set of graphs shall be."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphcond.core.allocation import Available, allocate
from graphcond.core.size import Size
from graphcond.graphs.task import GraphSet, GraphTask

PER_GRAPH = 3  # bytes of a graph beside its nodes and edges


@dataclass(frozen=True)
class GraphBudget:
    """The size of a condensed set of graphs, as methods take it.

    Args:
        size: What was asked for.
        allocation: Number of synthetic graphs of each class, one by one, as controls need; it goes before ``size``,
            unless there are other classes (strata, which stand for them, are found for each size).
    """

    size: Size
    allocation: tuple[int, ...] | None = None

    @property
    def max_bytes(self) -> int | None:
        """Bytes of everything that training needs (:func:`graphcond.graphs.storage.packing.packed_bytes`)."""
        return int(self.size.value) if self.size.kind == "bytes" else None

    @property
    def is_everything(self) -> bool:
        """Whether no size was asked for."""
        return self.size.kind == "everything"

    def allocate(self, class_counts: Tensor) -> Tensor:
        """Return the number of synthetic graphs of each class, ``(num_classes,)`` int64.

        Classes share them in proportion to their training graphs (largest remainder, at least one each).

        Raises:
            ValueError: fewer graphs than classes, more than there are, or the size is no number of graphs.
        """
        if self.allocation is not None and len(self.allocation) == len(class_counts):
            return torch.tensor(self.allocation)
        if self.max_bytes is not None or self.is_everything:
            which = "choose their size by bytes, such as 'auto' and 'mirage'" if self.max_bytes else "keep everything"
            raise ValueError(f"{self.size.argument} is for methods that {which}; ask for size=35 or size='10/class'")
        if self.size.kind == "per_class":  # methods that make new graphs may make more than there are
            return torch.full((len(class_counts),), int(self.size.value))
        return allocate(self.size, Available("graphs", class_counts, "to train on"))

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


def estimated_bytes(graphs: GraphSet) -> np.ndarray:
    """Return about how many bytes each graph takes in a file, ``(num_graphs,)``."""
    width = 1 if int(graphs.sizes.max()) <= 256 else 2
    edge = width if graphs.edge_attr is None else width + 0.5  # both ways are written once
    total: np.ndarray = PER_GRAPH + graphs.sizes.numpy() + edge * graphs.edge_ptr.diff().numpy()
    return total


def expected_graphs(task: GraphTask, size: Size) -> int:
    """Return about how many graphs a size asks for; 1 where it asks for everything."""
    if size.kind == "everything":
        return 1
    if size.kind == "bytes":
        return int(size.value / estimated_bytes(task.train).mean())
    return size.among(len(task.train))
