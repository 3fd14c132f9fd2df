"""What HGCond learns: features of all types, and weights of edges as a function of the features at their ends."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from graphcond.core.matching.recipe import Synthetic
from graphcond.hetero.relay import HeteroBatch
from graphcond.hetero.task import EdgeType

EPSILON = 1e-8


class HeteroSyntheticGraph(Synthetic):
    """A small heterogeneous graph with fixed places for edges.

    Args:
        x: By node type, initial features.
        y: ``(n,)`` int64 or ``(n, outputs)`` targets of the labelled type, fixed.
        slots: By edge type, ``(2, edges)`` between which nodes there may be an edge.
        node_type: The labelled type.
        hidden: Units of the function that weighs edges.
        strata: ``(n,)`` int64 what stands for classes where targets are none.
    """

    y: Tensor
    strata: Tensor | None

    def __init__(
        self, x: Mapping[str, Tensor], y: Tensor, slots: Mapping[EdgeType, Tensor], node_type: str, hidden: int,
        strata: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.types, self.relations, self.node_type = sorted(x), sorted(slots), node_type
        self.features = nn.ParameterList([nn.Parameter(x[name].clone()) for name in self.types])
        self.register_buffer("y", y)
        self.register_buffer("strata", strata, persistent=False)
        self._slots = [slots[relation] for relation in self.relations]
        self.weighing = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(x[s].size(1) + x[t].size(1), hidden), nn.ReLU(), nn.Linear(hidden, 1))
                for s, _, t in self.relations
            ]
        ).to(y.device)

    @property
    def x(self) -> dict[str, Tensor]:
        """The features by node type."""
        return dict(zip(self.types, self.features, strict=True))

    @property
    def slots(self) -> dict[EdgeType, Tensor]:
        """Between which nodes there are edges, by edge type."""
        return dict(zip(self.relations, self._slots, strict=True))

    def weights(self) -> dict[EdgeType, Tensor]:
        """Return the weights of the edges, ``(edges,)`` in (0, 1)."""
        found, x = {}, self.x
        for relation, ends, weigh in zip(self.relations, self._slots, self.weighing, strict=True):
            pairs = torch.cat([x[relation[2]][ends[1]], x[relation[0]][ends[0]]], dim=1)
            found[relation] = torch.sigmoid(weigh(pairs).squeeze(1))
        return found

    def batch(self) -> HeteroBatch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        x = self.x
        own = x.pop(self.node_type)
        operators = {relation: self._operator(relation, weight) for relation, weight in self.weights().items()}
        return HeteroBatch(own, self.y, strata=self.strata, others=x, operators=operators)

    def _operator(self, relation: EdgeType, weight: Tensor) -> Tensor:
        x, (source, target) = self.x, self.slots[relation]
        adjacency = weight.new_zeros(len(x[relation[2]]), len(x[relation[0]])).index_put((target, source), weight)
        into, out = adjacency.sum(dim=1, keepdim=True), adjacency.sum(dim=0, keepdim=True)
        return adjacency * (into * out + EPSILON).rsqrt()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return {"features": list(self.features), "structure": list(self.weighing.parameters())}
