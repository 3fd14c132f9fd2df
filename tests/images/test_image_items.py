import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset

import graphcond
from graphcond.images.reading import is_image_dataset, read_images

N = 12


def toy(n=N, shape=(3, 8, 6)):
    """Return random bytes and labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8), torch.arange(n) % 3


class Pairs(Dataset):
    """A map-style dataset of anything."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def same(task, x, y):
    """Return whether the training images are these."""
    return torch.equal(task.train.x, x) and torch.equal(task.train.y, y.long())


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_pictures_of_pil_that_become_grey_or_colours(mode):
    images = pytest.importorskip("PIL.Image")
    x, y = toy(shape=(3, 5, 4))
    pictures = [images.fromarray(row).convert(mode) for row in x.permute(0, 2, 3, 1).numpy()]
    task = read_images(Pairs(list(zip(pictures, y.tolist(), strict=True))), validation=0)
    expected = np.stack([np.array(picture.convert("L" if mode == "1" else "RGB")) for picture in pictures])
    expected = torch.from_numpy(expected.reshape(N, 5, 4, -1)).permute(0, 3, 1, 2)
    assert task.train.x.dtype == torch.uint8
    assert same(task, expected, y)
    assert len(task.train.x.unique()) > 1


def test_transparency_is_kept():
    images = pytest.importorskip("PIL.Image")
    pictures = [images.fromarray(np.array([[[9, 200]]], dtype=np.uint8)) for _ in range(2)]
    assert pictures[0].mode == "LA"
    task = read_images(Pairs(list(zip(pictures, (0, 1), strict=True))), validation=0)
    assert task.train.x.flatten(1).tolist() == [[9, 9, 9, 200]] * 2


@pytest.mark.parametrize(
    ("mode", "dtype", "highest"),
    [("I;16", "<u2", 65535), ("I;16B", ">u2", 65535), ("I", "<i4", 100_000), ("F", "<f4", 0.25)],
)
def test_pictures_of_more_than_a_byte_keep_their_numbers(mode, dtype, highest):
    images = pytest.importorskip("PIL.Image")
    rows = (np.linspace(0, 1, 6 * 20).reshape(6, 5, 4) * highest).astype(dtype)
    pictures = [images.frombuffer(mode, (4, 5), row.tobytes(), "raw", mode, 0, 1) for row in rows]
    assert {picture.mode for picture in pictures} == {mode}
    task = read_images(Pairs([(picture, i % 2) for i, picture in enumerate(pictures)]), validation=0)
    assert torch.equal(task.train.x.squeeze(1), torch.from_numpy(rows.astype(np.float32)))
    assert float(task.scale.normalized(task.train.x).std()) == pytest.approx(1, abs=0.01)


def test_an_unknown_mode_of_pil():
    images = pytest.importorskip("PIL.Image")
    message = r"^train\[0\] is a PIL image of the unknown mode 'LAB'; pass np.asarray\(image\), whose numbers are kept"
    with pytest.raises(ValueError, match=message):
        read_images(Pairs([(images.new("LAB", (4, 4)), 0)]))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "uint16", "int32", "int64", "float16", "float64"])
@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy])
def test_numbers_that_are_no_bytes_are_kept(dtype, wrap):
    top = 1 if dtype == "bool" else 100 if dtype in ("int8", "float16") else 30_000
    x = (np.arange(N * 4).reshape(N, 1, 2, 2) % (top + 1)).astype(dtype)
    y = np.arange(N) % 2
    for dataset in ((wrap(x), wrap(y)), Pairs([(wrap(row), label) for row, label in zip(x, y, strict=True)])):
        task = read_images(dataset, validation=0)
        assert task.train.x.dtype == torch.float32
        assert same(task, torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y))


@pytest.mark.parametrize(
    "label", [int, bool, float, np.int32, np.uint8, np.bool_, np.float32, torch.tensor, lambda k: torch.tensor([k])]
)
def test_labels_of_any_type_of_number(label):
    x, _ = toy()
    y = torch.arange(N) % 2
    pairs = [(image, label(k)) for image, k in zip(x, y.tolist(), strict=True)]
    assert same(read_images(Pairs(pairs), validation=0), x, y)


def test_labels_may_be_any_tensor_of_whole_numbers():
    x, _ = toy()
    y = torch.arange(N) % 2
    for dtype in (torch.bool, torch.uint8, torch.float64):
        assert same(read_images((x, y.to(dtype)), validation=0), x, y)


def test_lists_generators_and_streams_of_pairs():
    class Given(IterableDataset):
        def __iter__(self):
            return zip(x, y, strict=True)

    x, y = toy()
    pairs = list(zip(x, y, strict=True))
    for dataset in (pairs, tuple(pairs), iter(pairs), (pair for pair in pairs), Given()):
        assert same(read_images(dataset, validation=0), x, y)
    assert is_image_dataset(pairs)
    small = graphcond.condense((pair for pair in pairs), ratio=0.5, method="random")
    assert small.images()[0].shape[1:] == x.shape[1:]
