"""How large a condensed dataset shall be: checks that budgets of nodes and of images share."""

import math
from collections.abc import Mapping

from graphcond.core.fields import is_number, positive_integer


def check_sizes(sizes: Mapping[str, object], things: str) -> None:
    """Raise unless a size is asked in exactly one way, and makes sense by itself.

    Args:
        sizes: What was given, by the argument's name; ``None``: nothing. ``"ratio"`` is a fraction, all others count.
        things: What is counted, such as ``"nodes"``, for messages.

    Raises:
        ValueError: none or several were given, or one that is no number of its kind.
    """
    given = [name for name, value in sizes.items() if value is not None]
    if len(given) != 1:
        *names, last = (f"{name}=" for name in sizes)
        what = " and ".join(given) or "none"
        raise ValueError(f"give exactly one of {', '.join(names)} and {last}, got {what}")
    for name, value in sizes.items():
        if value is None:
            continue
        if name == "ratio":
            if not is_number(value) or not 0 < float(value) <= 1:
                raise ValueError(
                    f"ratio must be in (0, 1], got {value!r}; for a number of {things} use num_{things}="
                )  # fmt: skip
        else:
            positive_integer(name, value)


def plain_size(sizes: Mapping[str, float | None]) -> dict[str, float]:
    """Return the size that was given, under its name: NumPy's numbers are welcome, and recorded as plain ones."""
    return {name: float(value) if name == "ratio" else int(value) for name, value in sizes.items() if value is not None}


def portion(ratio: float, whole: int) -> int:
    """Return a fraction of a number, rounded half up.

    >>> portion(0.5, 5), portion(0.01, 49)
    (3, 0)
    """
    return math.floor(ratio * whole + 0.5)


def check_total(
    total: int, asked: Mapping[str, float], *, classes: int, available: int, things: str, where: str
) -> None:
    """Raise if fewer things are asked for than there are classes, or more than there are.

    Args:
        total: How many it comes to.
        asked: The size that was given, under its name.
        classes: Number of classes.
        available: How many there are.
        things: What is counted, such as ``"nodes"``.
        where: Which of them are available, such as ``"of the graph"``.
    """
    (name, value), *_ = asked.items()
    if total < classes:
        raise ValueError(
            f"{name}={value} gives {total} {things}, fewer than the {classes} classes; ask for at least one per class: "
            f"num_{things}={classes}"
        )
    if total > available:
        raise ValueError(f"{name}={value} asks for {total} {things}, more than the {available} {where}; ask less")
