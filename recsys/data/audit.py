"""What is in a split, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from graphcond.core.evaluation.tables import render
from recsys.data.split import Holdout, Split

LABELS = (
    "users",
    "pairs of a user and an item",
    "users without any",
    "median per user",
    "pairs with a value above 1",
    "pairs also in train",
    "pairs also shown: cannot be found",
    "pairs with a cold item",
)


@dataclass(frozen=True)
class HoldoutAudit:
    """Counts of the validation or the test part.

    Args:
        users: Users in it.
        interactions: Targets: pairs of a user and an item.
        users_without: Users without any target; they are not asked about.
        in_train: Targets that the same user has among the training interactions; ``None`` where other users are asked
            than were trained on.
        in_context: Targets that the recommender is shown, which it never recommends: nobody can find them.
        cold: Targets whose item is in no training interaction.
    """

    users: int
    interactions: int
    users_without: int
    in_train: int | None
    in_context: int
    cold: int

    def counts(self) -> tuple[int | None, ...]:
        """Return the counts in the order of the rows of the table."""
        return (
            self.users,
            self.interactions,
            self.users_without,
            None,
            None,
            self.in_train,
            self.in_context,
            self.cold,
        )


@dataclass(frozen=True)
class Audit:
    """Counts of a split; printed, it is a table.

    Args:
        name: Of the dataset.
        protocol: How it was split.
        users: Training users.
        items: Items.
        interactions: Training interactions: pairs of a user and an item.
        density: Their share of all pairs.
        duplicated: Training pairs with a value above 1: repeated pairs, or weights.
        empty_users: Training users without any interaction.
        median: Median number of training interactions of a user.
        cold_items: Items in no training interaction.
        val: The validation part.
        test: The test part.
        notes: What was noticed when the interactions were read and split.
    """

    name: str
    protocol: str
    users: int
    items: int
    interactions: int
    density: float
    duplicated: int
    empty_users: int
    median: float
    cold_items: int
    val: HoldoutAudit | None
    test: HoldoutAudit | None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a table."""
        train = (
            self.users, self.interactions, self.empty_users, self.median, self.duplicated, None, None, None
        )  # fmt: skip
        columns = [
            _column(train),
            *(_column(None if part is None else part.counts()) for part in (self.val, self.test)),
        ]
        header, rows = ("", "train", "validation", "test"), list(zip(LABELS, *columns, strict=True))
        table = render(f"{self.name}, split: {self.protocol}", header, rows, text_columns=1)
        items = (
            f"{self.items:,} items, {self.cold_items:,} of them cold (in no training interaction); the density is "
            f"{100 * self.density:.3g} %."
        )
        return "\n".join([table, items, *self.notes])


def audit(split: Split) -> Audit:
    """Count what is in a split, what leaks from one part to another, and what can never be found.

    >>> from recsys.data.splitting import leave_one_out
    >>> found = audit(leave_one_out((["a", "a", "a", "b"], [1, 2, 3, 1])))
    >>> found.interactions, found.test.interactions, found.test.users_without
    (2, 1, 1)
    """
    train = split.train
    used = np.bincount(train.indices, minlength=split.num_items)
    per_user = np.diff(train.indptr)
    return Audit(
        name=split.name,
        protocol=split.protocol,
        users=split.num_users,
        items=split.num_items,
        interactions=int(train.nnz),
        density=train.nnz / max(1, split.num_users * split.num_items),
        duplicated=int((train.data > 1).sum()),
        empty_users=int((per_user == 0).sum()),
        median=float(np.median(per_user)) if len(per_user) else 0.0,
        cold_items=int((used == 0).sum()),
        val=_audit_holdout(split.val, train, used),
        test=_audit_holdout(split.test, train, used),
        notes=split.notes,
    )


def _audit_holdout(holdout: Holdout | None, train: csr_matrix, used: np.ndarray) -> HoldoutAudit | None:
    if holdout is None:
        return None
    # Where the same users are asked, row by row, they are shown what they were trained on.
    same = holdout.context.shape == train.shape and _common(holdout.context, train) == train.nnz
    users = int(holdout.targets.shape[0])
    return HoldoutAudit(
        users=users,
        interactions=int(holdout.targets.nnz),
        users_without=users - len(holdout.asked()),
        in_train=_common(holdout.targets, train) if same else None,
        in_context=_common(holdout.targets, holdout.context),
        cold=int((used[holdout.targets.indices] == 0).sum()),
    )


def _common(first: csr_matrix, second: csr_matrix) -> int:
    return int(first.multiply(second).nnz)


def _column(counts: Sequence[float | None] | None) -> list[str]:
    return ["-" if value is None else f"{value:,.10g}" for value in counts or [None] * len(LABELS)]
