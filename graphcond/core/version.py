"""The version of this package: of the source tree where it is one, else of what is installed."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

UNKNOWN = "unknown"


def _source_version() -> str | None:
    """Return what the ``pyproject.toml`` beside the package says; ``None`` where there is none of this project."""
    try:
        text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8")
    except OSError:
        return None
    if not re.search(r'^name = "graphcond"$', text, re.MULTILINE):
        return None  # of whatever project the package was copied into
    found = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
    return found[1] if found else None


def _installed_version() -> str:
    try:
        return version("graphcond")
    except PackageNotFoundError:
        return UNKNOWN


__version__ = _source_version() or _installed_version()
