"""The contract of a recommender: fitted on some users, it scores the items for any users that are shown to it."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from recsys.metrics.ranking import top_items


class Recommender(ABC):
    """A model that recommends items, in the manner of ``implicit``.

    It folds users in: :meth:`scores` takes the interactions of any users, also of those that it was not fitted on.
    That is what lets a model that was trained on synthetic users serve real ones. Few models cannot do that
    (``folds_in = False``); they know their users by number.
    """

    name: ClassVar[str]
    folds_in: ClassVar[bool] = True

    @abstractmethod
    def fit(self, user_items: csr_matrix) -> "Recommender":
        """Learn from interactions, ``(num_users, num_items)``, and return the model itself."""

    @abstractmethod
    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the score of every item for the users of ``context``, ``(num_users, num_items)`` float32.

        The memory is that of the result: callers ask in blocks of users.
        """

    def scores_of(self, users: np.ndarray, context: csr_matrix) -> np.ndarray:
        """Return :meth:`scores` of users whose numbers are known, which only models that do not fold in use."""
        return self.scores(context)

    def recommend(
        self,
        userid: int | np.ndarray,
        user_items: csr_matrix,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: np.ndarray | None = None,
        items: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items and their scores, as ``implicit``'s models do.

        Args:
            userid: A user's number, or an array of them; to a model that folds users in, they only name the rows.
            user_items: The interactions of these users, one row each.
            N: How many items.
            filter_already_liked_items: Leave out the items of ``user_items``.
            filter_items: Further items to leave out.
            items: Choose among these items only.

        Returns:
            Item numbers (int32, as ``implicit.evaluation`` wants them) and scores, each ``(N,)`` for one user or
            ``(num_users, N)`` for an array of them, best first; where fewer than ``N`` are left, -1 with a score of
            ``-inf`` fills up.

        Raises:
            ValueError: the rows do not match the users, or the columns the items that the model knows.
        """
        single = np.ndim(userid) == 0
        users = np.atleast_1d(userid)
        if user_items.shape[0] != len(users):
            raise ValueError(
                f"user_items must have one row for each user, got {user_items.shape[0]} rows for {len(users)} users; "
                "pass user_items[userid]"
            )
        scores = self.scores_of(users, csr_matrix(user_items))
        if items is not None:
            others = np.setdiff1d(np.arange(scores.shape[1]), items)
            filter_items = others if filter_items is None else np.union1d(others, filter_items)
        if filter_items is not None:
            scores[:, filter_items] = -np.inf
        best = top_items(scores, N, csr_matrix(user_items) if filter_already_liked_items else None).astype(np.int32)
        found = np.take_along_axis(scores, np.maximum(best, 0), axis=1)
        found[best < 0] = -np.inf
        return (best[0], found[0]) if single else (best, found)
