"""Numbers that float32 can work with: finite ones whose squares can be added up."""

import torch
from torch import Tensor

LARGEST = 1e15


def unusable_rows(x: Tensor, given: Tensor) -> tuple[Tensor, str, str] | None:
    """Return which rows cannot be worked with, what they hold, and what to do with them; ``None``: all can.

    Args:
        x: ``(rows, ...)`` float32.
        given: The same as it was given, in whatever type.
    """
    if not x.numel():
        return None
    # The extremes of a NaN are NaN, and take a fraction of the time of looking at every value.
    lowest, highest = (float(end) for end in torch.aminmax(x))
    if lowest >= -LARGEST and highest <= LARGEST:
        return None
    finite = torch.isfinite(given).flatten(1).all(dim=1)
    if not finite.all():
        return (~finite).nonzero().flatten(), "NaN or infinity", "clean them, e.g. with torch.nan_to_num"
    large = (given.abs() > LARGEST).flatten(1).any(dim=1)
    what = f"numbers beyond {LARGEST:g}, whose squares overflow"
    return large.nonzero().flatten(), what, "scale them, e.g. to mean 0 and deviation 1"


def root_mean_square(x: Tensor) -> Tensor:
    """Return the root mean square of numbers, a scalar; 1 where all are zero. It overflows only where they do."""
    size = x.square().mean().sqrt()
    largest = x.abs().max()
    if not 0 < float(size) < float("inf") and 0 < float(largest) < float("inf"):
        size = largest * (x / largest).square().mean().sqrt()
    return torch.where(size > 0, size, 1.0)
