r"""Softmax regression, which is SGC (Wu et al., ICML 2019) on propagated rows, with its gradients in closed form.

With rows :math:`z_i` and residuals :math:`r_i = \mathrm{softmax}(W z_i + b) - y_i`, the gradient of the cross-entropy
summed over class :math:`c` is :math:`\sum_{i \in c} r_i z_i^\top` for the weights and :math:`\sum_{i \in c} r_i` for
the bias: explicit functions of the rows, so that matching them takes one ordinary backward pass.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic, class_counts, class_sums
from graphcond.core.matching.surrogate import Weights
from graphcond.core.targets import Targets


@dataclass(frozen=True)
class Linear:
    r"""Softmax regression; for other targets than classes, logistic or linear regression.

    Args:
        num_features: Features.
        targets: What is predicted.
        like: Weights are drawn on its device, with its type.

    Note:
        Weights and bias are uniform within :math:`1/\sqrt{\text{outputs}}`, as in GCond's published code.
    """

    num_features: int
    targets: Targets
    like: Tensor

    @property
    def num_classes(self) -> int:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.targets.num_classes

    def init(self) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return (
            uniform((self.targets.outputs, self.num_features), self.targets.outputs, self.like),
            uniform((self.targets.outputs,), self.targets.outputs, self.like),
        )

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows = batch.gather(batch.x.flatten(1))
        return [rows, F.linear(rows, *weights)]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows, logits = self.layers(weights, batch)
        rest = self.targets.residuals(logits, batch.y)
        index, mask = slots(batch.classes, self.num_classes)
        # All classes at once: (classes, outputs, rows) @ (classes, rows, features).
        products = (rest[index] * mask.unsqueeze(2)).transpose(1, 2) @ rows[index]
        sums = (products, class_sums(rest, batch.classes, self.num_classes))
        return Statistic(sums, class_counts(batch.classes, self.num_classes, rows))

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows, logits = self.layers(weights, batch)
        rest = self.targets.residuals(logits, batch.y) / len(batch)
        return rest.T @ rows, rest.sum(dim=0)


def slots(y: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return rows sorted into a rectangle of classes: row numbers and a mask, each ``(num_classes, largest class)``."""
    counts = torch.bincount(y, minlength=num_classes)
    width = int(counts.max())
    order = y.argsort(stable=True)
    sorted_y = y[order]
    place = torch.arange(len(y), device=y.device) - (counts.cumsum(0) - counts)[sorted_y]
    index = y.new_zeros(num_classes, width)
    mask = torch.zeros(num_classes, width, dtype=torch.bool, device=y.device)
    index[sorted_y, place] = order
    mask[sorted_y, place] = True
    return index, mask


def uniform(shape: tuple[int, ...], fan: int, like: Tensor) -> Tensor:
    r"""Return uniform random values within :math:`1/\sqrt{fan}`; drawn on the CPU, so that devices agree."""
    values: Tensor = (2 * torch.rand(shape) - 1) / fan**0.5
    return values.to(like)
