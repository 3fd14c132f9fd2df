"""DC, DSA and DCC: images by gradient matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool, Sampler, Trained
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import DIGITS, Operation
from graphcond.images.methods.matching import ImageMatchingMethod, augmentation, rates_of, surrogate_for
from graphcond.images.quick_validation import ROWS_AT_ONCE
from graphcond.images.source import ImageSource
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled

INNER_STEPS = 500  # over the images per class: 50 at 10, 10 at 50, as in the published code
MOST_OUTER_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class DC(ImageMatchingMethod):
    r"""Gradient matching on images (DC: Zhao et al., ICLR 2021), augmented (DSA) or summed over classes (DCC).

    .. math:: \min_{\mathcal S} \mathbb E_{\theta_0} \sum_t \sum_c D\big(\nabla_\theta \ell(\omega(\mathcal T_c)),
              \nabla_\theta \ell(\omega(\mathcal S_c))\big), \qquad \theta_{t+1} = \mathrm{opt}(\theta_t, \mathcal S)

    ``operations`` make it DSA (Zhao and Bilen, ICML 2021): the same random change :math:`\omega` on both sides.
    ``per_class=False`` makes it DCC (Lee et al., ICML 2022): the gradients of all classes are compared as one. It is
    :class:`graphcond.nodes.methods.gcond.GCond` with a ConvNet as surrogate and no edges.

    Args:
        architecture: The network whose gradients are matched.
        start: ``"noise"`` as DC, or ``"real"`` images as DSA.
        distance: ``"columns"``: cosine by output; ``"squared"``, ``"normalized"``.
        per_class: Whether classes are compared one by one.
        operations: How both sides are changed alike: ``graphcond.images.augmentation.DIGITS``, as ``"dsa"`` has them,
            or ``PHOTOGRAPHS``, which mirror images as well.
        iterations: Networks in all, each with its outer steps; ``None``: as many as ``steps`` take.
        outer_steps: Steps with one network; ``None``: as many as there are images in the mean class, at most 50.
        inner_steps: Steps of training it on the synthetic images between two of them; ``None``: 500 over that number.
        inner_rate: Learning rate (SGD) of these.
        images_rate: Learning rate of the images.
        momentum: Of their descent; ``None``: Adam.
        networks: With one image a class no network is ever trained; a number: that many are drawn once and picked
            among, so that real images are seen by each once. ``None`` draws a new one every time.
        real_per_class: Training images of each class in a step.
        parameterization, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        - ``DC.preset("published")`` is the published run of DC, ``DC.preset("dsa")`` that of DSA on digits; on other
          images, DSA mirrors as well, ``operations=PHOTOGRAPHS``. Both take 1,000 networks: with 1 step each at one
          image a class, 10 at 10 with 50 steps of training in between, 50 at 50 with 10. There, a step of training sees
          256 synthetic images at most, here all.
        - The defaults have a quarter of that width and of those images, for a CPU; and Adam instead of descent with
          momentum, whose rate need not follow the size of gradients.
        - With one image a class the published code matches untrained networks only (one outer step), and so does this.
        - Which step is kept is chosen on validation images; the published code keeps the last.
    """

    name: ClassVar[str] = "dc"
    may_be_zero: ClassVar[tuple[str, ...]] = ("inner_steps", "momentum")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        name: {
            "architecture": ConvNet(), "distance": "columns", "per_class": True, "start": start,
            "operations": operations, "iterations": 1000, "outer_steps": None, "inner_steps": None, "inner_rate": 0.01,
            "images_rate": 0.1, "momentum": 0.5, "networks": None, "real_per_class": 256,
        }
        for name, start, operations in (("published", "noise", ()), ("dsa", "real", DIGITS))
    }  # fmt: skip
    architecture: Architecture = ConvNet(width=32)
    distance: DistanceName = "columns"
    per_class: bool = True
    operations: tuple[Operation, ...] = ()
    steps: int = 1500
    iterations: int | None = None
    outer_steps: int | None = None
    inner_steps: int | None = None
    inner_rate: float = 0.01
    images_rate: float = 0.05
    momentum: float | None = None
    networks: int | None = 100
    real_per_class: int = 64

    def __post_init__(self) -> None:
        """Check the fields."""
        GradientMatching(distance=self.distance)
        super().__post_init__()

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation)
        surrogate = surrogate_for(task, self.architecture)
        per_class = round(float(allocation.double().mean()))
        outer = min(per_class, MOST_OUTER_STEPS) if self.outer_steps is None else self.outer_steps
        sampler = self._sampler(surrogate, task, per_class, outer)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=sampler,
            objective=GradientMatching(distance=self.distance, per_class=self.per_class),
            source=ImageSource(task, self.real_per_class, constant=isinstance(sampler, Pool)),
            schedule=Schedule(rates=rates_of(images, self.images_rate), momentum=self.momentum),
            steps=self.steps if self.iterations is None else self.iterations * outer,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task),
            rows_at_once=ROWS_AT_ONCE,
        )

    def _sampler(self, surrogate: Surrogate, task: ImageTask, per_class: int, outer: int) -> Sampler:
        inner = max(1, INNER_STEPS // max(per_class, 10)) if self.inner_steps is None else self.inner_steps
        if outer == 1 and self.networks is not None:
            return Pool(surrogate, self.networks)
        augment = augmentation(self.operations, task)
        return Trained(surrogate, outer, inner, Training(learning_rate=self.inner_rate, momentum=0.0, augment=augment))
