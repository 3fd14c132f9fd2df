"""Interactions as they were recorded, before they become a matrix."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

Duplicates = Literal["binary", "sum", "max"]


@dataclass(frozen=True, eq=False, repr=False)
class InteractionLog:
    """Who interacted with what, one entry for each interaction; a user and an item may meet more than once.

    Args:
        users: ``(n,)`` int64 places in ``user_ids``.
        items: ``(n,)`` int64 places in ``item_ids``.
        user_ids: ``(num_users,)`` ids of the users, each once, integers or strings.
        item_ids: ``(num_items,)`` ids of the items, each once; there may be items that nobody interacted with.
        weights: ``(n,)`` float32 strengths, such as counts or ratings; ``None``: all alike.
        times: ``(n,)`` int64, later is larger, in any unit; ``None``: unknown.
        name: Of the dataset.
        notes: What was noticed and repaired, one sentence each.

    >>> log = InteractionLog(np.array([0, 0, 1]), np.array([2, 2, 0]), np.array(["ann", "bob"]), np.array([10, 20, 30]))
    >>> log.user_items("sum").toarray()
    array([[0., 0., 2.],
           [1., 0., 0.]], dtype=float32)
    >>> log
    InteractionLog('interactions', users=2, items=3, interactions=3)
    """

    users: np.ndarray
    items: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    weights: np.ndarray | None = None
    times: np.ndarray | None = None
    name: str = "interactions"
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def from_matrix(
        cls, user_items: csr_matrix, user_ids: np.ndarray, item_ids: np.ndarray, name: str = "interactions"
    ) -> "InteractionLog":
        """Return the entries of a matrix, ``(num_users, num_items)``; without weights if all of them are 1."""
        if user_items.shape != (len(user_ids), len(item_ids)):
            raise ValueError(
                f"user_items must have a row for each of the {len(user_ids)} user_ids and a column for each of the "
                f"{len(item_ids)} item_ids, got the shape {user_items.shape}"
            )
        entries = user_items.tocoo()
        weights = None if (entries.data == 1).all() else entries.data.astype(np.float32)
        users, items = entries.row.astype(np.int64), entries.col.astype(np.int64)
        return cls(users, items, np.asarray(user_ids), np.asarray(item_ids), weights, name=name)

    def __repr__(self) -> str:
        counts = f"users={self.num_users}, items={len(self.item_ids)}, interactions={len(self.users)}"
        return f"InteractionLog({self.name!r}, {counts})"

    @property
    def num_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    def __len__(self) -> int:
        return len(self.users)

    @property
    def num_duplicates(self) -> int:
        """Number of interactions whose user and item met before."""
        return int((np.diff(np.sort(self._pairs())) == 0).sum())

    def take(self, mask: np.ndarray) -> "InteractionLog":
        """Return some of the interactions, by a mask or by their numbers; users and items keep their places."""
        return replace(
            self,
            users=self.users[mask],
            items=self.items[mask],
            weights=None if self.weights is None else self.weights[mask],
            times=None if self.times is None else self.times[mask],
        )

    def merged(self, duplicates: Duplicates = "binary") -> "InteractionLog":
        """Return each pair of a user and an item once, at its earliest time, ordered by user and item.

        Args:
            duplicates: What becomes of the weights. ``"binary"``: they are left out, all interactions count alike;
                ``"sum"``: those of a pair are added, and pairs are counted where there are none; ``"max"``: the largest
                stays.
        """
        if duplicates not in ("binary", "sum", "max"):
            raise ValueError(f"duplicates must be 'binary', 'sum' or 'max', got {duplicates!r}")
        pairs = self._pairs()
        order = np.argsort(pairs, kind="stable") if self.times is None else np.lexsort((self.times, pairs))
        pairs = pairs[order]
        starts = np.flatnonzero(np.diff(pairs, prepend=-1))
        first = replace(self, weights=None).take(order[starts])
        if duplicates == "binary" or (duplicates == "max" and self.weights is None) or not len(self):
            return first
        weights = np.ones(len(self), np.float32) if self.weights is None else self.weights[order]
        combine = np.add if duplicates == "sum" else np.maximum
        return replace(first, weights=combine.reduceat(weights, starts))

    def user_items(self, duplicates: Duplicates = "binary") -> csr_matrix:
        """Return the interactions as a matrix, ``(num_users, num_items)`` float32, in canonical form.

        Args:
            duplicates: As for :meth:`merged`; ``"binary"`` makes every entry 1.
        """
        log = self.merged(duplicates)
        values = np.ones(len(log), np.float32) if log.weights is None else log.weights.astype(np.float32)
        starts = np.concatenate([[0], np.bincount(log.users, minlength=self.num_users).cumsum()])
        matrix = csr_matrix((values, log.items, starts), shape=(self.num_users, self.num_items))
        matrix.eliminate_zeros()
        return matrix

    def _pairs(self) -> np.ndarray:
        pairs: np.ndarray = self.users * self.num_items + self.items
        return pairs
