"""The recommender that knows no one: the same popular items for all."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from recsys.models.base import Recommender
from recsys.models.checks import checked_context, checked_interactions, not_fitted


@dataclass(kw_only=True, eq=False)
class Popularity(Recommender):
    """Items by the number of users that they were fitted on with; weights are not used.

    Example:
        >>> from scipy.sparse import csr_matrix
        >>> users = csr_matrix([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
        >>> Popularity().fit(users).recommend(0, users[0], N=1, filter_already_liked_items=False)[0].tolist()
        [1]
    """

    name: ClassVar[str] = "popularity"
    _counts: np.ndarray | None = field(default=None, init=False, repr=False)

    def fit(self, user_items: csr_matrix) -> "Popularity":
        """Count the users of each item."""
        matrix = checked_interactions(user_items)
        self._counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32)
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the counts, once for each user."""
        if self._counts is None:
            raise not_fitted(self.name)
        context = checked_context(context, len(self._counts))
        return np.tile(self._counts, (context.shape[0], 1))
