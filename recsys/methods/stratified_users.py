"""Stratified users: random ones, as active in their spread as all."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from graphcond.core.allocation import largest_remainder
from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.selection import activity, candidates, drawn_within, generator, real_users


def quantile_strata(values: np.ndarray, count: int) -> np.ndarray:
    """Return the stratum of each value, ``(n,)`` in ``[0, num_strata)``, none empty, lower values in lower strata.

    The strata are cut at the ``count``-quantiles. Equal values stay together, so that there may be fewer strata, and of
    unequal sizes.
    """
    cuts = np.quantile(values, np.arange(1, count) / count)
    return np.unique(np.searchsorted(cuts, values), return_inverse=True)[1]


@dataclass(frozen=True, kw_only=True)
class StratifiedUsers(UserMethod):
    """Training users drawn at random from strata of activity, each in proportion to its number of users.

    Args:
        strata: Number of strata, cut at quantiles of the users' numbers of interactions; no more than the users that
            are asked for.
    """

    name: ClassVar[str] = "stratified_users"
    strata: int = 10

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :meth:`UserMethod.condense`."""
        users, rng = candidates(split, size), generator()
        strata = quantile_strata(activity(split, users), min(self.strata, size.users))
        sizes = torch.from_numpy(np.bincount(strata))
        shares = largest_remainder(size.users, sizes, capacity=sizes).numpy()
        return real_users(split, users[drawn_within(strata, shares, rng)], size, rng)
