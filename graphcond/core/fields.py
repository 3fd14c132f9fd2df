"""Checks that arguments and the fields of settings share."""

import dataclasses
import math
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np

WHOLE = (int, int | None)
NUMBERS = (*WHOLE, float, float | None)
FLAGS = (bool, bool | None)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number, of Python or of NumPy; true and false are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number, of Python or of NumPy; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def positive_integer(name: str, value: object) -> int:
    """Return an argument as a plain positive integer.

    Raises:
        ValueError: it is none.
    """
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def check_flag(name: str, value: object) -> bool:
    """Return an argument that is true or false, of Python or of NumPy.

    Raises:
        TypeError: it is something else, such as the text ``"no"``, which would count as true.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def plain_fields(settings: Any) -> None:  # noqa: ANN401 (any dataclass)
    """Make NumPy's numbers among a frozen dataclass's fields plain ones, and raise if a flag is not true or false.

    Settings are recorded by their ``repr`` and as JSON, where both kinds have to look alike.

    Raises:
        TypeError: a field of type ``bool`` holds something else.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.type in FLAGS and not (value is None and field.type is not bool):
            object.__setattr__(settings, field.name, check_flag(field.name, value))
        elif isinstance(value, np.integer | np.floating):
            object.__setattr__(settings, field.name, value.item())


def require_positive(settings: Any, but: tuple[str, ...] = ()) -> None:  # noqa: ANN401 (any dataclass)
    """Raise if a number among a dataclass's fields is not positive (``but`` some, which may be zero) and finite.

    Fields are recognised by their types: ``int`` and ``float``, or either with ``None``. Those of type ``bool`` have to
    be true or false; NumPy's numbers become plain ones.
    """
    plain_fields(settings)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.type not in NUMBERS or (value is None and field.type not in (int, float)):
            continue
        whole = field.type in WHOLE
        if not (is_whole(value) if whole else is_number(value)):
            raise TypeError(f"{field.name} must be a {'whole number' if whole else 'number'}, got {value!r}")
        if not math.isfinite(value) or value < 0 or (value == 0 and field.name not in but):
            raise ValueError(f"{field.name} must be {'at least 0' if field.name in but else 'positive'}, got {value!r}")
