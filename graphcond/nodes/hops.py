"""Features after some hops, where the features are kept as a dense matrix."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from graphcond.core.runtime.out_of_core import TensorStorage
from graphcond.core.sparse import take_rows
from graphcond.nodes.matrices import Matrices
from graphcond.nodes.points import DensePoints, Points
from graphcond.nodes.propagation import column_blocks, sharing
from graphcond.nodes.sparse import ColumnBlocks

FEW = 5  # where more than one in this many nodes depends on most others, and all of them are propagated


def are_many(nodes: int, of: int) -> bool:
    """Return whether rows of a number of nodes after further hops depend on nearly all nodes."""
    return nodes * FEW > of


class Hops(ABC):
    """Features of a graph's nodes after some hops."""

    @property
    @abstractmethod
    def space(self) -> Tensor:
        """See :attr:`graphcond.nodes.propagated_features.Propagated.space`."""

    @abstractmethod
    def rows_by_hop(self, nodes: Tensor, hops: int, keep: bool) -> Iterator[Tensor]:
        """See :meth:`graphcond.nodes.propagated_features.Propagated.rows_by_hop`."""

    @abstractmethod
    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """Return the features of some nodes after ``hops`` hops, ``(len(nodes), num_features)``."""

    @abstractmethod
    def norms(self, hops: int) -> Tensor:
        """Return the lengths of the rows of all nodes, ``(num_nodes,)``."""

    @abstractmethod
    def nearest(self, hops: int) -> tuple[int, Tensor]:
        """Return the number of hops after which features are kept, so that the fewest ones remain, and these."""

    @abstractmethod
    def mean(self) -> Tensor:
        """Return the mean over all nodes after ``depth`` hops, ``(num_features,)``."""

    @abstractmethod
    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return sums over all nodes after ``depth`` hops, ``(k, num_features)``, for ``(num_nodes, k)`` weights."""

    @abstractmethod
    def points(self, nodes: Tensor) -> Points:
        """Return the features of some nodes after ``depth`` hops."""


class DenseHops(Hops):
    """Dense features after some hops.

    Whole hops are computed for some columns after the other, so that of the hops in between no more than these are in
    memory; hops of some rows only for the rows that they depend on.

    Args:
        matrices: The graph's.
        depth: The number of hops whose features are asked for again and again; they are kept.
        storage: Where they are kept.
    """

    def __init__(self, matrices: Matrices, depth: int, storage: TensorStorage) -> None:
        self._matrices = matrices
        self._graph = matrices.graph
        self._depth = depth
        self._storage = storage
        self._kept = {0: matrices.graph.x}  # features by hops
        self._norms: dict[int, Tensor] = {}

    @property
    def space(self) -> Tensor:
        """See :attr:`Hops.space`; computed once."""
        if self._depth not in self._kept:
            self._sweep(self._nobody, 0, self._depth)
        return self._kept[self._depth]

    def rows_by_hop(self, nodes: Tensor, hops: int, keep: bool) -> Iterator[Tensor]:
        """See :meth:`Hops.rows_by_hop`."""
        yield from self._sweep(nodes, 0, hops if keep else min(hops, self._depth), keep)
        if hops > self._depth and not keep:
            yield from self._reach(nodes, self._depth, hops)

    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """See :meth:`Hops.rows_at`."""
        done = self._nearest(hops)
        if hops == done:
            return self._after(done)[nodes]
        if are_many(len(nodes), self._graph.num_nodes):
            return self._sweep(nodes, done, hops)[-1]
        return self._reach(nodes, done, hops)[-1]

    def _sweep(self, nodes: Tensor, done: int, hops: int, keep: bool = False) -> list[Tensor]:
        """Go from the features after ``done`` hops to those after ``hops``, for all nodes.

        Returns:
            The rows of some nodes, at the start and after each hop. On the way the lengths of all rows are noted, and
            the features after ``depth`` hops are kept, those after ``hops`` if asked.
        """
        start = self._after(done)
        processes, bounds = sharing(start, cost=(hops - done) * len(self._matrices.adjacency.values()))
        first, last = bounds[processes.rank :][:2]
        like = self._graph.edge_weight
        whole = like.new_empty(()).expand(len(self._graph.y), last - first)  # takes no memory
        rows = [like.new_empty(len(nodes), last - first) for _ in range(done, hops + 1)]
        squares = [like.new_zeros(len(whole)) for _ in rows]
        stops = {self._depth, hops} if keep else {self._depth}
        kept = {hop: self._storage(whole) for hop in sorted(stops) if done < hop <= hops and hop not in self._kept}
        blocks = ColumnBlocks(start)
        for columns in column_blocks(whole):
            moving = blocks[first + columns.start : min(first + columns.stop, last)]
            for hop, (own, square) in enumerate(zip(rows, squares, strict=True), start=done):
                own[:, columns] = moving[nodes]
                square += torch.linalg.vector_norm(moving, dim=1).square_()
                if hop in kept:
                    kept[hop][:, columns] = moving
                if hop < hops:
                    moving = self._matrices.adjacency @ moving
        for hop, square in enumerate(processes.sum(squares), start=done):
            self._norms[hop] = square.sqrt()
        for hop, own in kept.items():
            self._kept[hop] = processes.gather(own, bounds, dim=1)
        return [processes.gather(own, bounds, dim=1) for own in rows]

    def _reach(self, nodes: Tensor, done: int, hops: int) -> list[Tensor]:
        """Return the rows of some nodes after ``done + 1``, ..., ``hops`` hops, by way of those they depend on."""
        start = self._after(done)
        steps: list[tuple[Tensor, Tensor]] = []  # of each hop: the operator, and where the nodes asked for are then
        wanted = nodes
        for _ in range(done, hops):
            operator, needed = take_rows(self._matrices.adjacency, wanted, keep=nodes)
            places = torch.searchsorted(wanted, nodes) if steps else torch.arange(len(nodes), device=nodes.device)
            steps.insert(0, (operator, places))
            wanted = needed
        rows = [self._graph.edge_weight.new_empty(len(nodes), start.size(1)) for _ in steps]
        blocks = ColumnBlocks(start, wanted)
        for columns in column_blocks(start):
            moving = blocks[columns]
            for own, (operator, places) in zip(rows, steps, strict=True):
                moving = operator @ moving
                own[:, columns] = moving[places]
        return rows

    def norms(self, hops: int) -> Tensor:
        """See :meth:`Hops.norms`."""
        if hops not in self._norms:
            self._sweep(self._nobody, self._nearest(hops), hops)
        return self._norms[hops]

    def nearest(self, hops: int) -> tuple[int, Tensor]:
        """See :meth:`Hops.nearest`."""
        done = self._nearest(hops)
        return done, self._after(done) if done else self._matrices.features

    def mean(self) -> Tensor:
        """See :meth:`Hops.mean`."""
        return self.space.mean(dim=0)

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """See :meth:`Hops.weighted_sums`."""
        return weights.T @ self.space

    def points(self, nodes: Tensor) -> Points:
        """See :meth:`Hops.points`."""
        return DensePoints(self.space[nodes])

    @property
    def _nobody(self) -> Tensor:
        return self._graph.y.new_empty(0)

    def _nearest(self, hops: int) -> int:
        """Return the number of hops after which features are kept, so that the fewest further ones remain."""
        return max(hop for hop in {*self._kept, self._depth} if hop <= hops)

    def _after(self, hops: int) -> Tensor:
        """Return the features after 0 or ``depth`` hops, or others that are kept."""
        return self.space if hops == self._depth else self._kept[hops]
