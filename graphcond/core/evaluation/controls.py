"""Which controls stand beside a result."""

from collections.abc import Sequence

import numpy as np


def control_names(controls: bool | Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the names of the controls that were asked for: all that are known, none, or the given ones.

    Raises:
        TypeError: a single string, whose letters would be taken for names.
        ValueError: there is no control of a name.
    """
    if isinstance(controls, bool | np.bool_):
        return known if controls else ()
    if isinstance(controls, str):
        raise TypeError(f"controls must be true, false or a sequence of names, got {controls!r}; pass ({controls!r},)")
    unknown = [name for name in controls if name not in known]
    if unknown:
        raise ValueError(f"there is no control {unknown[0]!r}; choose from {', '.join(known)}")
    return controls
