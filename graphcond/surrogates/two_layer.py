r"""A two-layer network, which is an MLP on rows and a GCN on nodes, with its gradients in closed form.

With rows :math:`z_i` (features, propagated once for a GCN), :math:`h_i = \mathrm{relu}(W_1 z_i + b_1)`, an operator
:math:`A` between the layers (the identity for an MLP) and residuals
:math:`r = \mathrm{softmax}(A h W_2^\top + b_2) - y`, the gradients summed over the rows :math:`c` of a class are

.. math:: \partial W_2 = r_c^\top (A_c h), \qquad \partial W_1 = (A_c^\top r_c W_2 \circ 1[h > 0])^\top z

(Kipf and Welling, ICLR 2017, for the network.)
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic, class_counts
from graphcond.core.matching.surrogate import Weights
from graphcond.core.targets import Targets
from graphcond.surrogates.linear import uniform


@dataclass(frozen=True)
class TwoLayer:
    r"""A network with one hidden layer of ReLU units; ``batch.adj`` is applied before the second layer.

    Args:
        num_features: Features.
        hidden: Hidden units.
        targets: What is predicted.
        like: Weights are drawn on its device, with its type.
        gathered: Whether the embedding of a row is what goes into the last weight, after the operator; else it is the
            hidden layer of the row alone.

    Note:
        Weights and biases are uniform within one over the root of the layer's outputs, as in GCond's published code.
    """

    num_features: int
    hidden: int
    targets: Targets
    like: Tensor
    gathered: bool = False

    @property
    def num_classes(self) -> int:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.targets.num_classes

    def init(self) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        sizes = ((self.hidden, self.num_features), (self.targets.outputs, self.hidden))
        return tuple(uniform(shape, size[0], self.like) for size in sizes for shape in (size, size[:1]))

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        x = batch.x.flatten(1)
        hidden = F.linear(x, *weights[:2]).relu()
        last = batch.gather(hidden)
        return [batch.own(x), last if self.gathered else batch.own(hidden), F.linear(last, *weights[2:])]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        absent = tuple(weight.new_zeros(weight.shape) for weight in weights)
        by_class = {label: self._summed_gradients(weights, part) for label, part in batch.by_class().items()}
        rows = [by_class.get(label, absent) for label in range(self.num_classes)]
        sums = tuple(torch.stack(gradients) for gradients in zip(*rows, strict=True))
        return Statistic(sums, class_counts(batch.classes, self.num_classes, sums[0]))

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return tuple(gradient / len(batch) for gradient in self._summed_gradients(weights, batch))

    def _summed_gradients(self, weights: Weights, batch: Batch) -> Weights:
        x = batch.x.flatten(1)
        hidden = F.linear(x, *weights[:2]).relu()
        gathered = batch.gather(hidden)
        rest = self.targets.residuals(F.linear(gathered, *weights[2:]), batch.y)
        back = rest @ weights[2]
        back = (back if batch.adj is None else batch.adj.t() @ back) * (hidden > 0)
        return back.T @ x, back.sum(dim=0), rest.T @ gathered, rest.sum(dim=0)
