r"""HGCond's relay network: a linear map for each type, propagation over all relations, a linear head (HeteroSGC).

.. math:: h_t \leftarrow \alpha h_t + \sum_{r : s \to t} \hat A_r h_s, \qquad
          \hat A_r = D_t^{-1/2} A_r D_s^{-1/2}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Weights
from graphcond.core.targets import Targets
from graphcond.hetero.metapaths import as_tensor
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroPart
from graphcond.nodes.sparse import maybe_sparse
from graphcond.surrogates import autograd
from graphcond.surrogates.linear import uniform

ROUNDS = 3
KEPT = 0.01  # of what a node was before a round


@dataclass(frozen=True, eq=False)
class HeteroBatch(Batch):
    """A heterogeneous graph as the relay network sees it.

    Args:
        x: ``(n, features)`` of the labelled type, dense or sparse CSR.
        y: ``(m,)`` int64 or ``(m, outputs)`` targets of the labelled nodes that count.
        rows: ``(m,)`` which of its nodes these are; ``None``: all.
        others: By node type, ``(n, features)`` of all others.
        operators: By edge type, ``(targets, sources)`` normalised adjacencies, dense or sparse CSR.
    """

    others: Mapping[str, Tensor] = field(kw_only=True)
    operators: Mapping[EdgeType, Tensor] = field(kw_only=True)

    def detached(self) -> "HeteroBatch":
        """Return the batch without its history."""
        return replace(
            self,
            x=self.x.detach(),
            others={name: x.detach() for name, x in self.others.items()},
            operators={relation: one.detach() for relation, one in self.operators.items()},
        )


def hetero_batch(part: HeteroPart) -> HeteroBatch:
    """Return the original, of which some labelled nodes count."""
    graph = part.graph
    x = {name: maybe_sparse(value) for name, value in graph.x.items()}
    return HeteroBatch(
        x=x.pop(graph.node_type),
        y=part.learned,
        rows=part.nodes,
        strata=part.strata,
        others=x,
        operators={relation: normalized(graph, relation) for relation in graph.edges},
    )


def normalized(graph: HeteroGraph, relation: EdgeType) -> Tensor:
    """Return the symmetrically normalised adjacency of a relation as sparse CSR, ``(targets, sources)``."""
    (source, target), weights = graph.edges[relation].cpu().numpy(), graph.weights[relation].cpu().numpy()
    shape = (graph.counts[relation[2]], graph.counts[relation[0]])
    into, out = np.bincount(target, weights, shape[0]), np.bincount(source, weights, shape[1])
    values = weights / np.sqrt(np.maximum(into[target] * out[source], np.finfo(np.float32).tiny))
    return as_tensor(sp.csr_matrix((values.astype(np.float32), (target, source)), shape=shape), graph.y.device)


@dataclass(frozen=True)
class Relay:
    """The relay network; see :class:`graphcond.core.matching.surrogate.Surrogate`.

    Args:
        node_type: The labelled type.
        features: Features of each type.
        hidden: Units of each type's map.
        targets: What is predicted.
        like: Weights are drawn on its device.
    """

    node_type: str
    features: Mapping[str, int]
    hidden: int
    targets: Targets
    like: Tensor

    @property
    def num_classes(self) -> int:
        """Number of classes, or of the strata that stand for them."""
        return self.targets.num_classes

    @property
    def types(self) -> list[str]:
        """The node types in the order of their weights."""
        return sorted(self.features)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the weights: of each type's map and its bias, then of the head's."""
        maps = [shape for name in self.types for shape in ((self.hidden, self.features[name]), (self.hidden,))]
        return [*maps, (self.targets.outputs, self.hidden), (self.targets.outputs,)]

    def init(self) -> Weights:
        """Return fresh random weights."""
        return tuple(uniform(shape, shape[0], self.like) for shape in self.shapes)

    def embeddings(self, weights: Weights, batch: HeteroBatch) -> dict[str, Tensor]:
        """Return what the last round gives each type, ``(n, hidden)``."""
        given = {self.node_type: batch.x, **batch.others}
        maps = zip(self.types, weights[:-2:2], weights[1:-2:2], strict=True)
        hidden = {name: (given[name] @ weight.T + bias).relu() for name, weight, bias in maps}
        for _ in range(ROUNDS):
            hidden = {
                name: KEPT * value + sum(one @ hidden[r[0]] for r, one in batch.operators.items() if r[2] == name)
                for name, value in hidden.items()
            }
        return hidden

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """Return the embeddings of the labelled nodes that count, then their logits."""
        assert isinstance(batch, HeteroBatch)
        rows = batch.own(self.embeddings(weights, batch)[self.node_type])
        return [rows, F.linear(rows, weights[-2], weights[-1])]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """Return the gradients of the loss summed over each class's nodes."""
        return autograd.class_gradients(self, weights, batch)

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """Return the gradients of the mean loss; differentiable in the batch, unless gradients are switched off."""
        keep_graph = torch.is_grad_enabled()
        with torch.enable_grad():
            weights = tuple(weight.detach().requires_grad_() for weight in weights)
            loss = self.targets.loss(self.layers(weights, batch)[-1], batch.y)
            # Types farther away than there are rounds change nothing: their gradients are zeros.
            return torch.autograd.grad(
                loss, weights, create_graph=keep_graph, allow_unused=True, materialize_grads=True
            )
