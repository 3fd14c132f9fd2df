"""Adjacencies and features as sparse matrices."""

import torch
from torch import Tensor

from graphcond.core.sparse import compressed_rows

SPARSE_BELOW = 0.1  # share of non-zero features under which sparse products are faster


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
