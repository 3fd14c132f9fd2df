"""How many synthetic users, and how many interactions they may have."""

import math
from dataclasses import dataclass

from graphcond.core import size as core
from graphcond.core.fields import is_number, is_whole
from recsys.methods.base import UserBudget

EACH = 40  # binary interactions of a synthetic user, where only their total is asked


@dataclass(frozen=True)
class UserSize(core.Size):
    """A number or a ratio of synthetic users, and perhaps how many interactions they have.

    Args:
        interactions: Number of binary interactions of all users together; where nothing else is asked
            (``kind="everything"``), each user gets about forty, or all items where there are fewer.
    """

    interactions: int | None = None


def user_size(ratio: float | None, users: int | None, interactions: int | None) -> UserSize:
    """Return the size that was asked for: to be called before interactions are read.

    Raises:
        ValueError: none or two sizes were asked for, or one that is no number of its kind.
    """
    if (ratio is None) == (users is None) and not (users is None and interactions is not None):
        what = "none" if ratio is None else "both"
        raise ValueError(f"give exactly one of users= and ratio= (interactions= may stand alone), got {what}")
    for name, value in (("users", users), ("interactions", interactions)):
        if value is not None and (not is_whole(value) or value < 1):
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
    if ratio is not None and not (is_number(ratio) and 0 < ratio <= 1):
        raise ValueError(f"ratio must be in (0, 1], got {ratio!r}; for a number of users use users=")
    total = None if interactions is None else int(interactions)
    if ratio is not None:
        return UserSize("ratio", ratio, interactions=total)
    return UserSize("everything" if users is None else "count", users or 0, interactions=total)


def resolve_size(asked: core.Size, num_users: int, num_items: int) -> UserBudget:
    """Return the number of synthetic users, and of their interactions.

    Args:
        asked: What was asked for. There may be more synthetic users than real ones.
        num_users: Number of real users.
        num_items: Number of items.

    Raises:
        ValueError: no size was asked for, or one that cannot be.
    """
    interactions = asked.interactions if isinstance(asked, UserSize) else None
    if asked.kind == "everything":
        if interactions is None:
            raise ValueError("size='everything' makes no sense for interactions; ask for a number of users, size=500")
        users = max(1, min(num_users, max(round(interactions / EACH), math.ceil(interactions / num_items))))
    else:
        users = max(1, asked.among(num_users))
    if interactions is not None and not users <= interactions <= users * num_items:
        raise ValueError(
            f"interactions={interactions} cannot be shared by {users} users over {num_items} items: each needs 1 to "
            f"{num_items}; ask for {users} to {users * num_items}"
        )
    return UserBudget(users, interactions)
