"""What is trained on condensed images: networks by name, any architecture, and a kernel that needs no training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.matching.batch import Batch
from graphcond.core.names import named
from graphcond.core.positive_definite import ridged, solve
from graphcond.core.runtime.randomness import seeded
from graphcond.images.evaluation.training import ROWS_AT_ONCE, ImageEvaluationData, ImageTrainingData
from graphcond.images.task import ImageSet
from graphcond.surrogates.convnet import Architecture, ConvNet, Perceptron, network
from graphcond.surrogates.infinite_width import InfiniteWidth

MOST_ROWS = 5_000  # of a kernel matrix, whose factor takes their third power in time


@dataclass(frozen=True, kw_only=True)
class LeNet:
    """LeNet-5 with ReLU units and max pooling (LeCun et al., Proceedings of the IEEE 1998), as DC's tables have it."""

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """See :class:`graphcond.surrogates.convnet.Architecture`."""
        channels, *sides = shape
        frame = 2 if min(sides) < 32 else 0  # the 28 of MNIST become its 32
        height, width = (((side + 2 * frame - 4) // 2 - 4) // 2 for side in sides)
        if min(height, width) < 1:
            raise ValueError(
                f"LeNet() needs images with sides of at least 12, got the shape {shape}; use a Perceptron()"
            )
        return nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=frame), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(16 * height * width, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, num_classes),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AlexNet:
    """AlexNet for small images (after Krizhevsky et al., NeurIPS 2012), as DC's tables have it."""

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        """See :class:`graphcond.surrogates.convnet.Architecture`."""
        channels, *sides = shape
        frames = [-side % 8 + 1 >> 1 for side in sides]  # so that pooling loses no pixel
        height, width = ((side + 2 * frame) // 8 for side, frame in zip(sides, frames, strict=True))
        return nn.Sequential(
            nn.Conv2d(channels, 128, 5, padding=(frames[0] + 2, frames[1] + 2)), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(128, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(192, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 192, 3, padding=1), nn.ReLU(),
            nn.Conv2d(192, 192, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(192 * height * width, num_classes),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class KernelRegression:
    r"""Kernel ridge regression on the condensed images, KIP's own evaluation (Nguyen et al., ICLR 2021).

    .. math:: K_{TS} \big(K_{SS} + \lambda\, \tfrac{\mathrm{tr} K_{SS}}{n} I\big)^{-1} Y_S

    It predicts ``target`` where the set has it, else the labels that networks train on. Nothing in it is random.

    Args:
        kernel: The kernel.
        ridges: Of these values of :math:`\lambda` the best on the validation images is taken, without any the first.
    """

    kernel: InfiniteWidth = field(default_factory=partial(InfiniteWidth, depth=2))
    ridges: tuple[float, ...] = (1e-6, 1e-4, 1e-2, 1.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        if not self.ridges or not all(ridge > 0 for ridge in self.ridges):
            raise ValueError(f"ridges must be positive numbers, at least one, got {self.ridges!r}")

    def score(self, training: ImageTrainingData, data: ImageEvaluationData) -> Score:
        """Return the scores of the regression.

        Raises:
            ValueError: there are too many images.
        """
        if len(training) > MOST_ROWS:
            raise ValueError(f"a kernel matrix of {len(training):,} images is too large (the most is {MOST_ROWS:,})")
        wanted = training.targets if training.outputs is None else training.outputs
        outputs = F.one_hot(wanted, data.num_classes) if wanted.dim() == 1 else wanted
        batch = Batch(training.scale.normalized(training.x).double(), outputs.double())
        gram = self.kernel.gram((), batch)
        solutions = torch.stack([solve(ridged(gram, ridge), batch.y) for ridge in self.ridges])
        if not len(data.val):
            return _scored(self._predicted(training, batch, solutions[0], data.test), data)
        scores = [data.metric(p, data.val.y) for p in self._predicted(training, batch, solutions, data.val)]
        best = max(range(len(scores)), key=scores.__getitem__)
        return _scored(self._predicted(training, batch, solutions[best], data.test), data, scores[best])

    def _predicted(self, training: ImageTrainingData, batch: Batch, solutions: Tensor, images: ImageSet) -> Tensor:
        """Return the predictions of one or several solutions, ``(..., n, num_classes)``."""
        shards = torch.split(images.x, ROWS_AT_ONCE)
        blocks = (Batch(training.scale.normalized(x).double(), images.y[:0]) for x in shards)
        return torch.cat([self.kernel.cross((), block, batch) @ solutions for block in blocks], dim=-2)


def _scored(predicted: Tensor, data: ImageEvaluationData, val: float | None = None) -> Score:
    labels = data.test.y
    return Score(data.metric(predicted, labels), val, items=outcomes(predicted, labels, data.metric))


ImageModel = Architecture | KernelRegression

IMAGE_MODELS: dict[str, ImageModel] = {
    "convnet": ConvNet(),
    "convnet_w32": ConvNet(width=32),
    "convnet_w64": ConvNet(width=64),
    "mlp": Perceptron(),
    "lenet": LeNet(),
    "alexnet": AlexNet(),
    "ntk": KernelRegression(),
}


def image_models(models: Sequence[object]) -> dict[str, ImageModel]:
    """Return models by what they are called in a report: their name, or what makes them.

    Raises:
        TypeError: neither a name nor an architecture.
        ValueError: there is no model of that name, the message names the nearest; or two are called the same.
    """
    kinds: dict[str, ImageModel] = {}
    for model in models:
        name, kind = _called(model), _resolved(model)
        if kinds.setdefault(name, kind) != kind:
            raise ValueError(f"two models are called {name!r}; pass functions of different names")
    return kinds


def check_models(kinds: dict[str, ImageModel], shape: tuple[int, int, int], num_classes: int) -> None:
    """Raise unless all architectures make of such images one number for each class; see :func:`network`."""
    for kind in kinds.values():
        if not isinstance(kind, KernelRegression):
            with seeded(0):  # weights are drawn
                network(kind, shape, num_classes, torch.empty(0))


def _called(model: object) -> str:
    if isinstance(model, str):
        return model
    return model.__name__ if isinstance(model, FunctionType | type) else repr(model)


def _resolved(model: object) -> ImageModel:
    if isinstance(model, KernelRegression) or (isinstance(model, Architecture) and not isinstance(model, nn.Module)):
        return model
    if not isinstance(model, str):
        raise TypeError(
            "models must be names or architectures, which are functions of (shape, num_classes) that make a fresh "
            f"torch.nn.Module, got {type(model).__name__}"
        )
    return named(model, IMAGE_MODELS, "model", " for images")
