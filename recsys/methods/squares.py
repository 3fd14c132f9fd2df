"""The squared error of what was hidden: a denoising autoencoder's loss."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.batch import Batch


@dataclass(frozen=True, kw_only=True)
class HiddenSquares:
    r"""Squared error over the items that a user was not shown, a mean over users.

    .. math:: \sum_{i \notin C_u} (\hat x_{ui} - t_{ui})^2

    for a context :math:`C_u`, whose items are never recommended, and targets :math:`t_u` of 0 and 1. It is what linear
    models of recommendation minimise once their own item is kept out of an item's prediction (EASE: Steck, WWW 2019;
    with the emphasis on hidden items, EDLAE: Steck, NeurIPS 2020). It has no temperature that would have to be chosen.
    """

    def __call__(self, prediction: Tensor, real: Batch) -> Tensor:
        """Return the loss of predictions ``(num_users, num_items)``."""
        return torch.where(real.x > 0, 0.0, prediction - real.y).square().sum(dim=1).mean()
