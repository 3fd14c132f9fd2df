"""How sets of images are read from the files that they were published in, which are downloaded if they are missing."""

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphcond.datasets.download import Remote, download

if TYPE_CHECKING:
    from torch import Tensor

    from graphcond.images.dataset import ImageDataset

PARTS = ("train", "t10k")  # as the files of MNIST call training and test images
FILES = tuple(f"{part}-{kind}-ubyte" for part in PARTS for kind in ("images-idx3", "labels-idx1"))
TEST, VALIDATION = 0.2, 0.1  # of all digits, and of those that are left


@dataclass(frozen=True)
class Idx:
    """Loads the four idx files that MNIST and its successors consist of, each compressed by gzip or not.

    Args:
        folder: Folder of the dataset under the root, in whose ``raw`` the files lie, as torchvision has it.
        classes: Names of the classes.
        url: The folder on the network in which the files lie, compressed.
        md5: Checksums of the compressed files, in the order of ``FILES``.
    """

    folder: str
    classes: tuple[str, ...]
    url: str
    md5: tuple[str, ...]

    def read(self, name: str, root: Path, seed: int) -> "ImageDataset":
        """Return bytes ``(n, 1, height, width)`` with the published split; ``seed`` has no effect."""
        from graphcond.images.dataset import ImageDataset
        from graphcond.images.idx import read_idx

        raw = root / self.folder / "raw"
        needed = tuple(
            Remote(f"{self.url}/{file}.gz", md5)
            for file, md5 in zip(FILES, self.md5, strict=True)
            if _find(raw, file) is None
        )
        download(needed, raw, name)
        paths = {file: _find(raw, file) or raw / file for file in FILES}
        content = {file: read_idx(path) for file, path in paths.items()}
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
class Records:
    """Loads the binary version of CIFAR-10 or CIFAR-100, unpacked or from its archive.

    Args:
        folder: Folder of the dataset under the root, in whose ``raw`` the files lie, or their archive, or the folder
            that unpacking it makes.
        archive: The archive on the network.
        inside: The folder in the archive.
        train: Names of the training files, each with its number of images.
        test: The same of the test file.
        labels: Label bytes of each image, of which the last is taken.
        classes: Names of the classes.
    """

    folder: str
    archive: Remote
    inside: str
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]
    labels: int
    classes: tuple[str, ...]

    def read(self, name: str, root: Path, seed: int) -> "ImageDataset":
        """Return bytes ``(n, 3, 32, 32)`` with the published split; ``seed`` has no effect."""
        from graphcond.images.dataset import ImageDataset

        raw = root / self.folder / "raw"
        names = [file for file, _ in (*self.train, *self.test)]
        found = next((one for one in (raw, raw / self.inside) if any((one / file).is_file() for file in names)), None)
        if found is None:
            download((self.archive,), raw, name)
            content = _unpacked(raw / self.archive.file, self.inside, names)
        else:
            content = _plain(found, names, name, self.archive)
        train, test = (self._part(content, raw, files) for files in (self.train, self.test))
        return ImageDataset(train, test=test, name=name, classes=self.classes)

    def _part(
        self, content: dict[str, bytes], raw: Path, files: tuple[tuple[str, int], ...]
    ) -> "tuple[Tensor, Tensor]":
        import torch

        from graphcond.images.records import read_records

        parts = []
        for file, rows in files:
            x, y = read_records(content[file], f"{file} in {raw}", labels=self.labels, rows=rows)
            if int(y.max()) >= len(self.classes):
                raise ValueError(
                    f"{file} in {raw} must hold labels below {len(self.classes)}, got {int(y.max())}; it is damaged or "
                    "of another dataset: copy it again"
                )
            parts.append((x, y))
        x, y = (torch.cat(each) for each in zip(*parts, strict=True))
        return x, y


def _plain(folder: Path, names: list[str], name: str, archive: Remote) -> dict[str, bytes]:
    if missing := [file for file in names if not (folder / file).is_file()]:
        raise FileNotFoundError(
            f"the raw files of {name} are not complete in {folder} ({missing[0]} is missing); put {', '.join(names)} "
            f"there, or {archive.url} in their place"
        )
    return {file: (folder / file).read_bytes() for file in names}


def _unpacked(path: Path, inside: str, names: list[str]) -> dict[str, bytes]:
    """Return what files of an archive hold. They are read where they lie; nothing is written."""
    try:
        with tarfile.open(path) as archive:
            members = {file: archive.getmember(f"{inside}/{file}") for file in names}
            if others := [file for file, member in members.items() if not member.isreg()]:  # no links are followed
                raise KeyError(f"{others[0]} is no file")
            found = {file: archive.extractfile(member) for file, member in members.items()}
            return {file: opened.read() for file, opened in found.items() if opened is not None}
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} cannot be read ({reason}); a download may have broken off: delete it and load again"
        ) from error


@dataclass(frozen=True)
class Mat:
    """Loads the MATLAB files of SVHN's cropped digits.

    Args:
        folder: Folder of the dataset under the root, in whose ``raw`` the files lie.
        train: The training file on the network.
        test: The test file.
        classes: Names of the classes.
    """

    folder: str
    train: Remote
    test: Remote
    classes: tuple[str, ...]

    def read(self, name: str, root: Path, seed: int) -> "ImageDataset":
        """Return bytes ``(n, 3, 32, 32)`` with the published split; ``seed`` has no effect."""
        from graphcond.images.dataset import ImageDataset
        from graphcond.images.mat import read_mat

        raw = root / self.folder / "raw"
        download((self.train, self.test), raw, name)
        train, test = (read_mat(raw / one.file) for one in (self.train, self.test))
        return ImageDataset(train, test=test, name=name, classes=self.classes)


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
        return ImageDataset(parts[0], val=parts[1], test=parts[2], name=name, classes=tuple(map(str, range(10))))
