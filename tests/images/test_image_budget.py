import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.images.budget import ImageBudget

COUNTS = st.lists(st.integers(1, 300), min_size=2, max_size=8).map(torch.tensor)


@settings(deadline=None)
@given(COUNTS, st.data())
def test_the_number_asked_is_delivered_in_proportion(counts, data):
    total = data.draw(st.integers(len(counts), int(counts.sum())))
    shares = ImageBudget(num_images=total).allocate(counts)
    assert shares.dtype == torch.int64
    assert int(shares.sum()) == total
    assert bool((shares >= 1).all())
    assert bool((shares <= counts).all())
    quota = total * counts / counts.sum()
    if bool((quota >= 1).all()):
        assert bool(((shares - quota).abs() < 1 + 1e-9).all())


@settings(deadline=None)
@given(COUNTS, st.floats(0.001, 1))
def test_a_ratio_is_a_share_of_the_training_images(counts, ratio):
    total = int(ratio * int(counts.sum()) + 0.5)
    if total < len(counts):
        with pytest.raises(ValueError, match=rf"^ratio={ratio} gives {total} images, fewer than the {len(counts)} "):
            ImageBudget(ratio=ratio).allocate(counts)
    else:
        assert torch.equal(ImageBudget(ratio=ratio).allocate(counts), ImageBudget(num_images=total).allocate(counts))


@settings(deadline=None)
@given(COUNTS, st.integers(1, 310))
def test_each_class_alike(counts, number):
    if number <= int(counts.min()):
        assert ImageBudget(per_class=number).allocate(counts).tolist() == [number] * len(counts)
    else:
        with pytest.raises(ValueError, match=rf"^per_class={number} asks for more than the {int(counts.min())} "):
            ImageBudget(per_class=number).allocate(counts)


def test_known_answers():
    counts = torch.tensor([10, 2, 30])
    assert ImageBudget(num_images=21).allocate(counts).tolist() == [5, 1, 15]
    assert ImageBudget(ratio=1.0).allocate(counts).tolist() == [10, 2, 30]
    assert ImageBudget(per_class=2).allocate(counts).tolist() == [2, 2, 2]
    assert ImageBudget(per_class=50).allocate(torch.full((10,), 6000)).tolist() == [50] * 10


def test_what_was_asked():
    assert ImageBudget(ratio=0.5).asked() == {"ratio": 0.5}
    assert ImageBudget(per_class=np.int64(10)).asked() == {"per_class": 10}
    assert type(ImageBudget(num_images=np.int32(6)).asked()["num_images"]) is int
    assert type(ImageBudget(ratio=np.float32(0.5)).asked()["ratio"]) is float
    assert ImageBudget(num_images=np.int32(6)).allocate(torch.tensor([5, 5])).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({}, "give exactly one of ratio=, num_images= and per_class=, got none"),
        ({"ratio": 0.1, "per_class": 1}, "give exactly one of ... got ratio and per_class"),
        ({"ratio": 0}, "ratio must be in (0, 1], got 0; for a number of images use num_images="),
        ({"ratio": 1.5}, "ratio must be in (0, 1], got 1.5; ..."),
        ({"ratio": float("nan")}, "ratio must be in (0, 1], got nan; ..."),
        ({"ratio": True}, "ratio must be in (0, 1], got True; ..."),
        ({"ratio": "0.5"}, "ratio must be in (0, 1], got '0.5'; ..."),
        ({"num_images": 0}, "num_images must be a positive integer, got 0"),
        ({"num_images": 2.0}, "num_images must be a positive integer, got 2.0"),
        ({"per_class": -1}, "per_class must be a positive integer, got -1"),
        ({"per_class": True}, "per_class must be a positive integer, got True"),
        ({"per_class": "10"}, "per_class must be a positive integer, got '10'"),
    ],
)
def test_bad_sizes(sizes, message):
    pattern = "^" + ".*".join(re.escape(part.strip()) for part in message.split("...")) + "$"
    with pytest.raises(ValueError, match=pattern):
        ImageBudget(**sizes)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_images": 2}, "num_images=2 gives 2 images, fewer than the 3 classes; ask for at least one per class: "
                            "num_images=3"),
        ({"ratio": 0.01}, "ratio=0.01 gives 0 images, fewer than the 3 classes; ask for at least one per class: "
                          "num_images=3"),
        ({"num_images": 43}, "num_images=43 asks for 43 images, more than the 42 to train on; ask less"),
        ({"per_class": 3}, "per_class=3 asks for more than the 2 training images of class 1; ask for at most 2, or for "
                           "a total by num_images="),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_the_images(sizes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ImageBudget(**sizes).allocate(torch.tensor([10, 2, 30]))
