"""DM: images by distribution matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.weight_samplers import Fresh, Pool
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, hard_labels
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import ImageSource
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet


@dataclass(frozen=True, kw_only=True)
class DM(ImageMatchingMethod):
    r"""Distribution matching through random networks (DM: Zhao and Bilen, WACV 2023).

    .. math:: \min_{\mathcal S} \mathbb E_{\theta} \sum_c \big\| \overline{\phi_\theta(\omega(\mathcal T_c))} -
              \overline{\phi_\theta(\omega(\mathcal S_c))} \big\|^2

    with :math:`\phi_\theta` what goes into the last layer of a network that is never trained. Where networks come back,
    the means of real images are taken once for each, and a step sees synthetic images alone.

    Args:
        architecture: The network.
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        operations: How both sides are changed alike (DSA); with any, real images have to be seen at every step.
        networks: Networks that are drawn once and picked among; ``None`` draws a new one at every step.
        steps: Matching steps.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class that a network sees.
        looks: How often the images are judged on validation images.

    Note:
        The published settings are ``DM.preset("published")``: width 128, 20,000 new networks, descent with momentum.
        There, images are changed by DSA's operations. Which step is kept is chosen on validation images.
    """

    name: ClassVar[str] = "dm"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "networks": None, "steps": 20_000, "images_rate": 1.0, "momentum": 0.5,
            "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=64)
    form: Form = Stored()
    start: Start = "real"
    operations: tuple[Operation, ...] = ()
    networks: int | None = 60
    steps: int = 2000
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 256
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self, but=("momentum",))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, hard_labels, None)
        eyes = self.surrogate(task)
        constant = self.networks is not None and not self.operations
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate),
            eyes,
            momentum=self.momentum,
            sampler=Fresh(eyes) if self.networks is None else Pool(eyes, self.networks),
            objective=DistributionMatching(layers=(-2,)),
            source=ImageSource(task, self.real_per_class, constant=constant),
            augment=augmentation(self.operations, task),
        )
