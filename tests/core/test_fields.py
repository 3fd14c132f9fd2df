"""Numbers and flags among arguments and settings: NumPy's are as good as Python's, texts are none."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from graphcond.core.fields import check_flag, is_number, is_whole, plain_fields, positive_integer, require_positive


@dataclass(frozen=True, kw_only=True)
class Settings:
    steps: int = 3
    networks: int | None = None
    rate: float = 0.5
    exact: bool = True
    folded: bool | None = None


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint32])
def test_whole_numbers_of_numpy_are_recorded_as_plain_ones(kind):
    settings = Settings(steps=kind(7), networks=kind(2), rate=np.float32(0.25), exact=np.True_)
    require_positive(settings)
    assert settings == Settings(steps=7, networks=2, rate=0.25, exact=True)
    assert repr(settings) == repr(Settings(steps=7, networks=2, rate=0.25, exact=True))
    assert json.dumps(vars(settings))
    assert positive_integer("runs", kind(4)) == 4


@pytest.mark.parametrize("value", ["no", "", 0, 1, None, [], np.int64(1)])
def test_flags_are_true_or_false(value):
    with pytest.raises(TypeError, match=r"exact must be True or False, got "):
        plain_fields(Settings(exact=value))
    with pytest.raises(TypeError, match="inductive must be True or False"):
        check_flag("inductive", value)


def test_a_flag_that_may_be_left_open_may_be():
    plain_fields(Settings(folded=None))
    with pytest.raises(TypeError, match="folded must be True or False"):
        plain_fields(Settings(folded="no"))


@pytest.mark.parametrize("value", [True, np.True_, "3", 3.0, np.float64(3), None, [3]])
def test_what_is_no_whole_number(value):
    assert not is_whole(value)
    with pytest.raises(ValueError, match="runs must be a positive integer"):
        positive_integer("runs", value)
    with pytest.raises(TypeError, match="steps must be a whole number"):
        require_positive(Settings(steps=value))


def test_what_is_no_number():
    assert all(map(is_number, (1, 1.5, np.float32(1), np.int64(1))))
    assert not any(map(is_number, (True, np.True_, "1", None)))
