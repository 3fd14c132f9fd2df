"""Whether one recommender is better than another, or was lucky with its users."""

from typing import NamedTuple

import numpy as np

_AT_ONCE = 2**22  # drawn users that are held in memory


class Difference(NamedTuple):
    """A difference of means with its interval of 95 %."""

    difference: float
    low: float
    high: float


def paired_bootstrap(a: np.ndarray, b: np.ndarray, seed: int, draws: int = 2000) -> Difference:
    """Return how much higher the mean of ``a`` is than that of ``b``, with its percentile interval.

    The same users are drawn from both, so that what is hard for both recommenders does not blur their difference.

    Args:
        a: ``(num_users,)`` a metric of each user under one recommender.
        b: ``(num_users,)`` the same metric of the same users under another.
        seed: Of the draws.
        draws: How many sets of users are drawn, with replacement.

    Raises:
        ValueError: the arrays do not match, are empty, or hold NaN; ``draws`` is not positive.
    """
    gaps = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    if np.shape(a) != np.shape(b) or gaps.ndim != 1 or not len(gaps):
        raise ValueError(f"a and b must hold one number for each user, got {np.shape(a)} and {np.shape(b)}")
    if not np.isfinite(gaps).all():
        raise ValueError("a and b must be finite, but hold NaN or infinity; leave those users out of both")
    if isinstance(draws, bool) or draws != int(draws) or draws < 1:
        raise ValueError(f"draws must be a positive whole number, got {draws!r}")
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(gaps))
    means = [
        gaps[rng.integers(len(gaps), size=(min(step, draws - start), len(gaps)))].mean(axis=1)
        for start in range(0, draws, step)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return Difference(float(gaps.mean()), float(low), float(high))
