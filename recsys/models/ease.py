"""EASE: a linear item-to-item model in closed form (Steck, WWW 2019)."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from graphcond.core.fields import require_positive
from recsys.models.base import Recommender
from recsys.models.checks import checked_context, checked_interactions, not_fitted

_AT_ONCE = 1024  # rows or columns, where a whole matrix would need memory twice
_LARGEST = 30_000  # rows of a matrix that is inverted: 7 GB in float64
_DENSE = 0.1  # share of entries from which a dense product is the faster one


@dataclass(kw_only=True, eq=False)
class EASE(Recommender):
    """Each item's column is regressed on all others, with a ridge.

    The scores are ``X B`` with ``B = I - P diag(1 / diag P)`` and ``P = (X'X + ridge I)^-1``, in float64 up to the
    result. With fewer users than items nothing of the size items x items is ever made: by Woodbury's identity
    ``ridge P = I - X' (X X' + ridge I)^-1 X`` over the users that the model was fitted on. Rows may have weights.

    Args:
        ridge: Penalty on the squared weights, in units of interactions; it shall grow with the mean number of users of
            an item (:func:`~recsys.models.tuning.tuned_ease` chooses it on validation data).

    Example:
        >>> from scipy.sparse import csr_matrix
        >>> users = csr_matrix([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> EASE(ridge=1.0).fit(users).recommend(0, csr_matrix([[1.0, 0.0, 0.0]]), N=1)[0].tolist()
        [1]
    """

    name: ClassVar[str] = "ease"
    ridge: float = 500.0
    _solution: "ItemSolution | UserSolution | None" = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def fit(self, user_items: csr_matrix) -> "EASE":
        """Solve the regression.

        Raises:
            ValueError: there are more than 30,000 users and items; the ridge is too small.
        """
        matrix = checked_interactions(user_items).astype(np.float64)
        if min(matrix.shape) > _LARGEST:
            raise ValueError(
                f"user_items has {matrix.shape[0]} users and {matrix.shape[1]} items; EASE inverts a matrix of the "
                f"smaller number, of which {_LARGEST} is the most: condense the users first, or drop rare items"
            )
        fewer_users = matrix.shape[0] < matrix.shape[1]
        self._solution = UserSolution.fit(matrix, self.ridge) if fewer_users else ItemSolution.fit(matrix, self.ridge)
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return ``context B``."""
        if self._solution is None:
            raise not_fitted(self.name)
        return self._solution.scores(checked_context(context, self._solution.num_items))


class ItemSolution(NamedTuple):
    """The model as weights between items.

    Args:
        weights: ``(num_items, num_items)`` float32, ``B``.
    """

    weights: np.ndarray

    @classmethod
    def fit(cls, user_items: csr_matrix, ridge: float) -> "ItemSolution":
        """Solve the regression over the items."""
        return cls(np.ascontiguousarray(item_weights(user_items, ridge), dtype=np.float32))

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.weights)

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return ``context B``."""
        return np.asarray(context @ self.weights)


class UserSolution(NamedTuple):
    """The model as the users that it was fitted on, where they are fewer than the items.

    With ``M = (X X' + ridge I)^-1`` and ``d = 1 - diag(X' M X)``, the scores of a context ``C`` are
    ``C - (C - C X' M X) / d``, by columns.

    Args:
        items: ``(num_items, num_users)`` is ``X'``; as an array where it is dense enough for that to be faster.
        smoother: ``(num_users, num_users)`` float64, ``M``.
        spare: ``(num_items,)`` float64, ``d``, what the other items leave unexplained of each.
    """

    items: Any
    smoother: np.ndarray
    spare: np.ndarray

    @classmethod
    def fit(cls, user_items: csr_matrix, ridge: float, dtype: type = np.float32) -> "UserSolution":
        """Solve the regression over the users; scores will be of ``dtype``."""
        items = csr_matrix(user_items.T)
        smoother = inverse(gram(items, ridge), ridge)
        spare = np.ones(items.shape[0])
        for start in range(0, len(spare), _AT_ONCE):
            some = items[start : start + _AT_ONCE].toarray()
            spare[start : start + _AT_ONCE] -= ((some @ smoother) * some).sum(axis=1)
        items = items.astype(dtype)
        return cls(items.toarray() if _is_dense(items) else items, smoother, spare)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return int(self.items.shape[0])

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return ``context B`` without ``B``."""
        alike = context @ self.items
        users = (alike if isinstance(alike, np.ndarray) else alike.toarray()) @ self.smoother
        result = np.ascontiguousarray(users.astype(self.items.dtype) @ self.items.T)
        result /= self.spare.astype(result.dtype)
        rows = np.repeat(np.arange(len(result)), np.diff(context.indptr))
        result[rows, context.indices] += context.data * (1 - 1 / self.spare[context.indices])
        return result


def item_weights(user_items: csr_matrix, ridge: float) -> np.ndarray:
    """Return ``B`` in float64, ``(num_items, num_items)``; its diagonal is zero."""
    weights = inverse(gram(user_items, ridge), ridge)
    np.divide(weights, -np.diag(weights).copy(), out=weights)
    np.fill_diagonal(weights, 0.0)
    return weights


def gram(matrix: csr_matrix, ridge: float) -> np.ndarray:
    """Return ``A'A + ridge I`` for a sparse ``A`` in float64, in Fortran order."""
    result = np.zeros((matrix.shape[1],) * 2, order="F")
    if _is_dense(matrix):
        for start in range(0, matrix.shape[0], _AT_ONCE):
            rows = matrix[start : start + _AT_ONCE].toarray()
            result += rows.T @ rows
    else:
        columns, transposed = matrix.tocsc(), csr_matrix(matrix.T)
        for start in range(0, matrix.shape[1], _AT_ONCE):
            result[:, start : start + _AT_ONCE] = (transposed @ columns[:, start : start + _AT_ONCE]).toarray()
    result[np.diag_indices_from(result)] += ridge
    return result


def inverse(matrix: np.ndarray, ridge: float) -> np.ndarray:
    """Invert a symmetric positive definite matrix in Fortran order, in its own memory.

    Raises:
        ValueError: rounding made it indefinite; ``ridge``, which stands on its diagonal, was too small.
    """
    lower, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise ValueError(f"ridge={ridge} is too small for these interactions: the regression is singular; use more")
    result: np.ndarray = lapack.dpotri(lower, lower=1, overwrite_c=1)[0]
    # Only the lower triangle was written.
    for start in range(0, len(result), _AT_ONCE):
        stop = start + _AT_ONCE
        square = result[start:stop, start:stop]
        square[...] = np.tril(square) + np.tril(square, -1).T
        result[start:stop, stop:] = result[stop:, start:stop].T
    return result


def _is_dense(matrix: csr_matrix) -> bool:
    return bool(matrix.nnz > _DENSE * matrix.shape[0] * matrix.shape[1])
