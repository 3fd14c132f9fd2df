r"""An invertible network of additive coupling layers (NICE: Dinh et al., ICLR 2015 workshop)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky rectifier


class AdditiveFlow(nn.Module):
    r"""Layers that each add to one half of the features what a network makes of the other half.

    .. math:: z_{\text{even}} = x_{\text{even}} + m(x_{\text{odd}}), \qquad z_{\text{odd}} = x_{\text{odd}}

    and with even and odd features exchanged in the next layer. What comes out has the even features first.

    Args:
        features: Features of a row.
        hidden: Hidden units of each layer's network :math:`m`.
        layers: Layers.
    """

    def __init__(self, features: int, hidden: int, layers: int) -> None:
        super().__init__()
        self._features = features
        self._width = max(features, 2)  # of a single feature, the other half is zeros
        sizes = ((self._width + 1) // 2, self._width // 2)
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Linear(sizes[1 - i % 2], hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, sizes[i % 2]))
            for i in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the images of rows, ``(n, max(features, 2))``."""
        x = F.pad(x, (0, self._width - self._features))
        halves = [x[:, ::2], x[:, 1::2]]
        for i, net in enumerate(self.nets):
            halves[i % 2] = halves[i % 2] + net(halves[1 - i % 2])
        return torch.cat(halves, dim=1)

    def inverse(self, z: Tensor) -> Tensor:
        """Return the rows that have these images, ``(n, features)``."""
        halves = list(torch.tensor_split(z, [(self._width + 1) // 2], dim=1))
        for i, net in reversed(list(enumerate(self.nets))):
            halves[i % 2] = halves[i % 2] - net(halves[1 - i % 2])
        x = torch.empty_like(z)
        x[:, ::2], x[:, 1::2] = halves
        return x[:, : self._features]
