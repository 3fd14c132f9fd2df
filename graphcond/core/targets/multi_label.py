"""Several labels of each item, each there or not or missing."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.targets.base import RAREST, Kind
from graphcond.core.targets.several import SeveralTargets, known_parts


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiLabel(SeveralTargets):
    """Several labels, each there or not or missing: binary cross-entropy, summed over the known labels of an item.

    Args:
        outputs: Labels.
        shares: ``(outputs,)`` how often each is there where it is known among the training items.
        centers: See :meth:`stratified`.
    """

    kind: ClassVar[Kind] = "multi_label"
    nouns: ClassVar[str] = "labels"
    words: ClassVar[str] = "several labels of each item"
    metric: ClassVar[str] = "roc_auc"
    chance: ClassVar[float] = 0.5
    constant: ClassVar[str] = "chance"
    score_name: ClassVar[str] = "ROC-AUC"
    shares: Tensor

    @classmethod
    def of(cls, y: Tensor) -> "MultiLabel":
        """Return the value for training targets, ``(n, labels)``."""
        return cls(outputs=y.size(1), shares=y.nanmean(dim=0).nan_to_num(0.5).float().cpu())

    @property
    def most_strata(self) -> int:  # type: ignore[override]  # it is read only
        """See :class:`SeveralTargets`: one for each label, and one for none."""
        return self.outputs + 1

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        known, filled = known_parts(y)
        return (F.binary_cross_entropy_with_logits(outputs, filled, reduction="none") * known).sum(dim=1)

    def residuals(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        known, filled = known_parts(y)
        return (torch.sigmoid(outputs) - filled) * known

    def predictions(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return torch.sigmoid(outputs)

    @property
    def offset(self) -> Tensor:
        """See :class:`SeveralTargets`."""
        return self.shares

    def prior(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: the logits of how often each label is there."""
        return y.nanmean(dim=0).nan_to_num(0.5).float().logit(eps=RAREST)

    def goals(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: the labels themselves."""
        return y

    def soft(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """See :class:`Targets`: scores are near to probabilities already."""
        return scores.clamp_(0.0, 1.0)

    def made(self, classes: Tensor, soft: Tensor) -> Tensor:
        """See :class:`Targets`: as many items have a label as its probabilities add up to, those where it is likeliest.

        With a threshold of one half instead, rare labels would be nowhere.
        """
        rank = soft.argsort(dim=0, descending=True, stable=True).argsort(dim=0)
        return (rank < soft.sum(dim=0).round()).float()

    def score(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Targets`: the mean over labels of the area under the ROC curve."""
        told = Ranking.of(outputs, y)
        return float(told.areas.mean()) if len(told.areas) else 0.5

    def contributions(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: influence on the area under the curve (DeLong et al., Biometrics 1988), mean of labels.

        Labels of which the rows hold only one value do not count.
        """
        told = Ranking.of(outputs, y)
        if not len(told.areas):
            return torch.full((len(y),), 0.5, dtype=torch.float64, device=y.device)
        weight = told.positive / told.positive.sum(dim=1, keepdim=True)
        weight = weight + told.negative / told.negative.sum(dim=1, keepdim=True)
        influence: Tensor = (told.areas + len(y) * weight * (told.above - told.areas)).mean(dim=0)
        return influence


@dataclass(frozen=True, eq=False)
class Ranking:
    """How outputs rank the items with a label against those without it, for each label that tells items apart.

    Shapes:
        above: ``(labels, n)`` float64, the share of the other side's items on whose right side an item is, ties half;
        positive, negative: ``(labels, n)`` bool; areas: ``(labels, 1)`` under the ROC curves.
    """

    above: Tensor
    positive: Tensor
    negative: Tensor
    areas: Tensor

    @classmethod
    def of(cls, outputs: Tensor, y: Tensor) -> "Ranking":
        """Return the ranking of ``(n, labels)`` outputs by labels, NaN where missing; soft ones count as they round."""
        positive, negative = (y > 0.5).T, (y <= 0.5).T
        both = positive.any(dim=1) & negative.any(dim=1)
        scores, positive, negative = outputs.T[both], positive[both], negative[both]
        over = _below(scores, negative) / negative.sum(dim=1, keepdim=True)
        under = 1 - _below(scores, positive) / positive.sum(dim=1, keepdim=True)
        above = torch.where(positive, over, under)
        areas = (above * positive).sum(dim=1, keepdim=True) / positive.sum(dim=1, keepdim=True)
        return cls(above, positive, negative, areas)


def _below(scores: Tensor, chosen: Tensor) -> Tensor:
    """Return how many of the chosen scores of a row lie below each score, ties counted half, float64."""
    ordered, order = scores.sort(dim=1)
    counted = chosen.gather(1, order).double()
    ends = counted.cumsum(dim=1)
    starts = ends - counted
    if bool((ordered.diff(dim=1) == 0).any()):  # equal scores share their places
        low, high = (torch.searchsorted(ordered, ordered, right=right) for right in (False, True))
        padded = torch.cat([ends.new_zeros(len(ends), 1), ends], dim=1)
        starts, ends = padded.gather(1, low), padded.gather(1, high)
        return torch.empty_like(ends).scatter_(1, order, (starts + ends) / 2)
    return torch.empty_like(ends).scatter_(1, order, starts + counted / 2)
