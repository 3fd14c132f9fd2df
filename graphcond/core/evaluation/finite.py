"""Condensed data that nothing can be trained on."""

from collections.abc import Mapping
from typing import Any, Protocol

from graphcond.core.ranges import first_not_finite, without_missing


class Tensors(Protocol):
    """Tensors under names, as PyG's ``Data`` holds them."""

    def to_dict(self) -> Mapping[str, Any]:
        """Return them."""
        ...


def require_finite(data: Tensors) -> None:
    """Raise if condensed data hold a number that nothing can be trained on, whoever made them; ``y`` may be missing.

    Raises:
        ValueError: the message names the tensor.
    """
    require_finite_tensors(data.to_dict())


def require_finite_tensors(tensors: Mapping[str, Any]) -> None:
    """Raise if tensors of condensed data hold such a number, see :func:`require_finite`.

    Raises:
        ValueError: the message names the tensor.
    """
    if (name := first_not_finite(without_missing(tensors))) is not None:
        raise ValueError(
            f"{name} of the condensed data holds NaN or infinity; condense again, or clean it, e.g. with "
            "torch.nan_to_num"
        )
