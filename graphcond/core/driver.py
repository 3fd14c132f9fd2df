"""The one loop behind every method that learns its synthetic data step by step."""

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from graphcond.core.augment import Augment
from graphcond.core.batch import Batch
from graphcond.core.checkpoint import REMEDY, CheckpointFile, check_state
from graphcond.core.contents import explained
from graphcond.core.objectives.base import Objective
from graphcond.core.objectives.rows import RealRows
from graphcond.core.observation import Observation, Source
from graphcond.core.optimizers import optimizer_of, optimizer_state, restore_optimizer, set_learning_rate
from graphcond.core.processes import Processes
from graphcond.core.progress import Progress
from graphcond.core.randomness import seeded
from graphcond.core.run import Run
from graphcond.core.samplers import Sampler
from graphcond.core.schedules import Schedule
from graphcond.core.state import part

REPORT_EVERY_SECONDS = 0.2
MATCHING = "matching"  # what progress reports of steps say
STANDARD_ERRORS = 2  # within which scores of shares that are right cannot be told apart


class Synthetic(nn.Module):
    """Synthetic data as learned parameters."""

    @abstractmethod
    def batch(self) -> Batch:
        """Return the data as a surrogate sees them, differentiable in the parameters."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters by the name of the part that a schedule moves."""

    def penalty(self) -> Tensor | None:
        """Return what is added to the objective for the data's own sake, a scalar; ``None``: nothing."""
        return None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a method consists of.

    Args:
        synthetic: What is learned.
        surrogate: How data are seen.
        sampler: Where the surrogate's weights come from.
        objective: What must agree.
        source: Real data.
        schedule: Which part moves when; parts that it does not name stand still.
        steps: How many steps.
        look: Judges the synthetic data on validation data, higher is better; ``None``: the last step is kept.
        augment: Real and synthetic data are changed alike, freshly at each step; ``None``: they are seen as they are.
        rows_at_once: Real data are observed in shards of at most so many rows, whose statistics are added; ``None``:
            all rows of a batch at once.
        looks: How often: at ``steps * (i / looks)**2`` for ``i`` = 1, 2, ..., so that the last step is looked at.
        look_rows: Where a look's score is the share of so many rows that are right: of looks within two standard errors
            of the best the latest is kept, since they cannot be told apart and the objective has fallen since.
            ``None``: the best, the earliest of equals.
    """

    synthetic: Synthetic
    surrogate: Any
    sampler: Sampler
    objective: Objective[Any, Any]
    source: Source
    schedule: Schedule
    steps: int
    look: Callable[[], float] | None = None
    looks: int = 20
    look_rows: int | None = None
    augment: Augment | None = None
    rows_at_once: int | None = None


@dataclass
class Outcome:
    """How a run went; the synthetic data of the recipe are those of ``kept_step``.

    Args:
        steps: Steps done.
        kept_step: The step whose data were kept.
        scores: The score of each look, by step.
        complete: Whether all steps were done.
    """

    steps: int
    kept_step: int
    scores: dict[int, float] = field(default_factory=dict)
    complete: bool = True


def run(recipe: Recipe, conditions: Run) -> Outcome:
    """Run a recipe, from its checkpoint if there is one; the recipe's synthetic data become the best that were seen.

    Everything random is drawn from torch's global state, which a checkpoint holds as well: a run that was interrupted,
    in whatever way, and started again ends on the same bits as one that was not.

    Several processes (:mod:`graphcond.core.processes`) take the same steps, each looking at a share of the real data.
    """
    return _Driver(recipe, conditions).run()


class _Driver:
    def __init__(self, recipe: Recipe, conditions: Run) -> None:
        self.recipe = recipe
        self.conditions = conditions
        self.processes = Processes.current()
        parts = recipe.synthetic.parts()
        self.schedule = recipe.schedule.only(parts)
        self.optimizers = {
            name: optimizer_of(parts[name], rate, self.schedule.momentum) for name, rate in self.schedule.rates.items()
        }
        self._batch: Batch | None = None
        self.step = 0
        self.scores: dict[int, float] = {}
        self.best: dict[str, Tensor] = {}
        self.kept_step = 0
        self.observe = Observation(
            recipe.objective, recipe.surrogate, recipe.source, recipe.rows_at_once, self.processes
        )
        self.file: CheckpointFile | None = None
        found = self.processes.first(self._open)
        if found is not None and conditions.checkpoint is not None:
            with explained(conditions.checkpoint.path, REMEDY):
                check_state(*found, recipe.synthetic.state_dict(), recipe.steps)
                self._restore(*found)

    def run(self) -> Outcome:
        """Do the steps that are left."""
        start = reported = time.monotonic()
        limit = self.conditions.max_seconds
        while self.step < self.recipe.steps:
            self._advance()
            now = time.monotonic()
            if now - reported >= REPORT_EVERY_SECONDS:
                reported = now
                self._report()
            stopping = (
                limit is not None and self.step < self.recipe.steps and self.processes.agree(now - start >= limit)
            )
            if self.file is not None and (stopping or self.step == self.recipe.steps or self.file.due()):
                self.file.write(*self._state())
            if stopping:
                self._look()  # after the checkpoint: a run that goes on must not know of it
                break
        self._report()
        if self.best:
            self.recipe.synthetic.load_state_dict(self.best)
        return Outcome(self.step, self.kept_step, self.scores, complete=self.step == self.recipe.steps)

    def _advance(self) -> None:
        recipe = self.recipe
        weights = recipe.sampler.draw(self.step)
        change = None if recipe.augment is None else recipe.augment.draw()
        target = self.observe(self.step, weights, recipe.sampler.key(), change)
        synthetic = self._synthetic_batch(self.step)
        seen = synthetic if change is None else change(synthetic)
        loss = recipe.objective.loss(recipe.surrogate, weights, target, seen)
        share = target.share if isinstance(target, RealRows) else None
        if share is not None:
            loss = share * loss
        if (penalty := recipe.synthetic.penalty()) is not None:
            loss = loss + (penalty if share is None else penalty / self.processes.count)
        loss.backward()  # type: ignore[no-untyped-call]
        if share is not None:
            self._add_gradients()
        for name, rate in self.schedule.at(self.step).items():
            set_learning_rate(self.optimizers[name], rate)
            self.optimizers[name].step()
        self._batch = None
        recipe.sampler.learn(self.step, lambda: self._synthetic_batch(self.step + 1).detached())
        self.step += 1
        if self._looks_until(self.step) > self._looks_until(self.step - 1):
            self._look()

    def _looks_until(self, step: int) -> int:
        """Return how many looks are due by a step: close together at first, when most changes."""
        return math.isqrt(self.recipe.looks**2 * step // self.recipe.steps)

    def _add_gradients(self) -> None:
        """Add up the gradients of all processes, each of which has that of its share of the loss."""
        learned = [parameter for group in self.recipe.synthetic.parts().values() for parameter in group]
        moving = [parameter for parameter in learned if parameter.grad is not None]
        gradients = self.processes.sum([parameter.grad for parameter in moving if parameter.grad is not None])
        for parameter, gradient in zip(moving, gradients, strict=True):
            parameter.grad = gradient

    def _synthetic_batch(self, step: int) -> Batch:
        """Return the synthetic data as they stand before a step; made once, for training on them and for the step."""
        if self._batch is None:
            moving = self.schedule.at(step)
            for name, parameters in self.recipe.synthetic.parts().items():
                for parameter in parameters:
                    parameter.requires_grad_(name in moving)  # what stands still costs no backward pass
                    parameter.grad = None
            self._batch = self.recipe.synthetic.batch()
        return self._batch

    def _look(self) -> None:
        if self.recipe.look is None:
            self.kept_step = self.step
            return
        with seeded(0):  # the same draws at every look, and none that the steps would notice
            score = self.processes.agree(self.recipe.look())
        if self._is_to_be_kept(score):
            self.kept_step = self.step
            self.best = {name: value.clone() for name, value in self.recipe.synthetic.state_dict().items()}
        self.scores[self.step] = score

    def _is_to_be_kept(self, score: float) -> bool:
        if not self.best:
            return True
        best, rows = max(self.scores.values()), self.recipe.look_rows
        if rows is None:
            return score > best
        return score >= best - STANDARD_ERRORS * math.sqrt(best * (1 - best) / rows)

    def _report(self) -> None:
        self.conditions.progress(Progress(self.step, self.recipe.steps, MATCHING))

    def _open(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Open the checkpoint, if there is to be one, and return its state; the first process does it for all."""
        if self.conditions.checkpoint is None:
            return None
        self.file = CheckpointFile(self.conditions.checkpoint, self.conditions.identity)
        self.file.require_room(self._state()[0])
        return self.file.read()

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        device = next(self.recipe.synthetic.parameters()).device
        tensors = {"random.cpu": torch.get_rng_state()}
        if device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(device)
        groups = {
            "synthetic": self.recipe.synthetic.state_dict(),
            "best": self.best,
            "sampler": self.recipe.sampler.state(),
        } | {f"optimizer.{name}": optimizer_state(optimizer) for name, optimizer in self.optimizers.items()}
        for group, values in groups.items():
            tensors |= {f"{group}.{name}": value for name, value in values.items()}
        return tensors, {"step": self.step, "kept_step": self.kept_step, "scores": list(self.scores.items())}

    def _restore(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        device = next(self.recipe.synthetic.parameters()).device
        torch.set_rng_state(tensors.pop("random.cpu"))
        if (state := tensors.pop("random.cuda", None)) is not None:
            torch.cuda.set_rng_state(state, device)
        tensors = {name: value.to(device) for name, value in tensors.items()}
        self.recipe.synthetic.load_state_dict(part(tensors, "synthetic"))
        self.best = part(tensors, "best")
        self.recipe.sampler.restore(part(tensors, "sampler"))
        for name, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, part(tensors, f"optimizer.{name}"))
        self.step, self.kept_step = notes["step"], notes["kept_step"]
        self.scores = {step: score for step, score in notes["scores"]}
