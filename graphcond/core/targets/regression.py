"""Numbers of each item, any of which may be missing."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.targets.base import Kind
from graphcond.core.targets.several import SeveralTargets, known_parts


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression(SeveralTargets):
    """Numbers, any of which may be missing: half the squared error of standardised targets.

    Networks predict standardised numbers; :meth:`predictions` are in the units of the original.

    Args:
        outputs: Numbers of each item.
        mean: ``(outputs,)`` of the training items.
        scale: ``(outputs,)`` their standard deviation.
        flat: Whether the original has ``(n,)`` targets instead of ``(n, 1)``.
        origin: What made the numbers, in a text, where they were made of the items themselves and not read; empty:
            they are the dataset's. Made numbers have one scale for all columns, and count in a score by their variance.
        centers: See :meth:`stratified`.
    """

    kind: ClassVar[Kind] = "regression"
    nouns: ClassVar[str] = "numbers"
    words: ClassVar[str] = "regression"
    metric: ClassVar[str] = "rmse"
    chance: ClassVar[float] = 0.0
    constant: ClassVar[str] = "the mean"
    score_name: ClassVar[str] = "R2"
    mean: Tensor
    scale: Tensor
    flat: bool = False
    origin: str = ""

    @classmethod
    def made_of_items(cls, y: Tensor, origin: str) -> "Regression":
        """Return the value for numbers that were made of the items themselves.

        Args:
            y: ``(n, outputs)`` of the training items, none missing.
            origin: What made them, in a text.
        """
        mean = y.double().mean(dim=0)
        spread = (y.double() - mean).square().mean().sqrt().expand(y.size(1))
        return cls(outputs=y.size(1), mean=mean.float().cpu(), scale=spread.float().cpu(), origin=origin)

    @property
    def source(self) -> dict[str, str]:
        """See :class:`Targets`."""
        return {"target": self.origin or self.kind}

    @property
    def identity(self) -> str:
        """See :class:`Targets`."""
        return f"{super().identity} {self.origin}".strip()

    @property
    def described(self) -> str:
        """See :class:`Targets`."""
        return "items without labels" if self.origin else self.words

    @classmethod
    def of(cls, y: Tensor, *, flat: bool = False) -> "Regression":
        """Return the value for training targets, ``(n, outputs)``."""
        mean = y.double().nanmean(dim=0).nan_to_num(0.0)  # where no training item has the number
        scale = (y.double() - mean).square().nanmean(dim=0).sqrt().nan_to_num(0.0)
        return cls(outputs=y.size(1), mean=mean.float().cpu(), scale=scale.float().cpu(), flat=flat)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.residuals(outputs, y).square().sum(dim=1) / 2

    def residuals(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        known, filled = known_parts(self._standardised(y))
        return (outputs - filled) * known

    def answers(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.predictions(outputs)

    def predictions(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.mean.to(outputs) + self.scale.to(outputs) * outputs

    @property
    def offset(self) -> Tensor:
        """See :class:`SeveralTargets`: they are standardised."""
        return torch.zeros_like(self.mean)

    def prior(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: the mean."""
        return self._standardised(y).nanmean(dim=0).nan_to_num(0.0).float()

    def on_goals(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`: both are standardised."""
        return outputs

    def goals(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: standardised."""
        return self._standardised(y)

    def soft(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """See :class:`Targets`: in the units of the original."""
        return scores.mul_(self.scale.to(scores)).add_(self.mean.to(scores))

    def shaped(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return y.flatten() if self.flat else y

    def made(self, classes: Tensor, soft: Tensor) -> Tensor:
        """See :class:`Targets`: the numbers themselves."""
        return soft.clone()

    def score(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Targets`: the share of the variance that is explained, a mean over targets that are not made."""
        return float(self.contributions(outputs, y).mean()) if len(y) else 0.0

    def contributions(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: one minus the squared error, as a multiple of the variance."""
        goal = self._standardised(y).double()
        known = ~goal.isnan()
        goal = goal.nan_to_num(0.0)
        count = known.sum(dim=0).clamp(min=1)
        spread = ((goal - goal.sum(dim=0) / count) * known).square().sum(dim=0)
        error = ((outputs.double() - goal) * known).square()
        some = spread > 0
        if not bool(some.any()):
            return torch.zeros(len(y), dtype=torch.float64, device=y.device)
        if self.origin:
            together: Tensor = 1 - len(y) * error.sum(dim=1) / spread.sum()
            return together
        explained: Tensor = 1 - (len(y) * error[:, some] / spread[some]).mean(dim=1)
        return explained

    def _standardised(self, y: Tensor) -> Tensor:
        scale = self.scale.to(y)
        return (self.rows(y) - self.mean.to(y)) / torch.where(scale > 0, scale, 1.0)
