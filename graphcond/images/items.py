"""Map-style datasets of pairs, image by image: tensors, NumPy arrays and PIL images."""

from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from graphcond.core.runtime.randomness import seeded
from graphcond.images.checks import CHANNELS
from graphcond.images.dataset import Items

MODES = {
    "L": "L", "RGB": "RGB", "RGBA": "RGBA",
    "1": "L", "P": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB",
    "LA": "RGBA", "PA": "RGBA", "RGBa": "RGBA",
}  # fmt: skip
"""In which mode PIL images are read: bytes of grey, colour, or colour with transparency."""
NUMBERS = ("I", "F")  # and I;16 of any byte order: one number for each pixel, which PIL would clip to a byte


@runtime_checkable
class Picture(Protocol):
    """An image of PIL, which need not be installed."""

    @property
    def mode(self) -> str:
        """What its values stand for."""

    def convert(self, mode: str) -> Any:  # noqa: ANN401 (another picture)
        """Return it in another mode."""


def stored(items: Items) -> tuple[Tensor, Tensor] | None:
    """Return images and labels of a ``TensorDataset`` or a subset of one, ``None`` if items have to be made."""
    # A derived class may make its items of something else.
    if type(items) is TensorDataset:
        return items.tensors if len(items.tensors) == 2 else None
    if type(items) is Subset and (whole := stored(cast(Items, items.dataset))) is not None:
        rows = torch.as_tensor(list(items.indices), dtype=torch.int64)
        return whole[0][rows.to(whole[0].device)], whole[1][rows.to(whole[1].device)]
    return None


def read_items(items: Items, part: str) -> tuple[Tensor, Tensor]:
    """Read all pairs of a map-style dataset.

    Random changes that it makes are drawn once, under a fixed seed; the caller's random state is left alone.

    Returns:
        Images ``(n, channels, height, width)`` and labels ``(n,)``, of the types that the items have.

    Raises:
        TypeError: an item is no pair of an image and a number, or images are of different types.
        ValueError: images are of different sizes, or PIL images of an unknown mode.
    """
    if (whole := stored(items)) is not None:
        return whole
    labels = []
    with seeded(0):
        first, _ = _pair(items[0], f"{part}[0]")
        x = first.new_empty(len(items), *first.shape)
        for i in range(len(items)):
            image, label = _pair(items[i], f"{part}[{i}]")
            _check_like(image, first, i, part)
            x[i] = image
            labels.append(label)
    return x, torch.from_numpy(np.asarray(labels))


def is_image(value: object) -> bool:
    """Return whether a value looks like one image."""
    return isinstance(value, Picture) or (isinstance(value, Tensor | np.ndarray) and value.ndim in (2, 3))


def _pair(item: object, where: str) -> tuple[Tensor, int | float]:
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise TypeError(f"{where} must be a pair (image, label), got {type(item).__name__}; wrap the dataset in one "
                        "that gives pairs")  # fmt: skip
    return as_image(item[0], where), _label(item[1], where)


def _label(value: object, where: str) -> int | float:
    label = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if label.size != 1 or label.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise TypeError(f"the label of {where} must be the number of its class, got {kind}; number them from 0")
    number: int | float = label.item()
    return number


def _check_like(image: Tensor, first: Tensor, i: int, part: str) -> None:
    if image.dim() == first.dim() == 3 and image.shape[1:] == first.shape[1:] and image.size(0) != first.size(0):
        raise ValueError(
            f"the image of {part}[{i}] has {image.size(0)} channels, that of {part}[0] {first.size(0)}; all images "
            "need as many: convert them alike, such as image.convert('RGB') of PIL images"
        )
    if image.shape != first.shape:
        raise ValueError(
            f"the image of {part}[{i}] has the shape {tuple(image.shape)}, that of {part}[0] {tuple(first.shape)}; all "
            "images need one size: resize or crop them"
        )
    if image.dtype != first.dtype:
        raise TypeError(f"the image of {part}[{i}] is {image.dtype}, that of {part}[0] {first.dtype}; use one type")


def as_image(value: object, where: str) -> Tensor:
    """Return an image as ``(channels, height, width)``, its values as they are.

    PIL images have their channels last, and so have NumPy arrays whose last axis could be channels and whose first
    could not. An array without channels is left so: who made it knows better whether it is an image. PIL images of 16
    or 32 bits keep their numbers; palettes, CMYK and the like become colours.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Picture):
        array = _picture(value, where)
        return torch.from_numpy(array.reshape(*array.shape[:2], -1)).permute(2, 0, 1)
    if isinstance(value, np.ndarray):
        image = as_tensor(value, where)
        last = value.ndim == 3 and value.shape[-1] in CHANNELS and value.shape[0] not in CHANNELS
        return image.permute(2, 0, 1) if last else image
    raise TypeError(f"the image of {where} must be a tensor, a NumPy array or a PIL image, got {type(value).__name__}")


def _picture(value: Picture, where: str) -> np.ndarray:
    """Return the pixels of a PIL image, ``(height, width)`` or ``(height, width, channels)``."""
    mode = value.mode
    if mode in NUMBERS or mode.startswith("I;16"):
        array = np.array(value)
        return array.astype(array.dtype.newbyteorder("="))
    if mode not in MODES:
        raise ValueError(
            f"{where} is a PIL image of the unknown mode {mode!r}; pass np.asarray(image), whose numbers are kept, or "
            "image.convert of it to 'L' or 'RGB'"
        )
    return np.array(value if MODES[mode] == mode else value.convert(MODES[mode]))


def as_tensor(array: np.ndarray, what: str) -> Tensor:
    """Return a NumPy array as a tensor; it shares memory where torch can."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} must hold numbers, got {array.dtype}; pass an array of bytes or floats")
    # torch refuses negative strides and others' byte order, and warns of arrays that cannot be written to.
    return torch.from_numpy(np.require(array, array.dtype.newbyteorder("="), ["C", "W"]))
