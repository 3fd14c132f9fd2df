"""From a size that is asked for to the number of synthetic items of each class."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.size import Size
from graphcond.core.targets import SingleLabel, Targets


@dataclass(frozen=True)
class Available:
    """What there is to condense.

    Args:
        items: What is counted: ``"nodes"``, ``"graphs"`` or ``"images"``.
        class_counts: Training items of each class, ``(num_classes,)`` int64.
        where: Which of them a size may not exceed, such as ``"of the graph"``.
        total: How many these are; ``None``: all training items.
        real: Whether no class may get more items than it has for training.
    """

    items: str
    class_counts: Tensor
    where: str
    total: int | None = None
    real: bool = False


def allocate(size: Size, available: Available) -> Tensor:
    """Return the number of synthetic items of each class, each at least one.

    Classes share a total in proportion to their training items (largest remainder).

    Args:
        size: A count, a ratio, or a number for each class.
        available: What there is.

    Returns:
        ``(num_classes,)`` int64.

    Raises:
        ValueError: fewer items than classes, or more than there are.
    """
    counts, classes, items = available.class_counts, len(available.class_counts), available.items
    training = int(counts.sum())
    most = training if available.total is None else available.total
    each = int(size.value) if size.kind == "per_class" else None
    if each is not None and available.real:
        _check_each(each, size, available)
    total = size.among(training if size.of == "train" else most) if each is None else each * classes
    if total < classes:
        raise ValueError(
            f"{size.argument} gives {total} {items}, fewer than the {classes} classes; ask for at least one per class: "
            f"size={classes}"
        )
    if total > most:
        raise ValueError(f"{size.argument} asks for {total} {items}, more than the {most} {available.where}; ask less")
    if each is not None:
        return torch.full((classes,), each)
    return largest_remainder(total, counts, counts if available.real else None)


def require_total(size: Size, targets: Targets, items: str) -> None:
    """Raise if so many items of each class are asked for, and items have no classes.

    Raises:
        ValueError: it is so.
    """
    if size.kind == "per_class" and not isinstance(targets, SingleLabel):
        raise ValueError(f"{size.argument} is for classes, but {items} have {targets.nouns}; ask for a total, size=100")


def _check_each(each: int, size: Size, available: Available) -> None:
    label = int(available.class_counts.argmin())
    smallest = int(available.class_counts[label])
    if each > smallest:
        raise ValueError(
            f"{size.argument} asks for more than the {smallest} training {available.items} of class {label}; ask for "
            f"at most '{smallest}/class', or for a total, such as size={smallest * len(available.class_counts)}"
        )


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
        raise ValueError(f"{total} items were asked for, but only {int(capacity.sum())} are available")
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
