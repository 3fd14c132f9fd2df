"""How close synthetic users come to real ones: has a condensed set memorised somebody?"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix


class Closeness(NamedTuple):
    """A summary of the Jaccard similarities between users and their nearest ones.

    Args:
        mean: The mean.
        highest: The highest.
        exact: The share of users with the very items of another, in [0, 1].
    """

    mean: float
    highest: float
    exact: float

    @classmethod
    def of(cls, similarity: np.ndarray) -> "Closeness":
        """Summarise similarities, at least one."""
        return cls(float(similarity.mean()), float(similarity.max()), float((similarity == 1).mean()))


@dataclass(frozen=True, eq=False)
class Memorisation:
    """The nearest real user of each synthetic one.

    Similarity is Jaccard's: the items that two users share, over those that either has.

    Args:
        nearest: ``(num_synthetic,)`` the number of the real user, the lowest among equals; -1 where none shares an
            item.
        similarity: ``(num_synthetic,)`` how alike they are, in [0, 1].
        sampled: ``(num_sampled,)`` numbers of real users, drawn at random, to compare with.
        among_real: ``(num_sampled,)`` how alike each of those is to its nearest *other* real user. Synthetic users that
            are no closer to real ones than these are to each other have copied nobody.
    """

    nearest: np.ndarray
    similarity: np.ndarray
    sampled: np.ndarray
    among_real: np.ndarray

    @property
    def synthetic(self) -> Closeness:
        """How close synthetic users are to real ones."""
        return Closeness.of(self.similarity)

    @property
    def real(self) -> Closeness:
        """How close real users are to other real ones."""
        return Closeness.of(self.among_real)

    def __str__(self) -> str:
        lines = ["similarity to the nearest (other) real user    mean  highest  exact copies"]
        for title, closeness in (
            (f"{len(self.similarity):,} synthetic users", self.synthetic),
            (f"{len(self.among_real):,} real users, sampled", self.real),
        ):
            mean, highest, exact = closeness
            lines.append(f"{title:<43}  {mean:>6.3f}  {highest:>7.3f}  {exact:>12.1%}")
        return "\n".join(lines)


def memorisation(
    synthetic: csr_matrix,
    real: csr_matrix,
    threshold: float = 0.5,
    *,
    sample: int = 1000,
    seed: int = 0,
    block: int = 1024,
) -> Memorisation:
    """Find the nearest real user of each synthetic one, and of real ones to compare with.

    Memory is that of a few blocks of ``block`` users by ``block`` users, and of the interactions.

    Args:
        synthetic: ``(num_synthetic, num_items)`` weights of interactions.
        real: ``(num_users, num_items)`` interactions; whatever is stored and not zero is one.
        threshold: Synthetic users have the items whose weights are above it.
        sample: How many real users are compared with other real ones; all, where there are no more.
        seed: Of the sample.
        block: Users of either side that are compared at a time.

    Raises:
        ValueError: the items differ in number, there is nobody to compare, or an argument is out of range.
    """
    if synthetic.shape[1] != real.shape[1]:
        raise ValueError(
            f"synthetic and real must have the same items, got {synthetic.shape[1]} and {real.shape[1]} columns"
        )
    if 0 in (synthetic.shape[0], real.shape[0]):
        raise ValueError(
            f"synthetic and real must have at least one user each, got {synthetic.shape[0]} and {real.shape[0]}"
        )
    if not 0 <= threshold < np.inf:
        raise ValueError(f"threshold must be finite and at least 0, got {threshold!r}")
    if sample < 1 or block < 1:
        raise ValueError(f"sample and block must be at least 1, got {sample!r} and {block!r}")
    these, those = _item_sets(synthetic, threshold), _item_sets(real, None)
    nearest, similarity = _nearest(these, those, block)
    sampled = np.sort(np.random.default_rng(seed).choice(real.shape[0], size=min(sample, real.shape[0]), replace=False))
    _, among_real = _nearest(those[sampled], those, block, own=sampled)
    return Memorisation(nearest, similarity, sampled, among_real)


def _item_sets(matrix: csr_matrix, threshold: float | None) -> csr_matrix:
    """Return ones, float32, where the entries are above a threshold; ``None``: where they are not zero."""
    sets = csr_matrix(matrix, copy=True)
    sets.sum_duplicates()
    sets.data = (sets.data != 0 if threshold is None else sets.data > threshold).astype(np.float32)
    sets.eliminate_zeros()
    return sets


def _nearest(
    these: csr_matrix, those: csr_matrix, block: int, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of these users the nearest of those and the similarity; ``own``: what each is there itself."""
    nearest, best = np.full(these.shape[0], -1), np.zeros(these.shape[0])
    for first in range(0, these.shape[0], block):
        rows = np.arange(first, min(first + block, these.shape[0]))
        some = these[rows]
        for start in range(0, those.shape[0], block):
            alike = _jaccard(some, those[start : start + block])
            if own is not None:
                inside = (start <= own[rows]) & (own[rows] < start + block)
                alike[inside, own[rows][inside] - start] = 0
            found = alike.argmax(axis=1)
            closest = alike[np.arange(len(rows)), found]
            better = closest > best[rows]
            nearest[rows[better]], best[rows[better]] = found[better] + start, closest[better]
    return nearest, best


def _jaccard(these: csr_matrix, those: csr_matrix) -> np.ndarray:
    """Return the similarity of each of these users to each of those, 0 between two without items."""
    shared = (these @ those.T).toarray().astype(np.float64)
    either = np.diff(these.indptr)[:, None] + np.diff(those.indptr) - shared
    return np.asarray(np.divide(shared, either, out=np.zeros_like(shared), where=either > 0))
