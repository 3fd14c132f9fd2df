"""How many synthetic nodes, and how many of them for each class."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder

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
        asked = [name for name in ("ratio", "num_nodes", "nodes_per_class") if getattr(self, name) is not None]
        if len(asked) != 1:
            what = " and ".join(asked) or "none"
            raise ValueError(f"give exactly one of ratio=, num_nodes= and nodes_per_class=, got {what}")
        if self.ratio_of not in ("nodes", "train"):
            raise ValueError(f"ratio_of must be 'nodes' or 'train', got {self.ratio_of!r}")
        if self.ratio is not None and not (_is_number(self.ratio) and 0 < self.ratio <= 1):
            raise ValueError(f"ratio must be in (0, 1], got {self.ratio!r}; for a node count use num_nodes=")
        for name in ("num_nodes", "nodes_per_class"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 1):
                raise ValueError(f"{name} must be a positive integer, got {value!r}")

    def asked(self) -> dict[str, float]:
        """Return the size that was asked for, under the argument's name."""
        values = {"ratio": self.ratio, "num_nodes": self.num_nodes, "nodes_per_class": self.nodes_per_class}
        kinds = {"ratio": float, "num_nodes": int, "nodes_per_class": int}
        # NumPy's numbers are welcome, and recorded as plain ones.
        return {name: kinds[name](value) for name, value in values.items() if value is not None}

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
            total = math.floor(self.ratio * whole + 0.5)  # type: ignore[operator]
        (name, value), *_ = self.asked().items()
        if total < num_classes:
            raise ValueError(
                f"{name}={value} gives {total} nodes, fewer than the {num_classes} classes; ask for at least one per "
                f"class: num_nodes={num_classes}"
            )
        if total > num_nodes:
            raise ValueError(f"{name}={value} asks for {total} nodes, more than the {num_nodes} of the graph; ask less")
        if self.nodes_per_class is not None:
            return torch.full((num_classes,), self.nodes_per_class)
        return largest_remainder(total, class_counts)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
