"""The squared error of what was hidden: a denoising autoencoder's loss."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch


@dataclass(frozen=True, kw_only=True)
class HiddenSquares:
    r"""Squared error over the items that a user was not shown, a weighted mean over users.

    .. math:: \frac{1}{\sqrt{|t_u|}} \sum_{i \notin C_u} (\hat x_{ui} - t_{ui})^2

    for a context :math:`C_u`, whose items are never recommended, and targets :math:`t_u` of 0 and 1. It is what linear
    models of recommendation minimise once their own item is kept out of an item's prediction (EASE: Steck, WWW 2019;
    with the emphasis on hidden items, EDLAE: Steck, NeurIPS 2020). The weight is half way between users who count by
    their interactions, as there, and users who count alike, as in the metrics. There is no temperature to choose. Users
    without targets do not count.
    """

    def __call__(self, prediction: Tensor, real: Batch) -> Tensor:
        """Return the loss of predictions ``(num_users, num_items)``."""
        errors = torch.where(real.x > 0, 0.0, prediction - real.y).square().sum(dim=1)
        targets = real.y.sum(dim=1)
        asked = targets > 0
        return (asked * errors / targets.clamp(min=1).sqrt()).sum() / asked.sum().clamp(min=1)
