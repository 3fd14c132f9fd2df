import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torch_geometric.data import Data
from torch_geometric.data.in_memory_dataset import InMemoryDataset

from graphcond.core.ranges import LARGEST
from graphcond.images.dataset import ImageDataset
from graphcond.images.reading import is_image_dataset, read_images
from graphcond.images.splits import hold_out

N = 12


def toy(n=N, shape=(3, 8, 6), classes=3, seed=0):
    """Return random bytes and labels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8), torch.arange(n) % classes


class Pairs(Dataset):
    """A map-style dataset of anything."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class Graphs(InMemoryDataset):
    """A PyG dataset of some graphs."""

    def __init__(self, number):
        super().__init__(root=None)
        graph = Data(x=torch.eye(3), edge_index=torch.zeros(2, 1, dtype=torch.int64), y=torch.zeros(1))
        self.data, self.slices = self.collate([graph] * number)


class Stream(IterableDataset):
    """A dataset without numbers."""

    def __iter__(self):
        return iter([(torch.zeros(1, 4, 4), 0)])


def same(task, x, y):
    """Return whether the training images are these."""
    return torch.equal(task.train.x, x) and torch.equal(task.train.y, y)


def test_parts_are_kept_as_they_are():
    (x, y), (vx, vy), (tx, ty) = toy(), toy(5, seed=1), toy(4, seed=2)
    task = read_images(ImageDataset((x, y), val=(vx, vy), test=(tx, ty), name="toys", classes=("a", "b", "c")))
    assert same(task, x, y)
    assert torch.equal(task.val.x, vx)
    assert torch.equal(task.test.y, ty)
    assert (task.name, task.num_classes, task.shape, task.notes) == ("toys", 3, (3, 8, 6), ())
    assert task.class_counts.tolist() == [4, 4, 4]
    assert task.train.x.dtype == torch.uint8


def test_the_scale_is_that_of_the_images_to_train_on():
    x, y = toy()
    task = read_images((x, y))
    pixels = (task.train.x.double() / 255).transpose(0, 1).flatten(1)
    assert torch.allclose(task.scale.mean.double(), pixels.mean(dim=1), atol=1e-6)
    assert torch.allclose(task.scale.std.double(), pixels.std(dim=1, correction=0), atol=1e-6)
    assert len(task.train) < N


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_become_single(dtype):
    x, y = toy()
    task = read_images((x.to(dtype) / 255, y.int()), validation=0)
    assert task.train.x.dtype == torch.float32
    assert task.train.y.dtype == torch.int64
    assert torch.equal(task.train.x, (x.to(dtype) / 255).float())


def test_all_ways_to_give_the_same_images_agree():
    x, y = toy()
    backwards = x.numpy()[::-1].copy()[::-1]  # by negative strides
    locked = x.numpy().copy()
    locked.flags.writeable = False
    everything = TensorDataset(torch.cat([x, x]), torch.cat([y, y]).unsqueeze(1))
    for dataset in (
        (x, y),
        [x, y.unsqueeze(1)],
        (backwards, y.numpy()[:, None].astype(">i2")),
        (locked, y.numpy().astype(np.uint8)),
        TensorDataset(x, y),
        Subset(everything, range(N, 2 * N)),
        Subset(Subset(everything, np.arange(N)), torch.arange(N)),
        Pairs(list(zip(x, y, strict=True))),
        Pairs([(image, [int(label)]) for image, label in zip(x, y, strict=True)]),
        Pairs([(image.numpy(), np.int32(label)) for image, label in zip(x, y, strict=True)]),
        Pairs([(image.permute(1, 2, 0).numpy(), label.unsqueeze(0)) for image, label in zip(x, y, strict=True)]),
    ):
        assert is_image_dataset(dataset)
        assert same(read_images(dataset, validation=0), x, y)
        assert same(read_images(ImageDataset(dataset), validation=0), x, y)
    assert same(read_images(ImageDataset(list(zip(x, y, strict=True))), validation=0), x, y)  # any sequence of pairs


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_pictures_of_pil(mode, channels):
    images = pytest.importorskip("PIL.Image")
    x, y = toy(shape=(channels, 5, 3))
    rows = x.permute(0, 2, 3, 1).squeeze(3).numpy()
    items = Pairs([(images.fromarray(row, mode=None), int(label)) for row, label in zip(rows, y, strict=True)])
    assert items[0][0].mode == mode
    assert is_image_dataset(items)
    assert same(read_images(items, validation=0), x, y)


def test_a_stored_dataset_is_read_without_making_items(monkeypatch):
    def refuse(*_):
        raise AssertionError("an item was made")

    x, y = toy()
    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    assert same(read_images(ImageDataset(Subset(TensorDataset(x, y), range(N))), validation=0), x, y)


def test_a_derived_class_is_asked_for_its_items():
    class Darker(TensorDataset):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image // 2, label

    x, y = toy()
    assert same(read_images(Darker(x, y), validation=0), x // 2, y)
    assert same(read_images(Subset(Darker(x, y), range(N)), validation=0), x // 2, y)


def test_random_changes_are_drawn_once_and_leave_the_random_state_alone():
    class Noisy(Pairs):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image + torch.rand(image.shape), label

    x, y = toy()
    items = Noisy(list(zip(x.float(), y, strict=True)))
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert is_image_dataset(items)
    first, again = read_images(items), read_images(items)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.fingerprint() == again.fingerprint()


def test_the_input_is_not_changed():
    x, y = toy()
    x = (x.float() / 255).requires_grad_()
    before, labels = x.detach().clone(), y.clone()
    task = read_images((x, y), validation=0)
    task.scale.normalized(task.train.x)
    assert torch.equal(x, before)
    assert torch.equal(y, labels)
    assert not task.train.x.requires_grad


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (ImageDataset(toy()), True),
        (toy(), True),
        ([array.numpy() for array in toy()], True),
        ((torch.zeros(3, 4, 4), torch.zeros(3)), True),  # refused by name when it is read
        (Pairs([(torch.zeros(1, 4, 4), 0)]), True),
        (Pairs([(np.zeros((4, 4)), 0)]), True),
        (TensorDataset(*toy()), True),
        ((torch.zeros(3, 4), torch.zeros(3)), True),
        (toy()[0], False),
        ((toy()[0],), False),
        ([torch.arange(3), torch.arange(3)], False),
        (TensorDataset(torch.zeros(3, 4), torch.zeros(3)), False),
        (TensorDataset(*toy(), torch.arange(N)), False),
        (Pairs([]), False),
        (Pairs([{"image": torch.zeros(1, 4, 4)}]), False),
        (Pairs([Data(), Data()]), False),
        (Graphs(1), False),
        (Graphs(4), False),
        (Subset(Graphs(4), [1, 2]), False),
        ([Data(x=torch.eye(2)), Data(x=torch.eye(2))], False),
        ((Data(), Data()), False),
        ([], False),
        (Data(x=torch.eye(2)), False),
        (csr_matrix((3, 3)), False),
        (Stream(), False),
        (DataLoader(TensorDataset(*toy())), False),
        (None, False),
        ("mnist", False),
    ],
)
def test_what_counts_as_images(dataset, expected):
    assert is_image_dataset(dataset) is expected


def test_one_item_is_enough_to_tell():
    class Once(Pairs):
        asked = 0

        def __getitem__(self, index):
            Once.asked += 1
            return super().__getitem__(index)

    assert is_image_dataset(Once([(torch.zeros(1, 4, 4), 0)] * 5))
    assert Once.asked == 1


def test_graphs_are_reported_without_making_one():
    def refuse(_):
        raise AssertionError("a graph was made")

    graphs = Graphs(2)
    graphs.transform = refuse
    assert not is_image_dataset(graphs)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(any),
    st.floats(0, 0.99),
    st.one_of(st.none(), st.integers(1, 40)),
    st.integers(0, 3),
)
def test_what_is_held_out(counts, share, most, seed):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    kept, held = hold_out(y, share, most=most, seed=seed)
    assert torch.equal(torch.cat([kept, held]).sort().values, torch.arange(len(y)))
    assert bool((kept.diff() > 0).all())
    assert bool((held.diff() > 0).all())
    left, gone = (torch.bincount(y[rows], minlength=len(counts)) for rows in (kept, held))
    assert bool((left[torch.tensor(counts) > 0] >= 1).all())
    assert len(held) <= (len(y) if most is None else most)
    if share == 0:
        assert not len(held)
    else:
        giving = int((torch.tensor(counts) > 1).sum())
        assert int((gone > 0).sum()) == (giving if most is None else min(giving, most))
        if most is None:
            spare = sum(max(count - 1, 0) for count in counts)
            assert len(held) == min(max(int(share * len(y) + 0.5), giving), spare)
    again = hold_out(y, share, most=most, seed=seed)
    assert torch.equal(again[1], held)


def test_validation_is_a_share_of_each_class():
    x, _ = toy(100)
    y = torch.tensor([0] * 60 + [1] * 30 + [2] * 9 + [3])
    before = torch.random.get_rng_state()
    task = read_images((x, y))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.bincount(task.val.y, minlength=4).tolist() == [6, 3, 1, 0]
    assert task.class_counts.tolist() == [54, 27, 8, 1]
    assert task.notes == ("Training images held out for validation: 10 of 100, a share of each class.",)
    everything = torch.cat([task.train.x, task.val.x]).flatten(1)
    assert torch.equal(everything.unique(dim=0), x.flatten(1).unique(dim=0))
    assert not torch.equal(task.val.y, y[-10:])
    assert task.fingerprint() == read_images(ImageDataset((x, y))).fingerprint()
    half = read_images((x, y), validation=0.5)
    assert torch.bincount(half.val.y, minlength=4).tolist() == [30, 15, 5, 0]  # of 30.3, 15.2 and 4.5
    assert read_images((x, y), validation=0).notes == ()
    assert read_images(ImageDataset((x, y), val=(x[:0], y[:0]))).notes == ()


def test_no_more_than_five_thousand_are_held_out():
    y = torch.arange(60_000) % 10
    task = read_images((torch.arange(60_000, dtype=torch.float32).view(-1, 1, 1, 1), y))
    assert len(task.val) == 5_000
    assert torch.bincount(task.val.y).tolist() == [500] * 10
    assert "5,000 of 60,000" in task.notes[0]
    assert torch.equal(task.val.x.flatten().long() % 10, task.val.y)


def bad(x=None, y=None, **parts):
    """Return a dataset with something wrong about it."""
    images, labels = toy()
    return ImageDataset((images if x is None else x, labels if y is None else y), **parts)


X, Y = toy()
UNIT = X.float() / 255
SIZES = Pairs([(torch.zeros(1, 8, 8), 0), (torch.zeros(1, 8, 8), 1), (torch.zeros(1, 8, 7), 1)])
TYPES = Pairs([(torch.zeros(1, 8, 8), 0), (torch.zeros(1, 8, 8, dtype=torch.uint8), 1)])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (bad(X[:, 0]), "the images of train have no channel axis, their shape is (12, 8, 6); pass x.unsqueeze(1) ..."),
        (Pairs([(image, 0) for image in X[:, 0]]), "the images of train have no channel axis, ..."),
        (bad(X.view(12, -1)), "the images of train must have the shape (n, channels, height, width), got (12, 144)"),
        (bad(X[..., :0]), "the images of train must have the shape (n, channels, height, width), got (12, 3, 8, 0)"),
        (bad(X.permute(0, 2, 3, 1)), "the images of train seem to have their channels last, their shape is (12, 8, 6, "
                                     "3); pass x.permute(0, 3, 1, 2) ..."),
        (bad(X + 1j), "the images of train must be real, got torch.complex64; pass x.abs(), ..."),
        (bad(X.numpy().astype(str)), "the images of train must hold numbers, got <U3; ..."),
        (bad(X.to_sparse()), "the images of train must be dense, got torch.sparse_coo; pass x.to_dense()"),
        (bad(X[:0], Y[:0]), "train holds no image; pass at least one of each class"),
        (bad(y=Y[:-1]), "the labels of train must be as many as its images (12), got 11; ..."),
        (bad(y=Y + 0.5), "the labels of train must be whole numbers, but some are not (torch.float32); number ..."),
        (bad(y=Y * float("nan")), "the labels of train must be whole numbers, but some are not ..."),
        (bad(X.long(), test=(X, Y)), "the images of test are torch.uint8, those of train torch.float32; pass ..."),
        (bad(test=Pairs([(X[0, :1], 0)])), "the images of test have the shape (1, 8, 6), those of train (3, 8, 6)..."),
        (Pairs([(X[0], 0), (X[1, :1], 1)]), "the image of train[1] has 1 channels, that of train[0] 3; all images need "
                                            "as many: convert them alike, such as image.convert('RGB') ..."),
        (bad(y=torch.eye(3)[Y]), "the labels of train must hold one class per image, shape (n,), got (12, 3); pass "
                                 "y.argmax(1) for one-hot rows"),
        (bad(y=Y - 1), "the labels of train must be 0 or more, got -1 (image 0); ..."),
        (bad(y=Y.tolist()), "the labels of train must be a tensor or an array, got list; ..."),
        (bad(y=Y * 0), "all labels are 0, but classification needs at least two classes; ..."),
        (bad(y=Y * 2), "2 of 5 classes have no training image (class 1, 3); add one to train, or drop ..."),
        (bad(y=Y * 10**12), "there are 2000000000001 classes, but only 12 training images and each class ..."),
        (bad(classes=4), "1 of 4 classes have no training image (class 3); ..."),
        (bad(classes=("a", "b")), "the labels of train must lie in [0, 1] (2 classes), got 2 (image 2); ..."),
        (bad(test=(X, Y + 1)), "1 of 4 classes have no training image (class 3); ..."),
        (bad(classes=3, test=(X, Y + 1)), "the labels of test must lie in [0, 2] (3 classes), got 3 (image 2); ..."),
        (bad(val=(X, Y - 1)), "the labels of val must be 0 or more, ..."),
        (bad(test=(X[..., :5], Y)), "the images of test have the shape (3, 8, 5), those of train (3, 8, 6); ..."),
        (bad(test=(X[:, :1], Y)), "the images of test have the shape (1, 8, 6), those of train (3, 8, 6); ..."),
        (bad(val=(UNIT, Y)), "the images of val are torch.float32, those of train torch.uint8; ..."),
        (bad(UNIT, test=(X, Y)), "the images of test are torch.uint8, those of train torch.float32; ..."),
        (bad(UNIT, test=(X.float(), Y)), "the images of test lie in [0, 255], those of train in [0, 1]; ..."),
        (bad(X.float(), test=(UNIT, Y)), "the images of test lie in [0, 1], those of train in [0, 255]; ..."),
        (bad(UNIT, val=(2 * UNIT - 1, Y)), "the images of val lie in [-1, 1], those of train in [0, 1]; ..."),
        (SIZES, "the image of train[2] has the shape (1, 8, 7), that of train[0] (1, 8, 8); all images need one ..."),
        (ImageDataset((X, Y), test=SIZES), "the image of test[2] has the shape (1, 8, 7), that of test[0] ..."),
        (TYPES, "the image of train[1] is torch.uint8, that of train[0] torch.float32; use one type"),
        (Pairs([(X[0], 0), X[1]]), "train[1] must be a pair (image, label), got Tensor; ..."),
        (ImageDataset(Pairs([{"image": X[0]}])), "train[0] must be a pair (image, label), got dict; ..."),
        (ImageDataset(Graphs(2)), "train[0] must be a pair (image, label), got Data; ..."),
        (ImageDataset(Pairs([("a.png", 0)])), "the image of train[0] must be a tensor, a NumPy array or a PIL image, "
                                              "got str"),
        (Pairs([(X[0], "cat")]), "the label of train[0] must be the number of its class, got str; number them from 0"),
        (Pairs([(X[0], None)]), "the label of train[0] must be the number of its class, got NoneType; ..."),
        (Pairs([(X[0], [1, 2])]), "the label of train[0] must be the number of its class, got list; ..."),
        (Pairs([(X[0], 0.5), (X[1], 1)]), "the labels of train must be whole numbers, but some are not ..."),
        (X, "dataset must be an ImageDataset, a pair (x, y) of images (n, channels, height, width) and labels (n,), or "
            "a map-style dataset of pairs (image, label), got Tensor"),
        (Graphs(1), "dataset must be an ImageDataset, ... got Graphs"),
        ("mnist", "dataset must be an ImageDataset, ... got the string 'mnist'; graphcond.datasets.load reads ..."),
        (DataLoader(Pairs([])), "dataset must be an ImageDataset, ... got a DataLoader, ...; pass loader.dataset"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_with_the_remedy(dataset, message):
    pattern = "^" + ".*".join(re.escape(part.strip()) for part in message.split("...")) + "$"
    with pytest.raises((TypeError, ValueError), match=pattern):
        read_images(dataset)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_pixels_that_are_no_numbers(value):
    x = UNIT.clone()
    x[4, 1, 2, 3] = x[9, 0, 0, 0] = x[9, 1, 1, 1] = value
    with pytest.raises(
        ValueError, match=r"^the images of train must be finite, but 2 of them .*\(first: image 4\); clean"
    ):
        read_images((x, Y))
    with pytest.raises(ValueError, match=r"^the images of test must be finite, but 2 of them"):
        read_images(ImageDataset((UNIT, Y), test=(x, Y)))


def test_large_pixels_are_left_unless_their_squares_overflow():
    x = UNIT.clone()
    x[0] = LARGEST
    assert len(read_images((x, Y), validation=0).train) == N
    x[0] = 3e38
    with pytest.raises(ValueError, match=r"1 of them hold numbers beyond 1e\+15, whose squares overflow .*; scale"):
        read_images((x, Y), validation=0)


@pytest.mark.parametrize("test", [2 * UNIT, 1.4 * UNIT, UNIT - 0.4, UNIT.clamp(0.2, 0.3)])
def test_ranges_that_may_be_one_scale(test):
    train = UNIT if test.max() < 1.5 else 2 * UNIT - 0.1
    assert len(read_images(ImageDataset((train, Y), test=(test, Y))).test) == N


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan"), True, "0.1"])
def test_validation_out_of_range(share):
    with pytest.raises(ValueError, match=r"^validation must be in \[0, 1\), got .*; 0 holds no image out$"):
        read_images((X, Y), validation=share)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X,), {}, "train must be a pair (x, y) ... got Tensor"),
        ((None,), {}, "train must be a pair (x, y) ... got NoneType"),
        ((Stream(),), {}, "train must be a pair (x, y) ... got Stream"),
        (({"x": X, "y": Y},), {}, "train must be a pair (x, y) ... got dict"),
        (((X, Y),), {"test": "t10k"}, "test must be a pair (x, y) ... got str"),
        (((X, Y),), {"val": DataLoader(TensorDataset(X, Y))}, "val must be a pair (x, y) ... got DataLoader"),
        (((X, Y),), {"name": 3}, "name must be a string, got int"),
        (((X, Y),), {"classes": 1}, "classes=1 gives 1 class(es); classification needs at least two"),
        (((X, Y),), {"classes": ["a"]}, "classes=['a'] gives 1 class(es); ..."),
        (((X, Y),), {"classes": "abc"}, "classes must be a number or a sequence of names, got 'abc'"),
        (((X, Y),), {"classes": [1, 2]}, "classes must be a number or a sequence of names, got [1, 2]"),
        (((X, Y),), {"classes": True}, "classes must be a number or a sequence of names, got True"),
    ],
)
def test_a_dataset_checks_its_arguments(arguments, options, message):
    pattern = "^" + ".*".join(re.escape(part.strip()) for part in message.split("...")) + "$"
    with pytest.raises((TypeError, ValueError), match=pattern):
        ImageDataset(*arguments, **options)


def test_a_dataset_describes_itself_in_one_line():
    assert repr(ImageDataset(TensorDataset(X, Y), val=(X[:2], Y[:2]))) == (
        "ImageDataset('images', train=12, val=2, test=None)"
    )
    with pytest.raises(AttributeError):
        ImageDataset((X, Y)).name = "other"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_stay_on_their_device():
    task = read_images(ImageDataset((X.cuda(), Y), test=(X, Y)))
    assert {value.device.type for part in (task.train, task.val, task.test) for value in (part.x, part.y)} == {"cuda"}
    assert task.scale.mean.device.type == "cuda"
