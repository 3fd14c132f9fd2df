"""The teacher of images: a network trained for a few steps on all training images."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.training import Student, Training
from graphcond.core.runtime.randomness import future_seed, seeded
from graphcond.images import source
from graphcond.images.task import ImageSet, ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet, Perceptron, network
from graphcond.surrogates.network import Network

TEMPERATURES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
ROWS_AT_ONCE = 512  # images that pass through the teacher together
WIDTH, MOST_BLOCKS = 32, 3
SETTLING_STEPS = 40  # batches over which the statistics of batch normalisation are averaged


@dataclass(frozen=True, eq=False)
class ImageTeacher:
    """A network trained on all training images of a task.

    Args:
        task: The task.
        surrogate: The network.
        weights: Its weights.
        temperature: Its logits are divided by it.
    """

    task: ImageTask
    surrogate: Network
    weights: Weights
    temperature: float = 1.0

    @torch.no_grad()
    def seen_logits(self, x: Tensor) -> Tensor:
        """Return the logits of normalised images, ``(n, num_classes)``."""
        parts = torch.split(x, ROWS_AT_ONCE)
        batches = (Batch(part, torch.zeros(len(part), dtype=torch.int64, device=x.device)) for part in parts)
        return torch.cat([self.surrogate.layers(self.weights, batch)[-1] for batch in batches]) / self.temperature

    @torch.no_grad()
    def logits(self, images: ImageSet) -> Tensor:
        """Return the logits of images, ``(n, num_classes)``."""
        parts = torch.split(torch.arange(len(images), device=images.y.device), ROWS_AT_ONCE)
        batches = (self.task.batch(images.take(rows)) for rows in parts)
        return torch.cat([self.surrogate.layers(self.weights, batch)[-1] for batch in batches]) / self.temperature

    def calibrated(self) -> "ImageTeacher":
        """Return the teacher at the temperature at which the labels of the validation images are likeliest.

        Without validation images it is 1.
        """
        val = self.task.val
        if not len(val):
            return replace(self, temperature=1.0)
        logits = self.logits(val) * self.temperature
        losses = {t: float(F.cross_entropy(logits / t, val.y)) for t in TEMPERATURES}
        return replace(self, temperature=min(losses, key=losses.__getitem__))

    def at(self, temperature: float) -> "ImageTeacher":
        """Return the teacher at so many times its temperature."""
        return replace(self, temperature=temperature * self.temperature)


Watch = Callable[[int, ImageTeacher], None]
"""Is told how many steps a teacher was trained, and of the teacher as it stands: before each step and at the end."""


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """How the network is trained that labels images, or judges them.

    Args:
        architecture: The network; ``None``: ``ConvNet(width=32)``, with less than three blocks where images are too
            small for these.
        training: How it is trained.
        batch_size: Training images of a step.
        epochs: Passes over the training images.
        min_steps: The smallest number of steps, however few images there are.
    """

    architecture: Architecture | None = None
    training: Training = Training(learning_rate=3e-3)
    batch_size: int = 128
    epochs: int = 2
    min_steps: int = 300

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.architecture is not None and not isinstance(self.architecture, Architecture):
            raise TypeError(f"architecture must be a value such as ConvNet(width=32), got {self.architecture!r}")

    def steps(self, task: ImageTask) -> int:
        """Return how many steps the training takes."""
        return max(self.min_steps, self.epochs * len(task.train) // self.batch_size)

    def network(self, task: ImageTask) -> Network:
        """Return the network."""
        chosen, blocks = self.architecture, min(task.shape[1:]).bit_length() - 1
        if chosen is None:
            chosen = ConvNet(width=WIDTH, depth=min(MOST_BLOCKS, blocks)) if blocks else Perceptron()
        return network(chosen, task.shape, task.num_classes, task.train.x)

    def teacher(self, task: ImageTask, watch: Watch | None = None) -> ImageTeacher:
        """Return the trained teacher, calibrated on the validation images.

        Args:
            task: The task.
            watch: Is told before each step, and after the last.
        """
        surrogate = self.network(task)
        student, batches = Student(surrogate.init(), self.training), source.RandomBatches(task, self.batch_size)
        for step in range(self.steps(task)):
            if watch is not None:
                watch(step, ImageTeacher(task, surrogate, student.weights))
            student.train(surrogate, batches(step), 1)
        if watch is not None:
            watch(self.steps(task), ImageTeacher(task, surrogate, student.weights))
        with seeded(future_seed()):  # what comes after the teacher draws the same, whatever its network has
            settled = _settled(surrogate, student.weights, batches)
        return ImageTeacher(task, settled, student.weights).calibrated()


@torch.no_grad()
def _settled(surrogate: Network, weights: Weights, batches: source.RandomBatches) -> Network:
    """Return a network whose batch normalisation, if it has any, has the statistics of training images for good."""
    module = surrogate.build()
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    if not norms:
        return surrogate
    for parameter, weight in zip(module.parameters(), weights, strict=True):
        parameter.copy_(weight)
    module = module.to(weights[0].device).train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    for step in range(SETTLING_STEPS):
        module(batches(step).x)
    module.eval()
    return replace(surrogate, build=lambda: copy.deepcopy(module))
