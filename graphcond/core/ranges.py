"""Numbers that float32 can work with: finite ones whose squares can be added up."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LARGEST = 1e15


def unusable_rows(x: Tensor, given: Tensor) -> tuple[Tensor, str, str] | None:
    """Return which rows cannot be worked with, what they hold, and what to do with them; ``None``: all can.

    Args:
        x: ``(rows, ...)`` float32, or sparse CSR.
        given: The same as it was given, in whatever type; for sparse CSR ``x`` itself.
    """
    if x.layout == torch.sparse_csr:
        if (found := unusable_rows(x.values(), given.values())) is None:
            return None
        places, what, remedy = found
        return torch.unique(torch.searchsorted(x.crow_indices(), places, right=True) - 1), what, remedy
    if not x.numel():
        return None
    # The extremes of a NaN are NaN, and take a fraction of the time of checking every value.
    lowest, highest = (float(end) for end in torch.aminmax(x))
    if lowest >= -LARGEST and highest <= LARGEST:
        return None
    given = given.detach().double().reshape(len(given), -1)
    finite = torch.isfinite(given).all(dim=1)
    if not finite.all():
        return (~finite).nonzero().flatten(), "NaN or infinity", "clean them, e.g. with torch.nan_to_num"
    large = (given.abs() > LARGEST).any(dim=1)
    what = f"numbers beyond {LARGEST:g}, whose squares overflow"
    return large.nonzero().flatten(), what, "scale them, e.g. to mean 0 and deviation 1"


def first_not_finite(values: Mapping[str, object]) -> str | None:
    """Return the name of the first tensor that holds NaN or infinity; ``None``: there is none."""
    for name, value in values.items():
        if isinstance(value, Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
            return name
    return None


def without_missing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return tensors by name, of which all have to be finite: the targets with zeros where one is missing, NaN.

    Targets are called ``y``, of graphs with several types of nodes ``.../y``. Those that are all missing stay as they
    are.
    """
    found = dict(values)
    for name, y in values.items():
        targets = name.rpartition("/")[2] == "y" and isinstance(y, Tensor) and y.is_floating_point()
        if targets and not bool(y.isnan().all()):
            found[name] = y.masked_fill(y.isnan(), 0)
    return found


def root_mean_square(x: Tensor) -> Tensor:
    """Return the root mean square of numbers, a scalar; 1 where all are zero. It overflows only where they do."""
    size = x.square().mean().sqrt()
    largest = x.abs().max()
    if not 0 < float(size) < float("inf") and 0 < float(largest) < float("inf"):
        size = largest * (x / largest).square().mean().sqrt()
    return torch.where(size > 0, size, 1.0)
