"""A set of interactions, cut into what is trained on and what is asked."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix, diags_array


@dataclass(frozen=True, eq=False)
class Holdout:
    """A question to a recommender: what it is shown of some users, and what it shall find.

    Args:
        context: ``(num_users, num_items)`` interactions that are shown; they are never recommended again.
        targets: ``(num_users, num_items)`` interactions that are hidden. A user without any is not asked about.
    """

    context: csr_matrix
    targets: csr_matrix

    def asked(self) -> np.ndarray:
        """Return the numbers of the users that have targets."""
        return np.flatnonzero(np.diff(self.targets.indptr))

    def take(self, users: np.ndarray) -> "Holdout":
        """Return the question about some users only."""
        return Holdout(self.context[users], self.targets[users])

    def sampled(self, most: int) -> "Holdout":
        """Return the question with targets of ``most`` users only, always the same ones; users keep their numbers."""
        asked = self.asked()
        if len(asked) <= most:
            return self
        kept = np.zeros(self.targets.shape[0], np.float32)
        kept[np.random.default_rng(0).choice(asked, most, replace=False)] = 1
        targets = csr_matrix(diags_array(kept) @ self.targets, dtype=np.float32)
        targets.eliminate_zeros()
        targets.sort_indices()
        return Holdout(self.context, targets)

    def fingerprint(self) -> str:
        """Return the SHA-256 over context and targets."""
        return _digest(self.context, np.array([_digest(self.targets, np.empty(0))]))


@dataclass(frozen=True, eq=False)
class Split:
    """Interactions to train on, to choose by and to test with, over one set of items.

    In weak generalisation every user is in all three; in strong generalisation the users of the holdouts are others
    than those that are trained on.

    Args:
        train: ``(num_users, num_items)`` interactions to train on, float32, in canonical form.
        val: What choices are made by; ``None``: nothing was held out.
        test: What is reported; ``None``: nothing was held out.
        user_ids: ``(num_users,)`` ids of the training users, integers or strings.
        item_ids: ``(num_items,)`` ids of the items, kept verbatim.
        name: Of the dataset.
        protocol: How it was split, such as ``"archive"``, ``"random"``, ``"leave_one_out"``, ``"temporal"``,
            ``"strong"``.
        notes: What was noticed and repaired, one sentence each.
    """

    train: csr_matrix
    val: Holdout | None
    test: Holdout | None
    user_ids: np.ndarray
    item_ids: np.ndarray
    name: str = "interactions"
    protocol: str = "whole"
    notes: tuple[str, ...] = field(default=())

    @property
    def num_users(self) -> int:
        """Number of training users."""
        return int(self.train.shape[0])

    @property
    def num_items(self) -> int:
        """Number of items."""
        return int(self.train.shape[1])

    def fingerprint(self) -> str:
        """Return the SHA-256 over the training interactions and the items' ids."""
        return _digest(self.train, self.item_ids)


def _digest(matrix: csr_matrix, ids: np.ndarray) -> str:
    state = hashlib.sha256(str(matrix.shape).encode())
    for part in (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32)):
        state.update(part.tobytes())
    state.update("\0".join(map(str, ids.tolist())).encode())
    return state.hexdigest()
