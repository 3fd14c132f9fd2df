"""What an image method sees: validated images, labels and splits, whatever they came in."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.targets import SingleLabel

ROWS_AT_ONCE = 4096


def pixels(x: Tensor) -> Tensor:
    """Return images as float32: bytes divided by 255, floats as they are."""
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and deviation of each channel, by which networks see pixels.

    Shapes:
        mean: ``(channels,)`` float32; std: ``(channels,)`` float32, positive.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Scale":
        """Return the scale of images ``(n, channels, height, width)``; a channel that never changes keeps its unit."""
        shards = [pixels(x[i : i + ROWS_AT_ONCE]).double() for i in range(0, len(x), ROWS_AT_ONCE)]
        count = x.numel() / x.size(1)
        mean = torch.stack([shard.sum(dim=(0, 2, 3)) for shard in shards]).sum(dim=0) / count
        gaps = [(shard - mean.view(-1, 1, 1)).square().sum(dim=(0, 2, 3)) for shard in shards]
        std = (torch.stack(gaps).sum(dim=0) / count).sqrt()
        return cls(mean.float(), torch.where(std > 0, std, 1.0).float())

    def normalized(self, x: Tensor) -> Tensor:
        """Return images with mean 0 and deviation 1."""
        return (pixels(x) - self.mean.view(-1, 1, 1)) / self.std.view(-1, 1, 1)

    def restored(self, x: Tensor) -> Tensor:
        """Return normalised images in their own units: bytes come back as floats in [0, 1]."""
        return x * self.std.view(-1, 1, 1) + self.mean.view(-1, 1, 1)

    def to(self, device: torch.device) -> "Scale":
        """Return the scale on another device."""
        return Scale(self.mean.to(device), self.std.to(device))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with labels.

    Shapes:
        x: ``(n, channels, height, width)`` uint8 or float32, as they were given; y: ``(n,)`` int64.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Tensor) -> "ImageSet":
        """Return some of the images."""
        return ImageSet(self.x[rows], self.y[rows])

    def to(self, device: torch.device) -> "ImageSet":
        """Return the images on another device."""
        return ImageSet(self.x.to(device), self.y.to(device))

    def fingerprint(self) -> str:
        """Return a SHA-256 over images and labels."""
        state = hashlib.sha256()
        for value in (self.x, self.y):
            state.update(f"{value.dtype} {tuple(value.shape)}".encode())
            state.update(value.detach().cpu().contiguous().numpy().tobytes())
        return state.hexdigest()


class HeldOut(NamedTuple):
    """Training images that were held out for validation.

    Args:
        rows: Their numbers among all training images, ascending.
        share: What share of these was asked for.
    """

    rows: Tensor
    share: float


@dataclass(frozen=True)
class ImageTask:
    """An image-classification task.

    Args:
        train: What is condensed.
        val: Where settings are chosen; may be empty.
        test: The final evaluation is made on it; no method reads it, and it may be empty.
        scale: Mean and deviation of the training images.
        num_classes: Number of classes.
        name: The dataset's name, for the record and tables only.
        notes: What was noticed in the input, one sentence each.
        metric: By which it is evaluated unless a protocol says otherwise.
        held_out: Which images ``val`` are, if they were held out of the training images; ``None``: it came with the
            dataset, or there is none.
    """

    train: ImageSet
    val: ImageSet
    test: ImageSet
    scale: Scale
    num_classes: int
    name: str = "images"
    notes: tuple[str, ...] = ()
    metric: str = "accuracy"
    held_out: HeldOut | None = None

    def __repr__(self) -> str:
        train, val, test = (len(part) for part in (self.train, self.val, self.test))
        return f"ImageTask({self.name}, classes={self.num_classes}, train={train}, val={val}, test={test})"

    @property
    def targets(self) -> SingleLabel:
        """What is learned of an image."""
        return SingleLabel(self.num_classes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.x.shape[1:]
        return channels, height, width

    @property
    def class_counts(self) -> Tensor:
        """Training images of each class, ``(num_classes,)`` int64."""
        return torch.bincount(self.train.y, minlength=self.num_classes)

    def batch(self, images: ImageSet) -> Batch:
        """Return images as a surrogate sees them, normalised."""
        return Batch(self.scale.normalized(images.x), images.y)

    def to(self, device: torch.device) -> "ImageTask":
        """Return the task on another device."""
        sets = {name: getattr(self, name).to(device) for name in ("train", "val", "test")}
        return replace(self, scale=self.scale.to(device), **sets)

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed: training images and their labels."""
        return self.train.fingerprint()

    @cached_property
    def digest(self) -> str:
        """A text that differs where any of the splits, their labels or the classes do."""
        parts = (self.train, self.val, self.test)
        scale = (self.scale.mean.tolist(), self.scale.std.tolist())
        return " ".join([*(part.fingerprint() for part in parts), str(self.num_classes), str(scale)])
