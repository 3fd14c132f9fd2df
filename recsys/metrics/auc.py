"""Areas under ROC curves, over all items or over a sample of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.stats import rankdata


class ScoreMeasure(Protocol):
    """A metric of scores, not of lists: observed block by block, then summed up."""

    def observe(
        self, scores: np.ndarray, known: csr_matrix, targets: csr_matrix, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what is to be remembered of some users: two arrays, which are joined with those of other users.

        Args:
            scores: ``(num_users, num_items)``, as the model gave them.
            known: ``(num_users, num_items)`` interactions that are neither to be found nor negative.
            targets: ``(num_users, num_items)`` interactions to be found.
            rng: For negatives that are drawn.
        """

    def value(self, first: np.ndarray, second: np.ndarray) -> float:
        """Return the metric, from the joined arrays; NaN where it is not defined."""


@dataclass(frozen=True)
class PooledAUC:
    """The AUC of Distill-CF's code: one curve for all users together, with a few negatives of each.

    Args:
        negatives: How many items are drawn for each user, all different, among those neither known nor targets.
    """

    negatives: int = 50

    def observe(
        self, scores: np.ndarray, known: csr_matrix, targets: csr_matrix, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of the targets, and of the negatives."""
        rows = np.repeat(np.arange(len(scores)), np.diff(targets.indptr))
        negatives = draw_others(known + targets, self.negatives, rng)
        users, _ = valid = np.nonzero(negatives >= 0)
        return scores[rows, targets.indices], scores[users, negatives[valid]]

    def value(self, first: np.ndarray, second: np.ndarray) -> float:
        """Return the share of pairs (target, negative) in which the target scores higher; equal scores count half."""
        if not len(first) or not len(second):
            return float("nan")
        ranks = rankdata(np.concatenate([first, second]))[: len(first)]
        return float((ranks.sum() - len(first) * (len(first) + 1) / 2) / (len(first) * len(second)))


@dataclass(frozen=True)
class GroupedAUC:
    """RecBole's GAUC: the AUC of each user over all items, averaged with the number of targets as weights."""

    def observe(
        self, scores: np.ndarray, known: csr_matrix, targets: csr_matrix, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each user's AUC and its weight; a user whom no other item is left has the weight 0."""
        area = user_auc(scores, known, targets)
        defined = ~np.isnan(area)
        return np.where(defined, area, 0.0), np.where(defined, np.diff(targets.indptr), 0)

    def value(self, first: np.ndarray, second: np.ndarray) -> float:
        """Return the weighted mean."""
        return float(np.average(first, weights=second)) if second.any() else float("nan")


def draw_others(excluded: csr_matrix, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return for each row ``count`` different columns, drawn uniformly among those without an entry.

    The result does not depend on how the rows are cut into blocks. ``excluded`` is in canonical form.

    Returns:
        ``(num_rows, count)`` int64; -1 where fewer columns are without an entry.
    """
    num_rows, num_columns = excluded.shape
    free = num_columns - np.diff(excluded.indptr)
    uniform = rng.random((num_rows, count))
    picks = np.full((num_rows, count), -1, dtype=np.int64)
    # Floyd's sampling without replacement, for all rows at once.
    for step in range(count):
        last = free - count + step
        pick = np.floor(uniform[:, step] * (last + 1)).astype(np.int64)
        pick = np.where((picks[:, :step] == pick[:, None]).any(axis=1), last, pick)
        picks[:, step] = np.where(last >= 0, pick, -1)
    # The r-th free column lies behind as many excluded ones as have at most r free columns before them.
    row = np.repeat(np.arange(num_rows), np.diff(excluded.indptr))
    free_before = excluded.indices - (np.arange(excluded.nnz) - excluded.indptr[row])
    base = np.arange(num_rows)[:, None] * num_columns
    behind = np.searchsorted(row * num_columns + free_before, base + picks, side="right") - excluded.indptr[:-1, None]
    return np.asarray(np.where(picks >= 0, picks + behind, -1))


def user_auc(scores: np.ndarray, known: csr_matrix, targets: csr_matrix) -> np.ndarray:
    """Return for each user the share of pairs (target, other item) in which the target scores higher.

    Equal scores count half. Targets that are known as well cannot be recommended, and lose against every other item.

    Returns:
        ``(num_users,)`` float64; NaN for a user without targets, or to whom no other item is left.
    """
    others = np.array(scores, dtype=np.result_type(scores, np.float32))
    blocked = csr_matrix(known + targets)
    others[np.repeat(np.arange(len(scores)), np.diff(blocked.indptr)), blocked.indices] = -np.inf
    others.sort(axis=1)
    hidden = np.diff(blocked.indptr)[:, None]
    positives, present = _padded(scores, known, targets)
    below, up_to = (
        torch.searchsorted(torch.from_numpy(others), torch.from_numpy(positives), side=side).numpy()
        for side in ("left", "right")
    )
    # The hidden ones came first, at -inf, and are not counted.
    wins = (np.maximum(below - hidden, 0) + np.maximum(up_to - hidden, 0)) / 2
    wins[~present] = 0
    pairs = np.diff(targets.indptr) * (scores.shape[1] - hidden[:, 0])
    area = np.full(len(scores), np.nan)
    return np.asarray(np.divide(wins.sum(axis=1), pairs, out=area, where=pairs > 0))


def _padded(scores: np.ndarray, known: csr_matrix, targets: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of each user's targets side by side, and which of them are there and can be recommended."""
    relevant = np.diff(targets.indptr)
    rows = np.repeat(np.arange(len(scores)), relevant)
    place = np.arange(targets.nnz) - np.repeat(targets.indptr[:-1], relevant)
    width = int(relevant.max(initial=0))
    values = np.zeros((len(scores), width), dtype=np.result_type(scores, np.float32))
    present = np.zeros((len(scores), width), dtype=bool)
    values[rows, place] = scores[rows, targets.indices]
    keys = np.repeat(np.arange(len(scores)), np.diff(known.indptr)) * scores.shape[1] + known.indices
    present[rows, place] = ~np.isin(rows * scores.shape[1] + targets.indices, keys)
    return values, present
