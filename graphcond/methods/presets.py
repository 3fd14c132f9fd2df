"""Papers' settings by dataset."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from graphcond.methods.base import NodeMethod

Method = TypeVar("Method", bound=NodeMethod)


def preset(method: type[Method], presets: Mapping[str, Mapping[str, Any]], dataset: str) -> Method:
    """Return a method with the settings that its paper has for a dataset.

    Raises:
        ValueError: there are none; the message names the nearest.
    """
    if dataset not in tuple(presets):
        near = difflib.get_close_matches(str(dataset), presets, n=1, cutoff=0.0)
        raise ValueError(
            f"{method.__name__} has no preset {dataset!r}; did you mean {near[0]!r}? (all: {', '.join(presets)})"
        )
    return method(**presets[dataset])
