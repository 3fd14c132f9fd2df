"""IDM: images by distribution matching through a queue of trained networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, rates_of, surrogate_for
from graphcond.images.methods.parameterizations import MultiFormation, Parameterization
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource, RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class IDM(ImageMatchingMethod):
    r"""Distribution matching through networks of all ages (IDM: Zhao et al., CVPR 2023).

    .. math:: \sum_c \big\| \overline{\phi_\theta(\mathcal T_c)} - \overline{\phi_\theta(f(\mathcal S)_c)} \big\|^2
              + \lambda\, \ell_\theta(f(\mathcal S))

    DM with three changes: networks come from a pool in which each is trained on real images after its use; their
    cross-entropy on the synthetic images is added; stored images are cut in tiles, each enlarged.

    Args:
        architecture: The network.
        operations: How both sides are changed alike (DSA).
        cross_entropy: The weight :math:`\lambda`.
        networks: Networks in the pool.
        train_steps: Steps of training on real images after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate (SGD, momentum 0.9) of the training.
        inner_batch_size: Real images of such a step.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        The published weight of the cross-entropy is 0.5 at 1 and 10 images a class, 0.1 at 50. Which step is kept is
        chosen on validation images.
    """

    name: ClassVar[str] = "idm"
    may_be_zero: ClassVar[tuple[str, ...]] = ("cross_entropy", "momentum")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "networks": 100, "steps": 20_000, "images_rate": 0.2, "momentum": 0.5,
            "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    parameterization: Parameterization = MultiFormation()
    operations: tuple[Operation, ...] = ()
    cross_entropy: float = 0.5
    networks: int = 10
    train_steps: int = 4
    max_age: int = 20
    inner_rate: float = 0.01
    inner_batch_size: int = 128
    steps: int = 500
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 64

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture)
        training = Training(learning_rate=self.inner_rate, momentum=0.9)
        real = RandomBatches(task, self.inner_batch_size)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Pool(surrogate, self.networks, self.train_steps, self.max_age, training, real),
            objective=DistributionMatching(layers=(-2,), cross_entropy=self.cross_entropy),
            source=ImageSource(task, self.real_per_class),
            schedule=Schedule(rates=rates_of(images, self.images_rate), momentum=self.momentum),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task),
            rows_at_once=ROWS_AT_ONCE,
        )
