"""Moment matching under a teacher: means and deviations of each class agree, with the loss of a trained network."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import class_counts, class_sums
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.similarity import similarity

EPSILON = 1e-12  # added to variances, whose root has no slope at 0


class Moments(NamedTuple):
    """Moments of each class.

    Shapes:
        mean, deviation: ``(num_classes, width)``; counts: ``(num_classes,)`` rows of each class.
    """

    mean: Tensor
    deviation: Tensor
    counts: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class MomentMatching:
    r"""Two moments of each class after every hop, a teacher's loss, and smoothness (SimGC: Xiao et al., ECML 2024).

    .. math:: \ell(f(Z'), Y') + \alpha \sum_c \frac{n_c}{n} \Big( \frac{1}{m} \|\mu_c - \mu'_c\|^2
              + \frac{1}{m} \|\sigma_c - \sigma'_c\|^2 \Big)
              - \beta \frac{\sum_{ij} A'_{ij} s_{ij}}{\sum_{ij} A'_{ij}}, \qquad
              s_{ij} = \frac{1}{d} \sum_f e^{-(x'_{if} - x'_{jf})^2 / 2}

    The rows of a batch are features after 0, 1, ... hops beside each other, :math:`m` numbers; the last
    :math:`d` of them are what the teacher :math:`f` sees, whose weights are the sampler's. Of synthetic data ``adj``
    is the adjacency :math:`A'`. Standard deviations count where both sides have two rows of a class.

    Args:
        num_features: :math:`d`.
        alpha: Weight of the moments.
        beta: Weight of smoothness.
    """

    adds: ClassVar[bool] = False
    num_features: int
    alpha: float
    beta: float

    @torch.no_grad()
    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Moments:
        """Return the moments of real data."""
        return _moments(real, surrogate.num_classes)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Moments, synthetic: Batch) -> Tensor:
        """Return the three terms together."""
        mine = _moments(synthetic, surrogate.num_classes)
        least = torch.minimum(statistic.counts, mine.counts)
        share = statistic.counts / statistic.counts.sum()
        means = (statistic.mean - mine.mean).square().mean(dim=1)
        deviations = (statistic.deviation - mine.deviation).square().mean(dim=1)
        moments = (share * ((least > 0) * means + (least > 1) * deviations)).sum()
        seen = replace(synthetic, x=synthetic.x[:, -self.num_features :], adj=None)
        supervised = surrogate.targets.loss(surrogate.layers(weights, seen)[-1], synthetic.y)
        loss: Tensor = supervised + self.alpha * moments
        if synthetic.adj is None or not self.beta:
            return loss
        alike = similarity(synthetic.x[:, : self.num_features])
        total = synthetic.adj.sum().clamp(min=EPSILON)
        return loss - self.beta * (synthetic.adj * alike).sum() / total


def _moments(batch: Batch, num_classes: int) -> Moments:
    """Return the moments of a batch; zeros for a class without rows."""
    classes = batch.classes
    counts = class_counts(classes, num_classes, batch.x)
    rows = counts.clamp(min=1).unsqueeze(1)
    mean = class_sums(batch.x, classes, num_classes) / rows
    variance = class_sums((batch.x - mean[classes]).square(), classes, num_classes) / rows
    return Moments(mean, (variance + EPSILON).sqrt(), counts)
