"""Metrics of lists of recommended items: one number for each user, from what the list holds and what it should hold."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Lists:
    """The lists of some users beside what these users were to find; made by :meth:`compare`.

    Args:
        items: ``(num_users, k)`` int64 item numbers, best first; -1 where the list is shorter.
        hits: ``(num_users, k)``, whether the item is one of the user's targets.
        targets: ``(num_users, num_items)`` interactions that were to be found, at least one for each user.
        weights: ``(num_items,)`` what finding an item is worth to :func:`psp`.
    """

    items: np.ndarray
    hits: np.ndarray
    targets: csr_matrix
    weights: np.ndarray

    @classmethod
    def compare(cls, items: np.ndarray, targets: csr_matrix, weights: np.ndarray | None = None) -> "Lists":
        """Look the items up among the targets; without ``weights`` all items are worth the same.

        Raises:
            ValueError: a user has no targets, and so no metric.
        """
        relevant = np.diff(targets.indptr)
        if len(relevant) != len(items):
            raise ValueError(f"targets must have one row for each list, got {len(relevant)} rows for {len(items)}")
        if not relevant.all():
            raise ValueError(
                f"targets must not be empty, but {int((relevant == 0).sum())} users have none (first: row "
                f"{int(relevant.argmin())}); leave them out, such as with holdout.take(holdout.asked())"
            )
        num_items = targets.shape[1]
        row = np.arange(len(items))
        # A user and an item make one number, so that all users are looked up at once.
        found = np.isin(row[:, None] * num_items + items, np.repeat(row, relevant) * num_items + targets.indices)
        hits = found & (items >= 0)  # -1 would be the last item of the user before
        return cls(items, hits, targets, np.ones(num_items) if weights is None else weights)

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.items.shape[1])

    @property
    def relevant(self) -> np.ndarray:
        """``(num_users,)`` number of targets."""
        return np.asarray(np.diff(self.targets.indptr))

    @property
    def found(self) -> np.ndarray:
        """``(num_users,)`` number of targets in the list."""
        return np.asarray(self.hits.sum(axis=1))

    @property
    def reachable(self) -> np.ndarray:
        """``(num_users,)`` largest number of targets that a list of this length can hold."""
        return np.asarray(np.minimum(self.relevant, self.k))

    def at(self, k: int) -> "Lists":
        """Return the first ``k`` items of the lists."""
        return replace(self, items=self.items[:, :k], hits=self.hits[:, :k])


def hit(lists: Lists) -> np.ndarray:
    """Return 1 where the list holds a target, otherwise 0."""
    return (lists.found > 0).astype(np.float64)


def precision(lists: Lists) -> np.ndarray:
    """Return the share of targets in the list: ``hits / k``."""
    return np.asarray(lists.found / lists.k)


def recall(lists: Lists) -> np.ndarray:
    """Return the share of the targets that the list holds: ``hits / |T|``."""
    return np.asarray(lists.found / lists.relevant)


def capped_recall(lists: Lists) -> np.ndarray:
    """Return the share of what could be found that was found: ``hits / min(|T|, k)``.

    It goes by the name HR in Distill-CF's code, recall in LensKit's, precision in ``implicit``'s.
    """
    return np.asarray(lists.found / lists.reachable)


def reciprocal_rank(lists: Lists) -> np.ndarray:
    """Return ``1 / rank`` of the first target in the list, 0 without any."""
    return np.where(lists.found > 0, 1 / (1 + lists.hits.argmax(axis=1)), 0.0)


def average_precision(lists: Lists) -> np.ndarray:
    """Return ``sum over the hits of (precision up to there) / min(|T|, k)``."""
    so_far = lists.hits.cumsum(axis=1) / np.arange(1, lists.k + 1)
    return np.asarray(np.where(lists.hits, so_far, 0.0).sum(axis=1) / lists.reachable)


def ndcg(lists: Lists) -> np.ndarray:
    """Return the discounted gain over that of a perfect list, which is no longer than the targets.

    ``sum over the hits of 1 / log2(rank + 1)``, over the same sum for the ranks 1 to ``min(|T|, k)``.
    """
    discounts = 1 / np.log2(np.arange(2, lists.k + 2))
    return np.asarray(lists.hits @ discounts / discounts.cumsum()[lists.reachable - 1])


def psp(lists: Lists) -> np.ndarray:
    """Return the propensity-scored precision, as Distill-CF's code has it.

    The mean weight of what was found over what could be, ``(sum over the hits of w) / min(|T|, k)``, over the *sum* of
    the ``min(|T|, k)`` largest weights among the targets.

    Note:
        A perfect list therefore scores ``1 / min(|T|, k)``: values are small, and only to be compared with each other.
    """
    gain = np.where(lists.hits, lists.weights[lists.items], 0.0).sum(axis=1)
    return np.asarray(gain / lists.reachable / _largest_weights(lists))


def _largest_weights(lists: Lists) -> np.ndarray:
    """Return for each user the sum of the ``min(|T|, k)`` largest weights of its targets."""
    users = np.repeat(np.arange(len(lists.items)), lists.relevant)
    weights = lists.weights[lists.targets.indices]
    order = np.lexsort((-weights, users))
    place = np.arange(len(users)) - np.repeat(lists.targets.indptr[:-1], lists.relevant)
    return np.bincount(users, np.where(place < lists.k, weights[order], 0.0), minlength=len(lists.items))


def limited_auc(lists: Lists) -> np.ndarray:
    """Return ``implicit``'s AUC@k: targets that are not in the list are taken to lie midway in the rest.

    With ``P`` targets and ``N`` other items (those that the user was shown among them), every miss in the list is
    beaten by the hits before it, and every item outside by ``(hits + P) / 2`` targets; over ``P N``.
    """
    positives = lists.relevant
    negatives = lists.targets.shape[1] - positives
    hits = lists.found
    inside = np.where(lists.hits, 0, lists.hits.cumsum(axis=1)).sum(axis=1)
    outside = (hits + positives) / 2 * (negatives - (lists.k - hits))
    return np.asarray((inside + outside) / (positives * negatives))


def inverse_propensities(counts: np.ndarray) -> np.ndarray:
    """Return what finding an item is worth, more for rare items: ``1 + C (n_i + 1.5)^-0.55``.

    ``C = (ln N - 1) 2.5^0.55`` (Jain et al., KDD 2016, with the constants of Distill-CF's code).

    Args:
        counts: ``(num_items,)`` how often each item was trained on, ``n_i``; ``N`` is their sum.

    Note:
        ``C`` is not let below 0, which it would be for fewer than three interactions.
    """
    scale = max(float(np.log(max(counts.sum(), 1))) - 1, 0.0) * 2.5**0.55
    return np.asarray(1 + scale * (counts + 1.5) ** -0.55)
