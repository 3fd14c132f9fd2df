"""CAFE: images by aligning the features of all layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.alignment import FeatureAlignment
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Trained
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, rates_of, surrogate_for
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled

INWARD = 0.1  # how much layers count beside the last one and the one before it


@dataclass(frozen=True, kw_only=True)
class CAFE(ImageMatchingMethod):
    r"""Class means of all layers, and class means that tell real images apart (CAFE: Wang et al., CVPR 2022).

    See :class:`graphcond.core.matching.objectives.alignment.FeatureAlignment` for the loss. Networks are trained on the
    synthetic images in between, as in DC.

    Args:
        architecture: The network.
        operations: How both sides are changed alike (CAFE+DSA).
        discrimination: Weight of the loss that tells real images apart.
        outer_steps: Steps with one network.
        inner_steps: Steps of training it on the synthetic images between two of them.
        inner_rate: Learning rate (SGD) of these.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        The published code ends its inner and outer loops when losses settle, by thresholds of its own; here both have a
        fixed number of steps. It weighs the layers from the last to the first by 1, 1, 0.1, 0.1, the logits being the
        first of them; here the embedding before the logits stands in for these. Which step is kept is chosen on
        validation images.
    """

    name: ClassVar[str] = "cafe"
    may_be_zero: ClassVar[tuple[str, ...]] = ("discrimination", "inner_steps", "momentum")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "steps": 2000, "images_rate": 0.1, "momentum": 0.5, "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    operations: tuple[Operation, ...] = ()
    discrimination: float = 0.01
    steps: int = 600
    outer_steps: int = 10
    inner_steps: int = 10
    inner_rate: float = 0.01
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 64

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture, all_layers=True)
        layers = range(1, 1 + max(1, len(surrogate.taps)))  # 0 are the pixels, the last one the logits
        weight = [1.0 if layer >= len(layers) - 1 else INWARD for layer in layers]
        alignment = DistributionMatching(layers=layers, layer_weight=weight)
        changes = augmentation(self.operations, task)
        training = Training(learning_rate=self.inner_rate, momentum=0.0, augment=changes)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Trained(surrogate, self.outer_steps, self.inner_steps, training),
            objective=FeatureAlignment(alignment=alignment, discrimination=self.discrimination),
            source=ImageSource(task, self.real_per_class),
            schedule=Schedule(rates=rates_of(images, self.images_rate), momentum=self.momentum),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=changes,
            rows_at_once=ROWS_AT_ONCE,
        )
