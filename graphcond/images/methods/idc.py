"""IDC: images that each stand for several, by gradient matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Trained
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.cut_mix import CutMix
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, hard_labels
from graphcond.images.methods.parameterizations import Form, Formations, Start
from graphcond.images.source import ImageSource, RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet


@dataclass(frozen=True, kw_only=True)
class IDC(ImageMatchingMethod):
    r"""Gradient matching on multi-formed images, with networks that real images train (IDC: Kim et al., ICML 2022).

    .. math:: \min_{\mathcal S} \sum_c \big\| \nabla_\theta \ell(\omega(\mathcal T_c)) -
              \nabla_\theta \ell(\omega(f(\mathcal S)_c)) \big\|^2

    with :math:`f` cutting each stored image in tiles and enlarging them. Networks that only saw synthetic images are
    soon sure of these, and their gradients vanish; here they are trained on real ones. ``form=Stored()`` is IDC-I.

    Args:
        architecture: The network whose gradients are matched.
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        distance: ``"squared"`` as published; ``"columns"``, ``"normalized"``.
        operations: How both sides are changed alike, all of them together.
        cut_mix: Probability with which a batch that networks are trained on is mixed (CutMix).
        steps: Matching steps.
        outer_steps: Steps with one network.
        inner_steps: Steps of training it between two of them.
        inner_rate: Learning rate (SGD, momentum 0.9) of these.
        inner_rows: Real images of such a step.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        looks: How often the images are judged on validation images.

    Note:
        The published code takes a step for each class in turn and keeps pixels within their range after each; here
        all classes move at once and pixels are free. Biases and the last layer count in its distance as here. Which
        step is kept is chosen on validation images.
    """

    name: ClassVar[str] = "idc"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "outer_steps": 100, "images_rate": 0.005, "momentum": 0.5, "real_per_class": 64,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    form: Form = Formations()
    start: Start = "real"
    distance: DistanceName = "squared"
    operations: tuple[Operation, ...] = ()
    cut_mix: float = 0.5
    steps: int = 600
    outer_steps: int = 20
    inner_steps: int = 2
    inner_rate: float = 0.01
    inner_rows: int = 128
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 32
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        GradientMatching(distance=self.distance)
        super().__post_init__()
        require_positive(self, but=("cut_mix", "inner_steps", "momentum"))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, hard_labels, None)
        eyes = self.surrogate(task)
        mixing = CutMix(num_classes=task.num_classes, probability=self.cut_mix) if self.cut_mix else None
        training = Training(learning_rate=self.inner_rate, momentum=0.9, augment=mixing)
        real = RandomBatches(task, self.inner_rows)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate),
            eyes,
            momentum=self.momentum,
            sampler=Trained(eyes, self.outer_steps, self.inner_steps, training, real),
            objective=GradientMatching(distance=self.distance),
            source=ImageSource(task, self.real_per_class),
            augment=augmentation(self.operations, task, together=True),
        )
