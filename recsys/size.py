"""How many synthetic users, and how many interactions they may have."""

import math

from graphcond.core.fields import is_number, is_whole
from recsys.methods.base import Size

EACH = 40  # binary interactions of a synthetic user, where only their total is asked


def check_size(ratio: float | None, users: int | None, interactions: int | None) -> None:
    """Raise if a size cannot be, whatever the interactions: to be called before they are read.

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


def resolve_size(
    ratio: float | None, users: int | None, interactions: int | None, num_users: int, num_items: int
) -> Size:
    """Return the size that was asked for.

    Args:
        ratio: Synthetic users / real users, in (0, 1].
        users: Number of synthetic users. There may be more of them than real ones.
        interactions: Number of binary interactions of all of them together; alone, each user gets about forty,
            or all items where there are fewer.
        num_users: Number of real users.
        num_items: Number of items.

    Raises:
        ValueError: none or two sizes were asked for, or one that cannot be.
    """
    check_size(ratio, users, interactions)
    if ratio is not None:
        users = max(1, math.floor(ratio * num_users + 0.5))
    if users is None:
        total = 0 if interactions is None else interactions
        users = max(1, min(num_users, max(round(total / EACH), math.ceil(total / num_items))))
    if interactions is not None and not users <= interactions <= users * num_items:
        raise ValueError(
            f"interactions={interactions} cannot be shared by {users} users over {num_items} items: each needs 1 to "
            f"{num_items}; ask for {users} to {users * num_items}"
        )
    return Size(int(users), None if interactions is None else int(interactions))
