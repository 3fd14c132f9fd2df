"""KRR-ST: images by ridge regression on the representations of a self-supervised teacher, without labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Student, Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.run_context import RunContext
from graphcond.images.barlow_twins import BarlowTwins, Represent
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet, network
from graphcond.surrogates.network_kernel import NetworkKernel
from graphcond.synthetic.learned_rows import FreeTargets, LearnedRows

MOST_VALIDATED = 1000  # validation images that are read
TRAINING_STEPS = 100  # of the network that validates
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cifar100": {
        "architecture": ConvNet(width=128), "networks": 10, "train_steps": 1, "max_age": 1000, "inner_rate": 0.1,
        "momentum": 0.9, "weight_decay": 1e-3, "steps": 160_000, "images_rate": 1e-4, "labels_rate": 1e-4,
        "real_batch_size": 1024,
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class KRRSTImages(ImageMethod):
    r"""Kernel ridge regression on self-supervised representations (KRR-ST: Lee et al., ICLR 2024).

    .. math:: \min_{X_S, Y_S} \mathbb E_{\theta}\; \tfrac 1 2 \big\| g(X_T) - \Phi_T \Phi_S^\top
              (\Phi_S \Phi_S^\top + \lambda I)^{-1} Y_S \big\|^2

    with :math:`g` a teacher that learned without labels, and :math:`\Phi` what goes into the last layer of a network
    from a pool, in which each is trained on the synthetic images by the squared error of :math:`Y_S` after its use and
    replaced by a fresh one at some age. ``vectors`` holds the learned :math:`Y_S`: a network that is trained to predict
    it is a start for any labels.

    Labels are not read. The images start as training images drawn at random from all classes together, so that
    ``"10/class"`` means ten times as many as there are classes; ``y`` only says of which classes those were that they
    started from.

    Args:
        teacher: The teacher.
        architecture: The networks of the pool.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        networks: Networks in the pool.
        train_steps: Steps of training after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate of the training.
        momentum: ``None``: the training is Adam's; a number: stochastic gradient descent with so much momentum.
        weight_decay: L2 penalty of the training.
        steps: Steps of Adam on images and targets; 0: images and representations stay where they start.
        images_rate: Learning rate of the images.
        labels_rate: Learning rate of the targets, whose root mean square is 1.
        real_batch_size: Real images of a step.
        validations: How often images are validated, to choose the step that is kept.

    Note:
        - The paper's teacher is a ResNet-18 trained by Barlow Twins; here :class:`graphcond.images.barlow_twins`.
        - Images and targets move by Adam at a constant rate, the paper's by AdamW at one that falls to a thousandth.
        - The step that is kept is the one after which a network predicts the teacher's representations of validation
          images best; the published code keeps the last.
        - The preset has the settings of the paper for CIFAR-100 but for the teacher; the default schedule is a reduced
          one, for minutes on a CPU.
    """

    name: ClassVar[str] = "krr_st"
    label_free: ClassVar[bool] = True
    resumable: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "teacher": {"architecture": ConvNet(width=4, depth=1), "steps": 2, "batch_size": 8, "projection": 8},
        "architecture": ConvNet(width=4, depth=1), "steps": 4, "networks": 2, "real_batch_size": 16, "validations": 2,
    }  # fmt: skip
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    teacher: BarlowTwins = BarlowTwins()
    architecture: Architecture = ConvNet(width=32)
    ridge: float = 1e-6
    networks: int = 5
    train_steps: int = 2
    max_age: int = 50
    inner_rate: float = 0.001
    momentum: float | None = None
    weight_decay: float = 0.0
    steps: int = 300
    images_rate: float = 0.03
    labels_rate: float = 0.01
    real_batch_size: int = 256
    validations: int = 3

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("momentum", "weight_decay", "labels_rate", "steps"))
        for field, kind, words in (
            ("teacher", BarlowTwins, "BarlowTwins()"),
            ("architecture", Architecture, "a value"),
        ):
            if not isinstance(value := getattr(self, field), kind):
                raise TypeError(f"{field} must be {words}, got {value!r}")

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        represent = self.teacher.represent(task)
        rows = torch.randperm(len(task.train))[: int(allocation.sum())].to(task.train.y.device)
        start = task.train.take(rows)
        images = LearnedRows(task.batch(start).x, FreeTargets(represent(start)))
        outcome = driver.run(self.recipe(task, images.to(rows.device), represent), run)
        x, target = images.decoded()
        return SyntheticImages(
            x=x, y=start.y, vectors=target, choices=outcome.choices() | {"target": repr(self.teacher)}
        )

    def recipe(self, task: ImageTask, images: LearnedRows, represent: Represent) -> Recipe[LearnedRows]:
        """Return what the method consists of, for images and representations to start with."""
        vectors = represent(task.train)
        kernel = NetworkKernel(network(self.architecture, task.shape, vectors.size(1), task.scale.mean))
        training = Training(
            learning_rate=self.inner_rate, momentum=self.momentum, weight_decay=self.weight_decay, batch_size=256
        )
        return Recipe(
            synthetic=images,
            surrogate=kernel,
            sampler=Pool(kernel, self.networks, self.train_steps, self.max_age, training),
            objective=KernelRidge(ridge=self.ridge),
            source=Represented(task, vectors, self.real_batch_size),
            schedule=Schedule(rates={"features": self.images_rate, "labels": self.labels_rate}),
            steps=self.steps,
            validation=_validation(task, images, kernel, represent, self.validations),
        )


class Represented:
    """Training images at random, whatever their classes, with a teacher's representations for labels.

    Args:
        task: The task.
        vectors: ``(num_train, columns)`` the representations.
        rows: Images of a batch, drawn with replacement.
    """

    constant = False

    def __init__(self, task: ImageTask, vectors: Tensor, rows: int) -> None:
        self._task = task
        self._vectors = vectors
        self._rows = rows

    def __call__(self, step: int) -> Batch:
        """Return a batch, normalised."""
        rows = torch.randint(len(self._vectors), (self._rows,)).to(self._vectors.device)
        return Batch(self._task.scale.normalized(self._task.train.x[rows]), self._vectors[rows])


def _validation(
    task: ImageTask, images: LearnedRows, kernel: NetworkKernel, represent: Represent, times: int
) -> Validation | None:
    """Return the validation by the share of the representations' variance that a network predicts after some steps."""
    if not len(task.val):
        return None
    some = task.val.take(torch.randperm(len(task.val))[:MOST_VALIDATED].to(task.val.y.device))
    x, vectors = task.scale.normalized(some.x), represent(some)
    spread = (vectors - vectors.mean(dim=0)).square().sum().clamp(min=torch.finfo(vectors.dtype).tiny)

    def score() -> float:
        student = Student(kernel.init(), Training(learning_rate=0.001, batch_size=128))
        student.train(kernel, Batch(*images.decoded()), TRAINING_STEPS)
        with torch.no_grad():
            outputs = kernel.layers(student.weights, Batch(x, some.y))[-1]
        return 1 - float((outputs - vectors).square().sum() / spread)

    return Validation(score=score, times=times)
