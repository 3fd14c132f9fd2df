"""The folder of what can be computed again."""

import os
from pathlib import Path

VARIABLE = "GRAPHCOND_CACHE"
USUAL = Path("~", ".cache", "graphcond")


def resolve_cache() -> Path | None:
    """Return the folder of what can be computed again: ``$GRAPHCOND_CACHE``, else ``~/.cache/graphcond``.

    ``None``: the variable is empty, or there is no home; nothing is kept then. Raw data may lie in a folder that many
    share; what is kept here is the user's own.
    """
    given = os.environ.get(VARIABLE)
    if given == "":
        return None
    try:
        return (USUAL if given is None else Path(given)).expanduser()
    except RuntimeError:  # there is no home
        return None
