"""Propagated features of a task's graphs, each hop computed when it is needed and forgotten when it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.sparse import take_rows
from graphcond.core.spill import Place, in_memory
from graphcond.core.statistic import class_sums
from graphcond.nodes.propagation import column_blocks, normalized_adjacency, propagate, sharing
from graphcond.nodes.sparse import ColumnBlocks, dense, is_sparse, maybe_sparse, taken_rows, transposed
from graphcond.nodes.task import Graph, NodeTask
from graphcond.surrogates.ridge import LinearModel, Rows

FEW = 5  # more than one in so many nodes depend on most others, and all of them are propagated


def unit(x: Tensor) -> Tensor:
    """Return rows scaled to unit length; rows of zeros stay."""
    return F.normalize(x, dim=1)


def are_many(nodes: int, of: int) -> bool:
    """Return whether rows of so many nodes after further hops depend on nearly all nodes."""
    return nodes * FEW > of


class Propagated:
    """A graph's features after some hops.

    Whole hops are computed for some columns after the other, so that of the hops in between no more than these are in
    memory; hops of some rows only for the rows that they depend on.

    Args:
        graph: The graph.
        depth: The number of hops whose features are asked for again and again; they are kept.
        place: Where they are kept.
    """

    def __init__(self, graph: Graph, depth: int, place: Place = in_memory) -> None:
        self.graph = graph
        self.depth = depth
        self._place = place
        self._kept = {0: graph.x}  # features by hops
        self._norms: dict[int, Tensor] = {}

    @cached_property
    def adjacency(self) -> Tensor:
        """The normalised adjacency, sparse CSR."""
        return normalized_adjacency(self.graph)

    @cached_property
    def transposed_adjacency(self) -> Tensor:
        """The transpose of the normalised adjacency, sparse CSR."""
        return self.adjacency if self.graph.undirected else transposed(self.adjacency)

    @cached_property
    def features(self) -> Tensor:
        """The features, sparse CSR if most of them are zero."""
        return maybe_sparse(self.graph.x)

    @cached_property
    def _transposed_features(self) -> Tensor:
        return transposed(self.features) if self.is_sparse else self.features.t()

    @property
    def is_sparse(self) -> bool:
        """Whether products with the features are sparse."""
        return is_sparse(self.features)

    @property
    def space(self) -> Tensor:
        """The features after ``depth`` hops, ``(num_nodes, num_features)``."""
        if self.depth not in self._kept:
            self._sweep(self._nobody, 0, self.depth)
        return self._kept[self.depth]

    def rows_by_hop(self, nodes: Tensor, hops: int, keep: bool = False) -> Iterator[Tensor]:
        """Yield the features of some nodes after 0, 1, ..., ``hops`` hops.

        Args:
            nodes: Which nodes.
            hops: The most hops.
            keep: Whether those of all nodes after so many hops are computed, and kept besides those after ``depth``.
        """
        yield from self._sweep(nodes, 0, hops if keep else min(hops, self.depth), keep)
        if hops > self.depth and not keep:
            yield from self._reach(nodes, self.depth, hops)

    def rows_at(self, nodes: Tensor, hops: int) -> Tensor:
        """Return the features of some nodes after so many hops, ``(len(nodes), num_features)``."""
        done = self._nearest(hops)
        if hops == done:
            return dense(taken_rows(self._after(done), nodes))
        if are_many(len(nodes), self.graph.num_nodes):
            return self._sweep(nodes, done, hops)[-1]
        return self._reach(nodes, done, hops)[-1]

    def _sweep(self, nodes: Tensor, done: int, hops: int, keep: bool = False) -> list[Tensor]:
        """Go from the features after ``done`` hops to those after ``hops``, for all nodes.

        Returns:
            The rows of some nodes, at the start and after each hop. On the way the lengths of all rows are noted, and
            the features after ``depth`` hops are kept, those after ``hops`` if asked.
        """
        start = self._after(done)
        processes, bounds = sharing(start, cost=(hops - done) * len(self.adjacency.values()))
        first, last = bounds[processes.rank :][:2]
        like = self.graph.edge_weight
        whole = like.new_empty(()).expand(len(self.graph.y), last - first)  # takes no memory
        rows = [like.new_empty(len(nodes), last - first) for _ in range(done, hops + 1)]
        squares = [like.new_zeros(len(whole)) for _ in rows]
        stops = {self.depth, hops} if keep else {self.depth}
        kept = {hop: self._place(whole) for hop in sorted(stops) if done < hop <= hops and hop not in self._kept}
        blocks = ColumnBlocks(start)
        for columns in column_blocks(whole):
            moving = blocks[first + columns.start : min(first + columns.stop, last)]
            for hop, (own, square) in enumerate(zip(rows, squares, strict=True), start=done):
                own[:, columns] = moving[nodes]
                square += torch.linalg.vector_norm(moving, dim=1).square_()
                if hop in kept:
                    kept[hop][:, columns] = moving
                if hop < hops:
                    moving = self.adjacency @ moving
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
            operator, needed = take_rows(self.adjacency, wanted, keep=nodes)
            places = torch.searchsorted(wanted, nodes) if steps else torch.arange(len(nodes), device=nodes.device)
            steps.insert(0, (operator, places))
            wanted = needed
        rows = [self.graph.edge_weight.new_empty(len(nodes), start.size(1)) for _ in steps]
        blocks = ColumnBlocks(start, wanted)
        for columns in column_blocks(start):
            moving = blocks[columns]
            for own, (operator, places) in zip(rows, steps, strict=True):
                moving = operator @ moving
                own[:, columns] = moving[places]
        return rows

    def row_norms(self, hops: int) -> Tensor:
        """Return the lengths of the propagated rows, ``(num_nodes, 1)``, at least a tiny number."""
        if hops not in self._norms:
            self._sweep(self._nobody, self._nearest(hops), hops)
        return self._norms[hops].clamp(min=1e-12).unsqueeze(1)

    @property
    def _nobody(self) -> Tensor:
        return self.graph.y.new_empty(0)

    def _nearest(self, hops: int) -> int:
        """Return after how many hops features are at hand from which so many are the fewest further ones."""
        return max(hop for hop in {*self._kept, self.depth} if hop <= hops)

    def _after(self, hops: int) -> Tensor:
        """Return the features after 0 or ``depth`` hops, or others that are kept."""
        return self.space if hops == self.depth else self._kept[hops]

    def scores(self, model: LinearModel, hops: int, unit_rows: bool) -> Tensor:
        r"""Return a model's scores of all nodes; only the product with few columns is propagated.

        That is :math:`\hat A^{hops} X W + b`, rows of :math:`\hat A^{hops} X` scaled to unit length if asked.
        """
        done = self._nearest(hops)
        start = self._after(done) if done else self.features
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
            return class_sums(self.space[nodes], labels, num_classes)
        spread = self.graph.edge_weight.new_zeros(x.size(0), num_classes)
        spread[nodes, labels] = 1.0
        spread = propagate(self.transposed_adjacency, spread, self.depth)
        return (self._transposed_features @ spread).T.contiguous() if is_sparse(x) else spread.T @ x

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
            return self._transposed_features @ propagate(self.transposed_adjacency, spread, hops)

        mean = transposed_times(norms.new_ones(count, 1)).flatten() / count
        squares = (norms > 1e-12).float() if unit_rows else norms.square()
        return Rows(times, transposed_times, count, mean, float(squares.mean() - mean.square().sum()))


def propagated_rows(graph: Graph, nodes: Tensor, hops: int) -> Tensor:
    """Return the features of some nodes after so many hops, touching only the rows that they depend on."""
    return Propagated(graph, 0).rows_at(nodes, hops)


@dataclass(frozen=True)
class Views:
    """The condensed graph and that of the validation nodes, both propagated; one object where they are the same."""

    train: Propagated
    val: Propagated

    @classmethod
    def of(cls, task: NodeTask, depth: int, place: Place = in_memory) -> "Views":
        """Propagate a task's graphs."""
        train = Propagated(task.train.graph, depth, place)
        return cls(train, train if task.val.graph is task.train.graph else Propagated(task.val.graph, depth, place))
