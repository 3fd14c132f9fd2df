"""What the image methods that match kernels have in common: targets, and looks by the regression itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import Kernel, KernelRidge
from graphcond.core.matching.objectives.losses import centred_one_hot
from graphcond.core.matching.observation import Source
from graphcond.core.matching.surrogate import Weights
from graphcond.images.methods.matching import ROWS_AT_ONCE, Delivered, validation_batch
from graphcond.images.methods.parameterizations import LabelsOf
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import FreeTargets, HardLabels, Labelled, Labels

SURENESS = 0.99  # of a fixed target, as a probability


@dataclass(frozen=True)
class CentredTargets:
    """A source whose labels are targets that add up to 0.

    Args:
        images: The source.
        num_classes: Number of classes.
    """

    images: Source
    num_classes: int

    @property
    def constant(self) -> bool:
        """See :class:`graphcond.core.matching.observation.Source`."""
        return self.images.constant

    def __call__(self, step: int) -> Batch:
        """See :class:`graphcond.core.matching.observation.Source`."""
        batch = self.images(step)
        return replace(batch, y=centred_one_hot(batch.y, self.num_classes).to(batch.x))


def free_targets(task: ImageTask, *, learned: bool) -> LabelsOf:
    """Return what makes the targets of images, free or fixed, from their classes."""

    def targets(x: Tensor, y: Tensor) -> Labels:
        values = centred_one_hot(y, task.num_classes).to(x)
        return FreeTargets(values) if learned else HardLabels(values)

    return targets


def probabilities(targets: Tensor) -> Tensor:
    """Return what targets stand for as probabilities, ``(n, num_classes)``.

    They are the softmax of the targets, on the scale on which the target of a class, 1 above the others, is nearly
    sure. Targets that are taken for probabilities as they are leave networks in doubt of everything.
    """
    scale = math.log(SURENESS / (1 - SURENESS) * (targets.size(1) - 1))
    return (scale * targets).softmax(dim=1)


def deliver_targets(labels: Tensor) -> Delivered:
    """Return targets for a regression, and the probabilities that they stand for."""
    return Delivered(probabilities(labels), labels)


def kernel_judge(
    task: ImageTask, synthetic: Labelled, objective: KernelRidge, kernel: Kernel, weights: Callable[[], Weights] = tuple
) -> Callable[[], float] | None:
    """Return what scores synthetic images: the accuracy of the regression on them, looking at validation images."""
    seen = validation_batch(task)
    if seen is None:
        return None

    @torch.no_grad()
    def look() -> float:
        made, mine, hits = Batch(*synthetic.decoded()), weights(), 0
        for shard in seen.shards(ROWS_AT_ONCE):
            hits += int((objective.predict(kernel, mine, shard, made).argmax(dim=1) == shard.y).sum())
        return hits / len(seen)

    return look
