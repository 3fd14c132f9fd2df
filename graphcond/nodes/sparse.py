"""Sparse matrices as torch multiplies them fastest: compressed rows."""

import warnings

import torch
from torch import Tensor

SPARSE_BELOW = 0.1  # share of non-zero features under which sparse products are faster


def compressed_rows(matrix: Tensor) -> Tensor:
    """Return a dense or sparse matrix as sparse CSR."""
    with warnings.catch_warnings():
        # Torch tells everybody once that its CSR tensors are young; that is not the caller's concern.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return matrix.to_sparse_csr()


def adjacency_matrix(edge_index: Tensor, weight: Tensor, num_nodes: int) -> Tensor:
    """Return the matrix whose row ``i`` holds the weights of the edges into node ``i``, as sparse CSR."""
    size = (num_nodes, num_nodes)
    # Said explicitly, because torch otherwise warns that it does not check.
    matrix = torch.sparse_coo_tensor(edge_index.flip(0), weight, size, check_invariants=False)
    return compressed_rows(matrix.coalesce())


def maybe_sparse(x: Tensor) -> Tensor:
    """Return features as sparse CSR if few of them are not zero, else as they are."""
    density = float((x != 0).float().mean()) if x.numel() else 1.0
    return compressed_rows(x) if density < SPARSE_BELOW else x
