"""The one loop behind every method that learns its synthetic data step by step."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.matching.observation import Observation
from graphcond.core.matching.optimizers import optimizer_of, optimizer_state, restore_optimizer, set_learning_rate
from graphcond.core.matching.recipe import Recipe
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.checkpoint import REMEDY, CheckpointFile, check_state
from graphcond.core.runtime.contents import explained
from graphcond.core.runtime.processes import Processes
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import random_state, restore_random_state, seeded
from graphcond.core.runtime.state import part

REPORT_EVERY_SECONDS = 0.2
MATCHING = "matching"  # what progress reports of steps say


@dataclass
class Outcome:
    """How a run went; the synthetic data of the recipe are those of ``kept_step``.

    Args:
        steps: Steps done.
        kept_step: The step whose data were kept.
        scores: The score of each validation, by step.
        stopped: Where and why it stopped, if steps were left undone: the words after "stopped".
    """

    steps: int
    kept_step: int
    scores: dict[int, float] = field(default_factory=dict)
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether all steps were done."""
        return not self.stopped

    def choices(self) -> dict[str, Any]:
        """Return how the run went, for the record."""
        went = {
            "kept_step": self.kept_step,
            "steps": self.steps,
            "complete": self.complete,
            "scores": [list(score) for score in self.scores.items()],
        }
        return went if self.complete else went | {"stopped": self.stopped}


def run(recipe: Recipe[Any], conditions: RunContext) -> Outcome:
    """Run a recipe, from its checkpoint if there is one; the recipe's synthetic data become the best that were seen.

    Everything random is drawn from torch's global state, which a checkpoint holds as well: a run that was interrupted,
    in whatever way, and started again ends on the same bits as one that was not.

    Several processes (:mod:`graphcond.core.runtime.processes`) take the same steps, each observing a share of the
    real data.
    """
    return _Driver(recipe, conditions).run()


class _Driver:
    def __init__(self, recipe: Recipe[Any], conditions: RunContext) -> None:
        self.recipe = recipe
        self.conditions = conditions
        self.processes = Processes.current()
        parts = recipe.synthetic.parts()
        self.schedule = recipe.schedule.only(parts)
        kind = self.schedule.momentum, self.schedule.betas
        self.optimizers = {name: optimizer_of(parts[name], rate, *kind) for name, rate in self.schedule.rates.items()}
        self._batch: Batch | None = None
        self.step = 0
        self.scores: dict[int, float] = {}
        self.best: dict[str, Tensor] = {}
        self.kept_step = 0
        self._validation_seconds = 0.0  # what the last validation took, to be left when a run stops
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
        total, reported, stopped = self.recipe.steps, self.conditions.seconds(), ""
        while self.step < total and not stopped:
            stopped = self._advance()
            if stopped:  # the checkpoint stays as it is: the same step would end alike
                break
            if self.conditions.seconds() - reported >= REPORT_EVERY_SECONDS:
                reported = self.conditions.seconds()
                self._report()
            if self.step < total and self.conditions.out_of_time(self._reserve()):
                stopped = self.conditions.time_over(f"at step {self.step:,} of {total:,}")
            validation = self.recipe.validation
            due = self.step == total if validation is None else validation.due(self.step, total)
            if due:
                self._validate()
            if self.file is not None and (stopped or self.step == total or self.file.due()):
                self.file.write(*self._state())
            if stopped and not due:
                self._validate_at_the_end()  # after the checkpoint: a run that goes on must not know of it
        self._report()
        if self.best:
            self.recipe.synthetic.load_state_dict(self.best)
        return Outcome(self.step, self.kept_step, self.scores, stopped)

    def _advance(self) -> str:
        """Take a step; where its loss or gradient is not finite, take none and return why the run stops."""
        recipe = self.recipe
        weights = recipe.sampler.draw(self.step)
        change = None if recipe.augment is None else recipe.augment.draw()
        target = self.observe(self.step, weights, recipe.sampler.key(), change)
        synthetic = self._synthetic_batch(self.step)
        seen = synthetic if change is None else change(synthetic)
        if recipe.distort is not None:
            seen = recipe.distort(self.step)(seen)
        try:
            loss = recipe.objective.loss(recipe.surrogate, weights, target, seen)
        except ArithmeticError as error:
            return self._diverged(str(error).split(";")[0])
        share = target.share if isinstance(target, RealRows) else None
        if share is not None:
            loss = share * loss
        if (penalty := recipe.synthetic.penalty()) is not None:
            loss = loss + (penalty if share is None else penalty / self.processes.count)
        loss.backward()  # type: ignore[no-untyped-call]
        if share is not None:
            self._add_gradients()
        if not self.processes.agree(self._finite(loss)):
            return self._diverged()
        for name, rate in self.schedule.at(self.step).items():
            set_learning_rate(self.optimizers[name], rate)
            self.optimizers[name].step()
        self._batch = None
        recipe.sampler.learn(self.step, lambda: self._synthetic_batch(self.step + 1).detached())
        if recipe.synthetic.redraws:  # a run that goes on from a checkpoint has no batch left of this step
            self._batch = None
        self.step += 1
        return ""

    def _finite(self, loss: Tensor) -> bool:
        """Return whether a step's loss and gradients are finite numbers: what moves by them stays finite then."""
        found = [loss.detach().sum()]
        found += [parameter.grad.sum() for parameter in self._learned() if parameter.grad is not None]
        return bool(torch.isfinite(torch.stack([value.double() for value in found])).all())

    def _diverged(self, why: str = "its loss or gradient is not finite") -> str:
        """Return the words for a step that cannot be taken.

        Raises:
            ValueError: it is the first one, or what was learned is not finite either.
        """
        rates = {name: rate for name, rate in self.conditions.rates.items() if rate is not None}
        names = " or ".join(f"{name} (now {rate:g})" for name, rate in rates.items()) or "the learning rates"
        where = f"at step {self.step + 1:,} of {self.recipe.steps:,}"
        if not self.step:
            raise ValueError(
                f"the run diverged {where}: {why}; scale the data, for example to a mean square of 1, or lower {names}"
            )
        finite = all(bool(torch.isfinite(value).all()) for value in self._learned())
        if not finite and not self.best:
            raise ValueError(f"the run diverged {where}: what it learned is not finite; lower {names}")
        if not self.best:
            self.kept_step = self.step
        return f"{where}: {why}; lower {names}"

    def _learned(self) -> list[nn.Parameter]:
        return [parameter for group in self.recipe.synthetic.parts().values() for parameter in group]

    def _add_gradients(self) -> None:
        """Add up the gradients of all processes, each of which has that of its share of the loss."""
        moving = [parameter for parameter in self._learned() if parameter.grad is not None]
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

    def _reserve(self) -> float:
        """Return the seconds that a run leaves when it stops: for a last validation, and what the method does after."""
        validation = self.recipe.validation
        return 0.0 if validation is None else (1 + validation.times_after) * self._validation_seconds

    def _validate(self) -> None:
        """Score the synthetic data, and keep them if they are better; without validation the latest are kept."""
        validation = self.recipe.validation
        if validation is None:
            self.kept_step = self.step
            return
        began = self.conditions.seconds()
        try:
            with seeded(0):  # the same draws at every validation, and none that the steps would notice
                score = self.processes.agree(validation.score())
        except ArithmeticError:  # data that cannot be scored are not kept
            return
        if not self.best or validation.prefers(score, self.scores.values()):
            self.kept_step = self.step
            self.best = {name: value.clone() for name, value in self.recipe.synthetic.state_dict().items()}
        self.scores[self.step] = score
        self._validation_seconds = self.conditions.seconds() - began

    def _validate_at_the_end(self) -> None:
        """Score the data of a run that stops early, if there are others to compare them with."""
        if self.best:
            self._validate()
        else:
            self.kept_step = self.step

    def _report(self) -> None:
        self.conditions.progress(Progress(self.step, self.recipe.steps, MATCHING))

    def _open(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Open the checkpoint, if there is to be one, and return its state; the first process does it for all."""
        if self.conditions.checkpoint is None:
            return None
        self.file = CheckpointFile(self.conditions.checkpoint, self.conditions.identity)
        self.file.require_space(self._state()[0])
        return self.file.read()

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors: dict[str, Tensor] = {}
        groups = {
            "random": random_state(next(self.recipe.synthetic.parameters()).device),
            "synthetic": self.recipe.synthetic.state_dict(),
            "best": self.best,
            "sampler": self.recipe.sampler.state(),
        } | {f"optimizer.{name}": optimizer_state(optimizer) for name, optimizer in self.optimizers.items()}
        for group, values in groups.items():
            tensors |= {f"{group}.{name}": value for name, value in values.items()}
        return tensors, {"step": self.step, "kept_step": self.kept_step, "scores": list(self.scores.items())}

    def _restore(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        device = next(self.recipe.synthetic.parameters()).device
        restore_random_state(part(tensors, "random"), device)
        tensors = {name: value.to(device) for name, value in tensors.items()}
        self.recipe.synthetic.load_state_dict(part(tensors, "synthetic"))
        self.best = part(tensors, "best")
        self.recipe.sampler.restore(part(tensors, "sampler"))
        for name, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, part(tensors, f"optimizer.{name}"))
        self.step, self.kept_step = notes["step"], notes["kept_step"]
        self.scores = {step: score for step, score in notes["scores"]}
