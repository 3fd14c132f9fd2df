r"""Distances between gradients, class by class.

Each takes two lists of gradients, one ``(num_classes, *weight)`` tensor per weight, and returns ``(num_classes,)``.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

Distance = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
DistanceName = Literal["columns", "squared", "normalized"]
EPSILON = 1e-6


def columns(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    r"""Return the column-wise cosine distance (Zhao et al., ICLR 2021), summed over outputs and weights.

    .. math:: \sum_{l} \sum_{i} \Big(1 - \frac{\langle G_{i}, H_{i} \rangle}{\|G_{i}\| \|H_{i}\| + 10^{-6}}\Big)

    with :math:`G_i` the gradient of the weights into output :math:`i`. Biases do not count, as in the published code.
    """
    total = real[0].new_zeros(len(real[0]))
    for g, h in zip(real, synthetic, strict=True):
        if g.dim() > 2:
            g, h = g.flatten(2), h.flatten(2)
            cosines = (g * h).sum(dim=2) / (g.norm(dim=2) * h.norm(dim=2) + EPSILON)
            total = total + (1 - cosines).sum(dim=1)
    return total


def squared(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    """Return the squared difference, summed over all entries, biases included.

    The published codes call it ``mse``; a mean over all entries would vanish beside Adam's epsilon.
    """
    return _flat(real, synthetic).square().sum(dim=1)


def normalized(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    """Return the squared difference over all entries, relative to the real gradients' squared norm."""
    scale = sum(g.flatten(1).square().sum(dim=1) for g in real)
    return _flat(real, synthetic).square().sum(dim=1) / (scale + EPSILON)


def _flat(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    return torch.cat([(g - h).flatten(1) for g, h in zip(real, synthetic, strict=True)], dim=1)


DISTANCES: dict[DistanceName, Distance] = {"columns": columns, "squared": squared, "normalized": normalized}
