"""Checks that the fields of settings share."""

import dataclasses
import math
from typing import Any

WHOLE = (int, int | None)
NUMBERS = (*WHOLE, float, float | None)


def require_positive(settings: Any, but: tuple[str, ...] = ()) -> None:  # noqa: ANN401 (any dataclass)
    """Raise if a number among a dataclass's fields is not positive (``but`` some, which may be zero) and finite.

    Fields are recognised by their types: ``int`` and ``float``, or either with ``None``.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.type not in NUMBERS or (value is None and field.type not in (int, float)):
            continue
        whole = field.type in WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise TypeError(f"{field.name} must be a {'whole number' if whole else 'number'}, got {value!r}")
        if not math.isfinite(value) or value < 0 or (value == 0 and field.name not in but):
            raise ValueError(f"{field.name} must be {'at least 0' if field.name in but else 'positive'}, got {value!r}")
