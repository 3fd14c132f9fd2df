"""What all rows of a report share."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from graphcond.core.evaluation.metrics import Metric, resolve_metric, scale_of
from graphcond.core.evaluation.scale import ScoreScale

if TYPE_CHECKING:
    from graphcond.core.evaluation.evaluation import Evaluation

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Setting:
    """What all rows of a report share.

    Args:
        evaluation: That of the modality.
        task: The original, on the device of the trainings where the modality wants it there.
        protocol: How a model is trained.
        seed: Of the first training of each condensation.
        device: Where models are trained.
        made: What was made once and is used again, by a key that tells it apart.
    """

    evaluation: "Evaluation"
    task: Any
    protocol: Any
    seed: int
    device: torch.device
    made: dict[Any, Any] = field(default_factory=dict)

    def seeds(self, model: object) -> range:
        """Return the seeds of the trainings of a model on a set: one, if nothing in it is random."""
        runs = self.protocol.runs if self.evaluation.random(model) else 1
        return range(self.seed, self.seed + runs)

    @cached_property
    def scored(self) -> Any:  # noqa: ANN401 (a task of any modality)
        """The task by whose labels models are scored."""
        return self.evaluation.scored(self.task, self.protocol)

    @cached_property
    def metric(self) -> Metric:
        """What a score is."""
        return resolve_metric(self.protocol.metric or self.scored.targets.metric, self.scored.targets)

    @cached_property
    def scale(self) -> ScoreScale:
        """How scores are read."""
        return scale_of(self.metric, self.scored.targets)

    def under(self, protocol: object) -> "Setting":
        """Return the setting with another protocol."""
        return replace(self, protocol=protocol)

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what was made under a key before, or make it."""
        if key not in self.made:
            self.made[key] = make()
        found: Made = self.made[key]
        return found
