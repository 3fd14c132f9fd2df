"""The outer loss of Distill-CF: the likelihood of items under a softmax of the predictions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Multinomial:
    r"""Negative log-likelihood of a user's items, a mean over the items (or their sum) and then over users.

    .. math:: -\frac{1}{|T_u|} \sum_{i \in T_u} \log \mathrm{softmax}_{j \notin C_u} (s \hat x_{uj})_i

    for targets :math:`T_u` and a context :math:`C_u` whose items do not compete: they are never recommended. Users
    without targets do not count.

    Args:
        scale: :math:`s`. Predictions of 0 to 1 are hardly told apart by a softmax; a large scale fits the likelihood, a
            small one the ranking of the many.
        hide_context: Whether items of the context compete (``False``: the self-reconstruction of the paper, whose
            context is the target).
        summed: Whether a user's items are summed, without :math:`1/|T_u|`, as in the published code: users count by
            their activity.
    """

    scale: float = 1.0
    hide_context: bool = True
    summed: bool = False

    def __call__(self, prediction: Tensor, real: Batch) -> Tensor:
        """Return the loss of predictions ``(num_users, num_items)``."""
        scores = self.scale * prediction
        if self.hide_context:
            scores = scores.masked_fill(real.x > 0, -torch.inf)
        found = torch.where(real.y > 0, real.y * torch.log_softmax(scores, dim=1), 0.0).sum(dim=1)
        targets = real.y.sum(dim=1)
        each = found if self.summed else found / targets.clamp(min=1)
        return -each.sum() / (targets > 0).sum().clamp(min=1)
