"""A self-supervised teacher: a network that learns from images without labels, and what it makes of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights
from graphcond.core.runtime.randomness import seeded
from graphcond.images.augmentation import Augmentation, Operation
from graphcond.images.task import ImageSet, ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet, network
from graphcond.surrogates.network import Network

ROWS_AT_ONCE = 512  # images that pass through the network together
LEAST = 1e-6  # the variance of a column below which it is not enlarged

Represent = Callable[[ImageSet], Tensor]
"""Returns the representations of images, ``(n, columns)``."""


@dataclass(frozen=True, kw_only=True)
class BarlowTwins:
    r"""Two views of an image shall have the same representation, and its columns say different things.

    .. math:: \min_\theta \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2

    with :math:`C` the correlations between the columns of the projections of two views of a batch of images (Zbontar et
    al., ICML 2021). Representations are what goes into the network's last layer, centred and divided by one number,
    their root mean square on the training images.

    Everything random is drawn under a seed of its own, so that the same images have the same representations at every
    call, whatever its seed.

    Args:
        architecture: The network.
        operations: How views differ; all are done, one after another.
        projection: Units of both layers of the projector.
        redundancy: :math:`\lambda`.
        steps: Steps of Adam.
        batch_size: Images of a step.
        learning_rate: Of Adam.

    Note:
        The paper's network is a ResNet-50 that is trained by LARS for 1,000 epochs, on views that are cropped, resized,
        mirrored, recoloured and blurred; its projector has three layers of 8,192 units. Here it is a small network, in
        a minute or two on a CPU.
    """

    architecture: Architecture = ConvNet(width=32)
    operations: tuple[Operation, ...] = ("crop", "scale", "rotate", "cutout")
    projection: int = 256
    redundancy: float = 0.005
    steps: int = 300
    batch_size: int = 128
    learning_rate: float = 0.001

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size!r}; one image has no correlations")
        if not isinstance(self.architecture, Architecture):
            raise TypeError(f"architecture must be a value such as ConvNet(width=32), got {self.architecture!r}")
        Augmentation(operations=self.operations)

    def represent(self, task: ImageTask) -> Represent:
        """Return what makes representations, trained on the training images of a task; their labels are not read."""
        with seeded(0):
            surrogate = network(self.architecture, task.shape, self.projection, task.scale.mean)
            weights = self._trained(task, surrogate)
        found = _represented(task, surrogate, weights, task.train)
        center = found.mean(dim=0)
        scale = (found - center).square().mean().sqrt().clamp(min=LEAST)
        return lambda images: (_represented(task, surrogate, weights, images) - center) / scale

    def _trained(self, task: ImageTask, surrogate: Network) -> Weights:
        weights = tuple(weight.clone().requires_grad_() for weight in surrogate.init())
        width = self.projection
        head = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)).to(task.train.x.device)
        optimizer = torch.optim.Adam([*weights, *head.parameters()], lr=self.learning_rate, fused=True)
        views = Augmentation(operations=self.operations, together=True)
        for _ in range(self.steps):
            rows = torch.randint(len(task.train), (self.batch_size,)).to(task.train.x.device)
            x = task.scale.normalized(task.train.x[rows])
            batch = Batch(x, torch.zeros(len(x), dtype=torch.long, device=x.device))
            first, second = (head(surrogate.layers(weights, views.each(batch))[-1]) for _ in range(2))
            optimizer.zero_grad()
            self.loss(first, second).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return tuple(weight.detach() for weight in weights)

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss of the projections of two views, each ``(n, projection)``, a scalar."""
        correlations = _standardised(first).T @ _standardised(second) / len(first)
        diagonal = correlations.diagonal()
        others = correlations.square().sum() - diagonal.square().sum()
        total: Tensor = (1 - diagonal).square().sum() + self.redundancy * others
        return total


def _standardised(x: Tensor) -> Tensor:
    centred = x - x.mean(dim=0)
    scaled: Tensor = centred * (centred.square().mean(dim=0) + LEAST).rsqrt()
    return scaled


@torch.no_grad()
def _represented(task: ImageTask, surrogate: Network, weights: Weights, images: ImageSet) -> Tensor:
    shards = [
        surrogate.layers(weights, Batch(task.scale.normalized(x), images.y[:0]))[-2].flatten(1)
        for x in torch.split(images.x, ROWS_AT_ONCE)
    ]
    return torch.cat(shards)
