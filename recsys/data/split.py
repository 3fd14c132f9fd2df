"""A set of interactions, cut into what is trained on and what is asked."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from scipy.sparse import csr_matrix, diags_array

from graphcond.core.html import for_notebook, table


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


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        """Return the split in a line.

        >>> import recsys
        >>> recsys.random_split(recsys.generate_interactions(300, 60, 4000, seed=0))
        Split('interactions', random, users=300, items=60, train=3189, val=402, test=409)
        """
        hidden = {"val": self.val, "test": self.test}
        parts = "".join(f", {name}={part.targets.nnz}" for name, part in hidden.items() if part is not None)
        return (
            f"Split({self.name!r}, {self.protocol}, users={self.num_users}, items={self.num_items}, "
            f"train={self.train.nnz}{parts})"
        )

    def _repr_html_(self) -> str:
        learned = f"{self.num_users:,} users, {self.num_items:,} items, {self.train.nnz:,} interactions"
        rows = [("to train on", learned), ("validation", _in_words(self.val)), ("test", _in_words(self.test))]
        made = table(("", ""), rows, text_columns=2, caption=f"{self.name}, split: {self.protocol}")
        return for_notebook(made, *(Markup("<p>{}</p>").format(note) for note in self.notes))

    def fingerprint(self) -> str:
        """Return the SHA-256 over the training interactions and the items' ids."""
        return _digest(self.train, self.item_ids)


def _in_words(part: Holdout | None) -> str:
    return "nothing" if part is None else f"{len(part.asked()):,} users, {part.targets.nnz:,} hidden interactions"


def _digest(matrix: csr_matrix, ids: np.ndarray) -> str:
    state = hashlib.sha256(str(matrix.shape).encode())
    for part in (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32)):
        state.update(part.tobytes())
    state.update("\0".join(map(str, ids.tolist())).encode())
    return state.hexdigest()
