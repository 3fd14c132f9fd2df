"""Adjacencies and features as sparse matrices."""

import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.sparse import compressed_rows, from_rows
from graphcond.nodes.edges import is_ascending

MOST_32_BITS = 2**31
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
    return _from_scipy(sp.csr_matrix(_to_scipy(adjacency) + loops))


def transposed(matrix: Tensor) -> Tensor:
    """Return the transpose of a sparse CSR matrix, as sparse CSR."""
    if matrix.is_cuda:
        return compressed_rows(matrix.t())
    return _from_scipy(_to_scipy(matrix).T.tocsr())


def average(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean of two sparse CSR matrices of the same shape, as sparse CSR."""
    total = sp.csr_matrix(_to_scipy(first.cpu()) + _to_scipy(second.cpu()))
    total.data /= 2
    return _from_scipy(total).to(first.device)


def row_sums(matrix: Tensor) -> Tensor:
    """Return the sum of each row of a sparse CSR matrix, ``(n,)``."""
    return (matrix @ torch.ones(matrix.size(1), 1, device=matrix.device)).flatten()


def maybe_sparse(x: Tensor) -> Tensor:
    """Return features as sparse CSR if few of them are not zero, else as they are."""
    density = int(torch.count_nonzero(x)) / x.numel() if x.numel() else 1.0
    return compressed_rows(x) if density < SPARSE_BELOW else x


def _to_scipy(matrix: Tensor) -> sp.csr_matrix:
    parts = (matrix.values(), matrix.col_indices(), matrix.crow_indices())
    return sp.csr_matrix(tuple(part.numpy() for part in parts), shape=tuple(matrix.shape))


def _from_scipy(matrix: sp.csr_matrix) -> Tensor:
    pointers, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    return from_rows(pointers, columns, values, matrix.shape[1])
