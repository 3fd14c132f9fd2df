"""From whatever users hold (an ``ImageDataset``, arrays, torchvision's datasets) to one validated ``ImageTask``."""

from typing import cast

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset
from torch_geometric.data import Dataset as GraphDataset

from graphcond.core.fields import is_number
from graphcond.core.inputs import materialized, no_dataset
from graphcond.core.runtime.randomness import seeded
from graphcond.images import checks
from graphcond.images.dataset import Array, ImageDataset, Items, Part, is_pair
from graphcond.images.items import as_tensor, is_image, read_items
from graphcond.images.splits import MOST_HELD_OUT, hold_out
from graphcond.images.task import HeldOut, ImageSet, ImageTask, Scale

PARTS = ("train", "val", "test")


def is_image_dataset(dataset: object) -> bool:
    """Return whether a dataset is of images; at most one item is read.

    That is an :class:`~graphcond.images.dataset.ImageDataset`, a pair whose first is an array with two axes or more
    (the reader says how many there have to be), or a list or a map-style dataset of torch whose items are pairs of an
    image and something else.
    """
    if isinstance(dataset, ImageDataset):
        return True
    if is_pair(dataset):
        return dataset[0].ndim >= 2
    if isinstance(dataset, GraphDataset | IterableDataset) or not isinstance(dataset, Dataset | list | tuple):
        return False
    if not isinstance(dataset, Items) or not len(dataset):
        return False
    with seeded(0):  # making an item may draw random numbers
        item = dataset[0]
    return isinstance(item, tuple | list) and len(item) == 2 and is_image(item[0])


def read_images(dataset: object, *, validation: float = 0.1) -> ImageTask:
    """Read and check an image-classification dataset.

    Args:
        dataset: An :class:`~graphcond.images.dataset.ImageDataset`; or a pair ``(x, y)`` of tensors or NumPy arrays,
            or a map-style dataset, a list or a generator of pairs ``(image, label)``, which are for training. It is not
            changed.
        validation: What share of the training images is held out for validation where the dataset has no such part:
            stratified, the same at every call, at most 5,000 images. Every class keeps an image to train on.

    Raises:
        TypeError: no image dataset, or images or labels of the wrong type.
        ValueError: images or labels with unusable values; the message names them and the remedy.

    >>> import torch
    >>> x, y = torch.zeros(40, 1, 4, 4, dtype=torch.uint8), torch.arange(40) % 2
    >>> task = read_images((x, y))
    >>> len(task.train), len(task.val), len(task.test), task.notes
    (36, 4, 0, ('Training images held out for validation: 4 of 40, a share of each class.',))
    """
    if not is_number(validation) or not 0 <= validation < 1:
        raise ValueError(f"validation must be in [0, 1), got {validation!r}; 0 holds no image out")
    dataset = materialized(dataset)
    given = dataset if isinstance(dataset, ImageDataset) else _as_training_part(dataset)
    train = _read(given.train, "train")
    if not len(train):
        raise ValueError("train holds no image; pass at least one of each class")
    parts = {"train": train}
    for name in PARTS[1:]:
        part = getattr(given, name)
        parts[name] = _empty(train) if part is None or not _length(part) else _read(part, name).to(train.x.device)
        if len(parts[name]):
            checks.check_alike(train, parts[name], name)
    num_classes = checks.check_classes(parts, given.num_classes)
    notes: list[str] = []
    held_out = None if given.val is not None else _validate(parts, float(validation), notes)
    return ImageTask(
        train=parts["train"], val=parts["val"], test=parts["test"], scale=Scale.of(parts["train"].x),
        num_classes=num_classes, name=given.name, notes=tuple(notes), held_out=held_out,
    )  # fmt: skip


def _as_training_part(dataset: object) -> ImageDataset:
    if not is_image_dataset(dataset):
        raise _no_images(dataset)
    arrays = is_pair(dataset) or isinstance(dataset, TensorDataset | list | tuple)
    return ImageDataset(cast(Part, dataset), name="images" if arrays else type(dataset).__name__)


def _no_images(given: object) -> TypeError:
    expected = (
        "an ImageDataset, a pair (x, y) of images (n, channels, height, width) and labels (n,), or a map-style dataset "
        "of pairs (image, label)"
    )
    if is_pair(given):
        shape = tuple(given[0].shape)
        return TypeError(f"dataset must be {expected}, got a pair whose first part has the shape {shape}")
    if isinstance(given, list | tuple) and given:
        kinds = ", ".join(type(part).__name__ for part in given[:3]) + (", ..." if len(given) > 3 else "")
        return TypeError(f"dataset must be {expected}, got {type(given).__name__}({kinds})")
    return no_dataset(given, expected)


def _read(part: Part, name: str) -> ImageSet:
    """Read one part; it may share memory with what was given, and is not written to."""
    if is_pair(part):
        x, y = (
            _tensor(value, f"{what} of {name}") for value, what in zip(part, ("the images", "the labels"), strict=True)
        )
    else:
        x, y = read_items(part, name)
    x = checks.check_pixels(x, name)
    return ImageSet(x, checks.check_labels(y, len(x), name).to(x.device))


def _tensor(value: Array, what: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, np.ndarray):
        return as_tensor(value, what)
    raise TypeError(f"{what} must be a tensor or an array, got {type(value).__name__}; pass torch.as_tensor of them")


def _length(part: Part) -> int:
    return len(part[0]) if is_pair(part) else len(part)


def _empty(train: ImageSet) -> ImageSet:
    return ImageSet(train.x[:0], train.y[:0])


def _validate(parts: dict[str, ImageSet], share: float, notes: list[str]) -> HeldOut:
    """Hold training images out for validation, and return which."""
    train = parts["train"]
    kept, held = hold_out(train.y, share, most=MOST_HELD_OUT)
    parts["train"], parts["val"] = train.take(kept), train.take(held)
    if len(held):
        notes.append(
            f"Training images held out for validation: {len(held):,} of {len(train):,}, a share of each class."
        )
    return HeldOut(held, share)
