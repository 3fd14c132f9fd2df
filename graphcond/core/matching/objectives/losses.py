"""What kernel matching makes of its predictions: errors as values."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch


def squared_error(prediction: Tensor, real: Batch) -> Tensor:
    """Return half the squared error, a mean over rows; a missing target, NaN, has none."""
    return (prediction - torch.where(real.y.isnan(), prediction.detach(), real.y)).square().sum(dim=1).mean() / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class PlattError:
    r"""Cross-entropy after Platt scaling (RFAD: Loo et al., NeurIPS 2022), a mean over rows.

    .. math:: \ell = -\log \mathrm{softmax}(e^{\tau} \hat y)_c, \qquad c = \arg\max y

    A regression's predictions lie near its targets, which is far from what makes a softmax sure. The scale is learned
    along with the data: the synthetic data own it as one of their parts and lend it, so that a schedule can move it.

    Args:
        log_scale: Returns :math:`\tau`, a scalar, as it stands.
    """

    log_scale: Callable[[], Tensor]

    def __call__(self, prediction: Tensor, real: Batch) -> Tensor:
        """Return the loss of predictions ``(rows, classes)`` for real rows, whose class has the largest target."""
        return F.cross_entropy(self.log_scale().exp() * prediction, real.y.argmax(dim=1))
