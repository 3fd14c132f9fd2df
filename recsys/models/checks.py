"""Checks that the recommenders share: each failure is one sentence with the remedy."""

import numpy as np
from scipy.sparse import csr_matrix, issparse

from graphcond.core.ranges import LARGEST
from recsys.data.checks import check_parts


def checked_interactions(user_items: csr_matrix) -> csr_matrix:
    """Return interactions to fit on as float32 in canonical form; the given matrix is not changed.

    Raises:
        TypeError: it is not a sparse matrix.
        ValueError: it is empty, or a weight is NaN or infinite.
    """
    if not issparse(user_items):
        raise TypeError(
            f"user_items must be a sparse matrix of users and items, got {type(user_items).__name__}; pass "
            "scipy.sparse.csr_matrix(user_items)"
        )
    check_parts("user_items", user_items)
    given = csr_matrix(user_items)  # of other formats, not all have their numbers in one array
    most = float(np.abs(given.data).max(initial=0)) if given.dtype.kind == "f" else 0.0
    if LARGEST < most < np.inf:
        raise ValueError(f"user_items reaches {most:g}, but squares of weights beyond {LARGEST:g} overflow; scale them")
    matrix = csr_matrix(given, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise ValueError(f"user_items holds no interactions (shape {matrix.shape}); there is nothing to learn from")
    if not np.isfinite(matrix.data).all():
        raise ValueError("user_items must hold finite weights, but holds NaN or infinity; drop those interactions")
    return matrix


def checked_context(context: csr_matrix, num_items: int) -> csr_matrix:
    """Return users' interactions to score by as float32 in canonical form; the given matrix is not changed.

    Raises:
        ValueError: its columns are not the items that the model was fitted on.
    """
    if context.shape[1] != num_items:
        raise ValueError(
            f"context must have the {num_items} items that the model was fitted on, got {context.shape[1]} columns"
        )
    check_parts("context", context)
    matrix = csr_matrix(context, dtype=np.float32)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def not_fitted(name: str) -> ValueError:
    """Return the error of a model that was asked before it was fitted."""
    return ValueError(f"{name} knows no interactions yet; call fit(user_items) first")
