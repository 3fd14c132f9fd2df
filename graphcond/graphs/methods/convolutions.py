r"""A graph convolutional network with a readout, with its gradients in closed form.

With an operator :math:`A` between the nodes of each graph and a readout :math:`P` from nodes to graphs,

.. math:: H_l = \mathrm{relu}(A H_{l-1} W_l^\top + b_l), \qquad R = \mathrm{softmax}(P H_L V^\top + d) - Y

and, going back from :math:`B_L = (P^\top R V) \circ 1[H_L > 0]`, the gradients summed over the rows of a class are

.. math:: \partial V = R^\top P H_L, \quad \partial W_l = B_l^\top (A H_{l-1}), \quad
          B_{l-1} = (A B_l W_l) \circ 1[H_{l-1} > 0]

so that one pass forward and one back give those of all classes, and matching them takes one ordinary backward pass.
(Kipf and Welling, ICLR 2017, for the network.)
"""

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.statistic import Statistic, class_counts
from graphcond.core.matching.surrogate import Weights
from graphcond.core.targets import Targets
from graphcond.surrogates.linear import uniform

Factors = list[tuple[Tensor, Tensor]]
"""For each pair of a weight and a bias: rows of outputs and rows of inputs whose products sum to the gradient."""


@dataclass(frozen=True)
class Convolutions:
    """Graph convolutions, a readout of each graph and a linear layer.

    Args:
        num_features: Features of a node.
        hidden: Units of each convolution.
        targets: What is predicted.
        depth: Convolutions.
        like: Weights are drawn on its device, with its type.
    """

    num_features: int
    hidden: int
    targets: Targets
    depth: int
    like: Tensor

    @property
    def num_classes(self) -> int:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.targets.num_classes

    def init(self) -> Weights:
        """Return fresh weights: those of PyG's ``GCNConv`` (Glorot, no bias at first) and of torch's ``Linear``."""
        weights: list[Tensor] = []
        for width in (self.num_features, *[self.hidden] * (self.depth - 1)):
            scale = (6 / (width + self.hidden)) ** 0.5
            weights += [scale * uniform((self.hidden, width), 1, self.like), self.like.new_zeros(self.hidden)]
        shape = (self.targets.outputs, self.hidden)
        return (*weights, uniform(shape, self.hidden, self.like), uniform(shape[:1], self.hidden, self.like))

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """Return the readouts of the features and of each convolution."""
        graphs = _graphs(batch)
        rows = [graphs.x]
        for _, hidden in self._convolved(weights, graphs):
            rows.append(hidden)
        pooled = [graphs.gather(hidden) for hidden in rows]
        return [*pooled, F.linear(pooled[-1], *weights[-2:])]

    def logits(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the last of :meth:`layers` alone, ``(m, num_classes)``."""
        graphs = _graphs(batch)
        return F.linear(graphs.gather(self._convolved(weights, graphs)[-1][1]), *weights[-2:])

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        graphs = _graphs(batch).sorted()
        classes = graphs.classes
        counts = torch.bincount(classes, minlength=self.num_classes)
        ends = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        of_graphs, of_nodes = _slices(ends), _slices(graphs.ptr[ends])
        sums: list[Tensor] = []
        *convolutions, head = self._factors(weights, graphs)
        for slices, (out, rows) in [*((of_nodes, pair) for pair in convolutions), (of_graphs, head)]:
            sums.append(torch.stack([out[mine].T @ rows[mine] for mine in slices]))
            sums.append(torch.stack([out[mine].sum(dim=0) for mine in slices]))
        return Statistic(tuple(sums), class_counts(classes, self.num_classes, sums[0]))

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        factors = self._factors(weights, _graphs(batch))
        return tuple(g / len(batch) for out, rows in factors for g in (out.T @ rows, out.sum(dim=0)))

    def _convolved(self, weights: Weights, graphs: GraphBatch) -> list[tuple[Tensor, Tensor]]:
        """Return what goes into the weight of each convolution, and what comes out of its units."""
        found, hidden = [], graphs.x
        for weight, bias in self._convolutions(weights):
            gathered = graphs.propagate(hidden)
            hidden = F.linear(gathered, weight, bias).relu()
            found.append((gathered, hidden))
        return found

    def _factors(self, weights: Weights, graphs: GraphBatch) -> Factors:
        passed = self._convolved(weights, graphs)
        pooled = graphs.gather(passed[-1][1])
        rest = self.targets.residuals(F.linear(pooled, *weights[-2:]), graphs.y)
        factors = [(rest, pooled)]
        back, above = graphs.spread(rest @ weights[-2]), None
        for (gathered, hidden), (weight, _) in zip(passed[::-1], self._convolutions(weights)[::-1], strict=True):
            if above is not None:
                back = graphs.propagate(back @ above)
            back = back * hidden.detach().sign()  # 1 where a unit is on; many times faster than a product with booleans
            factors.append((back, gathered))
            above = weight
        return factors[::-1]

    def _convolutions(self, weights: Weights) -> list[tuple[Tensor, Tensor]]:
        return list(zip(weights[:-2:2], weights[1:-2:2], strict=True))


def _graphs(batch: Batch) -> GraphBatch:
    if not isinstance(batch, GraphBatch):
        raise TypeError(f"graph convolutions with a readout take a GraphBatch, got {type(batch).__name__}")
    return batch


def _slices(ends: Tensor) -> list[slice]:
    bounds = ends.tolist()
    return [slice(start, stop) for start, stop in itertools.pairwise(bounds)]
