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
from graphcond.images.augmentation import DIGITS, Operation
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, by_size, rates_of, surrogate_for
from graphcond.images.methods.parameterizations import MultiFormation, Parameterization
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource, RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled

ONE_PER_CLASS = 1.5  # images a class, below which published settings are those for one
MOST_WEIGHTED = 10  # images a class for which the published weight of the cross-entropy is the larger one


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
        cross_entropy: The weight :math:`\lambda`; ``None``: 0.5 for up to 10 images a class, 0.1 for more.
        networks: Networks in the pool.
        train_steps: Steps of training on real images after each use.
        max_age: Uses after which a network is replaced; ``None``: 5 for one image a class, 30 for more.
        inner_rate: Learning rate (SGD, momentum 0.9) of the training.
        weight_decay: Of the training.
        inner_batch_size: Real images of such a step.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step; ``None``: 5,000 for one image a class, 256 for more.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        - ``IDM.preset("published")`` is the published run on CIFAR-10, but that images are not mirrored: with
          ``operations=PHOTOGRAPHS`` they are. Where a setting is ``None``, it has the published value by size.
        - The published code trains two networks of its 100 for 10 steps after each step, whichever was used, and
          replaces the oldest every 30 steps (5 at one image a class); here the one that was used is trained for 20 and
          replaced after so many uses, which is as much training of as many networks.
        - Its cross-entropy is also weighted by the accuracy of the network. Which step is kept is chosen on validation
          images; there the last.
    """

    name: ClassVar[str] = "idm"
    may_be_zero: ClassVar[tuple[str, ...]] = ("cross_entropy", "momentum", "weight_decay")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "parameterization": MultiFormation(2), "start": "real", "operations": DIGITS,
            "cross_entropy": None, "networks": 100, "train_steps": 20, "max_age": None, "inner_rate": 0.01,
            "weight_decay": 5e-4, "inner_batch_size": 256, "steps": 20_000, "images_rate": 0.2, "momentum": 0.5,
            "real_per_class": None,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    parameterization: Parameterization = MultiFormation()
    operations: tuple[Operation, ...] = ()
    cross_entropy: float | None = 0.5
    networks: int = 10
    train_steps: int = 4
    max_age: int | None = 20
    inner_rate: float = 0.01
    weight_decay: float = 0.0
    inner_batch_size: int = 128
    steps: int = 500
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int | None = 64

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture)
        training = Training(learning_rate=self.inner_rate, momentum=0.9, weight_decay=self.weight_decay)
        per_class = float(allocation.double().mean())
        few = per_class < ONE_PER_CLASS
        max_age = by_size(self.max_age, 5 if few else 30)
        weight = by_size(self.cross_entropy, 0.5 if per_class <= MOST_WEIGHTED else 0.1)
        real = RandomBatches(task, self.inner_batch_size)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Pool(surrogate, self.networks, self.train_steps, max_age, training, real),
            objective=DistributionMatching(layers=(-2,), cross_entropy=weight),
            source=ImageSource(task, by_size(self.real_per_class, 5000 if few else 256)),
            schedule=Schedule(rates=rates_of(images, self.images_rate), momentum=self.momentum),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task),
            rows_at_once=ROWS_AT_ONCE,
        )
