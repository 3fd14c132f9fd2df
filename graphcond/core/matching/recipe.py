"""What a method that learns its synthetic data step by step consists of."""

import math
from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from graphcond.core.matching.augment import Augment, Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.observation import Source
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Sampler

STANDARD_ERRORS = 2  # within which scores of shares that are right cannot be distinguished


class Synthetic(nn.Module):
    """Synthetic data as learned parameters."""

    redraws: bool = False
    """Whether each batch is another draw: one that networks were trained on is not that of the next step."""

    @abstractmethod
    def batch(self) -> Batch:
        """Return the data as a surrogate sees them, differentiable in the parameters."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters by the name of the part that a schedule moves."""

    def penalty(self) -> Tensor | None:
        """Return what is added to the objective for the data's own sake, a scalar; ``None``: nothing."""
        return None


S = TypeVar("S", bound=Synthetic)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How synthetic data are scored on validation data while they are learned, and which step is kept.

    Args:
        score: Returns the score of the synthetic data as they stand; higher is better.
        times: How often: after ``steps * (i / times)**2`` steps for ``i`` = 1, 2, ..., so that the last step is scored.
        at: After these steps, and the last, instead; ``None``: as ``times`` says.
        rows: Where a score is the share of this many rows that are right: of the steps within two standard errors of
            the best the latest is kept, since they cannot be distinguished and the objective has fallen since.
            ``None``: the best, the earliest of equals.
        times_after: As much time as this many validations take is left for what the method does after the run.
    """

    score: Callable[[], float]
    times: int = 20
    at: tuple[int, ...] | None = None
    rows: int | None = None
    times_after: int = 0

    def due(self, step: int, steps: int) -> bool:
        """Return whether the data are scored after a step; it is more often at first, when most changes."""
        if self.at is not None:
            return step in self.at or step == steps
        return self._until(step, steps) > self._until(step - 1, steps)

    def _until(self, step: int, steps: int) -> int:
        return math.isqrt(self.times**2 * step // steps)

    def prefers(self, score: float, earlier: Collection[float]) -> bool:
        """Return whether a step of a score is kept rather than those scored before, of which there is at least one."""
        best = max(earlier)
        if self.rows is None:
            return score > best
        return score >= best - STANDARD_ERRORS * math.sqrt(best * (1 - best) / self.rows)


@dataclass(frozen=True, kw_only=True)
class Recipe(Generic[S]):
    """What a method consists of.

    Args:
        synthetic: What is learned.
        surrogate: How data are seen.
        sampler: Where the surrogate's weights come from.
        objective: What must agree.
        source: Real data.
        schedule: Which part moves when; parts that it does not name stand still.
        steps: How many steps.
        validation: How the step that is kept is chosen; ``None``: it is the last one.
        augment: Real and synthetic data are changed alike, freshly at each step; ``None``: they are seen as they are.
        distort: Returns how synthetic data alone are changed before a step sees them, given the step; it may draw from
            torch's global state. ``None``: they are not.
        rows_at_once: Real data are observed in shards of at most this many rows, whose statistics are added; ``None``:
            all rows of a batch at once.
    """

    synthetic: S
    surrogate: Any
    sampler: Sampler
    objective: Objective[Any, Any]
    source: Source
    schedule: Schedule
    steps: int
    validation: Validation | None = None
    augment: Augment | None = None
    distort: Callable[[int], Change] | None = None
    rows_at_once: int | None = None
