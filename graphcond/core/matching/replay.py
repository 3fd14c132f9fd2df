"""Samplers for trajectory matching: weights along the trajectories of networks trained on real data."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import Experts
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training, TrainingBatches
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


@dataclass
class OnlineExpert:
    """One expert that is trained online: each step starts where the goal of the last one was.

    Nothing is stored but the weights of one network, and no expert is ever seen twice.

    Args:
        surrogate: The network.
        real: Real batches by step.
        length: Steps after which a fresh network sets out.
        expert_span: Steps of training on real data from the start of a trajectory to its goal.
        training: How.
    """

    surrogate: Surrogate
    real: TrainingBatches
    length: int
    expert_span: int
    training: Training
    _student: Student | None = field(default=None, init=False)

    def draw(self, step: int) -> Weights:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        if self._student is None or step % self.length == 0:
            self._student = Student(self.surrogate.init(), self.training)
        return tuple(weight.clone() for weight in self._student.weights)

    def goal(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Weights:
        """Return where the expert gets to from its weights; it stays there."""
        if self._student is None:
            raise RuntimeError("draw() comes before goal()")
        for i in range(self.expert_span):
            self._student.train(self.surrogate, self.real(i), 1)
        return tuple(weight.clone() for weight in self._student.weights)

    def key(self) -> int | None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""

    def state(self) -> dict[str, Tensor]:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return {} if self._student is None else self._student.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        self._student = Student.restored(state, self.training, self.surrogate) if state else None


class NoRealRows:
    """A source without rows, for objectives that use real data through experts only."""

    constant = True

    def __init__(self, like: Tensor) -> None:
        self._batch = Batch(like.new_zeros(0), torch.zeros(0, dtype=torch.int64, device=like.device))

    def __call__(self, step: int) -> Batch:
        """Return the empty batch."""
        return self._batch
