"""Sparse matrices as torch multiplies them fastest: compressed rows."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


def check_compressed(
    name: str, pointers: np.ndarray | Tensor, indices: np.ndarray | Tensor, shape: Sequence[int], count: int
) -> None:
    """Raise unless the parts of a matrix in compressed rows fit together.

    Compiled code believes them: a wrong pointer makes it read and write outside of its arrays.

    Args:
        name: What the matrix is, for the message.
        pointers: Where each row starts and the last one ends.
        indices: The column of each entry.
        shape: Rows and columns; of compressed columns, the other way round.
        count: How many values there are.

    Raises:
        ValueError: they do not.

    >>> check_compressed("it", np.array([0, 9]), np.array([1]), (1, 2), 1)
    Traceback (most recent call last):
        ...
    ValueError: it must have pointers that ascend from 0 to the number of its indices, 1
    """
    pointers, indices = np.asarray(pointers), np.asarray(indices)
    if pointers.ndim != 1 or indices.ndim != 1 or pointers.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold pointers and indices as integers of one dimension each")
    if len(shape) != 2 or len(pointers) != shape[0] + 1:
        raise ValueError(f"{name} must have a pointer for each row and one more, got {len(pointers)} for {shape}")
    if pointers[0] != 0 or (pointers[1:] < pointers[:-1]).any() or pointers[-1] != len(indices):
        raise ValueError(f"{name} must have pointers that ascend from 0 to the number of its indices, {len(indices)}")
    if len(indices) != count:
        raise ValueError(f"{name} must have as many values as indices, got {count} for {len(indices)}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < shape[1]:
        raise ValueError(f"{name} must have indices in [0, {shape[1] - 1}], got {indices.min()} to {indices.max()}")


def check_sparse(name: str, matrix: Tensor) -> None:
    """Raise ``ValueError`` unless the parts of a sparse tensor fit together; compiled code believes them."""
    if matrix.layout in (torch.sparse_csr, torch.sparse_csc):
        rows = matrix.layout == torch.sparse_csr
        pointers = matrix.crow_indices() if rows else matrix.ccol_indices()
        indices = matrix.col_indices() if rows else matrix.row_indices()
        shape = matrix.shape if rows else matrix.shape[::-1]
        check_compressed(name, pointers.cpu(), indices.cpu(), tuple(shape), len(matrix.values()))
    elif matrix.layout == torch.sparse_coo and matrix._nnz():
        low, high = matrix._indices().amin(dim=1), matrix._indices().amax(dim=1)
        if bool((low < 0).any()) or bool((high.cpu() >= torch.tensor(matrix.shape[: len(high)])).any()):
            raise ValueError(f"{name} must have indices within its shape {tuple(matrix.shape)}, got up to "
                             f"{high.tolist()}")  # fmt: skip


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
    needed = torch.zeros(matrix.size(1), dtype=torch.bool, device=rows.device)
    needed[found] = True
    if keep is not None:
        needed[keep] = True
    columns = needed.nonzero().flatten()
    places = torch.empty(matrix.size(1), dtype=found.dtype, device=rows.device)
    places[columns] = torch.arange(len(columns), dtype=found.dtype, device=rows.device)
    local = places[found]
    pointers = torch.cat([ends.new_zeros(1), ends]).to(found.dtype)
    with _without_the_beta_warning():
        values, size = matrix.values()[positions], (len(rows), len(columns))
        taken = torch.sparse_csr_tensor(pointers, local, values, size, check_invariants=False)
    return taken, columns


def rows_of(matrix: Tensor, rows: Tensor) -> Tensor:
    """Return some rows of a sparse CSR matrix, with all its columns."""
    positions, pointers = ragged(matrix.crow_indices(), rows)
    return from_rows(pointers, matrix.col_indices()[positions], matrix.values()[positions], matrix.size(1))


def from_rows(pointers: Tensor, columns: Tensor, values: Tensor, num_columns: int) -> Tensor:
    """Return the sparse CSR matrix of compressed rows."""
    with _without_the_beta_warning():
        size = (len(pointers) - 1, num_columns)
        return torch.sparse_csr_tensor(pointers, columns, values, size, check_invariants=False)


def ragged(pointers: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions that some rows of compressed rows hold, and the pointers of those rows alone.

    >>> ragged(torch.tensor([0, 2, 2, 5]), torch.tensor([2, 0]))
    (tensor([2, 3, 4, 0, 1]), tensor([0, 3, 5]))
    """
    lengths = pointers[rows + 1] - pointers[rows]
    new = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    positions = torch.arange(int(new[-1]), device=pointers.device)
    return positions + torch.repeat_interleave(pointers[rows] - new[:-1], lengths), new
