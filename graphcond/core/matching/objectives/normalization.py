"""Matching of the statistics that normalised layers see, under a trained network (SRe2L)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalizationMatching:
    r"""Cross-entropy of a trained network and the gaps of what its normalised layers see (SRe2L: Yin et al., 2023).

    .. math:: \ell(\theta; \mathcal S) + \alpha \sum_l w_l \big( \| \mu_l(\mathcal S) - \mu_l(\mathcal T) \|_2 +
              \| \sigma^2_l(\mathcal S) - \sigma^2_l(\mathcal T) \|_2 \big)

    with mean and variance of each channel over all rows and places, and :math:`w_l = 1` but for the first layer. Real
    data have a part in it by their first two moments only, which add over shards. Layers are those of the surrogate
    between the features and the logits.

    Args:
        weight: The weight :math:`\alpha`.
        first_weight: The weight :math:`w_1` of the first layer.
    """

    adds: ClassVar[bool] = True
    weight: float
    first_weight: float = 10.0

    @torch.no_grad()
    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        """Return the sums over rows of means over places, of each channel and of its square."""
        return _moments(surrogate.layers(weights, real)[1:-1])

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        """Return the cross-entropy and the weighted gaps."""
        *layers, logits = surrogate.layers(weights, synthetic)[1:]
        loss = surrogate.targets.loss(logits, synthetic.y)
        pairs = zip(_means_and_variances(statistic), _means_and_variances(_moments(layers)), strict=True)
        for i, ((mean, variance), (made_mean, made_variance)) in enumerate(pairs):
            gap = torch.linalg.vector_norm(made_mean - mean) + torch.linalg.vector_norm(made_variance - variance)
            loss = loss + self.weight * (1.0 if i else self.first_weight) * gap
        return loss


def _moments(layers: list[Tensor]) -> Statistic:
    """Return first and second moments of the channels of each layer, all rows taken for one class."""
    flat = [layer.flatten(2) if layer.dim() > 2 else layer.unsqueeze(2) for layer in layers]
    sums = [part.mean(dim=2).sum(dim=0, keepdim=True) for layer in flat for part in (layer, layer.square())]
    return Statistic(tuple(sums), flat[0].new_full((1,), len(flat[0])))


def _means_and_variances(statistic: Statistic) -> list[tuple[Tensor, Tensor]]:
    means = statistic.means()
    return [(mean, square - mean.square()) for mean, square in zip(means[::2], means[1::2], strict=True)]
