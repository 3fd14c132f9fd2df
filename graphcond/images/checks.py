"""Checks of images and labels before any work is done: each failure is one sentence with the remedy."""

from collections.abc import Mapping

import torch
from torch import Tensor

from graphcond.core.ranges import unusable_rows
from graphcond.images.task import ImageSet

CHANNELS = (1, 3, 4)  # grey, colour, colour with transparency
UNIT_SLACK = 0.5  # pixels that leave [0, 1] by more are not on the scale of those that stay in it


def check_pixels(x: Tensor, part: str) -> Tensor:
    """Return images as uint8 or float32, ``(n, channels, height, width)``.

    Numbers that are no bytes, such as those of 16 bits, are kept as they are: networks see them normalised.
    """
    what = f"the images of {part}"
    if x.layout != torch.strided:
        raise TypeError(f"{what} must be dense, got {x.layout}; pass x.to_dense()")
    if x.dim() == 3:
        raise ValueError(f"{what} have no channel axis, their shape is {tuple(x.shape)}; pass x.unsqueeze(1) for "
                         "images of one channel (x[:, None] in NumPy)")  # fmt: skip
    if x.dim() != 4 or 0 in x.shape[1:]:
        raise ValueError(f"{what} must have the shape (n, channels, height, width), got {tuple(x.shape)}")
    if x.size(3) in CHANNELS and min(x.shape[1:3]) > max(CHANNELS):
        raise ValueError(f"{what} seem to have their channels last, their shape is {tuple(x.shape)}; pass "
                         "x.permute(0, 3, 1, 2) (x.transpose(0, 3, 1, 2) in NumPy)")  # fmt: skip
    if x.dtype == torch.uint8:
        return x
    if x.is_complex():
        raise TypeError(f"{what} must be real, got {x.dtype}; pass x.abs(), or its parts as channels")
    given, x = x, x.to(torch.float32)
    if (found := unusable_rows(x, given)) is not None:
        bad, held, remedy = found
        raise ValueError(
            f"{what} must be finite, but {len(bad)} of them hold {held} (first: image {int(bad[0])}); {remedy}, or "
            "drop them"
        )
    return x


def check_labels(y: Tensor, num_images: int, part: str) -> Tensor:
    """Return labels as ``(n,)`` int64, none of them negative."""
    what = f"the labels of {part}"
    if y.dim() == 2 and y.size(1) == 1:
        y = y.squeeze(1)
    if y.dim() != 1:
        raise ValueError(
            f"{what} must hold one class per image, shape (n,), got {tuple(y.shape)}; pass y.argmax(1) for one-hot rows"
        )
    if len(y) != num_images:
        raise ValueError(f"{what} must be as many as its images ({num_images}), got {len(y)}; leave none out")
    if y.is_complex() or (y.is_floating_point() and not torch.equal(y, y.round())):
        raise ValueError(f"{what} must be whole numbers, but some are not ({y.dtype}); number the classes from 0")
    y = y.long()
    if len(y) and int(y.min()) < 0:
        raise ValueError(
            f"{what} must be 0 or more, got {int(y.min())} (image {int(y.argmin())}); drop images without a class"
        )
    return y


def check_classes(parts: Mapping[str, ImageSet], stated: int | None) -> int:
    """Return the number of classes, all of which have training images.

    Args:
        parts: The parts, ``"train"`` among them.
        stated: How many classes the user says there are.
    """
    train = parts["train"].y
    highest = {name: int(part.y.max()) for name, part in parts.items() if len(part)}
    num_classes = max(highest.values()) + 1 if stated is None else stated
    for name, label in highest.items():
        if label >= num_classes:
            raise ValueError(
                f"the labels of {name} must lie in [0, {num_classes - 1}] ({num_classes} classes), got {label} (image "
                f"{int(parts[name].y.argmax())}); correct them, or the number of classes"
            )
    if num_classes > len(train):
        raise ValueError(
            f"there are {num_classes} classes, but only {len(train)} training images and each class needs one; number "
            "the classes from 0 without gaps"
        )
    if num_classes < 2:
        raise ValueError("all labels are 0, but classification needs at least two classes; add images of another class")
    missing = (torch.bincount(train, minlength=num_classes) == 0).nonzero().flatten().tolist()
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {num_classes} classes have no training image (class {shown}); add one to train, or "
            "drop the class and renumber the labels"
        )
    return num_classes


def check_alike(train: ImageSet, other: ImageSet, part: str) -> None:
    """Raise unless the images of a part have the shape, the type and the range of the training images."""
    if other.x.shape[1:] != train.x.shape[1:]:
        raise ValueError(
            f"the images of {part} have the shape {tuple(other.x.shape[1:])}, those of train "
            f"{tuple(train.x.shape[1:])}; resize or crop them alike"
        )
    if other.x.dtype != train.x.dtype:
        raise TypeError(
            f"the images of {part} are {other.x.dtype}, those of train {train.x.dtype}; pass bytes for both, or floats "
            "on the same scale"
        )
    if train.x.dtype == torch.uint8:
        return
    ranges = _range(train.x), _range(other.x)
    if any(_is_unit(a) and _is_wide(b) for a, b in (ranges, ranges[::-1])):
        (low, high), (other_low, other_high) = ranges
        raise ValueError(
            f"the images of {part} lie in [{other_low:g}, {other_high:g}], those of train in [{low:g}, {high:g}]; "
            "bring them to one scale, such as [0, 1]"
        )


def _range(x: Tensor) -> tuple[float, float]:
    least, most = x.aminmax()
    return float(least), float(most)


def _is_unit(span: tuple[float, float]) -> bool:
    return span[0] >= 0 and span[1] <= 1


def _is_wide(span: tuple[float, float]) -> bool:
    return span[0] < -UNIT_SLACK or span[1] > 1 + UNIT_SLACK
