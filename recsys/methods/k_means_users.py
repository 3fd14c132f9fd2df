"""k-means users: one real user for each group of alike ones."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.cluster import MiniBatchKMeans
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.selection import binary, candidates, generator, highest, real_users


def user_directions(rows: csr_matrix, factors: int, seed: int) -> np.ndarray:
    """Return users as unit vectors in the space of the leading singular directions, ``(num_users, factors)``.

    Args:
        rows: ``(num_users, num_items)`` interactions.
        factors: Number of directions, no more than users or items.
        seed: What the randomised decomposition starts from.
    """
    left, values, _ = randomized_svd(rows, min(factors, *rows.shape), random_state=seed)
    return np.asarray(normalize(left * values))


def central(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the rows closest to the centres of a k-means clustering, ``(count,)`` without repetition.

    Each cluster gives the one of its own points that is closest to its centre. For clusters that came out empty, as
    some do among duplicates, the points farthest from their centres step in.

    Args:
        points: ``(num_points, num_dimensions)``.
        count: How many rows, at most ``num_points``.
        seed: What the clustering starts from.
    """
    model = MiniBatchKMeans(count, n_init=3, random_state=seed).fit(points)
    distance = np.square(points - model.cluster_centers_[model.labels_]).sum(axis=1)
    by_cluster = np.lexsort((distance, model.labels_))
    _, first = np.unique(model.labels_[by_cluster], return_index=True)
    chosen = by_cluster[first]
    distance[chosen] = -1
    return np.concatenate([chosen, highest(distance, count - len(chosen))])


@dataclass(frozen=True, kw_only=True)
class KMeansUsers(UserMethod):
    """The training users closest to the centres of a mini-batch k-means clustering (Sculley, WWW 2010).

    Users are compared by the directions of their truncated singular vectors, so that tastes count and activity does
    not.

    Args:
        factors: Number of singular directions.
    """

    name: ClassVar[str] = "k_means_users"
    factors: int = 32

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :meth:`UserMethod.condense`."""
        users, rng = candidates(split, size), generator()
        seed = int(rng.integers(2**31))
        points = user_directions(binary(split.train[users]), self.factors, seed)
        return real_users(split, users[central(points, size.users, seed)], size, rng)
