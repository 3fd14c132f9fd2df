r"""Features after some hops, where the features are kept sparse: no matrix of all nodes and all features is made.

Rows are products of sparse matrices, some rows at a time; or, where these would fill, all rows of some columns at a
time. What is multiplied is never formed: :math:`(\hat A^k X) v = \hat A^k (X v)`.
"""

from collections.abc import Iterator

import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.runtime.processes import alone
from graphcond.nodes.hops import Hops
from graphcond.nodes.matrices import Matrices
from graphcond.nodes.points import Points, Products
from graphcond.nodes.propagation import column_blocks, propagate
from graphcond.nodes.sparse import ColumnBlocks, to_scipy

ROWS_AT_ONCE = 256
SPARSE_COST = 10  # times a multiplication of a dense block: one of two sparse matrices


class SparseHops(Hops):
    """Sparse features after some hops.

    Args:
        matrices: The graph's.
        depth: The number of hops of means, sums and points.
    """

    def __init__(self, matrices: Matrices, depth: int) -> None:
        self._matrices = matrices
        self._depth = depth
        self._norms: dict[int, Tensor] = {}

    @property
    def space(self) -> Tensor:
        """See :attr:`Hops.space`; made anew each time."""
        y = self._matrices.graph.y
        return self.rows_at(torch.arange(len(y), device=y.device), self._depth)

    def rows_by_hop(self, nodes: Tensor, hops: int, keep: bool) -> Iterator[Tensor]:
        """See :meth:`Hops.rows_by_hop`; nothing is kept."""
        for hop in range(hops + 1):
            yield self.rows_at(nodes, hop)

    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """See :meth:`Hops.rows_at`."""
        x = self._matrices.graph.x
        rows = x.new_empty((len(nodes), x.size(1)), layout=torch.strided)
        if self._products_stay_sparse(nodes, hops):
            for part, made in self._row_blocks(nodes, hops):
                rows[part] = torch.from_numpy(made.toarray()).to(x.device)
        else:
            for columns, block in self._column_blocks(hops):
                rows[:, columns] = block[nodes]
        return rows

    def norms(self, hops: int) -> Tensor:
        """See :meth:`Hops.norms`."""
        if hops not in self._norms:
            y = self._matrices.graph.y
            nodes = torch.arange(len(y), device=y.device)
            squares = self._matrices.graph.edge_weight.new_zeros(len(y))
            if self._products_stay_sparse(nodes, hops):
                for part, made in self._row_blocks(nodes, hops):
                    squares[part] = torch.from_numpy(made.power(2).sum(axis=1)).flatten().to(squares)
            else:
                for _, block in self._column_blocks(hops):
                    squares += torch.linalg.vector_norm(block, dim=1).square_()
            self._norms[hops] = squares.sqrt()
        return self._norms[hops]

    def _products_stay_sparse(self, nodes: Tensor, hops: int) -> bool:
        """Return whether some rows take less time as products of sparse matrices than as columns of all rows."""
        if hops == 0:
            return True
        adjacency, x = self._matrices.adjacency, self._matrices.graph.x
        edges = to_scipy(adjacency.cpu())
        pattern = sp.csr_matrix((edges.data != 0, edges.indices, edges.indptr), shape=edges.shape, dtype="float64")
        count = x.crow_indices().cpu().diff().numpy()
        for _ in range(hops):
            count = pattern @ count
        blocks = hops * edges.nnz * x.size(1)
        return bool(SPARSE_COST * count[nodes.cpu().numpy()].sum() <= blocks)

    def _row_blocks(self, nodes: Tensor, hops: int) -> Iterator[tuple[slice, sp.csr_matrix]]:
        """Yield some rows after the other, as places among the nodes and a sparse matrix."""
        features = to_scipy(self._matrices.graph.x.cpu())
        adjacency = to_scipy(self._matrices.adjacency.cpu()) if hops else None
        for start in range(0, len(nodes), ROWS_AT_ONCE):
            part = slice(start, min(start + ROWS_AT_ONCE, len(nodes)))
            chosen = nodes[part].cpu().numpy()
            if adjacency is None:
                yield part, features[chosen]
                continue
            rows = adjacency[chosen]
            for _ in range(hops - 1):
                rows = rows @ adjacency
            yield part, rows @ features

    def _column_blocks(self, hops: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield all rows of some columns after the other."""
        x = self._matrices.graph.x
        blocks = ColumnBlocks(x)
        for columns in column_blocks(x):
            block = blocks[columns]
            for _ in range(hops):
                block = self._matrices.adjacency @ block
            yield columns, block

    def nearest(self, hops: int) -> tuple[int, Tensor]:
        """See :meth:`Hops.nearest`."""
        return 0, self._matrices.features

    def mean(self) -> Tensor:
        """See :meth:`Hops.mean`."""
        count = len(self._matrices.graph.y)
        return self.weighted_sums(self._matrices.graph.edge_weight.new_full((count, 1), 1 / count)).flatten()

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """See :meth:`Hops.weighted_sums`: the weights are propagated, not the features."""
        spread = propagate(self._matrices.transposed_adjacency, weights, self._depth)
        return (self._matrices.transposed_features @ spread).T.contiguous()

    def times(self, v: Tensor) -> Tensor:
        """Return the product of the features of all nodes with a matrix, ``(num_nodes, k)``."""
        return propagate(self._matrices.adjacency, self._matrices.features @ v, self._depth)

    def some_columns(self, nodes: Tensor, columns: Tensor) -> Tensor:
        """Return some columns of the features of some nodes, ``(len(nodes), len(columns))``."""
        x = self._matrices.graph.x
        chosen = torch.from_numpy(to_scipy(x.cpu())[:, columns.cpu().numpy()].toarray()).to(x.device)
        return propagate(self._matrices.adjacency, chosen, self._depth)[nodes]

    def points(self, nodes: Tensor) -> Points:
        """See :meth:`Hops.points`."""
        shape = (len(nodes), self._matrices.graph.x.size(1))
        return ProductPoints(self, self._depth, nodes, (self._matrices.graph.num_nodes, shape[1]))


class ProductPoints(Points):
    """Points that are only ever multiplied, each time with those of all nodes.

    Several threads may do so at once, so that no other process has a share in it.

    Args:
        hops: The features.
        depth: Hops of the points.
        nodes: The points.
        whole: Nodes of the graph, and features.
    """

    def __init__(self, hops: SparseHops, depth: int, nodes: Tensor, whole: tuple[int, int]) -> None:
        self._hops, self._depth, self._nodes, self._whole = hops, depth, nodes, whole
        self.shape = (len(nodes), whole[1])
        self.device = nodes.device

    def take(self, index: Tensor) -> Points:
        """See :meth:`Points.take`."""
        return ProductPoints(self._hops, self._depth, self._nodes[index], self._whole)

    def dense(self) -> Tensor:
        """See :meth:`Points.dense`."""
        return self._hops.rows_at(self._nodes, self._depth)

    def columns(self, columns: Tensor) -> Tensor:
        """See :meth:`Points.columns`."""
        with alone():
            return self._hops.some_columns(self._nodes, columns)

    def mean(self) -> Tensor:
        """See :meth:`Points.mean`."""
        return self.group_means(torch.zeros_like(self._nodes), 1).flatten()

    def group_means(self, labels: Tensor, count: int) -> Tensor:
        """See :meth:`Points.group_means`."""
        sizes = torch.bincount(labels, minlength=count).clamp(min=1)
        weights = torch.zeros(len(labels), count, device=self.device)
        weights[torch.arange(len(labels), device=self.device), labels] = 1.0
        return self._transposed_times(weights).T / sizes.unsqueeze(1)

    def centred(self, center: Tensor) -> Products:
        """See :meth:`Points.centred`."""

        def times(v: Tensor) -> Tensor:
            with alone():
                return self._hops.times(v)[self._nodes] - center @ v

        def transposed_times(u: Tensor) -> Tensor:
            return self._transposed_times(u) - torch.outer(center, u.sum(dim=0))

        return Products(times, transposed_times)

    def _transposed_times(self, u: Tensor) -> Tensor:
        spread = u.new_zeros(self._whole[0], u.size(1)).index_add_(0, self._nodes, u)
        with alone():
            return self._hops.weighted_sums(spread).T
