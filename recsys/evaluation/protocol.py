"""How recommenders are scored on the test part: what metrics mean, how long lists are, how often models are trained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphcond.core.fields import is_whole, plain_fields, positive_integer
from recsys.metrics.conventions import Convention, resolve_convention
from recsys.metrics.lists import Lists

KS = (10, 100)


@dataclass(frozen=True, kw_only=True)
class UserProtocol:
    """How recommenders that were trained on a set of users are scored.

    Args:
        name: By which it is found.
        convention: What metrics mean: ``"distill_cf"`` (HR, NDCG, PSP, AUC), ``"implicit"`` or ``"recbole"``, a
            :class:`recsys.Convention`, or your own metrics of :class:`recsys.Lists`.
        ks: Lengths of the lists; ``None``: 10 and 100, where there are that many items.
        runs: Trainings on each set, with the seeds ``seed``, ``seed + 1``, ... of the call.
    """

    name: str = "custom"
    convention: str | Convention | Mapping[str, Callable[[Lists], np.ndarray]] = "distill_cf"
    ks: tuple[int, ...] | None = None
    runs: int = 1

    def __post_init__(self) -> None:
        """Check the fields, as far as they can be without the items."""
        plain_fields(self)
        positive_integer("runs", self.runs)
        resolve_convention(self.convention)

    @property
    def rules(self) -> Convention:
        """What metrics mean."""
        return resolve_convention(self.convention)

    def lengths(self, num_items: int) -> tuple[int, ...]:
        """Return the lengths of the lists, each at most the number of items.

        Raises:
            ValueError: a length is none, or there are none.
        """
        return list_lengths(self.ks, num_items)


def list_lengths(ks: Sequence[int] | None, num_items: int) -> tuple[int, ...]:
    """See :meth:`UserProtocol.lengths`."""
    if ks is None:
        return tuple(dict.fromkeys(min(k, num_items) for k in KS))
    given = tuple(ks) if isinstance(ks, Iterable) else ()
    if not given or not all(is_whole(k) and 1 <= k <= num_items for k in given):
        raise ValueError(f"ks must be a sequence of lengths from 1 to the number of items, {num_items}, got {ks!r}")
    return tuple(int(k) for k in given)


STANDARD = UserProtocol(name="standard")
"""The metrics of Distill-CF."""

USER_PROTOCOLS = {"standard": STANDARD} | {
    name: UserProtocol(name=name, convention=name) for name in ("distill_cf", "implicit", "recbole")
}
