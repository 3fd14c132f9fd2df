"""Differentiable changes of images that leave their labels as they are (DSA)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.core.names import named

Operation = Literal["color", "crop", "cutout", "flip", "scale", "rotate"]
PHOTOGRAPHS: tuple[Operation, ...] = ("color", "crop", "cutout", "flip", "scale", "rotate")
DIGITS: tuple[Operation, ...] = ("color", "crop", "cutout", "scale", "rotate")  # mirrored, many are no digits any more
NUMBERS = 3  # uniform numbers that an operation takes at most


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn for classes or images, one row each, whatever the images' size.

    Shapes:
        chosen: ``(rows, operations)`` bool, which operations are done; uniform: ``(rows, operations, 3)`` in [0, 1).
    """

    chosen: Tensor
    uniform: Tensor

    def take(self, rows: Tensor) -> "Drawn":
        """Return some of the rows, on the device of their numbers."""
        return Drawn(self.chosen.to(rows.device)[rows], self.uniform.to(rows.device)[rows])


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Differentiable Siamese augmentation (Zhao and Bilen, ICML 2021).

    A draw picks one of the operations for each class, or for the whole batch, and how strong it is. Images are seen
    normalised, so the zeros that come in from outside an image, or stand where it is cut out, are its mean colour.

    Args:
        operations: What may be done: ``"color"`` (brightness, saturation and contrast), ``"crop"``, ``"cutout"``,
            ``"flip"`` (left to right), ``"scale"``, ``"rotate"``. ``PHOTOGRAPHS`` are all of them, ``DIGITS`` all but
            the flip; DC trains on MNIST with crop, scale and rotate.
        together: Whether all are done, one after another, instead of one of them (as IDC does).
        per_class: Whether each class has a draw of its own, or the whole batch has one.
        num_classes: Number of classes, for ``per_class``.
        brightness: Width of the interval around 0 from which a number is drawn that is added.
        saturation: Up to which differences between channels are multiplied, from 0.
        contrast: From which on differences between pixels are multiplied, up to 1 more.
        crop: Up to which share of its size an image is moved, down and right or up and left.
        cutout: Share of height and width of the box that is cut out.
        flip: Probability.
        scale: Up to which height and width, each on its own, are divided; down to its inverse.
        rotate: Largest angle in degrees, either way.

    Note:
        Differences from the published code: height and width get different numbers in ``"scale"``, ``"crop"`` and
        ``"cutout"``, as they do there only where networks are trained; elsewhere its generator is seeded anew in
        between. Images that are not square are rotated without being sheared.
    """

    operations: tuple[Operation, ...] = PHOTOGRAPHS
    together: bool = False
    per_class: bool = True
    num_classes: int | None = None
    brightness: float = 1.0
    saturation: float = 2.0
    contrast: float = 0.5
    crop: float = 0.125
    cutout: float = 0.5
    flip: float = 0.5
    scale: float = 1.2
    rotate: float = 15.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.operations, tuple) or not self.operations:
            raise TypeError(f"operations must be a tuple of at least one name, got {self.operations!r}")
        for operation in self.operations:
            named(operation, OPERATIONS, "operation")
        require_positive(self, but=("brightness", "saturation", "contrast", "crop", "cutout", "flip", "rotate"))
        for name in ("crop", "cutout", "flip"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)!r}")
        if self.scale < 1:
            raise ValueError(f"scale must be at least 1, got {self.scale!r}; images are also enlarged to its inverse")

    def draw(self) -> Change:
        """See :class:`graphcond.core.matching.augment.Augment`."""
        if self.per_class and self.num_classes is None:
            raise ValueError("per_class=True needs num_classes=; with per_class=False the whole batch has one draw")
        count = self.num_classes if self.per_class and self.num_classes else 1
        drawn = self._drawn(count, count)

        def change(batch: Batch) -> Batch:
            rows = batch.classes if self.per_class else torch.zeros_like(batch.classes)
            return replace(batch, x=self._changed(batch.x, drawn.take(rows)))

        return change

    def each(self, batch: Batch) -> Batch:
        """Return images with numbers of their own each but one operation for all: what networks are trained on."""
        drawn = self._drawn(1, len(batch))
        return replace(batch, x=self._changed(batch.x, drawn.take(torch.arange(len(batch), device=batch.x.device))))

    def _drawn(self, picks: int, rows: int) -> Drawn:
        """Draw from torch's global state, on the CPU, so that devices agree; one pick of operations may serve all."""
        count = len(self.operations)
        chosen = torch.ones(1, count) if self.together else F.one_hot(torch.randint(count, (picks,)), count)
        return Drawn(chosen.bool().expand(rows, -1), torch.rand(rows, count, NUMBERS, dtype=torch.float64))

    def _changed(self, x: Tensor, drawn: Drawn) -> Tensor:
        for i, operation in enumerate(self.operations):
            rows = drawn.chosen[:, i].nonzero().flatten()
            if len(rows):
                changed = OPERATIONS[operation](self, x[rows], drawn.uniform[rows, i])
                x = x.index_copy(0, rows, changed)
        return x


def _color(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    bright, saturated, contrasted = uniform.to(x.dtype).view(-1, NUMBERS, 1, 1, 1).unbind(dim=1)
    x = x + (bright - 0.5) * settings.brightness
    gray = x.mean(dim=1, keepdim=True)
    x = gray + (x - gray) * (saturated * settings.saturation)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (x - mean) * (contrasted + settings.contrast)


def _crop(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    channels, height, width = x.shape[1:]
    down, across = _share(settings.crop, height), _share(settings.crop, width)
    x = F.pad(x, (across, across, down, down))
    rows = _places(uniform[:, 0], 2 * down + 1, height).view(-1, 1, height, 1)
    columns = _places(uniform[:, 1], 2 * across + 1, width).view(-1, 1, 1, width)
    x = x.gather(2, rows.expand(-1, channels, -1, x.size(3)))
    return x.gather(3, columns.expand(-1, channels, height, -1))


def _places(number: Tensor, starts: int, size: int) -> Tensor:
    """Return where to read, ``(n, size)``: from one of the starts on."""
    return (number * starts).long().unsqueeze(1) + torch.arange(size, device=number.device)


def _cutout(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    inside = []
    for size, number in ((x.size(2), uniform[:, 0]), (x.size(3), uniform[:, 1])):
        width = _share(settings.cutout, size)
        center = (number * (size + 1 - width % 2)).long().view(-1, 1)
        places = torch.arange(size, device=x.device) - center + width // 2
        inside.append((places >= 0) & (places < width))
    rows, columns = inside
    return x * ~(rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)


def _flip(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    return torch.where(uniform[:, 0].view(-1, 1, 1, 1) < settings.flip, x.flip(3), x)


def _scale(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    least = 1 / settings.scale
    down, across = (least + uniform[:, :2] * (settings.scale - least)).unbind(dim=1)
    zero = torch.zeros_like(down)
    return _resampled(x, across, zero, zero, down)


def _rotate(settings: Augmentation, x: Tensor, uniform: Tensor) -> Tensor:
    angle = (2 * uniform[:, 0] - 1) * math.radians(settings.rotate)
    aspect = x.size(2) / x.size(3)
    return _resampled(x, angle.cos(), -angle.sin() * aspect, angle.sin() / aspect, angle.cos())


def _resampled(x: Tensor, xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    """Return images read at linear functions of their places, bilinearly; zeros where there is no image."""
    zero = torch.zeros_like(xx)
    matrix = torch.stack([xx, xy, zero, yx, yy, zero], dim=1).view(-1, 2, 3).to(x.dtype)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def _share(share: float, size: int) -> int:
    return int(share * size + 0.5)


OPERATIONS: dict[str, Callable[[Augmentation, Tensor, Tensor], Tensor]] = {
    "color": _color,
    "crop": _crop,
    "cutout": _cutout,
    "flip": _flip,
    "scale": _scale,
    "rotate": _rotate,
}
