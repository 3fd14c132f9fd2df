import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.core.size import Size, asked_size, check_kind, portion, recorded

FORMS = "35, 0.01, '1%', '5%train', '10/class', '10kB' or 'everything'"
RATIOS = st.floats(0, 1, exclude_min=True)
COUNTS = st.integers(1, 10**12)
SIZES = st.one_of(
    RATIOS.map(Size.ratio),
    RATIOS.map(lambda ratio: Size.ratio(ratio, of="train")),
    COUNTS.map(Size.count),
    COUNTS.map(Size.per_class),
    COUNTS.map(Size.bytes),
    st.just(Size.everything()),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (35, Size.count(35)),
        ("35", Size.count(35)),
        (np.int32(35), Size.count(35)),
        (1, Size.count(1)),
        (0.01, Size.ratio(0.01)),
        (np.float64(0.01), Size.ratio(0.01)),
        ("0.01", Size.ratio(0.01)),
        (".5", Size.ratio(0.5)),
        ("1.", Size.ratio(1.0)),
        (1.0, Size.ratio(1.0)),
        ("1%", Size.ratio(0.01)),
        ("7 %", Size.ratio(0.07)),
        ("0.9%", Size.ratio(0.009)),
        ("100%", Size.ratio(1.0)),
        ("5% of all", Size.ratio(0.05)),
        ("5%train", Size.ratio(0.05, of="train")),
        ("5 % of train", Size.ratio(0.05, of="train")),
        ("10/class", Size.per_class(10)),
        (" 10 / class ", Size.per_class(10)),
        ("2000B", Size.bytes(2000)),
        ("10kB", Size.bytes(10_000)),
        ("10 KB", Size.bytes(10_000)),
        ("1.5MB", Size.bytes(1_500_000)),
        ("1GB", Size.bytes(10**9)),
        ("everything", Size.everything()),
        (Size.per_class(3), Size.per_class(3)),
    ],
    ids=repr,
)
def test_short_forms(given, expected):
    size = Size.parse(given)
    assert size == expected
    assert type(size.value) is (float if size.kind == "ratio" else int)


@pytest.mark.parametrize(
    "text", ["", "some", "-3", "+3", "1e3", "3/", "/class", "3/classes", "%", "5%test", "5%trainy", "kB", "10 bytes",
             "1,000", "Everything", "1/0.5", "NaN", "inf"]
)  # fmt: skip
def test_texts_that_are_no_size(text):
    with pytest.raises(ValueError, match=f"^{re.escape(f'size must be such as {FORMS}, got {text!r}')}$"):
        Size.parse(text)


@pytest.mark.parametrize("given", [True, False, None, [], (3,), {"count": 3}, b"35", 3j])
def test_values_that_are_no_size(given):
    with pytest.raises(TypeError, match=re.escape(f"size must be a number, a text or a Size, such as {FORMS}, got")):
        Size.parse(given)


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.0001, float("nan"), float("inf"), "0.0", "0%", "101%", "0%train"])
def test_ratios_lie_between_none_and_all(ratio):
    with pytest.raises(ValueError, match=r"^ratio must be in \(0, 1\], got .*; a number of items is whole, such as"):
        Size.parse(ratio)


@pytest.mark.parametrize("ratio", [True, "0.1", [0.1]])
def test_a_ratio_is_a_number(ratio):
    for made in (Size.ratio, lambda ratio: asked_size(ratio, None)):
        with pytest.raises(ValueError, match=r"^ratio must be in \(0, 1\], got"):
            made(ratio)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (0, "a number of items"),
        (-3, "a number of items"),
        ("0", "a number of items"),
        ("0/class", "a number of items of each class"),
        ("0kB", "a number of bytes"),
    ],
)
def test_counts_are_positive(given, what):
    with pytest.raises(ValueError, match=f"^size must be a positive integer for {what}, got"):
        Size.parse(given)


@pytest.mark.parametrize("made", [Size.count, Size.per_class, Size.bytes])
@pytest.mark.parametrize("number", [0, -1, 2.0, 2.5, True, "4", None])
def test_counts_are_positive_integers(made, number):
    with pytest.raises(ValueError, match=r"^size must be a positive integer for a number of .*, got"):
        made(number)


def test_a_ratio_is_of_all_or_of_what_is_for_training():
    with pytest.raises(ValueError, match=r"^of must be 'all', or 'train' of a ratio, got 'edges'$"):
        Size.ratio(0.1, of="edges")


def test_unknown_kinds():
    with pytest.raises(ValueError, match=r"^size has no kind 'graphs'; use Size.parse, count, ratio"):
        Size("graphs", 3)


@settings(deadline=None)
@given(SIZES)
def test_a_size_and_its_text_are_the_same(size):
    assert Size.parse(str(size)) == size
    assert str(Size.parse(str(size))) == str(size)


@pytest.mark.parametrize(
    ("size", "text", "argument"),
    [
        (Size.count(35), "35", "size=35"),
        (Size.ratio(0.01), "0.01", "ratio=0.01"),
        (Size.ratio(1), "1.0", "ratio=1.0"),
        (Size.ratio(0.00001), "0.00001", "ratio=1e-05"),
        (Size.ratio(0.07, of="train"), "7%train", "size='7%train'"),
        (Size.ratio(1 / 8, of="train"), "12.5%train", "size='12.5%train'"),
        (Size.ratio(1, of="train"), "100%train", "size='100%train'"),
        (Size.per_class(10), "10/class", "size='10/class'"),
        (Size.bytes(1), "1B", "size='1B'"),
        (Size.bytes(1500), "1500B", "size='1500B'"),
        (Size.bytes(10_000), "10kB", "size='10kB'"),
        (Size.bytes(3 * 10**9), "3GB", "size='3GB'"),
        (Size.everything(), "everything", "size='everything'"),
    ],
    ids=str,
)
def test_how_sizes_are_written(size, text, argument):
    assert (str(size), size.argument) == (text, argument)


def test_numbers_of_numpy_are_kept_as_plain_ones():
    assert type(Size.count(np.int64(6)).value) is int
    assert type(Size.per_class(np.uint8(6)).value) is int
    assert type(Size.ratio(np.float32(0.5)).value) is float
    assert json.dumps(Size.count(np.int64(6)).value) == "6"


@settings(deadline=None)
@given(RATIOS, st.integers(1, 10**6))
def test_a_ratio_among_items_is_the_nearest_number(ratio, whole):
    number = Size.ratio(ratio).among(whole)
    assert number == portion(ratio, whole)
    assert abs(number - ratio * whole) <= 0.5
    assert 0 <= number <= whole


def test_a_half_is_rounded_up():
    assert [portion(0.5, whole) for whole in (1, 3, 5)] == [1, 2, 3]
    assert Size.count(7).among(100) == 7


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        (0.1, None, Size.ratio(0.1)),
        (1, None, Size.ratio(1.0)),
        (None, 7, Size.count(7)),
        (None, "2%", Size.ratio(0.02)),
    ],
)
def test_one_size_is_asked(ratio, size, expected):
    assert asked_size(ratio, size) == asked_size(ratio, size, needed=False) == expected


@pytest.mark.parametrize(("ratio", "size", "got"), [(None, None, "none"), (0.1, 35, "both"), (0.1, "10%", "both")])
def test_none_and_two_sizes(ratio, size, got):
    message = f"give exactly one of ratio= and size=, such as ratio=0.01, size=35 or size='10/class', got {got}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        asked_size(ratio, size)


def test_where_no_size_is_needed_none_is_everything():
    assert asked_size(None, None, needed=False) == Size.everything()


@pytest.mark.parametrize(
    ("size", "kinds", "message"),
    [
        (Size.bytes(10_000), {"count", "ratio", "per_class"},
         "size='10kB' makes no sense for nodes; use one of ratio=0.01, size=35, size='10/class'"),
        (Size.everything(), {"count", "ratio", "per_class", "bytes"},
         "size='everything' makes no sense for nodes; use one of ratio=0.01, size=35, size='10/class', size='10kB'"),
        (Size.per_class(3), {"count", "everything"}, "size='3/class' makes no sense for nodes; use one of size=35"),
        (Size.ratio(0.1), {"count"}, "ratio=0.1 makes no sense for nodes; use one of size=35"),
    ],
)  # fmt: skip
def test_sizes_that_a_kind_of_dataset_has_not(size, kinds, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_kind(size, frozenset(kinds), "nodes")
    check_kind(size, frozenset(kinds) | {size.kind}, "nodes")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"ratio": 0.05}, {"size": "0.05"}),
        ({"ratio": 0.05, "ratio_of": "nodes"}, {"size": "0.05"}),
        ({"ratio": 0.05, "ratio_of": "train"}, {"size": "5%train"}),
        ({"num_nodes": 35}, {"size": "35"}),
        ({"num_graphs": 35}, {"size": "35"}),
        ({"num_images": 35}, {"size": "35"}),
        ({"users": 500}, {"size": "500"}),
        ({"nodes_per_class": 10}, {"size": "10/class"}),
        ({"graphs_per_class": 10}, {"size": "10/class"}),
        ({"per_class": 10}, {"size": "10/class"}),
        ({"max_bytes": 10_000}, {"size": "10kB"}),
        ({"users": 500, "interactions": 20_000}, {"size": "500", "interactions": 20_000}),
        ({"interactions": 20_000}, {"interactions": 20_000}),
        ({"size": "10/class"}, {"size": "10/class"}),
        ({}, {}),
    ],
    ids=str,
)  # fmt: skip
def test_records_of_version_0_1_are_reported_in_words_of_today(asked, expected):
    before = dict(asked)
    assert recorded(asked) == expected
    assert recorded(recorded(asked)) == expected
    assert asked == before
