"""Settings by dataset, as papers give them."""

import difflib
from collections.abc import Mapping
from typing import Any


def settings_for(method: str, presets: Mapping[str, Mapping[str, Any]], dataset: str) -> Mapping[str, Any]:
    """Return a method's settings for a dataset.

    Raises:
        ValueError: there are none; the message names the nearest.
    """
    if not presets:
        raise ValueError(f"{method} has no presets: its paper gives no settings by dataset")
    if dataset not in presets:
        near = difflib.get_close_matches(str(dataset), presets, n=1, cutoff=0.0)
        raise ValueError(f"{method} has no preset {dataset!r}; did you mean {near[0]!r}? (all: {', '.join(presets)})")
    return presets[dataset]
