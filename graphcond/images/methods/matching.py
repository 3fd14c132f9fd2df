"""What the image methods that match something have in common: synthetic images, learned step by step."""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.images.augmentation import Augmentation, Operation
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.parameterizations import LabelsOf, Parameterization, Pixels, Start, initial_images
from graphcond.images.methods.targets import probabilities
from graphcond.images.quick_validation import Classifier, trained, validation
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet, network
from graphcond.surrogates.network import Network
from graphcond.synthetic.learned_rows import HardLabels, Labelled, Labels

RATE_OF_ONE = 0.3
VALUES: Mapping[str, tuple[type, str]] = {
    "architecture": (
        Architecture,
        "a value such as ConvNet(width=32), or a function of (shape, num_classes) that makes a module",
    ),
    "parameterization": (
        Parameterization,
        "Pixels(), MultiFormation(), SharedBases(), Hallucinators(), LatentCodes() or Latents()",
    ),
}
"""What certain settings have to be, and the words for it."""

T = TypeVar("T")
M = TypeVar("M", bound="ImageMatchingMethod")


def hard_labels(x: Tensor, y: Tensor) -> Labels:
    """Return the classes themselves, fixed."""
    return HardLabels(y)


@dataclass(frozen=True, kw_only=True)
class ImageMatchingMethod(ImageMethod):
    """A method that learns its images by matching: a recipe and the settings of its paper.

    Args:
        parameterization: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        steps: Matching steps.
        validations: How often the images are validated, to choose the step that is kept.
    """

    resumable: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "architecture": ConvNet(width=4, depth=1), "experts": {"number": 2, "interval": 1}, "steps": 4,
        "validations": 2,
        "networks": 2, "inner_steps": 2, "unroll_steps": 2, "epochs": 1, "real_per_class": 5, "real_batch_size": 16,
        "expert_batch_size": 8, "inner_batch_size": 8, "batch_size": 8, "min_steps": 3,
        "parameterization": {
            "channels": 1, "decoders": 2, "fit_steps": 2, "inversion_steps": 2, "images_at_once": 2,
            "generator": {"steps": 2, "latent_dim": 4, "width": 2},
        },
    }  # fmt: skip
    learns_targets: ClassVar[bool] = False
    """Whether labels are the targets of a regression; if not, they are classes or probabilities."""
    may_be_zero: ClassVar[tuple[str, ...]] = ()
    """The numbers among its settings that may be 0."""
    parameterization: Parameterization = Pixels()
    start: Start = "real"
    steps: int
    validations: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in dataclasses.fields(self):
            kind, words = VALUES.get(field.name, (object, ""))
            if not isinstance(value := getattr(self, field.name), kind):
                raise TypeError(f"{field.name} must be {words}, got {value!r}")
        require_positive(self, but=self.may_be_zero)

    @abstractmethod
    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """Return what the method consists of, for a task and a budget."""

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        try:
            prepared = replace(self, parameterization=self.parameterization.prepared(task, run))
        except OutOfTime as stop:
            x, y = initial_images(task, allocation, "real")
            return SyntheticImages(x=x, y=y, choices=driver.Outcome(0, 0, stopped=str(stop)).choices())
        recipe = prepared.recipe(task, allocation, run)
        made = prepared.result(task, recipe.synthetic, allocation, driver.run(recipe, run))
        return prepared.finished(task, recipe, made)

    def images(
        self, task: ImageTask, allocation: Tensor, labels: LabelsOf = hard_labels, step_size: float | None = None
    ) -> Labelled:
        """Return the synthetic images before the first step, see :meth:`Parameterization.build`."""
        return self.parameterization.build(task, allocation, self.start, labels, step_size).to(task.train.y.device)

    def validation(self, task: ImageTask, images: Labelled, surrogate: Network) -> Validation | None:
        """Return the validation by a network that is trained on the images for a few steps."""

        def fitted() -> Classifier:
            x, labels = images.decoded()
            return trained(surrogate, Batch(x, self.trained_on(labels), step_size=images.step_size()))

        return validation(task, self.validations, fitted)

    @torch.no_grad()
    def result(self, task: ImageTask, images: Labelled, allocation: Tensor, outcome: driver.Outcome) -> SyntheticImages:
        """Return learned images, at least as many of each class as asked for, as the result of the method."""
        x, labels = images.decoded()
        if self.parameterization.formation > 1:
            x, labels = images.sources()["features"][0].detach().clone(), images.labels().detach()
        step_size = images.step_size()
        return SyntheticImages(
            x=x,
            y=torch.repeat_interleave(self.parameterization.delivered(task, allocation).cpu()).to(x.device),
            y_soft=None if labels.dim() == 1 else self.trained_on(labels),
            target=labels if self.learns_targets else None,
            learning_rate=None if step_size is None else float(step_size),
            formation=self.parameterization.formation,
            learned_bytes=images.learned_bytes() if self.parameterization.decoded else None,
            generator_bytes=images.generator_bytes(),
            choices=outcome.choices(),
        )

    def finished(self, task: ImageTask, recipe: Recipe[Labelled], made: SyntheticImages) -> SyntheticImages:
        """Return the result of the method once all steps are done, such as with labels that are made last."""
        return made

    def trained_on(self, labels: Tensor) -> Tensor:
        """Return what networks are trained on, of labels as they are learned: classes or probabilities."""
        return probabilities(labels) if self.learns_targets else labels


def surrogate_for(task: ImageTask, architecture: Architecture, *, all_layers: bool = False) -> Network:
    """Return an architecture as a surrogate for a task."""
    return network(architecture, task.shape, task.num_classes, task.scale.mean, all_layers=all_layers)


def rates_of(images: Labelled, rate: float, **others: float) -> dict[str, float]:
    """Return the learning rates by part: one for all that images are made of, and those of labels and step size."""
    return dict.fromkeys(images.sources(), rate) | others


def steps_after(shares: Sequence[float], steps: int) -> list[int]:
    """Return the steps that come after some shares of all steps."""
    return [round(share * steps) for share in shares]


def rate_of_images(rate: float | None, allocation: Tensor) -> float:
    """Return the learning rate of images where it is large: the one asked for, or one that falls with their number.

    Adam moves every pixel by its rate, whatever the gradient. The more images share a class, the less of the gradient
    in each is signal: a rate that one a class can bear ruins ten (``docs/measurements/images.md``).

    Args:
        rate: What was asked for; ``None``: :data:`RATE_OF_ONE` over the root of the images per class.
        allocation: Images of each class.
    """
    return RATE_OF_ONE / math.sqrt(float(allocation.float().mean())) if rate is None else rate


def by_size(asked: T | None, published: T) -> T:
    """Return what was asked for; ``None``: the published value for the images per class."""
    return published if asked is None else asked


def augmentation(operations: tuple[Operation, ...], task: ImageTask, *, together: bool = False) -> Augmentation | None:
    """Return the augmentation by some operations, with a draw for each class; ``None`` without operations."""
    if not operations:
        return None
    return Augmentation(operations=operations, num_classes=task.num_classes, together=together)
