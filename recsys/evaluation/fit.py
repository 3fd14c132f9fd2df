"""What is evaluated on interactions: condensations or users of the user's own, and whether they fit a split."""

from collections.abc import Sequence

from scipy.sparse import csr_matrix, issparse

from graphcond.core.evaluation.candidates import Given, records_of, several_of
from graphcond.core.record import Record
from recsys.condensed import CondensedInteractions
from recsys.data.checks import check_split
from recsys.data.split import Holdout, Split
from recsys.modality import Interactions
from recsys.models.checks import checked_interactions


def given_users(condensed: object) -> list[Given]:
    """Return condensations, or a matrix of users of the user's own, as a list.

    Raises:
        TypeError: something else.
        ValueError: interactions that cannot be trained on.
    """
    if issparse(condensed):
        return [Given(checked_interactions(condensed))]
    expected = "what recsys.condense() returns, a sequence of that, or a sparse matrix of users"
    kept = several_of(condensed, CondensedInteractions, expected)
    return [Given(one.user_items, one.record) for one in kept]


def read_task(split: object, _: Sequence[Record] = ()) -> Split:
    """Return a split, of which a task may be made, whose parts fit together.

    Raises:
        TypeError: it is none.
        ValueError: its parts do not fit together.
    """
    if isinstance(split, Interactions):
        split = split.split
    if not isinstance(split, Split):
        raise TypeError(
            f"split must be a recsys.Split, such as recsys.random_split(interactions), got {type(split).__name__}"
        )
    check_split(split)
    return split


def check_users(split: Split, several: Sequence[Given]) -> None:
    """Raise if condensed users do not fit a split, were made from other interactions, or nothing is held out.

    Raises:
        ValueError: one of these.
    """
    for name in ("val", "test"):
        held_out(split, name)
    for matrix in (one.data for one in several):
        if matrix.shape[1] != split.num_items:
            raise ValueError(
                f"the condensed users have {matrix.shape[1]} items, the split {split.num_items}; evaluate on the split "
                "that was condensed"
            )
        checked_interactions(matrix)
    for record in records_of(several):
        if record.source.get("fingerprint") != split.fingerprint():
            raise ValueError(
                f"what {record.method} made with seed {record.seed} was condensed from other training interactions "
                "than those of the split, so it may have seen the test part; condense the split itself"
            )


def held_out(split: Split, name: str) -> Holdout:
    """Return the part of a split that validates (``"val"``) or tests (``"test"``).

    Raises:
        ValueError: there is none, or it is empty.
    """
    part: Holdout | None = getattr(split, name)
    if part is None:
        raise ValueError(f"split.{name} holds nothing out; split the interactions with {name}=0.1, and condense that")
    if not part.targets.nnz:
        raise ValueError(f"split.{name} asks no user for anything; hold out a larger share, and condense that")
    return part


def is_whole(split: Split, several: Sequence[Given]) -> bool:
    """Return whether what is evaluated are all users of the split, in a matrix of the user's own."""
    matrix: csr_matrix = several[0].data
    return several[0].record is None and matrix.shape == split.train.shape and not (matrix != split.train).nnz
