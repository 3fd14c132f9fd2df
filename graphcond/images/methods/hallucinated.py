"""Synthetic images as bases seen through a few small networks."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.synthetic.learned_rows import Labelled, Labels

Pairing = Literal["all", "drawn"]


class HallucinatorNetworks(nn.Module):
    r"""Networks of an encoder, an affine map and a decoder, which all run at once.

    .. math:: H_j(b) = \mathrm{dec}_j(\sigma_j \odot \mathrm{enc}_j(b) + \mu_j)

    Encoder and decoder are convolutions. They start as identities with noise, by which the networks differ.

    Args:
        count: How many.
        shape: Channels, height and width of images.
        kernel: Height and width of the convolutions, odd.
        noise: Deviation of what it adds to independent pixels of deviation 1; drawn from torch's global state.
        like: A tensor of the device and dtype that they shall have.
    """

    def __init__(self, count: int, shape: tuple[int, int, int], kernel: int, noise: float, like: Tensor) -> None:
        super().__init__()
        channels = shape[0]
        if count < 1 or kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"hallucinators must be at least 1 and kernel odd, got {count!r} and {kernel!r}")

        def convolution() -> nn.Parameter:
            weight = nn.init.dirac_(torch.empty(channels, channels, kernel, kernel)).expand(count, -1, -1, -1, -1)
            deviation = noise / weight[0, 0].numel() ** 0.5
            return nn.Parameter((weight + deviation * torch.randn(weight.shape)).to(like))

        self.encoder = convolution()
        self.decoder = convolution()
        self.encoder_bias = nn.Parameter(like.new_zeros(count, channels))
        self.decoder_bias = nn.Parameter(like.new_zeros(count, channels))
        self.scale = nn.Parameter(like.new_ones(count, *shape))
        self.shift = nn.Parameter(like.new_zeros(count, *shape))

    def forward(self, bases: Tensor, picked: slice) -> Tensor:
        """Return each base through each of some networks, ``(bases, networks, channels, height, width)``."""
        encoder, decoder = self.encoder[picked], self.decoder[picked]
        padding = encoder.size(-1) // 2
        hidden = F.conv2d(bases, encoder.flatten(0, 1), self.encoder_bias[picked].flatten(), padding=padding)
        hidden = self.scale[picked].flatten(0, 1) * hidden + self.shift[picked].flatten(0, 1)
        bias = self.decoder_bias[picked].flatten()
        images = F.conv2d(hidden, decoder.flatten(0, 1), bias, padding=padding, groups=len(encoder))
        return images.view(len(bases), len(encoder), *bases.shape[1:])


class HallucinatedImages(Labelled):
    """Each base through each hallucinator (HaBa: Liu et al., NeurIPS 2022).

    Args:
        bases: ``(n, channels, height, width)`` where the bases start; real images.
        labels: One for each base, which all that is made of it share.
        hallucinators: How many; each base stands for ``hallucinators`` images.
        pairing: What a step sees: ``"all"`` images, or those of one hallucinator that is ``"drawn"`` for it.
        kernel: Height and width of the hallucinators' convolutions, odd.
        noise: By how much hallucinators differ from the identity, and from each other, at first.
        step_size: Where the step size of training on the images starts; ``None``: there is none.

    Note:
        Differences from the published code: convolutions are padded, so that images can start at their bases up to the
        border, and start near the identity instead of torch's default. The paper's adversarial contrastive constraint,
        which trains a further network on the images, is left out.
    """

    def __init__(
        self,
        bases: Tensor,
        labels: Labels,
        *,
        hallucinators: int = 5,
        pairing: Pairing = "all",
        kernel: int = 3,
        noise: float = 0.1,
        step_size: float | None = None,
    ) -> None:
        super().__init__(labels, step_size, like=bases)
        if pairing not in ("all", "drawn"):
            raise ValueError(f"pairing must be 'all' or 'drawn', got {pairing!r}")
        channels, height, width = bases.shape[1:]
        self.bases = nn.Parameter(bases.clone())
        self.hallucinators = HallucinatorNetworks(hallucinators, (channels, height, width), kernel, noise, like=bases)
        self.count = hallucinators
        self.pairing = pairing
        self.redraws = pairing == "drawn"

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`; where pairing is ``"drawn"``, each call draws anew."""
        if self.pairing == "all":
            return super().batch()
        first = int(torch.randint(self.count, ()))
        return Batch(*self._decode(slice(first, first + 1)), step_size=self.step_size())

    def decode(self) -> tuple[Tensor, Tensor]:
        """Return all images, those of a base after one another, and their labels."""
        return self._decode(slice(self.count))

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return {"features": [self.bases], "hallucinators": list(self.hallucinators.parameters())}

    def _decode(self, picked: slice) -> tuple[Tensor, Tensor]:
        x: Tensor = self.hallucinators(self.bases, picked)
        return x.flatten(0, 1), self.labels().repeat_interleave(x.size(1), dim=0)
