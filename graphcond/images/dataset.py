"""Images as users hold them: arrays, or datasets of pairs, with their splits."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset

from graphcond.core.fields import is_whole

Array = Tensor | np.ndarray


@runtime_checkable
class Items(Protocol):
    """A map-style dataset: pairs of an image and its label, by number."""

    def __len__(self) -> int:
        """Return the number of pairs."""
        ...

    def __getitem__(self, index: int, /) -> Any:  # noqa: ANN401 (a pair, which is checked when it is read)
        """Return a pair."""
        ...


Part = Sequence[Array] | Items


@dataclass(frozen=True, eq=False, repr=False)  # tensors have no single truth value to compare by
class ImageDataset:
    """An image-classification dataset with its splits, as :func:`graphcond.condense` takes it.

    Each part is a pair ``(x, y)`` of tensors or NumPy arrays, or a map-style dataset of pairs ``(image, label)``, such
    as those of torchvision, whose images are tensors, NumPy arrays or PIL images. Pixels are bytes from 0 to 255, or
    other numbers (16 bits, floats) that are kept as they are, the same in all parts. Nothing is read before it is used,
    and nothing is changed.

    Args:
        train: What is condensed.
        val: Where settings are chosen; ``None``: images are held out of ``train``.
        test: Where the result is evaluated; ``None``: there is no such part.
        name: The dataset's name, for the record and tables only.
        classes: The names of the classes in the order of their numbers, or how many there are; ``None``: as many as
            the labels tell.

    Shapes:
        x: ``(n, channels, height, width)``; y: ``(n,)`` integers from 0.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: fewer than two classes.

    >>> import torch
    >>> x, y = torch.zeros(6, 3, 32, 32, dtype=torch.uint8), torch.arange(6) % 2
    >>> ImageDataset((x, y), test=(x[:2], y[:2]), name="cats and dogs", classes=("cat", "dog"))
    ImageDataset('cats and dogs', train=6, val=None, test=2)
    """

    train: Part
    _: KW_ONLY
    val: Part | None = None
    test: Part | None = None
    name: str = "images"
    classes: Sequence[str] | int | None = None

    def __post_init__(self) -> None:
        """Check the types; what the parts hold is checked when they are read."""
        _check_part(self.train, "train")
        for part, name in ((self.val, "val"), (self.test, "test")):
            if part is not None:
                _check_part(part, name)
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string, got {type(self.name).__name__}")
        if self.classes is not None:
            _check_names(self.classes)

    @property
    def num_classes(self) -> int | None:
        """Number of classes, if it was given."""
        if self.classes is None:
            return None
        return len(self.classes) if isinstance(self.classes, Sequence) else int(self.classes)

    def __repr__(self) -> str:
        sizes = (f"{name}={_size(part)}" for name, part in (("val", self.val), ("test", self.test)))
        return f"ImageDataset({self.name!r}, train={_size(self.train)}, {', '.join(sizes)})"


def is_pair(part: object) -> TypeGuard[Sequence[Array]]:
    """Return whether a part is a pair of arrays, and not a dataset of pairs."""
    return isinstance(part, tuple | list) and len(part) == 2 and isinstance(part[0], Tensor | np.ndarray)


def _check_part(part: object, name: str) -> None:
    refused = (Tensor, np.ndarray, Mapping, str, bytes, IterableDataset, ImageDataset)
    if not is_pair(part) and (isinstance(part, refused) or not isinstance(part, Items)):
        raise TypeError(
            f"{name} must be a pair (x, y) of tensors or arrays, or a dataset of pairs (image, label) with a length, "
            f"got {type(part).__name__}"
        )


def _check_names(classes: object) -> None:
    counted = is_whole(classes)
    named = isinstance(classes, Sequence) and not isinstance(classes, str)
    if not counted and not (named and all(isinstance(name, str) for name in classes)):  # type: ignore[attr-defined]
        raise TypeError(f"classes must be a number or a sequence of names, got {classes!r}")
    number = classes if is_whole(classes) else len(classes)  # type: ignore[arg-type]
    if number < 2:
        raise ValueError(f"classes={classes!r} gives {number} class(es); classification needs at least two")


def _size(part: Part | None) -> int | None:
    if part is None:
        return None
    return len(part[0]) if is_pair(part) else len(part)
