"""States as flat dictionaries of tensors, whose names are paths with dots."""

from torch import Tensor


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the entries of a flat state under ``prefix.``, without it."""
    return {name[len(prefix) + 1 :]: value for name, value in state.items() if name.startswith(f"{prefix}.")}
