"""Samplers for trajectory matching: weights along the trajectories of networks trained on real data."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import Experts
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.weight_samplers import Stateless


@dataclass(frozen=True, kw_only=True)
class Window:
    """From which checkpoints of its expert a trajectory starts.

    Args:
        min_start: The first checkpoint.
        max_start: The last one.
        first_max_start: The last one at the first step; ``None``: ``max_start``, so that the window never moves (MTT).
        widened_every: Steps after which it is one more (DATM: Guo et al., ICLR 2024; GEOM: Zhang et al., ICML 2024).
    """

    min_start: int = 0
    max_start: int = 10
    first_max_start: int | None = None
    widened_every: int = 1

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("min_start", "max_start", "first_max_start"))
        first_max_start = self.max_start if self.first_max_start is None else self.first_max_start
        if not self.min_start <= first_max_start <= self.max_start:
            raise ValueError(
                f"a window must have min_start <= first_max_start <= max_start, got {self.min_start}, "
                f"{first_max_start}, {self.max_start}"
            )

    def latest_at(self, step: int) -> int:
        """Return the last checkpoint from which a trajectory may start at a step."""
        if self.first_max_start is None:
            return self.max_start
        return min(self.max_start, self.first_max_start + step // self.widened_every)

    def require(self, expert_span: int, checkpoints: int) -> None:
        """Raise unless trajectories of ``expert_span`` checkpoints fit into those that experts have."""
        if (needed := self.max_start + expert_span) > checkpoints:
            raise ValueError(
                f"max_start={self.max_start} with expert_span={expert_span} needs experts with {needed} checkpoints, "
                "they have "
                f"{checkpoints}; train them longer or lower one of these"
            )


@dataclass
class Replay(Stateless):
    """Weights of stored experts, one expert and one checkpoint drawn at each step.

    Args:
        experts: The experts.
        window: Where trajectories start.
        expert_span: Checkpoints from the start of a trajectory to its goal.
    """

    experts: Experts
    window: Window
    expert_span: int
    _start: tuple[int, int] = field(default=(0, 0), init=False)

    def __post_init__(self) -> None:
        """Check that experts go as far as they are asked to."""
        self.window.require(self.expert_span, self.experts.checkpoints)

    def draw(self, step: int) -> Weights:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        expert = int(torch.randint(len(self.experts.trajectories), ()))
        start = int(torch.randint(self.window.min_start, self.window.latest_at(step) + 1, ()))
        self._start = expert, start
        return self.experts.weights(expert, start)

    def goal(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
        """Return the weights of the expert that was drawn last, ``expert_span`` checkpoints later."""
        expert, start = self._start
        return self.experts.weights(expert, start + self.expert_span)

    def end(self) -> Weights:
        """Return the last weights of the expert that was drawn last."""
        return self.experts.weights(self._start[0], self.experts.checkpoints)


class NoRealRows:
    """A source without rows, for objectives that use real data through experts only."""

    constant = True

    def __init__(self, like: Tensor) -> None:
        self._batch = Batch(like.new_zeros(0), torch.zeros(0, dtype=torch.int64, device=like.device))

    def __call__(self, step: int) -> Batch:
        """Return the empty batch."""
        return self._batch
