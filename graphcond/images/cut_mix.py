"""Pasting a box of one image into another, and mixing their labels accordingly (CutMix)."""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch


@dataclass(frozen=True, kw_only=True)
class CutMix:
    r"""CutMix (Yun et al., ICCV 2019): a box of another image of the batch, the same box for all.

    .. math:: x_i \leftarrow (1 - M) \odot x_i + M \odot x_j, \qquad y_i \leftarrow (1 - m)\, y_i + m\, y_j

    with :math:`M` the box and :math:`m` its share of the image. The box has the share :math:`1 - \lambda`,
    :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)`, but for rounding and for what of it lies outside.

    The partner is :math:`j = (i + s) \bmod n`, with a shift :math:`s` between 1 and :math:`n - 1` that a draw fixes as
    a share of :math:`n`: a draw holds for batches of any size. Batches should be shuffled.

    Args:
        num_classes: Number of classes.
        probability: How likely a draw mixes at all; where it does not, labels become one-hot and nothing else changes.
        alpha: :math:`\alpha`; 1: all shares are equally likely.
    """

    num_classes: int
    probability: float = 1.0
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("probability",))
        if self.probability > 1:
            raise ValueError(f"probability must be in [0, 1], got {self.probability!r}")

    def draw(self) -> Change:
        """See :class:`graphcond.core.matching.augment.Augment`."""
        coin, shift, *center = torch.rand(4, dtype=torch.float64).tolist()
        kept = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        side = math.sqrt(1 - kept) if coin < self.probability else 0.0

        def change(batch: Batch) -> Batch:
            n, _, height, width = batch.x.shape
            rows, columns = (_span(size, side, share) for size, share in zip((height, width), center, strict=True))
            steps = 1 + int(shift * (n - 1)) if n > 1 else 0
            box = torch.zeros(height, width, dtype=torch.bool, device=batch.x.device)
            box[rows, columns] = True
            pasted = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
            y = self._soft(batch.y).to(batch.x.dtype)
            # Rolling by -steps puts image i + steps in place i.
            x = torch.where(box, batch.x.roll(-steps, dims=0), batch.x)
            return replace(batch, x=x, y=(1 - pasted) * y + pasted * y.roll(-steps, dims=0))

        return change

    def _soft(self, y: Tensor) -> Tensor:
        return y if y.dim() > 1 else F.one_hot(y, self.num_classes)


def _span(size: int, side: float, center: float) -> slice:
    """Return which rows or columns a box covers, as published: an even number, less what is outside the image."""
    half, middle = int(size * side) // 2, int(center * size)
    return slice(max(middle - half, 0), min(middle + half, size))
