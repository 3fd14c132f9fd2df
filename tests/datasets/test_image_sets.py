import gzip
import struct

import numpy as np
import pytest
import torch

from graphcond.datasets import entry, list_datasets, load
from graphcond.datasets.image_files import FILES
from graphcond.images.dataset import ImageDataset
from graphcond.images.reading import read_images
from graphcond.images.task import Scale

FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
MOMENTS = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}  # as known from everywhere
SIZES = {"train": 30, "t10k": 20}


def write(path, values):
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def root(tmp_path):
    """A root with tiny sets, one of compressed files, one of both kinds."""
    generator = np.random.default_rng(0)
    for folder in FOLDERS.values():
        raw = tmp_path / folder / "raw"
        raw.mkdir(parents=True)
        for part, size in SIZES.items():
            plain = folder == "FashionMNIST" and part == "train"
            end = "" if plain else ".gz"
            write(raw / f"{part}-images-idx3-ubyte{end}", generator.integers(0, 256, (size, 28, 28)))
            write(raw / f"{part}-labels-idx1-ubyte{end}", np.arange(size) % 10)
    return tmp_path


@pytest.mark.parametrize("name", FOLDERS)
def test_loaded_as_described(name, real_data):
    dataset, described = load(name, real_data(f"{FOLDERS[name]}/raw")), entry(name)
    (x, y), (test_x, test_y) = dataset.train, dataset.test
    assert (len(x), len(test_x)) == (60_000, 10_000)
    assert len(x) + len(test_x) == described.num_images
    assert tuple(x.shape[1:]) == tuple(test_x.shape[1:]) == described.image_shape
    assert torch.equal(y.unique(), torch.arange(described.num_classes))
    assert torch.equal(test_y.unique(), torch.arange(described.num_classes))
    scale = Scale.of(x)
    assert (float(scale.mean), float(scale.std)) == pytest.approx(MOMENTS[name], abs=5e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_files_compressed_or_not(name, root):
    before = torch.random.get_rng_state()
    dataset, other = load(name, root), load(name, root, seed=5, normalize=False)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(dataset, ImageDataset)
    assert repr(dataset) == f"ImageDataset('{name}', train=30, val=None, test=20)"
    assert dataset.train[0].dtype == torch.uint8
    assert dataset.train[1].tolist() == [i % 10 for i in range(30)]
    assert torch.equal(dataset.train[0], other.train[0])
    task = read_images(dataset)
    assert (task.name, task.num_classes, task.shape) == (name, 10, (1, 28, 28))
    assert (len(task.train), len(task.val), len(task.test)) == (20, 10, 20)


def test_classes_of_clothes(root):
    assert load("fashion-mnist", root).classes[0] == "T-shirt/top"
    assert load("fashion_mnist", root).classes[9] == "Ankle boot"


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("file", FILES)
def test_missing_files(name, file, root, no_network):
    for path in (root / FOLDERS[name] / "raw").glob(f"{file}*"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=f"raw files of {name} .* could not be downloaded") as caught:
        load(name, root)
    url = f"{entry(name).loader.url}/{file}.gz"
    assert all(text in str(caught.value) for text in (url, str(root / FOLDERS[name] / "raw"), "GRAPHCOND_DATA"))
    assert sum(one in str(caught.value) for one in FILES) == 1  # the others are there


def test_no_files_at_all(tmp_path, no_network):
    with pytest.raises(FileNotFoundError, match="raw files of mnist are not complete"):
        load("mnist", tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_broken_file(root):
    path = root / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz is a broken gzip file .*copy it again"):
        load("mnist", root)


def test_files_that_do_not_belong_together(root):
    raw = root / "MNIST" / "raw"
    write(raw / "train-labels-idx1-ubyte.gz", np.arange(29) % 10)
    with pytest.raises(
        ValueError, match=r"^the train files in .* got the shapes \(30, 28, 28\) and \(29,\); copy both"
    ):
        load("mnist", root)


def test_digits_as_images(tmp_path, no_network):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    dataset, again, other = (load("digit-images", tmp_path, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    graph = load("digits")[0]
    parts = dataset.train, dataset.val, dataset.test
    assert [len(y) for _, y in parts] == [1294, 144, 359]
    x, y = torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
    assert len(x) == entry("digit-images").num_images
    assert tuple(x.shape[1:]) == entry("digit-images").image_shape
    assert x.dtype == torch.float32
    assert (float(x.min()), float(x.max())) == (0, 1)
    rows = torch.cat([x.flatten(1), y.unsqueeze(1)], dim=1)
    known = torch.cat([graph.x, graph.y.unsqueeze(1)], dim=1)
    assert sorted(rows.tolist()) == sorted(known.tolist())
    shares = torch.bincount(dataset.test[1]) / torch.bincount(y)
    assert bool(((shares - 0.2).abs() < 0.01).all())
    for part, repeated, drawn in zip(parts, (again.train, again.val, again.test), (other.train, other.val, other.test),
                                     strict=True):  # fmt: skip
        assert torch.equal(part[0], repeated[0])
        assert not torch.equal(part[0], drawn[0])
    task = read_images(dataset)
    assert (len(task.train), len(task.val), len(task.test), task.notes) == (1294, 144, 359, ())


def test_entries_are_of_graphs_or_of_images():
    for item in list_datasets():
        images = item.task == "images"
        assert (item.image_shape is not None) == (item.num_images > 0) == images
        assert not images or item.num_graphs == item.num_nodes == item.num_edges == 0
    assert [item.name for item in list_datasets() if item.task == "images"] == [
        "digit-images",
        "mnist",
        "fashion-mnist",
        "cifar10",
        "cifar100",
        "svhn",
    ]
