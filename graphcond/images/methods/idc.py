"""IDC: images that each stand for several, by gradient matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Trained
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.cut_mix import CutMix
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, by_size, rates_of, surrogate_for
from graphcond.images.methods.parameterizations import MultiFormation, Parameterization
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource, RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class IDC(ImageMatchingMethod):
    r"""Gradient matching on multi-formed images, with networks that real images train (IDC: Kim et al., ICML 2022).

    .. math:: \min_{\mathcal S} \sum_c \big\| \nabla_\theta \ell(\omega(\mathcal T_c)) -
              \nabla_\theta \ell(\omega(f(\mathcal S)_c)) \big\|^2

    with :math:`f` cutting each stored image in tiles and enlarging them. Networks that only saw synthetic images are
    soon sure of these, and their gradients vanish; here they are trained on real ones. ``parameterization=Pixels()`` is
    IDC-I.

    Args:
        architecture: The network whose gradients are matched.
        distance: ``"squared"`` as published; ``"columns"``, ``"normalized"``.
        operations: How both sides are changed alike, all of them together.
        cut_mix: Probability with which a batch that networks are trained on is mixed (CutMix).
        outer_steps: Steps with one network.
        inner_steps: Steps of training it between two of them.
        inner_rate: Learning rate (SGD, momentum 0.9) of these.
        inner_batch_size: Real images of such a step.
        weight_decay: Of the training.
        images_rate: Learning rate of the images; ``None``: 0.005 at 10 images a class, and in proportion to them.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        ``IDC.preset("published")`` is the published run on CIFAR-10: 2,000 networks, each with 100 steps and after each
        of them an epoch of 2,000 real images in batches of 64. The rate of images is meant for pixels in [0, 1] there.
        On MNIST the published run matches with another distance, color and crop alone, and no CutMix.

        The published code takes a step for each class in turn and keeps pixels within their range after each; here
        all classes move at once and pixels are free. Biases and the last layer count in its distance as here. Which
        step is kept is chosen on validation images.
    """

    name: ClassVar[str] = "idc"
    may_be_zero: ClassVar[tuple[str, ...]] = ("cut_mix", "inner_steps", "momentum", "weight_decay")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "parameterization": MultiFormation(2), "start": "real", "distance": "squared",
            "operations": ("color", "crop", "cutout"), "cut_mix": 0.5, "steps": 200_000, "outer_steps": 100,
            "inner_steps": 31, "inner_rate": 0.01, "weight_decay": 5e-4, "inner_batch_size": 64, "images_rate": None,
            "momentum": 0.5, "real_per_class": 64,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    parameterization: Parameterization = MultiFormation()
    distance: DistanceName = "squared"
    operations: tuple[Operation, ...] = ()
    cut_mix: float = 0.5
    steps: int = 600
    outer_steps: int = 20
    inner_steps: int = 2
    inner_rate: float = 0.01
    weight_decay: float = 0.0
    inner_batch_size: int = 128
    images_rate: float | None = 0.02
    momentum: float | None = None
    real_per_class: int = 32

    def __post_init__(self) -> None:
        """Check the fields."""
        GradientMatching(distance=self.distance)
        super().__post_init__()

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture)
        mixing = CutMix(num_classes=task.num_classes, probability=self.cut_mix) if self.cut_mix else None
        decay = self.weight_decay
        training = Training(learning_rate=self.inner_rate, momentum=0.9, weight_decay=decay, augment=mixing)
        rate = by_size(self.images_rate, published_rate(task, float(allocation.double().mean())))
        real = RandomBatches(task, self.inner_batch_size)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Trained(surrogate, self.outer_steps, self.inner_steps, training, real),
            objective=GradientMatching(distance=self.distance),
            source=ImageSource(task, self.real_per_class),
            schedule=Schedule(rates=rates_of(images, rate), momentum=self.momentum),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task, together=True),
            rows_at_once=ROWS_AT_ONCE,
        )


def published_rate(task: ImageTask, per_class: float) -> float:
    """Return the published learning rate of images, which is for pixels in [0, 1], for normalised ones."""
    return 0.005 * per_class / 10 / float(task.scale.std.square().mean())
