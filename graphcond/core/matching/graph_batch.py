"""Graphs as a surrogate sees them: the nodes of all of them, what lies between layers, and the readout."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.sparse import from_rows, ragged


@dataclass(frozen=True, eq=False)
class GraphBatch(Batch):
    """Labelled graphs, in one of two forms that are equivalent for a surrogate.

    - *Union*: the nodes of all graphs end to end, whatever their sizes, with one sparse operator. Real graphs.
    - *Places*: ``m`` graphs of ``N`` places each, with a dense operator per graph. Synthetic graphs, whose operators
      are learned. A place that is no node has a share of 0 and is connected to nothing.

    Args:
        x: ``(num_nodes, num_features)``; in places, ``(m * N, num_features)``.
        y: ``(m,)`` int64, the class of each graph, or ``(m, outputs)`` targets.
        adj: ``(num_nodes, num_nodes)`` sparse CSR, block-diagonal, or ``(m, N, N)`` dense; symmetric, applied before
            the weight of each convolution.
        ptr: ``(m + 1,)`` int64; the rows of graph ``i`` are ``ptr[i]`` to ``ptr[i + 1] - 1``.
        share: ``(num_nodes,)`` what each node counts for in its graph's readout: 1 for sums, 1 / size for means.
    """

    adj: Tensor = field(kw_only=True)
    ptr: Tensor = field(kw_only=True)
    share: Tensor = field(kw_only=True)

    @property
    def in_places(self) -> bool:
        """Whether all graphs have the same number of places."""
        return self.adj.dim() == 3

    @cached_property
    def graph(self) -> Tensor:
        """The graph of each row, ``(num_nodes,)`` int64."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.ptr.device), self.ptr.diff())

    def propagate(self, hidden: Tensor) -> Tensor:
        """Return ``adj @ hidden`` for the ``(num_nodes, width)`` rows of a layer."""
        return (self.adj @ self._placed(hidden)).flatten(0, 1) if self.in_places else self.adj @ hidden

    def gather(self, hidden: Tensor) -> Tensor:
        """Return the readout of a layer, ``(m, width)``: the sum of each graph's rows by their shares."""
        if self.in_places:
            return (self.share.view(len(self), 1, -1) @ self._placed(hidden)).squeeze(1)
        return self._readout @ hidden

    def spread(self, pooled: Tensor) -> Tensor:
        """Return the transpose of :meth:`gather`, from ``(m, width)`` to the rows."""
        if self.in_places:
            return (self.share.view(len(self), -1, 1) * pooled.unsqueeze(1)).flatten(0, 1)
        return self.share.unsqueeze(1) * pooled[self.graph]

    def own(self, hidden: Tensor) -> Tensor:
        """See :meth:`gather`: what a graph has of its own in a layer is its readout."""
        return self.gather(hidden)

    def detached(self) -> "GraphBatch":
        """Return the batch without its history."""
        return replace(self, x=self.x.detach(), adj=self.adj.detach())

    def take(self, picks: Tensor) -> "GraphBatch":
        """Return some of the graphs, in the given order."""
        rows, ptr = ragged(self.ptr, picks)
        adj = self.adj[picks] if self.in_places else self._blocks(picks, rows, ptr)
        strata = None if self.strata is None else self.strata[picks]
        return GraphBatch(self.x[rows], self.y[picks], adj=adj, ptr=ptr, share=self.share[rows], strata=strata)

    def sorted(self) -> "GraphBatch":
        """Return the batch with its graphs in the order of their classes."""
        return self if bool((self.classes.diff() >= 0).all()) else self.take(self.classes.argsort(stable=True))

    @cached_property
    def _readout(self) -> Tensor:
        return from_rows(self.ptr, torch.arange(len(self.share), device=self.ptr.device), self.share, len(self.share))

    def _placed(self, hidden: Tensor) -> Tensor:
        return hidden.view(len(self), -1, hidden.size(1))

    def _blocks(self, picks: Tensor, rows: Tensor, ptr: Tensor) -> Tensor:
        """Return the diagonal blocks of some graphs as one operator."""
        pointers = self.adj.crow_indices()
        entries, ends = ragged(pointers[self.ptr], picks)
        shift = torch.repeat_interleave(ptr[:-1] - self.ptr[picks], ends.diff())
        lengths = pointers[rows + 1] - pointers[rows]
        crow = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        columns = self.adj.col_indices()[entries] + shift
        return from_rows(crow.int(), columns.int(), self.adj.values()[entries], len(rows))  # faster than with int64
