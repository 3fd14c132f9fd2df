"""What several labels and several numbers of each item have in common: strata that stand for classes, missing ones."""

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor

from graphcond.core import validation_score
from graphcond.core.targets.base import Targets

MOST_STRATA = 10  # of numbers
SAMPLE = 20_000  # rows from which strata are found at most


@dataclass(frozen=True, kw_only=True, eq=False)
class SeveralTargets(Targets):
    """Several targets of each item, any of which may be missing.

    Args:
        outputs: How many.
        centers: ``(strata, outputs)`` the middle of each stratum, as :meth:`regressands` are; ``None``: there is one.
    """

    outputs: int
    centers: Tensor | None = None

    @property
    def num_classes(self) -> int:  # type: ignore[override]  # it is read only
        """See :class:`Targets`: the strata."""
        return 1 if self.centers is None else len(self.centers)

    def classes(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: the nearest stratum."""
        known = self.rows(y).isnan().logical_not().any(dim=1)
        nearest = self.likely(y).argmax(dim=1)
        return torch.where(known, nearest, -1)

    def likely(self, soft: Tensor) -> Tensor:
        """See :class:`Targets`: the negative distance from the middle of each stratum."""
        rows = self.regressands(soft)
        centers = rows.new_zeros(1, rows.size(1)) if self.centers is None else self.centers.to(rows)
        return -torch.cdist(rows, centers)

    def regressands(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        goals = self.goals(y)
        return torch.where(goals.isnan(), self.offset.to(goals), goals)

    def centred(self, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """See :class:`Targets`: less the mean of the training items."""
        goals = self.goals(y).to(dtype)
        return goals - self.offset.to(goals)

    def softened(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.rows(y)

    def check(self, y: Tensor) -> None:
        """See :class:`Targets`."""
        if not y.is_floating_point() or self.rows(y).size(1) != self.outputs:
            raise ValueError(
                f"y of the condensed data holds {y.dtype} of the shape {tuple(y.shape)}, and the dataset has "
                f"{self.outputs} {self.nouns} of each item; pass floats of the shape (items, {self.outputs})"
            )

    def read(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.rows(y).float()

    def from_goals(self, learned: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.soft(learned.detach().clone())

    def balanced(self, soft: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: each target for itself says so already."""
        return soft

    def memberships(self, soft: Tensor) -> Tensor:
        """See :class:`Targets`: all to the nearest."""
        return F.one_hot(self.likely(soft).argmax(dim=1), self.num_classes).to(soft)

    def directions(self, weight: Tensor) -> Tensor:
        """See :class:`Targets`: those of the strata's middles."""
        if self.centers is None:
            return weight.new_zeros(1, weight.size(1))
        return (self.centers.to(weight) - self.offset.to(weight)) @ weight

    def stratified(self, y: Tensor, most: int) -> Targets:
        """See :class:`Targets`: k-means of the targets."""
        some = y[torch.linspace(0, len(y) - 1, min(len(y), SAMPLE)).round().long().to(y.device)]
        points = self.regressands(some).double().cpu().numpy()
        count = min(self.most_strata, most, len(np.unique(points, axis=0)))
        if count < 2:
            return replace(self, centers=None)
        found = KMeans(count, n_init=1, random_state=0).fit(points)
        centers = torch.from_numpy(found.cluster_centers_).float()
        nearest = replace(self, centers=centers).likely(y).argmax(dim=1)
        return replace(self, centers=centers[torch.unique(nearest).cpu()])  # none is left without an item

    def standard_error(self, first: Tensor, second: Tensor, y: Tensor) -> float:
        """See :class:`Targets`: contributions are a mean over rows."""
        difference = first - second
        return float(difference.var() / len(difference)) ** 0.5 if len(difference) > 1 else 0.0

    def predicted(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return torch.ones(self.num_classes, dtype=torch.bool, device=outputs.device)

    def doubts(self, value: float, contribution: Tensor, predicted: Tensor, y: Tensor, unit: str) -> tuple[str, ...]:
        """See :class:`Targets`: a result that is no better than one that knows nothing of the items."""
        error = self.standard_error(contribution, torch.zeros_like(contribution), y)
        if value > self.chance + validation_score.ABOVE_CHANCE * error:
            return ()
        return (
            f"no network trained on the result is clearly better than {self.constant} on the validation {unit} "
            f"({self.shown(value)}, {self.chance:g} without looking); ask for more {unit}, or look at "
            "features and targets",
        )

    def shown(self, value: float) -> str:
        """See :class:`Targets`."""
        return f"{self.score_name} {value:.3f}"

    def to(self, device: torch.device) -> Targets:
        """See :class:`Targets`."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        moved: dict[str, Any] = {name: v.to(device) for name, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    def __str__(self) -> str:
        return f"{self.nouns}={self.outputs}"

    def rows(self, y: Tensor) -> Tensor:
        """Return targets as ``(n, outputs)``."""
        return as_rows(y)

    @property
    @abstractmethod
    def offset(self) -> Tensor:
        """The mean of the training items' :meth:`goals`, ``(outputs,)``."""

    most_strata: ClassVar[int] = MOST_STRATA
    """How many strata there are at most."""
    chance: ClassVar[float]
    """The :meth:`score` of what knows nothing of the items."""
    constant: ClassVar[str]
    """What that is called in messages."""
    score_name: ClassVar[str]
    """What the score is called in messages."""


def as_rows(y: Tensor) -> Tensor:
    """Return numbers of one column, ``(n,)``, as rows of one, ``(n, 1)``; rows as they are."""
    return y.unsqueeze(1) if y.dim() == 1 else y


def known_parts(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return which targets are known, as zeros and ones, and the targets with zeros where they are missing."""
    missing = y.isnan()
    return (~missing).to(y), y.masked_fill(missing, 0.0)
