"""Nodes of the original graph in batches, propagated once."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.sparse import take_rows
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.surrogate_models import SurrogateModel
from graphcond.nodes.task import NodePart


def surrogate_batch(split: NodePart, surrogate: SurrogateModel) -> Batch:
    """Return the nodes of a part as a surrogate takes them: exact neighbourhoods, the first hops done."""
    view = PropagatedFeatures(split.graph, 0)
    if not surrogate.last_hop:
        return Batch(view.rows_at(split.nodes, surrogate.hops), split.learned, strata=split.strata)
    rows, columns = take_rows(view.adjacency, split.nodes, keep=split.nodes)
    x = view.rows_at(columns, surrogate.hops)
    return Batch(x, split.learned, rows, torch.searchsorted(columns, split.nodes), strata=split.strata)


@dataclass(frozen=True, eq=False)
class ConstantSource:
    """The same batch at each step."""

    batch: Batch
    constant: ClassVar[bool] = True

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        return self.batch


class NodeSource:
    """Training nodes, at most ``per_class`` of each class at a step, drawn afresh where a class has more.

    The original graph is touched once, here: the cost of a step depends on the nodes in it and not on the graph.

    Args:
        split: The training nodes.
        surrogate: The settings of the surrogate.
        per_class: Nodes of each class in a batch.
    """

    def __init__(self, split: NodePart, surrogate: SurrogateModel, per_class: int) -> None:
        self._whole = surrogate_batch(split, surrogate)
        self._per_class = per_class
        labels = self._whole.classes
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
