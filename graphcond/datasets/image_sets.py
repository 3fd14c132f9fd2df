"""The named datasets of images: MNIST and Fashion-MNIST from their files, digits from inside scikit-learn."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcond.datasets.entries import Entry
from graphcond.datasets.files import ROOT_VARIABLE

if TYPE_CHECKING:
    from torch import Tensor

    from graphcond.images.dataset import ImageDataset

PARTS = ("train", "t10k")  # as the files call training and test images
FILES = tuple(f"{part}-{kind}-ubyte" for part in PARTS for kind in ("images-idx3", "labels-idx1"))
DIGITS = tuple(map(str, range(10)))
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
TEST, VALIDATION = 0.2, 0.1  # of all digits, and of those that are left


@dataclass(frozen=True)
class Idx:
    """Loads the four idx files that MNIST and its successors consist of, each compressed by gzip or not.

    Args:
        folder: Folder of the dataset under the root, in whose ``raw`` the files lie, as torchvision has it.
        classes: Names of the classes.
    """

    folder: str
    classes: tuple[str, ...]

    def read(self, name: str, root: Path, seed: int) -> "ImageDataset":
        """Return bytes ``(n, 1, height, width)`` with the published split; ``seed`` has no effect."""
        from graphcond.images.dataset import ImageDataset
        from graphcond.images.idx import read_idx

        raw = root / self.folder / "raw"
        paths = {file: _find(raw, file) for file in FILES}
        if missing := [file for file, path in paths.items() if path is None]:
            raise FileNotFoundError(
                f"the raw files of {name} are not complete in {raw} and are not downloaded ({missing[0]} is missing); "
                f"put {', '.join(FILES)} there, each as it is or as .gz, or name another folder with root= (--root) or "
                f"{ROOT_VARIABLE}"
            )
        content = {file: read_idx(path) for file, path in paths.items() if path is not None}
        train, test = (_part(content, raw, part) for part in PARTS)
        return ImageDataset(train, test=test, name=name, classes=self.classes)


def _find(raw: Path, file: str) -> Path | None:
    return next((path for path in (raw / file, raw / f"{file}.gz") if path.is_file()), None)


def _part(content: "dict[str, Tensor]", raw: Path, part: str) -> "tuple[Tensor, Tensor]":
    x, y = content[f"{part}-images-idx3-ubyte"], content[f"{part}-labels-idx1-ubyte"]
    if x.dim() != 3 or y.dim() != 1 or len(x) != len(y):
        raise ValueError(
            f"the {part} files in {raw} must hold as many labels as images, got the shapes {tuple(x.shape)} and "
            f"{tuple(y.shape)}; copy both again"
        )
    return x.unsqueeze(1), y.long()


@dataclass(frozen=True)
class DigitImages:
    """Loads scikit-learn's 1,797 handwritten digits of 8 x 8 pixels as images."""

    def read(self, name: str, root: Path, seed: int) -> "ImageDataset":
        """Return float32 ``(n, 1, 8, 8)``, pixels divided by 16; ``seed`` draws the split, ``root`` has no use."""
        import torch
        from sklearn.datasets import load_digits

        from graphcond.images.dataset import ImageDataset
        from graphcond.images.splits import hold_out

        digits = load_digits()
        x = torch.from_numpy(digits.images / 16).to(torch.float32).unsqueeze(1)
        y = torch.from_numpy(digits.target).long()
        rest, test = hold_out(y, TEST, seed=seed)
        train, val = (rest[rows] for rows in hold_out(y[rest], VALIDATION, seed=seed))
        parts = [(x[rows], y[rows]) for rows in (train, val, test)]
        return ImageDataset(parts[0], val=parts[1], test=parts[2], name=name, classes=DIGITS)


IMAGES: dict[str, Any] = {"task": "images", "num_graphs": 0, "num_classes": 10}

IMAGE_SETS = (
    Entry(
        name="digit-images", description="handwritten digits, small; inside scikit-learn",
        num_images=1_797, image_shape=(1, 8, 8),
        source="UCI, Optical Recognition of Handwritten Digits", licence="CC BY 4.0",
        loader=DigitImages(), **IMAGES,
    ),
    Entry(
        name="mnist", description="handwritten digits; its files are not downloaded",
        num_images=70_000, image_shape=(1, 28, 28), source="yann.lecun.com/exdb/mnist", licence="not stated",
        loader=Idx("MNIST", DIGITS), **IMAGES,
    ),
    Entry(
        name="fashion-mnist", description="photographs of clothes, of 10 kinds; its files are not downloaded",
        num_images=70_000, image_shape=(1, 28, 28), source="zalandoresearch/fashion-mnist", licence="MIT",
        loader=Idx("FashionMNIST", CLOTHES), **IMAGES,
    ),
)  # fmt: skip
