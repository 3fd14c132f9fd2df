"""MTT, TESLA, FTD and DATM: images by trajectory matching."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.experts import ExpertPlan, Experts, expert_folder, train_experts
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.replay import NoRealRows, Replay, Window
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.methods.base import SyntheticImages
from graphcond.images.methods.matching import (
    ImageMatchingMethod,
    augmentation,
    hard_labels,
    rate_of_images,
    rates_of,
    surrogate_for,
)
from graphcond.images.methods.parameterizations import LabelsOf
from graphcond.images.methods.targets import soft_classes, soft_labels
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.surrogates.network import Network
from graphcond.synthetic.learned_rows import Labelled, Labels

SOFT_LABELS = ("none", "classes", "expert")


@dataclass(frozen=True, kw_only=True)
class MTT(ImageMatchingMethod):
    r"""Trajectory matching (MTT: Cazenavette et al., CVPR 2022) and what grew from it.

    .. math:: \min_{\mathcal S, \beta} \mathbb E_{t, \theta^*} \frac{\|\hat\theta_{t+N}(\mathcal S, \beta) -
              \theta^*_{t+M}\|^2}{\|\theta^*_t - \theta^*_{t+M}\|^2}

    Training on synthetic images from an expert's weights shall lead to where :math:`M` checkpoints of training on real
    images led. The gradient is exact and takes the memory of one step (:mod:`graphcond.core.matching.unrolled`).

    - ``"tesla"``: ``exact=False`` and soft labels (Cui et al., ICML 2023).
    - ``"ftd"``: experts on flat ground, ``experts=ExpertPlan(training=Training(sharpness=0.01))`` (Du et al., CVPR
      2023).
    - ``"datm"``: a window that widens from early to late checkpoints, and soft labels of an expert on images that it
      gets right (Guo et al., ICLR 2024).

    Args:
        architecture: The network.
        operations: How images are changed where networks are trained on them, real or synthetic.
        experts: How many experts are trained, how long, and what is kept of them.
        expert_batch_size: Real images of a step of theirs.
        folder: Where experts are kept for further runs; ``None``: with the checkpoint, or in memory only.
        window: From which checkpoints trajectories start.
        expert_span: Checkpoints from the start of a trajectory to its goal, :math:`M`.
        unroll_steps: Steps of training on the synthetic images, :math:`N`.
        unroll_batch_size: Synthetic images of such a step; ``None``: all.
        exact: Whether gradients are exact, or lack how a step changes later ones.
        soft_labels: ``"none"``, ``"classes"``: learned, from the classes, or ``"expert"``: learned, from what the first
            expert says in the end.
        step_size: Where the learned step size :math:`\beta` starts.
        images_rate: Learning rate (Adam) of the images; ``None``: 0.3 over the root of their number per class.
        labels_rate: Learning rate (Adam) of the labels' logits.
        step_size_rate: Learning rate (Adam) of the step size's logarithm.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        - The published settings ask for a hundred experts of fifty epochs at width 128; these are five of a few hundred
          steps, for a CPU, and Adam with rates of its own in place of descent with a rate of 1000.
        - TESLA's published gradient lacks the terms across steps, of which its paper says that they are kept.
        - FTD's moving average of the images, and DATM's rule to move labels only when the loss is small, are left out.
        - DATM starts from images that experts classify rightly; here images are random and the labels tell.
        - Which step is kept is chosen on validation images; the published codes choose on test images.
        - Where ``max_seconds`` is over before all experts are trained, the images are those they start from.
    """

    name: ClassVar[str] = "mtt"
    architecture: Architecture = ConvNet(width=32)
    operations: tuple[Operation, ...] = ()
    experts: ExpertPlan = ExpertPlan(number=5, checkpoints=20, interval=10, training=Training(momentum=0.0))
    expert_batch_size: int = 128
    folder: str | None = None
    window: Window = Window(max_start=10)
    expert_span: int = 4
    unroll_steps: int = 20
    unroll_batch_size: int | None = None
    exact: bool = True
    soft_labels: str = "none"
    step_size: float = 0.02
    steps: int = 300
    images_rate: float | None = None
    labels_rate: float = 0.03
    step_size_rate: float = 0.01

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.soft_labels not in SOFT_LABELS:
            raise ValueError(f"soft_labels must be one of {', '.join(SOFT_LABELS)}, got {self.soft_labels!r}")
        super().__post_init__()

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        try:
            return super().condense(task, allocation, run)
        except OutOfTime as stop:
            images = self.images(task, allocation, step_size=self.step_size)
            return self.result(task, images, allocation, Outcome(0, 0, stopped=str(stop)))

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        surrogate = surrogate_for(task, self.architecture)
        replay = Replay(self._train(surrogate, task, run), self.window, self.expert_span)
        labels: dict[str, LabelsOf] = {
            "none": hard_labels,
            "classes": soft_classes(task),
            "expert": partial(expert_labels, surrogate, replay.experts),
        }
        images = self.images(task, allocation, labels[self.soft_labels], self.step_size)
        changes = augmentation(self.operations, task)
        unroll = Unroll(steps=self.unroll_steps, rows=self.unroll_batch_size, augment=changes, exact=self.exact)
        rate = rate_of_images(self.images_rate, allocation)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=replay,
            objective=TrajectoryMatching(goal=replay.goal, unroll=unroll),
            source=NoRealRows(task.scale.mean),
            schedule=Schedule(rates=rates_of(images, rate, labels=self.labels_rate, step_size=self.step_size_rate)),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            rows_at_once=ROWS_AT_ONCE,
        )

    def _train(self, surrogate: Network, task: ImageTask, run: RunContext) -> Experts:
        beside, known = expert_folder(run), run.identity
        if self.folder is not None:  # for other runs as well
            beside, known = Path(self.folder), {"architecture": repr(self.architecture), "source": task.fingerprint()}
        return train_experts(
            surrogate,
            lambda: RandomBatches(task, self.expert_batch_size),
            self.experts,
            folder=beside,
            identity=known,
            run=run,
        )


@torch.no_grad()
def expert_labels(surrogate: Network, experts: Experts, x: Tensor, y: Tensor) -> Labels:
    """Return labels that are learned from what the first expert says in the end."""
    return soft_labels(surrogate.layers(experts.weights(0, experts.checkpoints), Batch(x, y))[-1])
