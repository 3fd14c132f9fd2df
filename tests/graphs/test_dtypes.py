import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.graphs.storage.dtypes import narrow, nbytes, widen

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def assert_exact(value):
    small, code = narrow(value)
    again = widen(small, code)
    assert again.dtype == value.dtype
    assert again.shape == value.shape
    assert torch.equal(torch.nan_to_num(again, nan=-1.25), torch.nan_to_num(value, nan=-1.25))
    assert torch.equal(again.isnan(), value.isnan())
    assert nbytes({"small": small}) <= nbytes({"value": value})
    return small


@pytest.mark.parametrize("dtype", INTEGERS)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_integers_are_exact(dtype, data):
    limits = torch.iinfo(dtype)
    numbers = st.integers(limits.min, limits.max) | st.integers(max(limits.min, -2), min(limits.max, 300))
    assert_exact(torch.tensor(data.draw(st.lists(numbers, max_size=6)), dtype=dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_floats_are_exact(dtype, data):
    numbers = st.floats(width=32) | st.integers(-3, 40_000) | st.integers(0, 70_000).map(lambda number: number / 256)
    assert_exact(torch.tensor(data.draw(st.lists(numbers, max_size=6)), dtype=dtype))


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 8), st.lists(st.integers(0, 2**15 - 1), min_size=1, max_size=6))
def test_small_multiples_of_a_power_of_two_take_two_bytes_at_most(exponent, numbers):
    value = torch.tensor(numbers, dtype=torch.float64) / 2**exponent
    small = assert_exact(value)
    assert small.element_size() <= (1 if max(numbers) <= 255 else 2)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 255], torch.uint8),
        ([0, 256], torch.int16),
        ([0, 2**15 - 1], torch.int16),
        ([0, 2**15], torch.int32),
        ([0, 2**31 - 1], torch.int32),
        ([0, 2**31], torch.int64),
        ([-1, 5], torch.int64),
        ([], torch.uint8),
        ([True, False], torch.bool),
        ([0.0, 255.0], torch.uint8),
        ([0.5, 127.5], torch.uint8),
        ([1 / 256, 255 / 256], torch.uint8),
        ([1 / 256, 1.0], torch.int16),
        ([1 / 512, 1.0], torch.float16),
        ([-0.5, 1.0], torch.float16),
        ([0.1, 1.0], torch.float32),
        ([40_000.0], torch.float16),
        ([70_000.0], torch.float32),
        ([math.inf, 1.0], torch.float16),
        ([math.nan, 1.0], torch.float32),
    ],
)
def test_narrowest_type(values, dtype):
    assert assert_exact(torch.tensor(values, dtype=torch.int64 if not values else None)).dtype == dtype


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 3), (1,), ()])
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32, torch.float64])
def test_shapes(shape, dtype):
    assert_exact(torch.ones(shape, dtype=dtype))


def test_what_is_not_contiguous_or_needs_gradients():
    value = torch.arange(6.0).reshape(2, 3).T.requires_grad_()
    small, code = narrow(value)
    assert small.is_contiguous()
    assert not small.requires_grad
    assert torch.equal(widen(small, code), value)


def test_bytes_are_those_of_the_elements():
    assert nbytes({}) == 0
    assert nbytes({"a": torch.zeros(3, 2), "b": torch.zeros(5, dtype=torch.int16), "c": torch.zeros(0)}) == 34
