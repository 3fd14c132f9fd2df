"""Synthetic images as small codes, each through several tiny decoders."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.images.formation import expand
from graphcond.synthetic.learned_rows import Labelled, Labels

KERNEL = 4
STRIDE = 2
GROWTH = STRIDE**2  # by which two layers enlarge a code, in height and width


class Decoders(nn.Module):
    r"""Networks of two transposed convolutions, which all run at once.

    .. math:: D_j(z) = V_j * \max(0, U_j * z + a_j) + b_j

    Each enlarges a code twice by two and cuts the middle out, of the size of an image. Weights start as torch's do.

    Args:
        count: How many.
        channels: Of codes.
        width: Channels between the two layers.
        shape: Channels, height and width of images.
        like: A tensor of the device and dtype that they shall have.
    """

    def __init__(self, count: int, channels: int, width: int, shape: tuple[int, int, int], like: Tensor) -> None:
        super().__init__()

        def uniform(inputs: int, *size: int) -> nn.Parameter:
            # Each pixel hears (KERNEL / STRIDE)**2 places of each channel below.
            bound = (inputs * (KERNEL / STRIDE) ** 2) ** -0.5
            return nn.Parameter(torch.empty(size).uniform_(-bound, bound).to(like))

        self.shape = shape
        self.count = count
        self.first = uniform(channels, channels, count * width, KERNEL, KERNEL)
        self.first_bias = nn.Parameter(like.new_zeros(count * width))
        self.last = uniform(width, count * width, shape[0], KERNEL, KERNEL)
        self.last_bias = nn.Parameter(like.new_zeros(count * shape[0]))

    @staticmethod
    def numbers(channels: int, width: int, shape: tuple[int, int, int]) -> int:
        """Return how many numbers one decoder has."""
        return width * (channels * KERNEL**2 + 1) + shape[0] * (width * KERNEL**2 + 1)

    def forward(self, codes: Tensor) -> Tensor:
        """Return each code through each decoder, ``(codes, decoders, channels, height, width)``."""
        hidden = F.conv_transpose2d(codes, self.first, self.first_bias, stride=STRIDE, padding=1).relu()
        x = F.conv_transpose2d(hidden, self.last, self.last_bias, stride=STRIDE, padding=1, groups=self.count)
        channels, height, width = self.shape
        top, left = (x.size(2) - height) // 2, (x.size(3) - width) // 2
        return x[:, :, top : top + height, left : left + width].reshape(len(codes), self.count, channels, height, width)


class CodedImages(Labelled):
    """Each code through each decoder (KFS: Lee et al., 2022), and each tile of what comes out enlarged.

    Args:
        codes: ``(n, channels, height, width)`` where the codes start, in the order of their classes.
        decoders: The decoders.
        labels: One for each code, which all that is made of it share.
        factor: What comes out is cut into ``factor**2`` tiles, see :func:`graphcond.images.formation.expand`.
        groups: The codes that a step sees, one of which is drawn for it; ``None``: all.
        step_size: Where the step size of training on the images starts; ``None``: there is none.
    """

    def __init__(
        self,
        codes: Tensor,
        decoders: Decoders,
        labels: Labels,
        *,
        factor: int = 1,
        groups: list[Tensor] | None = None,
        step_size: float | None = None,
    ) -> None:
        super().__init__(labels, step_size, like=codes)
        self.codes = nn.Parameter(codes.clone())
        self.decoders = decoders
        self.factor = factor
        self.groups = [torch.arange(len(codes))] if groups is None else groups
        self.redraws = len(self.groups) > 1

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`; of several groups, each call draws one."""
        if not self.redraws:
            return super().batch()
        group = self.groups[int(torch.randint(len(self.groups), ()))].to(self.codes.device)
        return Batch(*self._decoded(group), step_size=self.step_size())

    def decode(self) -> tuple[Tensor, Tensor]:
        """Return all images, those of a code after one another, and their labels."""
        return self._decoded(slice(None))

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return {"features": [self.codes], "decoders": list(self.decoders.parameters())}

    def _decoded(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        x = expand(self.decoders(self.codes[rows]).flatten(0, 1), self.factor)
        return x, self.labels()[rows].repeat_interleave(self.decoders.count * self.factor**2, dim=0)
