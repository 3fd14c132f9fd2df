"""Real images, chosen: at random, by herding, by k-center, and at random with a teacher's labels; and class means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.training import Training
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.selection import farthest_first, herd
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.task import ImageTask
from graphcond.images.teacher import ImageTeacher, Teaching
from graphcond.surrogates.convnet import Architecture, ConvNet

Order = Callable[[Tensor, int], Tensor]


def class_images(task: ImageTask, label: int) -> Tensor:
    """Return the numbers of the training images of a class."""
    return (task.train.y == label).nonzero().flatten()


def require_images(task: ImageTask, allocation: Tensor) -> None:
    """Raise if a class has fewer training images than are asked for."""
    missing = (allocation.to(task.class_counts.device) > task.class_counts).nonzero().flatten().tolist()
    if missing:
        label = missing[0]
        raise ValueError(
            f"class {label} has {int(task.class_counts[label])} training images, but {int(allocation[label])} were "
            "asked for; ask for fewer images"
        )


def drawn_images(task: ImageTask, allocation: Tensor) -> Tensor:
    """Return the numbers of training images drawn from each class, without repetition."""
    require_images(task, allocation)
    rows = [class_images(task, label) for label in range(task.num_classes)]
    picks = [torch.randperm(len(r))[:count] for r, count in zip(rows, allocation.tolist(), strict=True)]
    return torch.cat([r[pick.to(r.device)] for r, pick in zip(rows, picks, strict=True)])


def picked_images(task: ImageTask, allocation: Tensor, order: Order) -> Tensor:
    """Return the numbers of training images, picked class by class by ``order`` from their normalised pixels.

    Args:
        task: The task.
        allocation: How many of each class.
        order: Given the images of a class, flat, and a count, the rows that are picked.
    """
    require_images(task, allocation)
    picked = []
    for label, count in enumerate(allocation.tolist()):
        rows = class_images(task, label)
        picked.append(rows[order(task.scale.normalized(task.train.x[rows]).flatten(1), count)])
    return torch.cat(picked)


def real_images(task: ImageTask, rows: Tensor) -> SyntheticImages:
    """Return some of the training images as they are."""
    batch = task.batch(task.train.take(rows))
    return SyntheticImages(batch.x, batch.y, members=Members.from_groups(list(rows.cpu().reshape(-1, 1))))


@dataclass(frozen=True, kw_only=True)
class RandomImages(ImageMethod):
    """Training images drawn at random from each class."""

    name: ClassVar[str] = "random"

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        return real_images(task, drawn_images(task, allocation))


@dataclass(frozen=True, kw_only=True)
class HerdingImages(ImageMethod):
    """Training images whose mean follows the class mean of normalised pixels (Welling, ICML 2009).

    Note:
        The field's baseline measures distances in the embedding of a network trained on the whole dataset. Pixels need
        no training and keep the control cheap and deterministic.
    """

    name: ClassVar[str] = "herding"

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        return real_images(task, picked_images(task, allocation, herd))


@dataclass(frozen=True, kw_only=True)
class KCenterImages(ImageMethod):
    """Training images that cover each class in normalised pixels (Sener and Savarese, ICLR 2018).

    Note:
        As in :class:`HerdingImages`, distances are taken between pixels, not in a trained network.
    """

    name: ClassVar[str] = "k_center"

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        return real_images(task, picked_images(task, allocation, farthest_first))


@dataclass(frozen=True, kw_only=True)
class ClassMeanImages(ImageMethod):
    """One image per class: the mean of its training images.

    It always makes one image per class and leaves the rest of the budget unspent.
    """

    name: ClassVar[str] = "class_mean"

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        rows = [class_images(task, label) for label in range(task.num_classes)]
        x = torch.stack([task.scale.normalized(task.train.x[r]).mean(dim=0) for r in rows])
        y = torch.arange(task.num_classes, device=x.device)
        return SyntheticImages(x, y, members=Members.from_groups([r.cpu() for r in rows]))


@dataclass(frozen=True, kw_only=True)
class RandomSoftImages(ImageMethod):
    """Random training images with the class probabilities of a network trained for a few steps on all of them.

    Good labels alone are worth much (Qin et al., NeurIPS 2024): what has soft labels has to beat this. The teacher
    takes a minute of one core for the 60,000 images of MNIST. It says what an image resembles rather than what it is
    sure of: its probabilities are softened (Hinton et al., 2015).

    Args:
        architecture: The teacher's.
        training: How it is trained.
        batch_size: Training images of a step.
        epochs: Passes over the training images.
        min_steps: The smallest number of steps, however few images there are.
        temperature_factor: How many times higher the temperature is than the one at which the teacher is calibrated on
            the validation images, or than 1 where there are none.
    """

    name: ClassVar[str] = "random_soft"
    quick_settings: ClassVar[Mapping[str, Any]] = {"architecture": ConvNet(width=4, depth=1), "min_steps": 3}
    architecture: Architecture = ConvNet(width=32)
    training: Training = Training(learning_rate=3e-3)
    batch_size: int = 128
    epochs: int = 2
    min_steps: int = 300
    temperature_factor: float = 4.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        require_images(task, allocation)
        return self.taught(task, allocation, self.teacher(task))

    def teacher(self, task: ImageTask) -> ImageTeacher:
        """Return the teacher of a task."""
        teaching = Teaching(
            architecture=self.architecture,
            training=self.training,
            batch_size=self.batch_size,
            epochs=self.epochs,
            min_steps=self.min_steps,
        )
        return teaching.teacher(task).at(self.temperature_factor)

    def taught(self, task: ImageTask, allocation: Tensor, teacher: ImageTeacher) -> SyntheticImages:
        """Return random training images with a teacher's labels."""
        rows = drawn_images(task, allocation)
        y_soft = teacher.logits(task.train.take(rows)).softmax(dim=1)
        return replace(real_images(task, rows), y_soft=y_soft, choices={"temperature": teacher.temperature})
