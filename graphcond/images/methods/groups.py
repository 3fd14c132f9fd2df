"""Groups of stored parts, one of which a step sees, where a set is too large to be decoded at every step."""

import torch
from torch import Tensor


def grouped(counts: Tensor, most: int | None) -> list[Tensor]:
    """Return the rows of each group; each has rows of every class, and every row is in a group.

    Groups stay as they are. If each step drew its rows anew, the mean of whatever it draws would have to be that of the
    class, and all rows of a class would become alike.

    Args:
        counts: ``(num_classes,)`` rows of each class; rows lie in the order of classes.
        most: Rows of a class in a group, at most; ``None``: there is one group of all rows.

    >>> [group.tolist() for group in grouped(torch.tensor([3, 1]), 2)]
    [[0, 2, 3], [1, 3]]
    """
    number = 1 if most is None else -(-int(counts.max()) // most)
    starts = (counts.cumsum(0) - counts).tolist()
    ranges = [torch.arange(start, start + count) for start, count in zip(starts, counts.tolist(), strict=True)]
    return [torch.cat([rows[i % min(number, len(rows)) :: number] for rows in ranges]) for i in range(number)]
