"""Adjacencies and features as sparse matrices."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.typing import SparseTensor

from graphcond.core.sparse import compressed_rows, from_rows
from graphcond.nodes.edges import is_ascending

MOST_32_BITS = 2**31
WIDE = 1 << 26  # numbers: features of more of them, 256 MB, are kept sparse where few are not zero
KEPT_SPARSE_BELOW = 0.05
SAMPLED = 64  # rows that tell whether it is worth counting
SPARSE_BELOW = 0.1  # share of non-zero features under which sparse products are faster


def adjacency_matrix(source: Tensor, target: Tensor, weight: Tensor, num_nodes: int) -> Tensor:
    """Return the matrix whose row ``i`` holds the weights of the edges into node ``i``, as sparse CSR.

    On a CPU, edges are counted into their rows instead of being sorted, and numbers take 32 bits where they fit: half
    the memory, and what MKL multiplies with.
    """
    size = (num_nodes, num_nodes)
    if source.is_cuda:
        # Said explicitly, because torch otherwise warns that it does not check.
        matrix = torch.sparse_coo_tensor(torch.stack([target, source]), weight, size, check_invariants=False)
        return compressed_rows(matrix.coalesce())
    if is_ascending(target):
        pointers = torch.zeros(num_nodes + 1, dtype=torch.int64)
        torch.cumsum(torch.bincount(target, minlength=num_nodes), 0, out=pointers[1:])
        narrow = torch.int32 if len(source) + num_nodes < MOST_32_BITS else torch.int64  # self-loops come on top
        return from_rows(pointers.to(narrow), source.to(narrow), weight.contiguous(), num_nodes)
    return _from_scipy(sp.csr_matrix((weight.numpy(), (target.numpy(), source.numpy())), shape=size))


def with_self_loops(adjacency: Tensor, missing: Tensor) -> Tensor:
    """Return a CPU adjacency with self-loops of weight 1 at the nodes where they are missing.

    Args:
        adjacency: ``(n, n)`` sparse CSR.
        missing: ``(n,)`` bool.
    """
    loops = sp.diags_array(missing.float().numpy(), format="csr")
    return _from_scipy(sp.csr_matrix(to_scipy(adjacency) + loops))


def transposed(matrix: Tensor) -> Tensor:
    """Return the transpose of a sparse CSR matrix, as sparse CSR."""
    if matrix.is_cuda:
        return compressed_rows(matrix.t())
    return _from_scipy(to_scipy(matrix).T.tocsr())


def average(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean of two sparse CSR matrices of the same shape, as sparse CSR."""
    total = sp.csr_matrix(to_scipy(first.cpu()) + to_scipy(second.cpu()))
    total.data /= 2
    return _from_scipy(total).to(first.device)


def row_sums(matrix: Tensor) -> Tensor:
    """Return the sum of each row of a sparse CSR matrix, ``(n,)``."""
    return (matrix @ torch.ones(matrix.size(1), 1, device=matrix.device)).flatten()


def maybe_sparse(x: Tensor) -> Tensor:
    """Return features as sparse CSR if few of them are not zero, else as they are."""
    if is_sparse(x):
        return x
    density = int(torch.count_nonzero(x)) / x.numel() if x.numel() else 1.0
    return compressed_rows(x) if density < SPARSE_BELOW else x


def kept_features(x: object) -> Tensor | None:
    """Return features as float32 in the form in which a graph keeps them, ``None`` if they are no matrix of numbers.

    Wide and nearly empty ones are kept as sparse CSR, without explicit zeros, whatever they came in; others dense.
    """
    if isinstance(x, SparseTensor):  # of torch_sparse, as PyG's NELL has it where that is installed
        x = x.to_torch_sparse_csr_tensor()
    if isinstance(x, Tensor):
        x = x.detach().to(torch.float32)
        if x.dim() != 2 or (x.layout == torch.strided and not _is_wide_and_empty(x)):
            return x.to_dense()
        matrix = to_scipy((x if x.layout == torch.sparse_csr else compressed_rows(x)).cpu())
    elif sp.issparse(x) and cast("sp.csr_matrix", x).dtype.kind in "biuf":
        matrix = sp.csr_matrix(x, dtype="float32")
    else:
        return None
    matrix = matrix.copy()  # the caller's is left as it is
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    kept = _from_scipy(matrix) if _is_empty(matrix.nnz, matrix.shape) else torch.from_numpy(matrix.toarray())
    return kept.to(x.device) if isinstance(x, Tensor) else kept


def _is_wide_and_empty(x: Tensor) -> bool:
    # Most features are not so wide and need not be counted, nor do files of features that are full be read for it.
    if x.numel() <= WIDE:
        return False
    sample = x[:: max(1, len(x) // SAMPLED)]
    full = int(torch.count_nonzero(sample)) > 4 * KEPT_SPARSE_BELOW * sample.numel()
    return not full and _is_empty(int(torch.count_nonzero(x)), x.shape)


def _is_empty(nonzero: int, shape: Sequence[int]) -> bool:
    """Return whether features of a shape are kept sparse."""
    return math.prod(shape) > WIDE and nonzero < KEPT_SPARSE_BELOW * math.prod(shape)


def is_sparse(x: Tensor) -> bool:
    """Return whether features are kept as sparse CSR."""
    return x.layout == torch.sparse_csr


def dense(x: Tensor) -> Tensor:
    """Return features as a dense matrix; themselves if they are one."""
    return x.to_dense() if is_sparse(x) else x


def taken_rows(x: Tensor, nodes: Tensor) -> Tensor:
    """Return some rows of features, in the form in which these are."""
    return _from_scipy(to_scipy(x.cpu())[nodes.cpu().numpy()]).to(x.device) if is_sparse(x) else x[nodes]


def dense_rows(x: Tensor, nodes: Tensor, columns: Tensor | None) -> Tensor:
    """Return some rows of features, or some columns of them, as a dense matrix."""
    if is_sparse(x):
        rows = to_scipy(x.cpu())[nodes.cpu().numpy()]
        chosen = rows if columns is None else rows[:, columns.cpu().numpy()]
        return torch.from_numpy(chosen.toarray()).to(x.device)
    return x[nodes] if columns is None else x[nodes][:, columns]


def mean_row(x: Tensor, nodes: Tensor) -> Tensor:
    """Return the mean of some rows of features, ``(num_features,)``."""
    if not is_sparse(x):
        return x[nodes].mean(dim=0)
    mean = to_scipy(x.cpu())[nodes.cpu().numpy()].mean(axis=0, dtype="float32")
    return torch.from_numpy(np.asarray(mean)).flatten().to(x.device)


class ColumnBlocks:
    """Features of which some columns at a time are needed as a dense matrix.

    Args:
        x: ``(n, num_features)`` dense or sparse CSR.
        nodes: Which rows; all of them by default.
    """

    def __init__(self, x: Tensor, nodes: Tensor | None = None) -> None:
        self._x, self._nodes = x, nodes
        self._columns = None
        if is_sparse(x):
            rows = to_scipy(x.cpu())
            self._columns = (rows if nodes is None else rows[nodes.cpu().numpy()]).tocsc()

    def __getitem__(self, columns: slice) -> Tensor:
        """Return the block of some columns, contiguous."""
        if self._columns is not None:
            return torch.from_numpy(self._columns[:, columns].toarray()).to(self._x.device)
        block = self._x[:, columns]
        return block.contiguous() if self._nodes is None else block[self._nodes]


def to_scipy(matrix: Tensor) -> sp.csr_matrix:
    """Return a sparse CSR matrix on the CPU as one of SciPy, in the same memory."""
    parts = (matrix.values(), matrix.col_indices(), matrix.crow_indices())
    return sp.csr_matrix(tuple(part.numpy() for part in parts), shape=tuple(matrix.shape))


def _from_scipy(matrix: sp.csr_matrix) -> Tensor:
    pointers, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    return from_rows(pointers, columns, values, matrix.shape[1])
