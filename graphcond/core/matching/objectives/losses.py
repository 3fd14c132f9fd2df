"""What kernel matching makes of its predictions: errors as values, and the targets that they are measured against."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch


def squared_error(prediction: Tensor, real: Batch) -> Tensor:
    """Return half the squared error, a mean over rows."""
    return (prediction - real.y).square().sum(dim=1).mean() / 2


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


def centred_one_hot(y: Tensor, num_classes: int) -> Tensor:
    r"""Return labels as targets that add up to 0, :math:`1[y = c] - 1/C`, ``(n, num_classes)`` float32.

    A kernel regression predicts 0 where it knows nothing, and so no class there. For ten classes these are the targets
    of KIP, one-hot rows less 0.1 (Nguyen et al., ICLR 2021).
    """
    return F.one_hot(y, num_classes).float() - 1 / num_classes
