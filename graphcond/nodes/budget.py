"""How many synthetic nodes, and how many of them for each class."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import torch
from torch import Tensor

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


def largest_remainder(total: int, weights: Tensor, capacity: Tensor | None = None) -> Tensor:
    """Split ``total`` among classes in proportion to ``weights``, at least one each, the sum exact.

    Largest-remainder allocation: floors first, then one more to the largest remainders (ties to the lower class).
    Classes that proportion would leave with nothing get one, and the rest is shared again.

    Args:
        total: What is to be split, at least the number of classes.
        weights: ``(num_classes,)``, not negative, not all zero.
        capacity: The most that each class can take, ``(num_classes,)``; the overflow is shared among the others.

    Returns:
        ``(num_classes,)`` int64.
    """
    num_classes = len(weights)
    if capacity is not None and int(capacity.sum()) < total:
        raise ValueError(f"{total} nodes were asked for, but only {int(capacity.sum())} are available")
    upper = [total] * num_classes if capacity is None else [int(value) for value in capacity]
    shares = [float(value) for value in weights]
    result = [0] * num_classes
    free = set(range(num_classes))
    left = total
    while free:
        scale = sum(shares[c] for c in free)
        quota = {c: left * shares[c] / scale if scale else left / len(free) for c in free}
        low, high = [c for c in free if quota[c] < 1], [c for c in free if quota[c] > upper[c]]
        if not low and not high:
            _round_quotas(quota, left, result, upper)
            break
        # Floors lower the others' quotas and caps raise them: what outweighs stays fixed whatever comes after.
        raised = sum(1 - quota[c] for c in low) >= sum(quota[c] - upper[c] for c in high)
        fixed = low if raised else high
        for c in fixed:
            result[c] = 1 if raised else upper[c]
            left -= result[c]
        free -= set(fixed)
    return torch.tensor(result)


def _round_quotas(quota: dict[int, float], left: int, result: list[int], upper: list[int]) -> None:
    for c, value in quota.items():
        result[c] = math.floor(value)
    left -= sum(result[c] for c in quota)
    by_remainder = sorted(quota, key=lambda c: (result[c] - quota[c], c))
    for c in by_remainder:
        if left and result[c] < upper[c]:
            result[c] += 1
            left -= 1


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
