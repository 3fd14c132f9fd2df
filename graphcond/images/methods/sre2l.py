"""SRe2L and CDA: squeeze the training images into a network, recover images from it, label them by it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.normalization import NormalizationMatching
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fixed
from graphcond.core.run_context import RunContext
from graphcond.images.crops import LEAST
from graphcond.images.distortion import Distortion
from graphcond.images.methods.base import SyntheticImages
from graphcond.images.methods.matching import ImageMatchingMethod, rates_of
from graphcond.images.methods.relabelling import labelled
from graphcond.images.quick_validation import Classifier, trained, validation
from graphcond.images.source import SameImages
from graphcond.images.task import ImageTask
from graphcond.images.teacher import ROWS_AT_ONCE, ImageTeacher, Teaching
from graphcond.surrogates.convnet import ConvNet
from graphcond.surrogates.network import Network
from graphcond.synthetic.learned_rows import Labelled

PUBLISHED: Mapping[str, Any] = {
    "start": "noise", "steps": 1000, "images_rate": 0.25, "statistics_weight": 0.01, "least": LEAST, "jitter": 4,
    "flip": True, "temperature": 30.0, "crops": 300,
    "teacher": Teaching(architecture=ConvNet(normalized="batch"), epochs=200),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SRe2L(ImageMatchingMethod):
    r"""Squeeze, recover, relabel (SRe2L: Yin et al., NeurIPS 2023; its curriculum of crops CDA: Yin and Shen, 2024).

    .. math:: \min_x \ell\big(\theta; \omega(x), y\big) + \alpha \sum_l w_l \big(
              \| \mu_l(\omega(x)) - \mu_l(\mathcal T) \|_2 +
              \| \sigma^2_l(\omega(x)) - \sigma^2_l(\mathcal T) \|_2 \big)

    A network :math:`\theta` is trained once on the real images. Synthetic ones become what it recognises as their class
    while mean and variance of what each of its normalised layers sees are those of real images. It then labels them,
    and random crops of them.

    Args:
        teacher: How the network is trained; it needs normalised layers, and is published with batch normalisation.
        images_rate: Learning rate (Adam, betas 0.5 and 0.9) of the images; it falls to 0 by a cosine.
        statistics_weight: The weight :math:`\alpha`.
        first_weight: The weight :math:`w_1` of the first normalised layer; those of others are 1.
        real_images: Training images over which means and variances are taken, drawn once, or all where there are fewer.
        least: The least share of an image's area that the network sees at a step, by a random crop of each.
        curriculum: Whether that share falls from 1 to ``least`` by a cosine over all steps, which makes SRe2L CDA.
        jitter: Up to how many pixels images are moved at a step, round and round.
        flip: Whether images are mirrored half of the time.
        temperature: What the teacher's calibrated logits are divided by, for the labels.
        crops: Random crops of each image that are labelled too.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        What counts as its budget differs: the published code stores labels of crops for each epoch of a training that
        is known beforehand (tens of gigabytes on ImageNet), or asks the network itself while others are trained, and
        counts neither. Here labels and boxes of crops are stored and counted. Other departures of the code: its option
        to store the best images stores the last, because the best loss is never updated. Departures here: statistics of
        real images are taken over ``real_images`` of them instead of running averages of the training; all images are
        one batch, instead of one image of each class; the step that is kept is chosen on validation images, by a
        network that learns from the labels, instead of the last; images start from real ones, move little and are
        hardly cropped. On held-out training images of MNIST, those that start from noise were worth far less than real
        images with the same labels, and these about as much. The published network is a ResNet-18, students are
        trained on mixed images (CutMix). ``preset("published")`` and ``preset("published cda")`` have the papers'
        values otherwise.
    """

    name: ClassVar[str] = "sre2l"
    may_be_zero: ClassVar[tuple[str, ...]] = ("jitter", "crops", "statistics_weight")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": PUBLISHED,
        "published cda": {**PUBLISHED, "steps": 4000, "curriculum": True},
    }
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "teacher": {"architecture": ConvNet(width=4, depth=1, normalized="batch"), "min_steps": 3}, "steps": 4,
        "validations": 2, "real_images": 16,
    }  # fmt: skip
    teacher: Teaching = Teaching(architecture=ConvNet(width=32, normalized="batch"))
    steps: int = 200
    images_rate: float = 0.02
    statistics_weight: float = 0.01
    first_weight: float = 10.0
    real_images: int = 5000
    least: float = 0.8
    curriculum: bool = False
    jitter: int = 0
    flip: bool = False
    temperature: float = 4.0
    crops: int = 4
    validations: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if self.least > 1:
            raise ValueError(f"least must be in (0, 1], got {self.least!r}")

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`; the network is trained here, before the first step."""
        images = self.images(task, allocation)
        teacher = self.teacher.teacher(task)
        surrogate = _listening(teacher)
        count, size = len(images.decoded()[0]), (task.shape[1], task.shape[2])
        distortion = Distortion(
            least=self.least, steps=self.steps if self.curriculum else None, jitter=self.jitter, flip=self.flip
        )
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Fixed(teacher.weights),
            objective=NormalizationMatching(weight=self.statistics_weight, first_weight=self.first_weight),
            source=SameImages(task, self.real_images),
            schedule=Schedule(rates=rates_of(images, self.images_rate), cosine=self.steps, betas=(0.5, 0.9)),
            steps=self.steps,
            validation=self._validation(task, images, teacher.at(self.temperature)),
            distort=lambda step: distortion.at(step, count, size),
            rows_at_once=ROWS_AT_ONCE,
        )

    def _validation(self, task: ImageTask, images: Labelled, teacher: ImageTeacher) -> Validation | None:
        """Return the validation by a network that learns from the labels that the images would get."""
        network = self.teacher.network(task)

        def fitted() -> Classifier:
            x, _ = images.decoded()
            return trained(network, Batch(x, teacher.seen_logits(x).softmax(dim=1)))

        return validation(task, self.validations, fitted)

    def finished(self, task: ImageTask, recipe: Recipe[Labelled], made: SyntheticImages) -> SyntheticImages:
        """See :meth:`ImageMatchingMethod.finished`: with the labels of the network that images were recovered from."""
        teacher = ImageTeacher(task, recipe.surrogate, recipe.sampler.draw(0)).calibrated()
        return labelled(made, teacher.at(self.temperature), self.crops)


def _listening(teacher: ImageTeacher) -> Network:
    """Return a teacher's network whose embeddings are what goes into its normalised layers.

    Raises:
        ValueError: it has none.
    """
    network = teacher.surrogate
    normalized = (_BatchNorm, nn.GroupNorm)
    names = [name for name, part in network.build().named_modules() if isinstance(part, normalized)]
    if not names:
        raise ValueError(
            "teacher must have normalised layers, whose statistics images are matched by; give "
            "teacher=Teaching(architecture=ConvNet(normalized='batch'))"
        )
    return replace(network, taps=names, inputs=True)
