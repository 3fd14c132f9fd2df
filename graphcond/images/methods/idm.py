"""IDM: images by distribution matching through a queue of trained networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, hard_labels
from graphcond.images.methods.parameterizations import Form, Formations, Start
from graphcond.images.source import ImageSource, RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet


@dataclass(frozen=True, kw_only=True)
class IDM(ImageMatchingMethod):
    r"""Distribution matching through networks of all ages (IDM: Zhao et al., CVPR 2023).

    .. math:: \sum_c \big\| \overline{\phi_\theta(\mathcal T_c)} - \overline{\phi_\theta(f(\mathcal S)_c)} \big\|^2
              + \lambda\, \ell_\theta(f(\mathcal S))

    DM with three changes: networks come from a pool in which each is trained on real images after its use; their
    cross-entropy on the synthetic images is added; stored images are cut in tiles, each enlarged.

    Args:
        architecture: The network.
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        operations: How both sides are changed alike (DSA).
        cross_entropy: The weight :math:`\lambda`.
        networks: Networks in the pool.
        train_steps: Steps of training on real images after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate (SGD, momentum 0.9) of the training.
        inner_rows: Real images of such a step.
        steps: Matching steps.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        real_per_class: Training images of each class in a step.
        looks: How often the images are judged on validation images.

    Note:
        The published weight of the cross-entropy is 0.5 at 1 and 10 images a class, 0.1 at 50. Which step is kept is
        chosen on validation images.
    """

    name: ClassVar[str] = "idm"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "architecture": ConvNet(), "networks": 100, "steps": 20_000, "images_rate": 0.2, "momentum": 0.5,
            "real_per_class": 256,
        },
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    form: Form = Formations()
    start: Start = "real"
    operations: tuple[Operation, ...] = ()
    cross_entropy: float = 0.5
    networks: int = 10
    train_steps: int = 4
    max_age: int = 20
    inner_rate: float = 0.01
    inner_rows: int = 128
    steps: int = 500
    images_rate: float = 0.02
    momentum: float | None = None
    real_per_class: int = 64
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self, but=("cross_entropy", "momentum"))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, hard_labels, None)
        eyes = self.surrogate(task)
        training = Training(learning_rate=self.inner_rate, momentum=0.9)
        real = RandomBatches(task, self.inner_rows)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate),
            eyes,
            momentum=self.momentum,
            sampler=Pool(eyes, self.networks, self.train_steps, self.max_age, training, real),
            objective=DistributionMatching(layers=(-2,), cross_entropy=self.cross_entropy),
            source=ImageSource(task, self.real_per_class),
            augment=augmentation(self.operations, task),
        )
