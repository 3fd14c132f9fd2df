"""Propagated features of a task's graphs, each hop computed when it is needed and forgotten when it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch.nn.functional as F
from torch import Tensor

from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.sparse import compressed_rows, maybe_sparse
from graphcond.nodes.task import Graph, NodeTask
from graphcond.surrogates.ridge import Rows


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
        self._latest: tuple[int, Tensor] | None = None

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

    def at(self, hops: int) -> Tensor:
        """Return the features after so many hops, ``(num_nodes, num_features)``; the latest ones are remembered."""
        if self._latest is None or self._latest[0] != hops:
            known, start = (self.depth, self.space) if hops >= self.depth else (0, self.graph.x)
            self._latest = hops, propagate(self.adjacency, start, hops - known)
        return self._latest[1]

    def rows_by_hop(self, nodes: Tensor, hops: int) -> Iterator[Tensor]:
        """Yield the features of some nodes after 0, 1, ..., ``hops`` hops, keeping one hop in memory."""
        x = self.graph.x
        for hop in range(hops + 1):
            if hop == self.depth:
                x = self.__dict__.setdefault("space", x)
            yield x[nodes]
            if hop < hops:
                x = self.adjacency @ x

    def scores(self, weight: Tensor, bias: Tensor, hops: int) -> Tensor:
        r"""Return :math:`\hat A^{hops} X W + b` of all nodes; only the product with few columns is propagated."""
        return propagate(self.adjacency, self.features @ weight, hops) + bias

    @cached_property
    def space_rows(self) -> Rows:
        """The matrix ``space`` as a product of sparse matrices."""
        center = self.space.mean(dim=0)
        scale = float(self.space.square().sum(dim=1).mean() - center.square().sum())
        return Rows(
            times=lambda v: propagate(self.adjacency, self.features @ v, self.depth),
            transposed_times=lambda u: self._transposed_features @ propagate(self._transposed_adjacency, u, self.depth),
            count=self.graph.num_nodes,
            mean=center,
            scale=scale,
        )


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
