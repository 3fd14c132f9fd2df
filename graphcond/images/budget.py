"""How many synthetic images, and how many of them for each class."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.sizes import check_sizes, check_total, plain_size, portion


@dataclass(frozen=True)
class ImageBudget:
    """The size of the condensed image set, asked in exactly one way; the literature asks ``per_class`` (IPC).

    Args:
        ratio: Synthetic images as a fraction of the training images, in (0, 1].
        num_images: Number of synthetic images.
        per_class: Number of synthetic images of each class.

    >>> ImageBudget(num_images=10).allocate(torch.tensor([50, 30, 20]))
    tensor([5, 3, 2])
    """

    ratio: float | None = None
    num_images: int | None = None
    per_class: int | None = None

    def __post_init__(self) -> None:
        """Check that one size is asked for, and that it makes sense by itself."""
        check_sizes(self._sizes(), "images")

    def asked(self) -> dict[str, float]:
        """Return the size that was asked for, under the argument's name."""
        return plain_size(self._sizes())

    def allocate(self, class_counts: Tensor) -> Tensor:
        """Return the number of synthetic images of each class, ``(num_classes,)`` int64, each at least one.

        Classes share a total in proportion to their training images (largest remainder).

        Args:
            class_counts: Training images of each class, ``(num_classes,)`` int64, all positive.

        Raises:
            ValueError: fewer images than classes, or more than there are, of all classes or of one.
        """
        classes, available = len(class_counts), int(class_counts.sum())
        ((name, value),) = self.asked().items()
        if name == "per_class":
            return _alike(int(value), class_counts)
        total = int(value) if name == "num_images" else portion(value, available)
        check_total(
            total, self.asked(), classes=classes, available=available, things="images", where="to train on"
        )  # fmt: skip
        return largest_remainder(total, class_counts, class_counts)

    def _sizes(self) -> dict[str, float | None]:
        return {"ratio": self.ratio, "num_images": self.num_images, "per_class": self.per_class}


def _alike(number: int, class_counts: Tensor) -> Tensor:
    label = int(class_counts.argmin())
    smallest = int(class_counts[label])
    if number > smallest:
        raise ValueError(
            f"per_class={number} asks for more than the {smallest} training images of class {label}; ask for at most "
            f"{smallest}, or for a total by num_images="
        )
    return torch.full((len(class_counts),), number)
