"""Sparse matrices as torch multiplies them fastest: compressed rows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def _without_the_beta_warning() -> Iterator[None]:
    """Torch tells everybody once that its CSR tensors are young; that is not the caller's concern."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        yield


def compressed_rows(matrix: Tensor) -> Tensor:
    """Return a dense or sparse matrix as sparse CSR."""
    with _without_the_beta_warning():
        return matrix.to_sparse_csr()


def take_rows(matrix: Tensor, rows: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return some rows of a sparse CSR matrix, only with the columns in which they have entries.

    Args:
        matrix: ``(n, m)`` sparse CSR.
        rows: ``(k,)`` int64 row numbers.
        keep: Numbers of columns that stay in any case.

    Returns:
        The ``(k, c)`` sparse CSR matrix and the ``(c,)`` numbers of its columns in ``matrix``, ascending.
    """
    pointers = matrix.crow_indices()
    starts = pointers[rows]
    lengths = pointers[rows + 1] - starts
    ends = lengths.cumsum(0)
    within = torch.arange(int(ends[-1]) if len(rows) else 0, device=rows.device)
    positions = within + torch.repeat_interleave(starts - (ends - lengths), lengths)
    found = matrix.col_indices()[positions]
    columns, places = torch.unique(found if keep is None else torch.cat([found, keep]), return_inverse=True)
    local = places[: len(found)]
    pointers = torch.cat([ends.new_zeros(1), ends])
    with _without_the_beta_warning():
        values, size = matrix.values()[positions], (len(rows), len(columns))
        taken = torch.sparse_csr_tensor(pointers, local, values, size, check_invariants=False)
    return taken, columns
