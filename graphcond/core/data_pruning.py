"""Which items a teacher finds easy or hard, and which of them are kept."""

from typing import Literal

import torch
from torch import Tensor

Keep = Literal["easy", "middle", "hard"]
KEEPS: tuple[Keep, ...] = ("easy", "middle", "hard")


def el2n(probabilities: Tensor, y: Tensor) -> Tensor:
    r"""Return the length of the error :math:`\|p - e_y\|_2` (EL2N: Paul et al., NeurIPS 2021), ``(n,)``.

    >>> el2n(torch.tensor([[0.8, 0.2], [0.0, 1.0]]), torch.tensor([0, 1])).square()
    tensor([0.0800, 0.0000])
    """
    errors = probabilities.clone()
    errors[torch.arange(len(y), device=y.device), y] -= 1
    lengths: Tensor = torch.linalg.vector_norm(errors, dim=1)
    return lengths


def margin(probabilities: Tensor, y: Tensor) -> Tensor:
    """Return by how much the likeliest other class exceeds an item's own, ``(n,)``: the more the harder.

    >>> margin(torch.tensor([[0.75, 0.25], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([-0.5000,  1.0000])
    """
    rows = torch.arange(len(y), device=y.device)
    others = probabilities.clone()
    others[rows, y] = -1
    return others.max(dim=1).values - probabilities[rows, y]


class ForgettingEvents:
    """Counts how often items that were classified rightly no longer are (Toneva et al., ICLR 2019).

    Args:
        count: Number of items.
        device: Where they are counted.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        self._right = torch.zeros(count, dtype=torch.bool, device=device)
        self._ever = torch.zeros(count, dtype=torch.bool, device=device)
        self._events = torch.zeros(count, dtype=torch.int64, device=device)
        self._seen = 0

    def see(self, right: Tensor) -> None:
        """Take in which items are classified rightly now, ``(count,)`` bool."""
        self._events += self._right & ~right
        self._ever |= right
        self._right = right
        self._seen += 1

    def scores(self) -> Tensor:
        """Return the number of events of each item, ``(count,)`` float32; of what was never right, more than any."""
        return torch.where(self._ever, self._events, self._seen).float()


def kept(scores: Tensor, count: int, keep: Keep) -> Tensor:
    """Return ``count`` positions by scores that grow with difficulty: the lowest, the highest, or around the median.

    The first ones are what fewer would be.

    >>> kept(torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0]), 2, "middle")
    tensor([0, 2])
    """
    order = scores.argsort(stable=True, descending=keep == "hard")
    if keep == "middle":
        ranks = torch.arange(len(order), device=order.device)
        order = order[(2 * ranks - (len(order) - 1)).abs().argsort(stable=True)]
    return order[:count]
