"""What the node methods that match trajectories have in common: experts, nodes without edges, a result."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import ExpertPlan, Experts, expert_folder, train_experts
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.replay import NoRealRows, Replay, Window
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.matching.training import TrainingBatches
from graphcond.core.matching.unrolled import Unroll, Unrolling
from graphcond.core.ranges import root_mean_square
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.methods.matching import initial_nodes, validation
from graphcond.nodes.source import surrogate_batch
from graphcond.nodes.surrogate_models import GCNSurrogate
from graphcond.nodes.task import NodeTask
from graphcond.surrogates.row_space import RowSpaceUnroll
from graphcond.synthetic.learned_rows import Labels, LearnedRows


class TrajectoryMethod(NodeMethod):
    """A method that learns nodes without edges so that training on them follows experts.

    Features are multiplied by one number, so that the rows that a network sees of the real graph have length 1 on
    average: rates of plain descent mean the same for all datasets then. The result has the scale of the original.
    """

    resumable: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "experts": {"number": 2, "checkpoints": 4, "interval": 2}, "window": {"max_start": 2},
        "curriculum": {"steps": 6}, "expert_span": 2, "unroll_steps": 3, "steps": 3,
    }  # fmt: skip
    may_be_zero: ClassVar[tuple[str, ...]] = ("unroll_momentum", "step_size_rate")
    surrogate: GCNSurrogate
    experts: ExpertPlan
    window: Window
    expert_span: int
    unroll_steps: int
    unroll_momentum: float
    step_size: float
    steps: int
    features_rate: float
    step_size_rate: float

    def __post_init__(self) -> None:
        """Check the fields that the methods share."""
        for name, kind in (("surrogate", GCNSurrogate), ("experts", ExpertPlan), ("window", Window)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be {kind.__name__}(...), got {getattr(self, name)!r}")
        require_positive(self, but=self.may_be_zero)
        self.window.require(self.expert_span, self.experts.checkpoints)  # before they are trained

    @abstractmethod
    def training_batches(self, task: NodeTask, real: Batch) -> Callable[[], TrainingBatches]:
        """Return what makes the batches that an expert is trained on.

        Args:
            task: The task.
            real: Its training nodes as the network sees them.
        """

    @abstractmethod
    def labels(self, surrogate: Surrogate, experts: Experts, start: Batch) -> Labels:
        """Return the labels of the synthetic nodes.

        Args:
            surrogate: The network.
            experts: The experts.
            start: The nodes that synthetic ones start from, as the network sees them.
        """

    def objective(self, replay: Replay, matching: TrajectoryMatching) -> Objective[Any, Any]:
        """Return what must agree: where both trainings end, and whatever a method adds to it."""
        return matching

    def rates(self) -> dict[str, float]:
        """Return the learning rates of the parts, that of the features relative to a row of length 1."""
        return {"features": self.features_rate, "step_size": self.step_size_rate}

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        folder = expert_folder(run)
        real, scale = scaled(surrogate_batch(task.train, self.surrogate))
        surrogate = self.surrogate.build(real.x.size(1), task.targets, real.x)
        try:
            experts = train_experts(
                surrogate,
                self.training_batches(task, real),
                self.experts,
                folder=folder,
                identity=run.identity,
                run=run,
            )
        except OutOfTime as stop:
            start = initial_nodes(task, allocation)
            return SyntheticNodes(x=start.x, y=start.y, choices=driver.Outcome(0, 0, stopped=str(stop)).choices())
        x, y, strata = initial_nodes(task, allocation)
        recipe = self.recipe(task, surrogate, experts, Batch(scale * x, y, strata=strata), scale)
        return _result(recipe.synthetic, y, scale, driver.run(recipe, run))

    def recipe(
        self, task: NodeTask, surrogate: Surrogate, experts: Experts, start: Batch, scale: float
    ) -> Recipe[LearnedRows]:
        """Return what the method consists of.

        Args:
            task: The task.
            surrogate: The network.
            experts: The experts.
            start: The nodes that synthetic ones start from, as the network sees them.
            scale: What the features of the original are multiplied by, so that the network sees these.
        """
        nodes = LearnedRows(start.x, self.labels(surrogate, experts, start), step_size=self.step_size).to(
            start.x.device
        )
        replay = Replay(experts, self.window, self.expert_span)
        rates = self.rates()
        return Recipe(
            synthetic=nodes,
            surrogate=surrogate,
            sampler=replay,
            objective=self.objective(replay, TrajectoryMatching(goal=replay.goal, unroll=self.unroll(start))),
            source=NoRealRows(start.x),
            schedule=Schedule(rates=rates | {"features": rates["features"] / start.x.size(1) ** 0.5}),
            steps=self.steps,
            validation=validation(task, start.y, lambda: (nodes.x.detach() / scale, None)),
        )

    def unroll(self, start: Batch) -> Unrolling:
        """Return the training on synthetic rows: the same one, in whichever way takes fewer products."""
        kind = RowSpaceUnroll if len(start) < start.x.size(1) else Unroll
        return kind(steps=self.unroll_steps, step_size=self.step_size, momentum=self.unroll_momentum)


def scaled(batch: Batch) -> tuple[Batch, float]:
    """Return a batch whose rows have length 1 (their root mean square), and the number that they were multiplied by."""
    length = float(batch.x.square().sum(dim=1).mean().sqrt())
    if not 0 < length < math.inf:  # squares of the features are too small or too large a number
        length = float(root_mean_square(batch.x)) * batch.x.size(1) ** 0.5 if batch.x.any() else 1.0
    scale = 1 / length
    return replace(batch, x=scale * batch.x), scale


def _result(nodes: LearnedRows, y: Tensor, scale: float, outcome: driver.Outcome) -> SyntheticNodes:
    x, labels = nodes.decoded()
    size = nodes.step_size()
    choices = outcome.choices() | {
        "scale": scale,
        "learning_rate": None if size is None else float(size.detach()),
    }
    return SyntheticNodes(x=x / scale, y=y, y_soft=labels if labels.dim() > y.dim() else None, choices=choices)
