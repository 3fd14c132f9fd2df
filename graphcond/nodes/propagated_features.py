"""Propagated features of a task's graphs, each hop computed when it is needed and forgotten when it is not."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.statistic import class_sums
from graphcond.core.runtime.out_of_core import TensorStorage, in_memory
from graphcond.nodes.hops import DenseHops, Hops
from graphcond.nodes.matrices import Matrices
from graphcond.nodes.points import Points
from graphcond.nodes.propagation import propagate
from graphcond.nodes.sparse import is_sparse
from graphcond.nodes.sparse_hops import SparseHops
from graphcond.nodes.task import Graph, NodeTask
from graphcond.surrogates.ridge import LinearModel, RowOperator


def unit(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Return rows scaled to unit length, in the memory of ``out`` if given; rows of zeros stay."""
    return F.normalize(x, dim=1, out=out)


def cosines(left: Tensor, right: Tensor) -> Tensor:
    """Return the cosine of each row of one matrix with each of another, ``(len(left), len(right))``."""
    return unit(left) @ unit(right).T


class PropagatedFeatures:
    """A graph's features after some hops.

    Args:
        graph: The graph.
        depth: The number of hops whose features are asked for again and again; dense ones are kept.
        storage: Where they are kept.
    """

    def __init__(self, graph: Graph, depth: int, storage: TensorStorage = in_memory) -> None:
        self.graph = graph
        self.depth = depth
        self._matrices = matrices = Matrices(graph)
        self._hops: Hops = SparseHops(matrices, depth) if is_sparse(graph.x) else DenseHops(matrices, depth, storage)

    @property
    def adjacency(self) -> Tensor:
        """The normalised adjacency, sparse CSR."""
        return self._matrices.adjacency

    @property
    def is_sparse(self) -> bool:
        """Whether products with the features are sparse."""
        return self._matrices.is_sparse

    @property
    def space(self) -> Tensor:
        """The features after ``depth`` hops, ``(num_nodes, num_features)``.

        Of sparse features these are far more numbers than they have: ask for ``rows``, ``points`` or sums instead.
        """
        return self._hops.space

    def rows_by_hop(self, nodes: Tensor, hops: int, keep: bool = False) -> Iterator[Tensor]:
        """Yield the features of some nodes after 0, 1, ..., ``hops`` hops; the tensors are the caller's.

        Args:
            nodes: Which nodes.
            hops: The most hops.
            keep: Whether those of all nodes after ``hops`` hops are computed, and kept besides those after ``depth``;
                sparse features are never kept.
        """
        return self._hops.rows_by_hop(nodes, hops, keep)

    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """Return the features of some nodes after ``hops`` hops, ``(len(nodes), num_features)``."""
        return self._hops.rows_at(nodes, hops)

    def rows(self, nodes: Tensor) -> Tensor:
        """Return the features of some nodes after ``depth`` hops, ``(len(nodes), num_features)``."""
        return self._hops.rows_at(nodes, self.depth)

    def points(self, nodes: Tensor) -> Points:
        """Return the features of some nodes after ``depth`` hops as clustering asks for them."""
        return self._hops.points(nodes)

    def mean(self) -> Tensor:
        """Return the mean over all nodes after ``depth`` hops, ``(num_features,)``."""
        return self._hops.mean()

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return sums over all nodes after ``depth`` hops, ``(k, num_features)``, for ``(num_nodes, k)`` weights."""
        return self._hops.weighted_sums(weights)

    def row_norms(self, hops: int) -> Tensor:
        """Return the lengths of the propagated rows, ``(num_nodes, 1)``, at least a tiny number."""
        return self._hops.norms(hops).clamp(min=1e-12).unsqueeze(1)

    def scores(self, model: LinearModel, hops: int, unit_rows: bool) -> Tensor:
        r"""Return a model's scores of all nodes; only the product with few columns is propagated.

        That is :math:`\hat A^{hops} X W + b`, rows of :math:`\hat A^{hops} X` scaled to unit length if asked.
        """
        done, start = self._hops.nearest(hops)
        image = propagate(self.adjacency, start @ model.weight, hops - done)
        if unit_rows:
            image /= self.row_norms(hops)
        return image.add_(model.bias)

    def class_sums(self, nodes: Tensor, labels: Tensor, num_classes: int) -> Tensor:
        r"""Return the sums of the kept features over the nodes of each class, ``(num_classes, num_features)``.

        With :math:`Y` the labels as columns, that is :math:`(\hat A^{depth\,\top} Y)^\top X`: where classes are fewer
        than features, it is the labels that travel.
        """
        x = self.graph.x
        if num_classes >= x.size(1):
            return class_sums(self.rows(nodes), labels, num_classes)
        spread = self.graph.edge_weight.new_zeros(x.size(0), num_classes)
        spread[nodes, labels] = 1.0
        spread = propagate(self._matrices.transposed_adjacency, spread, self.depth)
        return (self._matrices.transposed_features @ spread).T.contiguous() if is_sparse(x) else spread.T @ x

    def products(self, hops: int, nodes: Tensor | None = None, unit_rows: bool = False) -> RowOperator:
        """Return rows of the propagated features as a product of matrices, never formed.

        Args:
            hops: Hops of propagation.
            nodes: Which rows; all of them by default.
            unit_rows: Whether rows are scaled to unit length.
        """
        total = self.graph.num_nodes
        norms = self.row_norms(hops) if nodes is None else self.row_norms(hops)[nodes]
        count = len(norms)

        def times(v: Tensor) -> Tensor:
            image = propagate(self.adjacency, self._matrices.features @ v, hops)
            image = image if nodes is None else image[nodes]
            return image / norms if unit_rows else image

        def transposed_times(u: Tensor) -> Tensor:
            u = u / norms if unit_rows else u
            spread = u if nodes is None else u.new_zeros(total, u.size(1)).index_add_(0, nodes, u)
            return self._matrices.transposed_features @ propagate(self._matrices.transposed_adjacency, spread, hops)

        mean = transposed_times(norms.new_ones(count, 1)).flatten() / count
        squares = (norms > 1e-12).float() if unit_rows else norms.square()
        return RowOperator(times, transposed_times, count, mean, float(squares.mean() - mean.square().sum()))


def propagated_rows(graph: Graph, nodes: Tensor, hops: int) -> Tensor:
    """Return the features of some nodes after ``hops`` hops, touching only the rows that they depend on."""
    return PropagatedFeatures(graph, 0).rows_at(nodes, hops)


@dataclass(frozen=True)
class Views:
    """The condensed graph and that of the validation nodes, both propagated; one object where they are the same."""

    train: PropagatedFeatures
    val: PropagatedFeatures

    @classmethod
    def of(cls, task: NodeTask, depth: int, storage: TensorStorage = in_memory) -> "Views":
        """Propagate a task's graphs."""
        train = PropagatedFeatures(task.train.graph, depth, storage)
        return cls(
            train, train if task.val.graph is task.train.graph else PropagatedFeatures(task.val.graph, depth, storage)
        )
