"""Feature alignment with discrimination: layers agree, and synthetic class means tell real rows apart."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.statistic import Statistic, class_counts, class_sums
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.runtime.processes import Processes


@dataclass(frozen=True, eq=False)
class Seen:
    """Class means of real rows, and what a surrogate makes of each row.

    Shapes:
        embedding: ``(n, width)``; classes: ``(n,)`` int64.
    """

    means: Statistic
    embedding: Tensor
    classes: Tensor

    def __add__(self, other: "Seen") -> "Seen":
        """Return what was seen of two disjoint sets of rows together."""
        embedding = torch.cat([self.embedding, other.embedding])
        return Seen(self.means + other.means, embedding, torch.cat([self.classes, other.classes]))

    def over(self, processes: Processes) -> "Seen":
        """Return what all processes together have seen, each the share of a batch that is its own."""
        means = self.means.over(processes)
        bounds = processes.bounds(round(float(means.counts.sum())))
        return Seen(means, processes.gather(self.embedding, bounds), processes.gather(self.classes, bounds))


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureAlignment:
    r"""Layer-wise class means and a discrimination loss on real rows (CAFE: Wang et al., CVPR 2022).

    .. math:: \sum_l w_l \sum_c \|\mu_{l,c} - \mu'_{l,c}\|^2 + \beta\,
              \mathrm{CE}\big((\langle \phi(x), \mu'_c \rangle)_c,\; y\big)

    with :math:`\phi` what goes into the logits and :math:`\mu'_c` its mean over the synthetic rows of class :math:`c`.

    Args:
        alignment: What of the layers must agree.
        discrimination: :math:`\beta`.
    """

    adds: ClassVar[bool] = True
    alignment: DistributionMatching
    discrimination: float

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Seen:
        """Return class means, and the embedding of each row."""
        with torch.no_grad():
            embedding = surrogate.layers(weights, real)[-2].flatten(1)
            return Seen(self.alignment.observe(surrogate, weights, real), embedding, real.classes)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Seen, synthetic: Batch) -> Tensor:
        """Return both together; classes without synthetic rows are never meant."""
        number = surrogate.num_classes
        embedding, classes = surrogate.layers(weights, synthetic)[-2].flatten(1), synthetic.classes
        mine = Statistic((class_sums(embedding, classes, number),), class_counts(classes, number, embedding))
        scores = statistic.embedding @ mine.means()[0].T
        scores = scores.masked_fill(mine.counts == 0, -torch.inf)
        told_apart = F.cross_entropy(scores, statistic.classes)
        return self.alignment.loss(surrogate, weights, statistic.means, synthetic) + self.discrimination * told_apart
