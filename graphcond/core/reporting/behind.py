"""What stands behind synthetic items, in words: how many original ones, of which classes, and their numbers."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.reporting.colours import Colouring

MOST_NUMBERS = 6  # of original items that are named


def behind(members: Members | None, count: int, y: Tensor, colouring: Colouring, item: str) -> dict[str, Sequence[Any]]:
    """Return what hovering over each synthetic item says of its members; nothing where nobody knows them.

    Args:
        members: The original items behind each.
        count: How many synthetic items there are; of a selection, whose members are not told apart, nothing is said.
        y: Targets of the original items.
        colouring: Says targets in words.
        item: What an original item is called, such as ``"training graph"``.
    """
    if members is None or len(members) != count:
        return {}
    return {
        "stands for": [f"{len(group):,} {item}{'s' * (len(group) != 1)}" for group in members],
        "of these": [colouring.summary(y[group]) if len(group) else "" for group in members],
        "numbers": [numbered(group) for group in members],
    }


def numbered(group: Tensor) -> str:
    """Return the first numbers of a group.

    >>> import torch
    >>> numbered(torch.arange(8))
    '0, 1, 2, 3, 4, 5, …'
    """
    shown = ", ".join(map(str, group[:MOST_NUMBERS].tolist()))
    return f"{shown}, …" if len(group) > MOST_NUMBERS else shown
