"""Nodes of the original graph in batches, propagated once."""

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.sparse import take_rows
from graphcond.nodes.propagated_features import Propagated
from graphcond.nodes.surrogate_models import Relay
from graphcond.nodes.task import Split


def relay_batch(split: Split, relay: Relay) -> Batch:
    """Return the nodes of a split as a relay sees them: exact neighbourhoods, the first hops done."""
    view = Propagated(split.graph, 0)
    if not relay.last_hop:
        return Batch(view.rows_at(split.nodes, relay.hops), split.labels)
    rows, columns = take_rows(view.adjacency, split.nodes, keep=split.nodes)
    x = view.rows_at(columns, relay.hops)
    return Batch(x, split.labels, rows, torch.searchsorted(columns, split.nodes))


class NodeSource:
    """Training nodes, at most so many of each class at a step, drawn afresh where a class has more.

    The original graph is touched once, here: the cost of a step depends on the nodes in it and not on the graph.

    Args:
        split: The training nodes.
        relay: The network that looks at them.
        per_class: Nodes of each class in a batch.
    """

    def __init__(self, split: Split, relay: Relay, per_class: int) -> None:
        self._whole = relay_batch(split, relay)
        self._per_class = per_class
        labels = self._whole.y
        self._classes = [(labels == label).nonzero().flatten() for label in torch.unique(labels).tolist()]
        self.constant = all(len(rows) <= per_class for rows in self._classes)

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        if self.constant:
            return self._whole
        return self._whole.take(torch.cat([self._drawn(rows) for rows in self._classes]))

    def _drawn(self, rows: Tensor) -> Tensor:
        if len(rows) <= self._per_class:
            return rows
        # With replacement: a permutation of a large class would cost more than the step.
        return rows[torch.randint(len(rows), (self._per_class,)).to(rows.device)]
