"""The convolutional network of the image-distillation literature."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from graphcond.core.fields import check_flag, require_positive
from graphcond.surrogates.network import Network

PROBES = 2


@runtime_checkable
class Architecture(Protocol):
    """A kind of network for images."""

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """Return a freshly initialised network.

        Args:
            shape: Channels, height and width of an image.
            num_classes: Classes.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ConvNet:
    """Blocks of 3 x 3 convolution, normalisation, ReLU and average pooling, and a linear layer.

    It is that of the whole literature since DC (Zhao et al., ICLR 2021), after Gidaris and Komodakis (CVPR 2018).

    Args:
        width: Channels of each block.
        depth: Blocks.
        normalized: Whether each channel of each image is normalised, with a learned scale and shift; ``"batch"``:
            each channel over all images of a batch (batch normalisation) instead.
    """

    width: int = 128
    depth: int = 3
    normalized: bool | Literal["batch"] = True

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.normalized != "batch":
            if isinstance(self.normalized, str):
                raise TypeError(f"normalized must be True or False, or 'batch', got {self.normalized!r}")
            object.__setattr__(self, "normalized", check_flag("normalized", self.normalized))

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """See :class:`Architecture`."""
        channels, *sides = shape
        cells = 2**self.depth
        if min(sides) < cells:
            raise ValueError(f"depth={self.depth} halves images of shape {shape} too often; use a smaller depth")
        # Framed, so that pooling loses no pixel: the 28 of MNIST become 32, as in the published code.
        frames = tuple(-side % cells + 1 >> 1 for side in sides)
        blocks = [
            _Block(self.width if i else channels, self.width, (1, 1) if i else _one_more(frames), self.normalized)
            for i in range(self.depth)
        ]
        area = math.prod((side + 2 * frame) // cells for side, frame in zip(sides, frames, strict=True))
        return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(self.width * area, num_classes))


def _one_more(frames: tuple[int, ...]) -> tuple[int, int]:
    height, width = frames
    return height + 1, width + 1


class _Block(nn.Sequential):
    def __init__(self, channels: int, width: int, padding: tuple[int, int], normalized: bool | str) -> None:
        norm = nn.BatchNorm2d(width) if normalized == "batch" else nn.GroupNorm(width, width)
        super().__init__(
            nn.Conv2d(channels, width, 3, padding=padding), *([norm] if normalized else []), nn.ReLU(), nn.AvgPool2d(2)
        )


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """A fully connected network with ReLU units.

    Args:
        width: Units of each hidden layer.
        depth: Hidden layers; 0: softmax regression.
    """

    width: int = 128
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("depth",))

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """See :class:`Architecture`."""
        inputs = shape[0] * shape[1] * shape[2]
        hidden: list[nn.Module] = []
        for i in range(self.depth):
            hidden += [nn.Linear(self.width if i else inputs, self.width), nn.ReLU()]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(self.width if self.depth else inputs, num_classes))


def network(
    architecture: Architecture, shape: tuple[int, int, int], num_classes: int, like: Tensor, *, all_layers: bool = False
) -> Network:
    """Return an architecture as a surrogate; what it makes of images is tried out first.

    Args:
        architecture: The kind of network, or any function that makes a module.
        shape: Channels, height and width of an image.
        num_classes: Classes.
        like: Weights are on its device.
        all_layers: Whether the outputs of all but the last of its direct parts count as embeddings, or only what goes
            into its last linear layer.

    Raises:
        TypeError: it makes something else than a module.
        ValueError: a module that does not turn such images into one number for each class.
    """
    module = architecture(shape, num_classes)
    if not isinstance(module, nn.Module):
        raise TypeError(f"architecture must make a torch.nn.Module, got {type(module).__name__} from {architecture!r}")
    with torch.no_grad():
        try:
            logits = module.eval()(torch.zeros(PROBES, *shape))
        except RuntimeError as error:
            raise ValueError(f"architecture {architecture!r} cannot take images of shape {shape}: {error}") from error
    if tuple(logits.shape) != (PROBES, num_classes):
        raise ValueError(
            f"architecture {architecture!r} gives outputs of shape {tuple(logits.shape)} for {PROBES} images, expected "
            f"({PROBES}, {num_classes}): one for each class"
        )
    taps = [name for name, part in module.named_children() if isinstance(part, _Block)] if all_layers else []
    return Network(lambda: architecture(shape, num_classes), num_classes, like, taps)
