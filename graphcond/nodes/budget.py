"""How many synthetic nodes, and how many of them for each class."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.sizes import check_sizes, check_total, plain_size, portion

RatioOf = Literal["nodes", "train"]


@dataclass(frozen=True)
class Budget:
    """The size of the condensed graph, asked in exactly one way.

    The literature uses two ratios that differ by 20 times on Cora: nodes out / all nodes (the papers' tables) and nodes
    out / training nodes (their code). ``ratio`` is the first; ``ratio_of="train"`` makes it the second.

    Args:
        ratio: Synthetic nodes as a fraction of the nodes of the condensed graph, in (0, 1].
        num_nodes: Number of synthetic nodes.
        nodes_per_class: Number of synthetic nodes of each class.
        ratio_of: What ``ratio`` is a fraction of: ``"nodes"`` or ``"train"`` (training nodes).
    """

    ratio: float | None = None
    num_nodes: int | None = None
    nodes_per_class: int | None = None
    ratio_of: RatioOf = "nodes"

    def __post_init__(self) -> None:
        """Check that one size is asked for, and that it makes sense by itself."""
        check_sizes(self._sizes(), "nodes")
        if self.ratio_of not in ("nodes", "train"):
            raise ValueError(f"ratio_of must be 'nodes' or 'train', got {self.ratio_of!r}")

    def asked(self) -> dict[str, float]:
        """Return the size that was asked for, under the argument's name."""
        return plain_size(self._sizes())

    def allocate(self, num_nodes: int, class_counts: Tensor) -> Tensor:
        """Return the number of synthetic nodes of each class, ``(num_classes,)`` int64, each at least one.

        Args:
            num_nodes: Nodes of the graph that is condensed.
            class_counts: Training nodes of each class, ``(num_classes,)``, all positive.

        Raises:
            ValueError: the budget is smaller than the number of classes or larger than the graph.
        """
        num_classes = len(class_counts)
        if self.nodes_per_class is not None:
            total = self.nodes_per_class * num_classes
        elif self.num_nodes is not None:
            total = self.num_nodes
        else:
            whole = num_nodes if self.ratio_of == "nodes" else int(class_counts.sum())
            total = portion(self.ratio, whole)  # type: ignore[arg-type]
        check_total(
            total, self.asked(), classes=num_classes, available=num_nodes, things="nodes", where="of the graph"
        )  # fmt: skip
        if self.nodes_per_class is not None:
            return torch.full((num_classes,), self.nodes_per_class)
        return largest_remainder(total, class_counts)

    def _sizes(self) -> dict[str, float | None]:
        return {"ratio": self.ratio, "num_nodes": self.num_nodes, "nodes_per_class": self.nodes_per_class}
