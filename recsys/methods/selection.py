"""What all methods that keep real users share: whom they may choose, and how the chosen are handed over."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphcond.core.allocation import largest_remainder
from graphcond.core.members import Members
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget


def generator() -> np.random.Generator:
    """Return a generator whose seed is drawn from torch's global state, which the caller of a method has seeded."""
    return np.random.default_rng(int(torch.randint(2**63 - 1, ())))


def candidates(split: Split, size: UserBudget) -> np.ndarray:
    """Return the users that may be chosen: those with an interaction, ascending.

    Raises:
        ValueError: there are fewer of them than are asked for, or fewer interactions are asked for than users.
    """
    users = np.flatnonzero(np.diff(split.train.indptr))
    if not 1 <= size.users <= len(users):
        raise ValueError(
            f"users must be in [1, {len(users)}], the number of training users with interactions, got {size.users}"
        )
    if size.interactions is not None and size.interactions < size.users:
        raise ValueError(
            f"interactions must be at least one for each of the {size.users} users, got {size.interactions}; "
            "ask for more, or for fewer users="
        )
    return users


def activity(split: Split, users: np.ndarray) -> np.ndarray:
    """Return the number of training interactions of some users, ``(len(users),)``."""
    return np.asarray(np.diff(split.train.indptr)[users])


def binary(matrix: csr_matrix) -> csr_matrix:
    """Return ones, float32, where a matrix in canonical form has entries; the matrix lends its positions."""
    return csr_matrix((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def highest(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the ``count`` highest scores, highest first, equal ones in their order."""
    return np.argsort(-scores, kind="stable")[:count]


def drawn_within(groups: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return positions drawn at random from each group, ascending.

    Args:
        groups: ``(n,)`` the group of each position, in ``[0, num_groups)``.
        shares: ``(num_groups,)`` how many of each group, at most all.
        rng: What the draw is made with.
    """
    shuffled = np.lexsort((rng.random(len(groups)), groups))  # group after group, at random within
    sizes = np.bincount(groups, minlength=len(shares))
    rank = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(shuffled[rank < np.repeat(shares, sizes)])


def thinned(rows: csr_matrix, total: int, rng: np.random.Generator) -> csr_matrix:
    """Return ``total`` of the interactions of ``rows``, all where there are no more, drawn at random within each row.

    The rows, none of them empty, share the total in proportion to their lengths and keep at least one each.
    """
    if total >= rows.nnz:
        return rows
    lengths = np.diff(rows.indptr)
    shares = largest_remainder(total, torch.from_numpy(lengths), capacity=torch.from_numpy(lengths)).numpy()
    kept = drawn_within(np.repeat(np.arange(len(lengths)), lengths), shares, rng)
    ends = np.concatenate([[0], np.cumsum(shares)]).astype(rows.indptr.dtype)
    return csr_matrix((rows.data[kept], rows.indices[kept], ends), shape=rows.shape)


def real_users(split: Split, users: np.ndarray, size: UserBudget, rng: np.random.Generator) -> SyntheticUsers:
    """Return some of the training users as they are, binary, thinned to the interactions that are asked for.

    Args:
        split: Where they are from.
        users: Their numbers, in the order in which they are handed over.
        size: What was asked for.
        rng: What interactions are drawn with.
    """
    rows = binary(split.train[users])
    if size.interactions is not None:
        rows = thinned(rows, size.interactions, rng)
    members = Members(ptr=torch.arange(len(users) + 1), index=torch.from_numpy(users).long())
    return SyntheticUsers(rows, members=members)
