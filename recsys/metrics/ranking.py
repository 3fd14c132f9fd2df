"""The best items of many users at once."""

import numpy as np
import torch
from scipy.sparse import csr_matrix


def top_items(scores: np.ndarray, k: int, seen: csr_matrix | None = None) -> np.ndarray:
    """Return the ``k`` items of highest score for every user, best first.

    Of items with equal scores the one with the lower number comes first, at the end of the list as within it; the
    result therefore depends on nothing but the scores.

    Args:
        scores: ``(num_users, num_items)``; items with ``-inf`` are never returned. They are not changed.
        k: Length of the lists.
        seen: ``(num_users, num_items)`` interactions whose items are left out.

    Returns:
        ``(num_users, k)`` int64 item numbers; -1 where fewer than ``k`` items are left.

    Raises:
        ValueError: a score is NaN or ``+inf``, the shapes differ, or ``k`` is not positive.
    """
    _check(scores, k, seen)
    left = np.array(scores, dtype=np.result_type(scores, np.float32), order="C")
    if seen is not None:
        left[np.repeat(np.arange(len(left)), np.diff(seen.indptr)), seen.indices] = -np.inf
    result = np.full((len(left), k), -1, dtype=np.int64)
    if left.size:
        items = _select(torch.from_numpy(left), min(k, left.shape[1])).numpy()
        result[:, : items.shape[1]] = items
    return result


def _check(scores: np.ndarray, k: int, seen: csr_matrix | None) -> None:
    if scores.ndim != 2:
        raise ValueError(f"scores must have the shape (num_users, num_items), got {scores.shape}")
    if isinstance(k, bool) or k != int(k) or k < 1:
        raise ValueError(f"k must be a positive whole number of items, got {k!r}")
    if seen is not None and seen.shape != scores.shape:
        raise ValueError(f"seen must have the shape of scores {scores.shape}, got {seen.shape}; pass the same users")
    # The largest value tells of NaN and infinity alike, in a fraction of the time of checking every value.
    if scores.size and not (highest := scores.max()) < np.inf:
        raise ValueError(f"scores must be numbers, or -inf for items that are never returned, but hold {highest}")


def _select(left: torch.Tensor, k: int) -> torch.Tensor:
    """Return the ``k`` best columns of each row by (score, lower column), -1 where the score is ``-inf``."""
    # One more than asked for tells whether the last place is disputed.
    values, columns = torch.topk(left, min(k + 1, left.size(1)), dim=1)
    last = values[:, k - 1]
    if values.size(1) > k:
        disputed = ((values[:, k] == last) & (last > -torch.inf)).nonzero().flatten()
        if len(disputed):
            columns[disputed, :k] = _settle(left[disputed], values[disputed, :k], columns[disputed, :k])
    values, columns = values[:, :k], columns[:, :k]
    order = np.lexsort((columns.numpy(), -values.numpy()), axis=1)
    return columns.masked_fill(values == -torch.inf, -1).gather(1, torch.from_numpy(order))


def _settle(left: torch.Tensor, values: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Fill the places of the lowest selected score with the first columns that have it."""
    k = values.size(1)
    lowest = values[:, -1:]
    numbers = torch.arange(left.size(1), 0, -1, dtype=torch.int32)
    equal = torch.topk(torch.where(left == lowest, numbers, 0), k, dim=1).indices
    better = values > lowest
    place = torch.arange(k) - better.sum(dim=1, keepdim=True)
    return torch.where(better, columns, equal.gather(1, place.clamp(min=0)))
