"""Labels that are learned: as probabilities, or as the targets of a regression where kernels are matched."""

import math
from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.observation import Source
from graphcond.core.targets import SingleLabel
from graphcond.images.methods.parameterizations import LabelsOf
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import FreeTargets, HardLabels, Labels, SoftLabels

SURENESS = 0.99  # of a fixed target, as a probability
OWN_LOGIT = 5.0  # of the own class, where learned labels start at the classes; all others have 0
MOST_LOGIT = 20.0


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


def soft_labels(logits: Tensor) -> Labels:
    """Return labels that are learned from some logits, ``(n, num_classes)``, none of which is extreme."""
    return SoftLabels(logits.clamp(-MOST_LOGIT, MOST_LOGIT))


def soft_classes(task: ImageTask) -> LabelsOf:
    """Return what makes the learned labels of images, given their classes: nearly sure of these at first."""
    return lambda x, y: soft_labels(OWN_LOGIT * F.one_hot(y, task.num_classes).to(x))
