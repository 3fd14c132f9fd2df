"""Head users: those who interacted most."""

from dataclasses import dataclass
from typing import ClassVar

from graphcond.core.run_context import RunContext
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.selection import activity, candidates, generator, highest, real_users


@dataclass(frozen=True, kw_only=True)
class HeadUsers(UserMethod):
    """The training users with the most interactions, most first; among equals those with the lower number."""

    name: ClassVar[str] = "head_users"

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :meth:`UserMethod.condense`."""
        users = candidates(split, size)
        return real_users(split, users[highest(activity(split, users), size.users)], size, generator())
