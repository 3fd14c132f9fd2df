"""Settings by dataset, as papers give them."""

from collections.abc import Mapping
from typing import Any

from graphcond.core.names import named


def settings_for(method: str, presets: Mapping[str, Mapping[str, Any]], dataset: str) -> Mapping[str, Any]:
    """Return a method's settings for a dataset.

    Raises:
        ValueError: there are none; the message names the nearest.
    """
    if not presets:
        raise ValueError(f"{method} has no presets: its paper gives no settings by dataset")
    return named(dataset, presets, "preset", f" of {method}")
