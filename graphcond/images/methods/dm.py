"""DM: images by distribution matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh, Pool
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import DIGITS, Operation
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, rates_of, surrogate_for
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class DM(ImageMatchingMethod):
    r"""Distribution matching through random networks (DM: Zhao and Bilen, WACV 2023).

    .. math:: \min_{\mathcal S} \mathbb E_{\theta} \sum_c \big\| \overline{\phi_\theta(\omega(\mathcal T_c))} -
              \overline{\phi_\theta(\omega(\mathcal S_c))} \big\|^2

    with :math:`\phi_\theta` what goes into the last layer of a network that is never trained. Where networks come back,
    the means of real images are taken once for each, and a step sees synthetic images alone.

    Args:
        architecture: The network.
        operations: How both sides are changed alike (DSA); with any, real images have to be seen at every step.
        networks: Networks that are drawn once and picked among; ``None`` draws a new one at every step.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class that a network sees.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        The published run is ``DM.preset("published")``: width 128, 20,000 new networks, descent with momentum, DSA's
        operations without mirroring, as on digits; on other images, it is with ``operations=PHOTOGRAPHS``. Which step
        is kept is chosen on validation images; the published code keeps the last.
    """

    name: ClassVar[str] = "dm"
    may_be_zero: ClassVar[tuple[str, ...]] = ("momentum",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "start": "real", "operations": DIGITS, "networks": None, "steps": 20_000,
            "images_rate": 1.0, "momentum": 0.5, "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=64)
    operations: tuple[Operation, ...] = ()
    networks: int | None = 60
    steps: int = 2000
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 256

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture)
        constant = self.networks is not None and not self.operations
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Fresh(surrogate) if self.networks is None else Pool(surrogate, self.networks),
            objective=DistributionMatching(layers=(-2,)),
            source=ImageSource(task, self.real_per_class, constant=constant),
            schedule=Schedule(rates=rates_of(images, self.images_rate), momentum=self.momentum),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task),
            rows_at_once=ROWS_AT_ONCE,
        )
