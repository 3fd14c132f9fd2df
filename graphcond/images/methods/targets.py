"""Labels as the targets of a regression, for the image methods that match kernels."""

import math
from dataclasses import dataclass, replace

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.observation import Source
from graphcond.core.targets import SingleLabel
from graphcond.images.methods.parameterizations import LabelsOf
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import FreeTargets, HardLabels, Labels

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
        return replace(batch, y=SingleLabel(self.num_classes).centred(batch.y).to(batch.x))


def free_targets(task: ImageTask, *, learned: bool = True) -> LabelsOf:
    """Return what makes the targets of images, free or fixed, from their classes."""

    def targets(x: Tensor, y: Tensor) -> Labels:
        values = task.targets.centred(y).to(x)
        return FreeTargets(values) if learned else HardLabels(values)

    return targets


def probabilities(targets: Tensor) -> Tensor:
    """Return what targets stand for as probabilities, ``(n, num_classes)``.

    They are the softmax of the targets, on the scale on which the target of a class, 1 above the others, is nearly
    sure. Targets that are taken for probabilities as they are leave networks in doubt of everything.
    """
    scale = math.log(SURENESS / (1 - SURENESS) * (targets.size(1) - 1))
    return (scale * targets).softmax(dim=1)
