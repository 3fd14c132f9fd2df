"""What the image methods that match something have in common: synthetic images, learned step by step."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor

from graphcond.core.matching import driver
from graphcond.core.matching.augment import Augment
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.observation import Source
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Student, Training
from graphcond.core.matching.weight_samplers import Sampler
from graphcond.core.presets import settings_for
from graphcond.core.run import Run
from graphcond.images.augmentation import Augmentation, Operation
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.parameterizations import Form
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, network
from graphcond.surrogates.network import Network
from graphcond.synthetic.learned_rows import HardLabels, Labelled, Labels

ROWS_AT_ONCE = 512  # real images that pass through a network together
LOOK_STEPS = 150
LOOK_ROWS = 128  # synthetic images of such a step
LOOK_RATE = 0.01
LOOK_MOMENTUM = 0.9
LOOK_DECAY = 5e-4
MAX_VALIDATION = 2000
RATE_OF_ONE = 0.3

Method = TypeVar("Method", bound="ImageMatchingMethod")
Made = tuple[Labelled, Tensor]


class Delivered(NamedTuple):
    """Labels as they go into a result: probabilities, and targets of a regression; ``None``: there are none."""

    y_soft: Tensor | None = None
    target: Tensor | None = None


def deliver_labels(labels: Tensor) -> Delivered:
    """Return labels that are probabilities already, or classes."""
    return Delivered() if labels.dim() == 1 else Delivered(y_soft=labels)


@torch.no_grad()
def delivered(
    made: Made, form: Form, outcome: driver.Outcome, deliver: Callable[[Tensor], Delivered] = deliver_labels
) -> SyntheticImages:
    """Return learned images as the result of a method.

    Args:
        made: What was learned, and the class of each image.
        form: What of them is stored.
        outcome: How the run went.
        deliver: Turns labels as they are learned into those of the result.
    """
    synthetic, y = made
    x, labels = synthetic.decoded()
    if form.formation > 1:
        x, labels = synthetic.sources()["features"][0].detach().clone(), synthetic.labels().detach()
    given, step_size = deliver(labels), synthetic.step_size()
    return SyntheticImages(
        x=x,
        y=y,
        y_soft=given.y_soft,
        target=given.target,
        learning_rate=None if step_size is None else float(step_size),
        formation=form.formation,
        learned_bytes=synthetic.learned_bytes() if form.decoded else None,
        choices=outcome.choices(),
    )


@dataclass(frozen=True, kw_only=True)
class ImageMatching:
    """An image recipe: what differs between the methods.

    Args:
        synthetic: What is learned.
        y: The class of each image that is delivered.
        form: What of them is stored.
        surrogate: How images are seen.
        sampler: Where its weights come from.
        objective: What must agree.
        source: Real images.
        schedule: Which part moves when.
        steps: How many steps.
        look: Judges the images on validation images; ``None``: the last step is kept.
        looks: How often.
        look_rows: How many validation images a look has, see :class:`graphcond.core.matching.driver.Recipe`.
        augment: How real and synthetic images are changed alike.
        rows_at_once: Real images that are observed together; ``None``: all of a batch.
        deliver: Turns labels as they are learned into those of the result.
    """

    synthetic: Labelled
    y: Tensor
    form: Form
    surrogate: Any
    sampler: Sampler
    objective: Objective[Any, Any]
    source: Source
    schedule: Schedule
    steps: int
    look: Callable[[], float] | None
    looks: int
    look_rows: int
    augment: Augment | None = None
    rows_at_once: int | None = ROWS_AT_ONCE
    deliver: Callable[[Tensor], Delivered] = deliver_labels

    def condense(self, run: Run) -> SyntheticImages:
        """Return the synthetic images of the latest step among those that looked best on the validation images."""
        recipe = driver.Recipe(
            synthetic=self.synthetic,
            surrogate=self.surrogate,
            sampler=self.sampler,
            objective=self.objective,
            source=self.source,
            schedule=self.schedule,
            steps=self.steps,
            look=self.look,
            looks=self.looks,
            look_rows=self.look_rows,
            augment=self.augment,
            rows_at_once=self.rows_at_once,
        )
        outcome = driver.run(recipe, run)
        return delivered((self.synthetic, self.y), self.form, outcome, self.deliver)


class ImageMatchingMethod(ImageMethod):
    """A method that learns its images by matching: a recipe and the settings of its paper."""

    stepwise: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    architecture: Architecture
    form: Form
    steps: int
    looks: int

    def __post_init__(self) -> None:
        """Check architecture and form; the methods check their other fields."""
        if not isinstance(self.architecture, Architecture):
            raise TypeError(
                f"architecture must be a value such as ConvNet(width=32), or a function of (shape, num_classes) that "
                f"makes a module, got {self.architecture!r}"
            )
        if not isinstance(self.form, Form):
            raise TypeError(f"form must be Stored(), Formations(), Memory() or Hallucinations(), got {self.form!r}")

    @classmethod
    def preset(cls: type[Method], name: str) -> Method:
        """Return the method with its paper's settings, such as ``"published"``, which ask for a GPU.

        Raises:
            ValueError: there is no preset of that name; the message names the nearest.
        """
        return cls(**settings_for(cls.__name__, cls.presets, name))

    def matching(
        self, task: ImageTask, made: Made, rates: Mapping[str, float], eyes: Network, *,
        labels: Callable[[Tensor], Tensor] = torch.clone, momentum: float | None = None, drops: Sequence[int] = (),
        **parts: Any,  # noqa: ANN401 (checked by ImageMatching)
    ) -> ImageMatching:  # fmt: skip
        """Return the recipe of these parts, with what all methods do alike.

        Args:
            task: The task.
            made: What the form builds: what is learned, and the class of each image.
            rates: Learning rates by part; those that are not learned are left out.
            eyes: The network that judges.
            labels: Makes what it trains on of the labels as they are learned.
            momentum: As :class:`graphcond.core.matching.schedules.Schedule` takes it.
            drops: Likewise.
            parts: The other fields of :class:`ImageMatching`; ``surrogate`` is ``eyes`` by default.
        """
        synthetic, y = made
        return ImageMatching(
            synthetic=synthetic.to(y.device),
            y=y,
            form=self.form,
            schedule=Schedule(rates=rates, momentum=momentum, drops=drops),
            steps=self.steps,
            look=judge(task, synthetic, eyes, labels),
            looks=self.looks,
            look_rows=rows_looked_at(task),
            **({"surrogate": eyes} | parts),
        )

    @abstractmethod
    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """Return what the method consists of, for a task and a budget."""

    def condense(self, task: ImageTask, allocation: Tensor, run: Run = Run()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        return self.recipe(task, allocation, run).condense(run)

    def surrogate(self, task: ImageTask, *, all_layers: bool = False) -> Network:
        """Return the architecture as a surrogate for a task."""
        return network(self.architecture, task.shape, task.num_classes, task.scale.mean, all_layers=all_layers)


def hard_labels(x: Tensor, y: Tensor) -> Labels:
    """Return the classes themselves, fixed."""
    return HardLabels(y)


def rate_of_images(rate: float | None, allocation: Tensor) -> float:
    """Return the learning rate of images where it is large: the one asked for, or one that falls with their number.

    Adam moves every pixel by its rate, whatever the gradient. The more images share a class, the less of the gradient
    in each is signal: a rate that one a class can bear ruins ten (``docs/images.md``).

    Args:
        rate: What was asked for; ``None``: :data:`RATE_OF_ONE` over the root of the images per class.
        allocation: Images of each class.
    """
    return RATE_OF_ONE / math.sqrt(float(allocation.float().mean())) if rate is None else rate


def augmentation(operations: tuple[Operation, ...], task: ImageTask, *, together: bool = False) -> Augmentation | None:
    """Return the augmentation by some operations, with a draw for each class; ``None`` without operations."""
    if not operations:
        return None
    return Augmentation(operations=operations, num_classes=task.num_classes, together=together)


def judge(
    task: ImageTask, synthetic: Labelled, surrogate: Network, labels: Callable[[Tensor], Tensor] = torch.clone
) -> Callable[[], float] | None:
    """Return what scores synthetic images: a network trained on them for a moment, looking at validation images.

    Args:
        task: The task.
        synthetic: The images.
        surrogate: The network.
        labels: Makes what the network trains on of the labels as they are learned.
    """
    seen = validation_batch(task)
    if seen is None:
        return None

    def look() -> float:
        step_size = synthetic.step_size()
        rate = LOOK_RATE if step_size is None else float(step_size.detach())
        training = Training(learning_rate=rate, momentum=LOOK_MOMENTUM, weight_decay=LOOK_DECAY, rows=LOOK_ROWS)
        student = Student(surrogate.init(), training)
        x, y = synthetic.decoded()
        student.train(surrogate, Batch(x, labels(y)), LOOK_STEPS)
        with torch.no_grad():
            shards = seen.shards(ROWS_AT_ONCE)
            hits = [(surrogate.layers(student.weights, shard)[-1].argmax(dim=1) == shard.y).sum() for shard in shards]
        return float(torch.stack(hits).sum()) / len(seen)

    return look


def rows_looked_at(task: ImageTask) -> int:
    """Return how many validation images there are in a look."""
    return min(len(task.val), MAX_VALIDATION)


def validation_batch(task: ImageTask) -> Batch | None:
    """Return some of the validation images, as many at most as a look can afford; ``None``: there are none."""
    if not len(task.val):
        return None
    rows = torch.randperm(len(task.val))[: rows_looked_at(task)].to(task.val.y.device)
    return task.batch(task.val.take(rows))
