"""CAFE: images by aligning the features of all layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.alignment import FeatureAlignment
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Trained
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, hard_labels
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import ImageSource
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet

INWARD = 0.1  # how much layers count beside the last one and the one before it


@dataclass(frozen=True, kw_only=True)
class CAFE(ImageMatchingMethod):
    r"""Class means of all layers, and class means that tell real images apart (CAFE: Wang et al., CVPR 2022).

    See :class:`graphcond.core.matching.objectives.alignment.FeatureAlignment` for the loss. Networks are trained on the
    synthetic images in between, as in DC.

    Args:
        architecture: The network.
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        operations: How both sides are changed alike (CAFE+DSA).
        discrimination: Weight of the loss that tells real images apart.
        steps: Matching steps.
        outer_steps: Steps with one network.
        inner_steps: Steps of training it on the synthetic images between two of them.
        inner_rate: Learning rate (SGD) of these.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        looks: How often the images are judged on validation images.

    Note:
        The published code ends its inner and outer loops when losses settle, by thresholds of its own; here both have a
        fixed number of steps. It weighs the layers from the last to the first by 1, 1, 0.1, 0.1, the logits being the
        first of them; here the embedding before the logits stands in for these. Which step is kept is chosen on
        validation images.
    """

    name: ClassVar[str] = "cafe"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "steps": 2000, "images_rate": 0.1, "momentum": 0.5, "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    form: Form = Stored()
    start: Start = "real"
    operations: tuple[Operation, ...] = ()
    discrimination: float = 0.01
    steps: int = 600
    outer_steps: int = 10
    inner_steps: int = 10
    inner_rate: float = 0.01
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 64
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self, but=("discrimination", "inner_steps", "momentum"))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, hard_labels, None)
        eyes = self.surrogate(task, all_layers=True)
        layers = range(1, 1 + max(1, len(eyes.taps)))  # 0 are the pixels, the last one the logits
        weight = [1.0 if layer >= len(layers) - 1 else INWARD for layer in layers]
        changes = augmentation(self.operations, task)
        training = Training(learning_rate=self.inner_rate, momentum=0.0, augment=changes)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate),
            eyes,
            momentum=self.momentum,
            sampler=Trained(eyes, self.outer_steps, self.inner_steps, training),
            objective=FeatureAlignment(
                alignment=DistributionMatching(layers=layers, layer_weight=weight), discrimination=self.discrimination
            ),
            source=ImageSource(task, self.real_per_class),
            augment=changes,
        )
