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


@dataclass(frozen=True)
class Linear:
    r"""Softmax regression.

    Args:
        num_features: Features.
        num_classes: Classes.
        like: Weights are drawn on its device, with its type.

    Note:
        Weights and bias are uniform within :math:`1/\sqrt{\text{num\_classes}}`, as in GCond's published code.
    """

    num_features: int
    num_classes: int
    like: Tensor

    def init(self) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return (
            uniform((self.num_classes, self.num_features), self.num_classes, self.like),
            uniform((self.num_classes,), self.num_classes, self.like),
        )

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows = batch.gather(batch.x.flatten(1))
        return [rows, F.linear(rows, *weights)]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows, logits = self.layers(weights, batch)
        rest = residuals(logits, batch.y)
        index, mask = slots(batch.classes, self.num_classes)
        # All classes at once: (classes, outputs, rows) @ (classes, rows, features).
        products = (rest[index] * mask.unsqueeze(2)).transpose(1, 2) @ rows[index]
        sums = (products, class_sums(rest, batch.classes, self.num_classes))
        return Statistic(sums, class_counts(batch.classes, self.num_classes, rows))

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        rows, logits = self.layers(weights, batch)
        rest = residuals(logits, batch.y) / len(batch)
        return rest.T @ rows, rest.sum(dim=0)


def residuals(logits: Tensor, y: Tensor) -> Tensor:
    """Return the gradient of each row's cross-entropy with respect to its logits: probabilities minus the label."""
    return torch.softmax(logits, dim=1) - (y if y.dim() > 1 else F.one_hot(y, logits.size(1)))


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
