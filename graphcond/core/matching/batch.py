"""One view of what a surrogate sees: nodes, pooled graphs, users or images, real or synthetic."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from graphcond.core.sparse import rows_of, take_rows


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Batch:
    """Rows of features, the labels of some of them, and the operator between a surrogate's layers.

    An image set is a batch without adjacency. A node of a graph brings its neighbours along: ``x`` then has more rows
    than there are labels, and ``adj`` gathers them.

    Args:
        x: ``(n, *feature)``, after the hops of propagation that the surrogate's first weight allows to do beforehand;
            or ``(n, f)`` sparse CSR, for surrogates that take it.
        y: ``(m,)`` int64 labels; or ``(m, num_classes)`` soft labels; or ``(m, outputs)`` targets, for objectives that
            predict numbers.
        adj: ``(m, n)`` dense or sparse CSR, applied before a surrogate's last weight; ``None``: the identity.
        rows: ``(m,)`` where the labelled rows stand in ``x``; ``None``: ``m = n``, in order.
        step_size: The learned step size of training on the batch, a scalar, for objectives that unroll a training.
        strata: ``(m,)`` int64 what stands for classes where targets are no classes; ``None``: the labels do.
    """

    x: Tensor
    y: Tensor
    adj: Tensor | None = None
    rows: Tensor | None = None
    step_size: Tensor | None = None
    strata: Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> Tensor:
        """The labels as class numbers, ``(m,)`` int64: of a soft label, the likeliest; or the strata."""
        if self.strata is not None:
            return self.strata
        return self.y.argmax(dim=1) if self.y.dim() > 1 else self.y

    def gather(self, hidden: Tensor) -> Tensor:
        """Return ``adj @ hidden``: from the rows of ``x`` to the labelled ones."""
        return self.own(hidden) if self.adj is None else self.adj @ hidden

    def own(self, hidden: Tensor) -> Tensor:
        """Return the labelled rows of a hidden layer, without their neighbours."""
        return hidden if self.rows is None else hidden[self.rows]

    def detached(self) -> "Batch":
        """Return the batch without its history."""
        adj = None if self.adj is None else self.adj.detach()
        size = None if self.step_size is None else self.step_size.detach()
        return Batch(self.x.detach(), self.y.detach(), adj, self.rows, size, self.strata)

    def take(self, picks: Tensor) -> "Batch":
        """Return the batch of some of the labelled rows, with no more of ``x`` than they need."""
        strata = None if self.strata is None else self.strata[picks]
        if self.adj is None:
            own = self.own(self.x)
            x = rows_of(own, picks) if own.layout == torch.sparse_csr else own[picks]
            return Batch(x, self.y[picks], step_size=self.step_size, strata=strata)
        rows = picks if self.rows is None else self.rows[picks]
        if self.adj.layout == torch.strided:
            return Batch(self.x, self.y[picks], self.adj[picks], rows, self.step_size, strata)
        adj, columns = take_rows(self.adj, picks, keep=rows)
        return Batch(self.x[columns], self.y[picks], adj, torch.searchsorted(columns, rows), self.step_size, strata)

    def shards(self, rows: int) -> "list[Batch]":
        """Return the batch in parts of at most ``rows`` labelled rows."""
        if len(self) <= rows:
            return [self]
        return [self.part(start, start + rows) for start in range(0, len(self), rows)]

    def part(self, start: int, stop: int) -> "Batch":
        """Return the batch of the labelled rows from ``start`` to before ``stop``."""
        return self.take(torch.arange(len(self), device=self.y.device)[start:stop])

    def by_class(self) -> dict[int, "Batch"]:
        """Return the batch of each class that is present, by label; made once where there is no history to keep."""
        if any(value is not None and value.requires_grad for value in (self.x, self.y, self.adj)):
            return self._split()
        return self._parts

    @cached_property
    def _parts(self) -> dict[int, "Batch"]:
        return self._split()

    def _split(self) -> dict[int, "Batch"]:
        classes = self.classes
        return {int(label): self.take((classes == label).nonzero().flatten()) for label in torch.unique(classes)}
