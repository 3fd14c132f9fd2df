"""Looking things up by name, with a hint where there is nothing of that name."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")


def named(name: object, known: Mapping[str, V], what: str, of: str = "") -> V:
    """Return what has a name.

    Args:
        name: The name that was given.
        known: Everything that has a name.
        what: What kind of thing it is, such as ``"method"``.
        of: What it is for, such as ``" for graphs"``.

    Raises:
        ValueError: there is nothing of that name; the message names the nearest.

    >>> named("gconf", {"gcond": 1, "random": 2}, "method")
    Traceback (most recent call last):
    ValueError: there is no method 'gconf'; did you mean 'gcond'? (all: gcond, random)
    """
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
    raise ValueError(f"there is no {what} {name!r}{of}; did you mean {near[0]!r}? (all: {', '.join(known)})")
