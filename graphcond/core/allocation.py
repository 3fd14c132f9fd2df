"""Splitting a total among classes."""

import math

import torch
from torch import Tensor


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
