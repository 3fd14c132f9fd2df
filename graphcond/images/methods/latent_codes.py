"""Latent codes and shared decoders, as a value that every image method takes."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.images.formation import pack
from graphcond.images.methods.coded import GROWTH, CodedImages, Decoders
from graphcond.images.methods.groups import grouped
from graphcond.images.methods.parameterizations import LabelsOf, Parameterization, Start, initial_images
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import Labelled

DECODERS_SHARE = 4  # one part in so many of the bytes goes to the decoders at most, unless they cannot be narrower
WIDEST = 16


class CodeLayout(NamedTuple):
    """How a budget is divided.

    Args:
        codes: ``(num_classes,)`` codes of each class.
        size: Channels, height and width of a code.
        width: Channels between the two layers of a decoder.
    """

    codes: Tensor
    size: tuple[int, int, int]
    width: int


@dataclass(frozen=True, kw_only=True)
class LatentCodes(Parameterization):
    """Small codes, each through several tiny decoders that all classes share (KFS: Lee, Lee and Hwang, 2022).

    Codes and decoders together take at most the bytes of the images asked for, as float32; learned labels come on top.
    There are as many codes of each class as fit, and each stands for ``decoders * factor**2`` images.

    Args:
        channels: Of a code; its height and width are a quarter of the images', rounded up.
        decoders: How many.
        width: Channels between the two layers of a decoder; ``None``: as many as a quarter of the bytes hold, at most
            16, at least one.
        factor: Tiles along each side of what decoders give, which are enlarged. On held-out training images of
            MNIST, 2 was worth more with one image a class, 1 with ten.
        fit_steps: Steps in which codes and decoders are fitted to real images before the first step of matching.
        fit_rate: Learning rate (Adam) of these.
        images_at_once: Images of a class that a step of matching sees, about; codes are put into groups for it once,
            and a step draws a group.

    Note:
        The paper's code is not public, and we read its abstract only: sizes of codes (8 by 8 for images of 32 by 32)
        and decoders of one or two transposed convolutions are recalled from accounts of it. That codes and decoders
        start fitted to real images, whose every code stands for the same images through all decoders, is ours.
    """

    channels: int = 4
    decoders: int = 4
    width: int | None = None
    factor: int = 1
    fit_steps: int = 300
    fit_rate: float = 0.01
    images_at_once: int | None = 64
    formation = 1
    decoded = True

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def delivered(self, task: ImageTask, allocation: Tensor) -> Tensor:
        """See :class:`graphcond.images.methods.parameterizations.Parameterization`."""
        return self.layout(task, allocation).codes * self.decoders * self.factor**2

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`graphcond.images.methods.parameterizations.Parameterization`."""
        codes, size, width = self.layout(task, allocation)
        tiles, y = initial_images(task, codes * self.factor**2, start)
        x, y = pack(tiles, self.factor), y[:: self.factor**2]
        decoders = Decoders(self.decoders, self.channels, width, task.shape, like=x)
        per_code = self.decoders * self.factor**2
        most = None if self.images_at_once is None else max(self.images_at_once // per_code, 1)
        images = CodedImages(
            torch.randn(len(x), *size).to(x),
            decoders,
            labels(x, y),
            factor=self.factor,
            groups=grouped(codes, most),
            step_size=step_size,
        )
        self._fit(images, x)
        return images

    def layout(self, task: ImageTask, allocation: Tensor) -> CodeLayout:
        """Return how many codes there are of each class, and how wide decoders are.

        Raises:
            ValueError: the budget does not hold the decoders and a code for each class.
        """
        pixels = math.prod(task.shape)
        _, height, width = task.shape
        size = (self.channels, -(-height // GROWTH), -(-width // GROWTH))
        budget, code, classes = int(allocation.sum()) * pixels, math.prod(size), len(allocation)
        hidden = self.width or self._widest(task, budget // DECODERS_SHARE)
        shared = self.decoders * Decoders.numbers(self.channels, hidden, task.shape)
        if (least := shared + classes * code) > budget:
            raise ValueError(
                f"{self.decoders} decoders and a code for each class take {4 * least:,} bytes, more than the "
                f"{4 * budget:,} of the images asked for; ask for at least {-(-least // (classes * pixels))}/class, or "
                "for fewer decoders or channels"
            )
        codes = ((budget - shared) * allocation.cpu() // (budget // pixels * code)).clamp(min=1)
        while int(codes.sum()) * code + shared > budget:  # classes that had none took more than their share
            codes[codes.argmax()] -= 1
        return CodeLayout(codes, size, hidden)

    def _widest(self, task: ImageTask, numbers: int) -> int:
        def fits(width: int) -> bool:
            return self.decoders * Decoders.numbers(self.channels, width, task.shape) <= numbers

        return max((width for width in range(1, WIDEST + 1) if fits(width)), default=1)

    def _fit(self, images: CodedImages, x: Tensor) -> None:
        """Fit codes and decoders to real images, each of which all decoders shall give."""
        optimizer = torch.optim.Adam([images.codes, *images.decoders.parameters()], lr=self.fit_rate)
        for _ in range(self.fit_steps):
            optimizer.zero_grad()
            loss = (images.decoders(images.codes) - x.unsqueeze(1)).square().mean()
            loss.backward()
            optimizer.step()
        optimizer.zero_grad()
