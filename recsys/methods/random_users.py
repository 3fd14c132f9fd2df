"""Random users: the control that every method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

from graphcond.core.run_context import RunContext
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.selection import candidates, generator, real_users


@dataclass(frozen=True, kw_only=True)
class RandomUsers(UserMethod):
    """Training users drawn uniformly, without repetition, among those with interactions."""

    name: ClassVar[str] = "random_users"

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :meth:`UserMethod.condense`."""
        users, rng = candidates(split, size), generator()
        return real_users(split, rng.choice(users, size.users, replace=False), size, rng)
