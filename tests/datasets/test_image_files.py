"""CIFAR's binary files and SVHN's MATLAB files, in tiny."""

import gzip
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.io import savemat

from graphcond.datasets import catalogue, entry, load
from graphcond.datasets.image_sets import MORE_THINGS
from graphcond.images.reading import read_images

ROWS = 40
COLOURED = ("cifar10", "cifar100")


def rows_of(number, labels, classes):
    """Return images, labels and the bytes of a file: of several label bytes the last is the label."""
    drawn = np.random.default_rng(number)
    x, y = drawn.integers(0, 256, (ROWS, 3, 32, 32), np.uint8), (np.arange(ROWS) * 7 + number) % classes
    coarse = drawn.integers(0, 20, (ROWS, labels - 1))
    return x, y, np.hstack([coarse, y[:, None], x.reshape(ROWS, -1)]).astype(np.uint8).tobytes()


@pytest.fixture
def tiny(monkeypatch):
    """Let the catalogue expect ``ROWS`` images in each file."""

    def shrunk(one):
        if one.name not in COLOURED:
            return one
        files = {part: tuple((file, ROWS) for file, _ in getattr(one.loader, part)) for part in ("train", "test")}
        return replace(one, loader=replace(one.loader, **files))

    monkeypatch.setattr(catalogue, "ENTRIES", tuple(map(shrunk, catalogue.ENTRIES)))


def contents(name):
    """Return each file's name, images, labels and bytes."""
    loader = entry(name).loader
    files = [file for file, _ in (*loader.train, *loader.test)]
    return {file: rows_of(i, loader.labels, len(loader.classes)) for i, file in enumerate(files)}


def write_files(folder, files):
    folder.mkdir(parents=True)
    for file, (_, _, content) in files.items():
        (folder / file).write_bytes(content)


def write_archive(path, inside, files):
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for file, (_, _, content) in {"readme.html": (0, 0, b"hello"), **files}.items():
            member = tarfile.TarInfo(f"{inside}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("where", ["raw", "unpacked", "archive"])
@pytest.mark.parametrize("name", COLOURED)
def test_cifar_by_its_binary_files(name, where, tmp_path, tiny, no_network):
    loader, files = entry(name).loader, contents(name)
    raw = tmp_path / loader.folder / "raw"
    if where == "archive":
        write_archive(raw / loader.archive.file, loader.inside, files)
    else:
        write_files(raw / (loader.inside if where == "unpacked" else ""), files)
    before = sorted(tmp_path.rglob("*"))
    dataset = load(name, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    for part, own in ((dataset.train, loader.train), (dataset.test, loader.test)):
        assert part[0].dtype == torch.uint8
        assert np.array_equal(part[0].numpy(), np.concatenate([files[file][0] for file, _ in own]))
        assert part[1].tolist() == np.concatenate([files[file][1] for file, _ in own]).tolist()
    assert dataset.classes == loader.classes
    assert len(dataset.classes) == entry(name).num_classes
    if name == "cifar10":
        task = read_images(dataset)
        assert (task.shape, task.num_classes, len(task.train) + len(task.val)) == ((3, 32, 32), 10, 5 * ROWS)


def test_the_catalogue_knows_the_published_sizes():
    for name in COLOURED:
        loader, described = entry(name).loader, entry(name)
        assert sum(rows for _, rows in (*loader.train, *loader.test)) == described.num_images == 60_000
        assert tuple(described.image_shape) == (3, 32, 32)
    assert list(MORE_THINGS) == sorted(set(MORE_THINGS))  # their numbers follow the alphabet
    assert (MORE_THINGS[0], MORE_THINGS[99]) == ("apple", "worm")


@pytest.mark.parametrize(("change", "bytes_"), [(-1, "122,919"), (-3073, "119,847"), (100, "123,020")])
def test_a_file_of_another_size(change, bytes_, tmp_path, tiny):
    loader, files = entry("cifar10").loader, contents("cifar10")
    raw = tmp_path / "CIFAR10" / "raw"
    write_files(raw, files)
    content = files["data_batch_3.bin"][2]
    (raw / "data_batch_3.bin").write_bytes(content[:change] if change < 0 else content + bytes(change))
    with pytest.raises(ValueError, match=f"^data_batch_3.bin in .* must have 122,920 bytes, 40 rows .* has {bytes_};"):
        load("cifar10", tmp_path)
    (raw / "data_batch_3.bin").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"not complete in .*raw \(data_batch_3.bin is missing\); put"
    ) as caught:
        load("cifar10", tmp_path)
    assert loader.archive.url in str(caught.value)


def test_files_of_another_dataset(tmp_path, tiny):
    files = contents("cifar10")
    x, _, content = files["test_batch.bin"]
    files["test_batch.bin"] = x, None, bytes([77]) + content[1:]
    write_files(tmp_path / "CIFAR10" / "raw", files)
    with pytest.raises(ValueError, match=r"test_batch.bin in .* must hold labels below 10, got 77; it is damaged or"):
        load("cifar10", tmp_path)


@pytest.mark.parametrize("target", ["test.bin", "train.bin", "/etc/passwd"])
def test_links_of_an_archive_are_not_followed(target, tmp_path, tiny, no_network):
    loader, files = entry("cifar100").loader, contents("cifar100")
    files.pop("test.bin")
    path = tmp_path / "CIFAR100" / "raw" / loader.archive.file
    write_archive(path, loader.inside, files)
    packed = gzip.decompress(path.read_bytes())
    (path.parent / "unpacked").write_bytes(packed)
    with tarfile.open(path.parent / "unpacked", "a") as archive:
        link = tarfile.TarInfo(f"{loader.inside}/test.bin")
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
    path.write_bytes(gzip.compress((path.parent / "unpacked").read_bytes()))
    with pytest.raises(ValueError, match=r"cannot be read \('test\.bin is no file'\)"):
        load("cifar100", tmp_path)


@pytest.mark.parametrize("broken", ["cut", "text", "lacking", "folder"])
def test_a_broken_archive(broken, tmp_path, tiny, no_network):
    loader, files = entry("cifar100").loader, contents("cifar100")
    path = tmp_path / "CIFAR100" / "raw" / loader.archive.file
    if broken == "lacking":
        files.pop("test.bin")
    write_archive(path, loader.inside if broken != "folder" else "elsewhere", files)
    if broken == "cut":
        path.write_bytes(path.read_bytes()[:-3000])
    elif broken == "text":
        path.write_text("not found")
    with pytest.raises(
        ValueError, match=r"cifar-100-binary\.tar\.gz cannot be read \(.+\); .* delete it and load again"
    ):
        load("cifar100", tmp_path)


def write_mat(path, number=0, **changes):
    drawn = np.random.default_rng(number)
    x = drawn.integers(0, 256, (32, 32, 3, ROWS), np.uint8)
    y = (np.arange(ROWS, dtype=np.uint8) % 10 + 1)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"X": x, "y": y} | changes, do_compression=True)
    return x, y


def test_svhn(tmp_path, no_network):
    raw = tmp_path / "SVHN" / "raw"
    x, y = write_mat(raw / "train_32x32.mat")
    write_mat(raw / "test_32x32.mat", 1)
    dataset = load("svhn", tmp_path)
    images, labels = dataset.train
    assert (images.shape, images.dtype) == ((ROWS, 3, 32, 32), torch.uint8)
    assert int(images[5, 2, 7, 11]) == x[7, 11, 2, 5]  # rows stay rows
    assert labels.tolist() == [digit if digit < 10 else 0 for digit in y[:, 0]]
    assert not torch.equal(dataset.test[0], images)
    assert read_images(dataset).num_classes == 10
    assert entry("svhn").num_images == 73_257 + 26_032


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((32, 32, 3, ROWS))}, "must hold bytes X of the shape"),
        ({"X": np.zeros((28, 28, 1, ROWS), np.uint8)}, "must hold bytes X of the shape"),
        ({"y": np.ones((ROWS - 1, 1), np.uint8)}, "a whole number from 1 to 10 for each of 40 images"),
        ({"y": np.full((ROWS, 1), 11, np.uint8)}, "a whole number from 1 to 10 for each of 40 images"),
        ({"y": np.full((ROWS, 1), 1.5)}, "a whole number from 1 to 10 for each of 40 images"),
    ],
)
def test_a_matlab_file_of_something_else(changes, message, tmp_path):
    write_mat(tmp_path / "SVHN" / "raw" / "train_32x32.mat", **changes)
    write_mat(tmp_path / "SVHN" / "raw" / "test_32x32.mat")
    with pytest.raises(ValueError, match=rf"train_32x32\.mat.*{message}"):
        load("svhn", tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(100), None])
def test_a_broken_matlab_file(content, tmp_path):
    path = tmp_path / "SVHN" / "raw" / "train_32x32.mat"
    write_mat(path)
    path.write_bytes(path.read_bytes()[:-2000] if content is None else content)
    write_mat(tmp_path / "SVHN" / "raw" / "test_32x32.mat")
    with pytest.raises(ValueError, match=r"train_32x32\.mat cannot be read as a MATLAB 5 file \(.+\); .*copy it again"):
        load("svhn", tmp_path)
