"""Experts: networks trained on real data, whose trajectories are kept for trajectory matching."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.expert_files import ExpertFile, Trajectory, check_space, named_weights, weights_of
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training, TrainingBatches
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.core.runtime.checkpoint import CheckpointFile
from graphcond.core.runtime.contents import INT64, require
from graphcond.core.runtime.processes import Processes
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import MAX_SEED, random_state, restore_random_state, seeded
from graphcond.core.runtime.state import part


@dataclass(frozen=True, kw_only=True)
class ExpertPlan:
    """How many experts are trained, for how long, and which of their weights are kept.

    Args:
        number: Experts.
        checkpoints: Weights that are kept of each, beside its first ones.
        interval: Steps of training from one to the next.
        training: How experts are trained.
        max_bytes: The most that all of them may take, in memory and on disk. Weights are kept in half precision.
    """

    number: int = 10
    checkpoints: int = 20
    interval: int = 10
    training: Training = Training(momentum=0.0)
    max_bytes: int = 1_000_000_000

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def bytes(self, weights: Weights) -> int:
        """Return what the experts take, given the weights of one network."""
        return 2 * self.number * (self.checkpoints + 1) * sum(weight.numel() for weight in weights)


@dataclass(frozen=True, eq=False)
class Experts:
    """Trained experts.

    Args:
        trajectories: Of each expert, the weights at each checkpoint, in half precision.
        like: Weights are given on its device, with its type.
    """

    trajectories: tuple[Trajectory, ...]
    like: Tensor

    def weights(self, expert: int, checkpoint: int) -> Weights:
        """Return an expert's weights at a checkpoint."""
        return tuple(weight.to(self.like) for weight in self.trajectories[expert][checkpoint])

    @property
    def checkpoints(self) -> int:
        """Checkpoints of each expert, beside its first weights."""
        return len(self.trajectories[0]) - 1


def train_experts(
    surrogate: Surrogate,
    training_batches: Callable[[], TrainingBatches],
    plan: ExpertPlan,
    *,
    folder: Path | None = None,
    identity: Mapping[str, str] | None = None,
    run: RunContext = RunContext(),
) -> Experts:
    """Train experts, or read those that a folder holds already.

    Each expert is a file of its own, written when its training has ended, so that an interrupted training goes on with
    the experts that are missing and ends on the same bits. Where the time is over, the expert that is being trained is
    written as far as it got.

    Args:
        surrogate: The network.
        training_batches: Makes the real batches that one expert is trained on, by step; no batch may depend on those
            before it.
        plan: How many and how long.
        folder: Where they are kept; ``None``: in memory only.
        identity: What they are recognised by, beside the plan.
        run: Progress callback, and how long all experts may take.

    Raises:
        ValueError: they would take more than ``plan.max_bytes``, their training diverges, or the folder holds experts
            of another run.
        OutOfTime: the time is over, and not all of them are trained.
    """
    seed = int(torch.randint(MAX_SEED, ()))
    with seeded(seed):
        first = surrogate.init()
    if (needed := plan.bytes(first)) > plan.max_bytes:
        raise ValueError(
            f"{plan.number} experts with {plan.checkpoints} checkpoints take {needed:,} bytes, more than "
            f"max_bytes={plan.max_bytes:,}; ask for fewer experts or checkpoints, a smaller network, or raise max_bytes"
        )
    check_space(folder, plan.number, needed // plan.number)
    known = dict(identity or {}) | {"plan": repr(plan), "seed": str(seed)}
    trajectories = []
    for i in range(plan.number):
        file = ExpertFile(folder, i, known)
        trajectory = file.finished(plan.checkpoints, first)
        if trajectory is None:
            with seeded((seed + i) % MAX_SEED):  # each by itself: which ones were read does not matter to the others
                training = _ExpertTraining(surrogate, training_batches(), plan)
                trajectory = _trained(training, file, run, f"expert {i + 1} of {plan.number}")
        trajectories.append(trajectory)
        run.progress(Progress(i + 1, plan.number, "experts"))
    return Experts(tuple(trajectories), first[0])


def _trained(training: "_ExpertTraining", file: ExpertFile, run: RunContext, which: str) -> Trajectory:
    """Train an expert to the end, from where its file left it, and write it; raise if the time is over before."""
    file.resume(training.restore)
    while training.goes_on():
        if run.out_of_time():
            file.write_unfinished(training.state())
            raise OutOfTime(run.time_over(f"in the training of {which}"))
    trajectory = training.checked_trajectory()
    file.write(trajectory)
    return trajectory


def expert_folder(run: RunContext) -> Path | None:
    """Return where a run keeps its experts: beside its checkpoint, or in memory only.

    Raises:
        ValueError: the checkpoint is of another run: to be reported before experts are trained.
    """
    if run.checkpoint is None:
        return None
    file = partial(CheckpointFile, run.checkpoint, run.identity)
    Processes.current().first(lambda: file().read() is not None)
    return Path(f"{run.checkpoint.path}.experts")


class _ExpertTraining:
    """The training of one expert, which can be left and taken up."""

    def __init__(self, surrogate: Surrogate, training_batches: TrainingBatches, plan: ExpertPlan) -> None:
        self._surrogate, self._training_batches, self._plan = surrogate, training_batches, plan
        self._student = Student(surrogate.init(), plan.training)
        self._trajectory = [_half(self._student.weights)]
        self._step = 0

    def goes_on(self) -> bool:
        """Take a step, and return whether any is left."""
        self._student.train(self._surrogate, self._training_batches(self._step), 1)
        self._step += 1
        if self._step % self._plan.interval == 0:
            self._trajectory.append(_half(self._student.weights))
        return self._step < self._plan.checkpoints * self._plan.interval

    def checked_trajectory(self) -> Trajectory:
        """Return the weights at each checkpoint.

        Raises:
            ValueError: they are not finite.
        """
        if not all(bool(torch.isfinite(weight).all()) for weight in self._trajectory[-1]):
            raise ValueError(
                f"the training of an expert diverged (learning_rate={self._plan.training.learning_rate}): its weights "
                "are not finite in half precision; lower the learning rate of its training"
            )
        return tuple(self._trajectory)

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, and the weights that are kept."""
        groups = {
            "trajectory": named_weights(self._trajectory),
            "student": self._student.state(),
            "random": random_state(self._device),
            "step": {"done": torch.tensor(self._step)},
        }
        return {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put back what :meth:`state` returned.

        Raises:
            ValueError: it cannot be the state of this training.
        """
        device, plan = self._device, self._plan
        step = int(require("step.done", state["step.done"], INT64, (), 1, plan.checkpoints * plan.interval))
        student = {name: value.to(device) for name, value in part(state, "student").items()}
        self._student = Student.restored(student, plan.training, self._surrogate)
        self._trajectory = list(weights_of(part(state, "trajectory"), step // plan.interval, self._student.weights))
        self._step = step
        restore_random_state(part(state, "random"), device)

    @property
    def _device(self) -> torch.device:
        return self._student.weights[0].device


def _half(weights: Weights) -> Weights:
    return tuple(weight.half().cpu() for weight in weights)
