"""The contract of an image method: a validated task and an allocation in, synthetic images out."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from graphcond.images.crops import Crops
from graphcond.images.task import ImageTask


@dataclass(frozen=True)
class SyntheticImages:
    """What a method gives back.

    Args:
        x: ``(n, channels, height, width)`` float32, normalised as networks see them.
        y: ``(n,)`` int64; with soft labels, the class that an image was made for.
        y_soft: ``(n, num_classes)`` float32, rows that sum to 1, if labels were learned or come from a teacher.
        target: ``(n, num_classes)`` float32, what a regression on them is fitted to, if a method learns that (KIP).
        vectors: ``(n, columns)`` float32, what networks learn of the images in place of labels (KRR-ST).
        learning_rate: The learned step size of training on them, if the method learns one.
        formation: Each stored image stands for ``formation**2`` images, its tiles enlarged (IDC); 1: for itself.
        crops: Crops of the images, or of their tiles, with soft labels of their own.
        learned_bytes: Bytes of what was learned, where the images are decoded from it; ``None``: the images themselves.
        generator_bytes: Bytes of a generator that decodes them and is not learned with them; ``None``: there is none.
        members: Which training images stand behind each.
        choices: What was chosen on validation data, with scores, for the record.
    """

    x: Tensor
    y: Tensor
    y_soft: Tensor | None = None
    target: Tensor | None = None
    vectors: Tensor | None = None
    learning_rate: float | None = None
    formation: int = 1
    crops: Crops | None = None
    learned_bytes: int | None = None
    generator_bytes: int | None = None
    members: Members | None = None
    choices: dict[str, Any] = field(default_factory=dict)


class ImageMethod(Method):
    """A way to condense an image-classification dataset."""

    @abstractmethod
    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """Return synthetic images for ``task``.

        Args:
            task: The task; only ``train`` and (for choosing) ``val`` may be read.
            allocation: How many images of each class are asked for, ``(num_classes,)`` int64, each at least one.
            run: Progress callback, time limit, checkpoint.
        """
