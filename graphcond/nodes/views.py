"""Propagated features of a task's graphs, each hop computed when it is needed and forgotten when it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch.nn.functional as F
from torch import Tensor

from graphcond.core.sparse import compressed_rows
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.sparse import maybe_sparse
from graphcond.nodes.task import Graph, NodeTask
from graphcond.surrogates.ridge import LinearModel, Rows


def unit(x: Tensor) -> Tensor:
    """Return rows scaled to unit length; rows of zeros stay."""
    return F.normalize(x, dim=1)


class Propagated:
    """A graph's features after some hops.

    Args:
        graph: The graph.
        depth: The number of hops whose features are asked for again and again; they are kept.
    """

    def __init__(self, graph: Graph, depth: int) -> None:
        self.graph = graph
        self.depth = depth
        self._norms: dict[int, Tensor] = {}

    @cached_property
    def adjacency(self) -> Tensor:
        """The normalised adjacency, sparse CSR."""
        return normalized_adjacency(self.graph)

    @cached_property
    def _transposed_adjacency(self) -> Tensor:
        return compressed_rows(self.adjacency.t())

    @cached_property
    def features(self) -> Tensor:
        """The features, sparse CSR if most of them are zero."""
        return maybe_sparse(self.graph.x)

    @cached_property
    def _transposed_features(self) -> Tensor:
        transposed = self.features.t()
        return compressed_rows(transposed) if self.is_sparse else transposed

    @property
    def is_sparse(self) -> bool:
        """Whether products with the features are sparse."""
        return self.features is not self.graph.x

    @cached_property
    def space(self) -> Tensor:
        """The features after ``depth`` hops, ``(num_nodes, num_features)``."""
        return propagate(self.adjacency, self.graph.x, self.depth)

    def rows_by_hop(self, nodes: Tensor, hops: int) -> Iterator[Tensor]:
        """Yield the features of some nodes after 0, 1, ..., ``hops`` hops, keeping one hop in memory."""
        x = self.graph.x
        for hop in range(hops + 1):
            if hop == self.depth:
                x = self.__dict__.setdefault("space", x)
            self._norms[hop] = x.norm(dim=1)
            yield x[nodes]
            if hop < hops:
                x = self.adjacency @ x

    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """Return the features of some nodes after so many hops, ``(len(nodes), num_features)``."""
        return self._at(hops)[nodes]

    def row_norms(self, hops: int) -> Tensor:
        """Return the lengths of the propagated rows, ``(num_nodes, 1)``, at least a tiny number."""
        if hops not in self._norms:
            self._norms[hops] = self._at(hops).norm(dim=1)
        return self._norms[hops].clamp(min=1e-12).unsqueeze(1)

    def _at(self, hops: int) -> Tensor:
        known, start = (self.depth, self.space) if hops >= self.depth else (0, self.graph.x)
        return propagate(self.adjacency, start, hops - known)

    def scores(self, model: LinearModel, hops: int, unit_rows: bool) -> Tensor:
        r"""Return a model's scores of all nodes; only the product with few columns is propagated.

        That is :math:`\hat A^{hops} X W + b`, rows of :math:`\hat A^{hops} X` scaled to unit length if asked.
        """
        image = propagate(self.adjacency, self.features @ model.weight, hops)
        return (image / self.row_norms(hops) if unit_rows else image) + model.bias

    def products(self, hops: int, nodes: Tensor | None = None, unit_rows: bool = False) -> Rows:
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
            image = propagate(self.adjacency, self.features @ v, hops)
            image = image if nodes is None else image[nodes]
            return image / norms if unit_rows else image

        def transposed_times(u: Tensor) -> Tensor:
            u = u / norms if unit_rows else u
            spread = u if nodes is None else u.new_zeros(total, u.size(1)).index_add_(0, nodes, u)
            return self._transposed_features @ propagate(self._transposed_adjacency, spread, hops)

        mean = transposed_times(norms.new_ones(count, 1)).flatten() / count
        squares = (norms > 1e-12).float() if unit_rows else norms.square()
        return Rows(times, transposed_times, count, mean, float(squares.mean() - mean.square().sum()))


@dataclass(frozen=True)
class Views:
    """The condensed graph and that of the validation nodes, both propagated; one object where they are the same."""

    train: Propagated
    val: Propagated

    @classmethod
    def of(cls, task: NodeTask, depth: int) -> "Views":
        """Propagate a task's graphs."""
        train = Propagated(task.train.graph, depth)
        return cls(train, train if task.val.graph is task.train.graph else Propagated(task.val.graph, depth))
