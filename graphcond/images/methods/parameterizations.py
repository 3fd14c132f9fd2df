"""Parameterizations: what of synthetic images is stored and learned, as values that every image method takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from graphcond.images.formation import pack
from graphcond.images.methods.bases import Bases, nearest_bases
from graphcond.images.methods.hallucinated import HallucinatedImages, Pairing
from graphcond.images.methods.multi_formation import MultiFormationImages
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import Labelled, Labels, LearnedRows

Start = Literal["real", "noise"]
LabelsOf = Callable[[Tensor, Tensor], Labels]
"""Makes the labels of images, given these and their classes."""

STARTS = ("real", "noise")


@runtime_checkable
class Parameterization(Protocol):
    """What of synthetic images is stored and learned."""

    @property
    def formation(self) -> int:
        """Each stored image stands for ``formation**2`` images."""
        ...

    @property
    def decoded(self) -> bool:
        """Whether the images have to be decoded from what is learned."""
        ...

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """Return what is learned.

        Args:
            task: The task.
            allocation: Stored images of each class, or what takes as many numbers.
            start: Where they start.
            labels: Makes their labels.
            step_size: Where a learned step size starts.
        """
        ...

    def delivered(self, task: ImageTask, allocation: Tensor) -> Tensor:
        """Return how many images are delivered of each class, ``(num_classes,)``."""
        return allocation

    def prepared(self, task: ImageTask, run: RunContext) -> "Parameterization":
        """Return the parameterization after long work that comes before the steps, such as training a generator.

        Raises:
            OutOfTime: the time is over before.
        """
        return self


@dataclass(frozen=True)
class Pixels(Parameterization):
    """Images as they are."""

    formation = 1
    decoded = False

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`Parameterization`."""
        x, y = initial_images(task, allocation, start)
        return LearnedRows(x, labels(x, y), step_size=step_size)


@dataclass(frozen=True)
class MultiFormation(Parameterization):
    """Images whose tiles, enlarged, are what networks see (IDC: Kim et al., ICML 2022).

    Args:
        factor: Tiles along each side.
    """

    factor: int = 2
    decoded = False

    def __post_init__(self) -> None:
        """Check the field."""
        require_positive(self)

    @property
    def formation(self) -> int:
        """See :class:`Parameterization`."""
        return self.factor

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`Parameterization`."""
        tiles, y = initial_images(task, allocation * self.factor**2, start)
        x, y = pack(tiles, self.factor), y[:: self.factor**2]
        return MultiFormationImages(x, labels(x, y), self.factor, step_size=step_size)


@dataclass(frozen=True)
class SharedBases(Parameterization):
    """Images as combinations of a few bases that all classes share (LinBa: Deng and Russakovsky, NeurIPS 2022).

    Args:
        images: Images that each unit of the budget stands for: as many bases are stored as images are asked for.
    """

    images: int = 4
    formation = 1
    decoded = True

    def __post_init__(self) -> None:
        """Check the field."""
        require_positive(self)

    def delivered(self, task: ImageTask, allocation: Tensor) -> Tensor:
        """See :class:`Parameterization`."""
        return allocation * self.images

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`Parameterization`."""
        x, y = initial_images(task, allocation * self.images, start)
        bases, addresses = nearest_bases(x, int(allocation.sum()))
        return Bases(bases, addresses, labels(x, y), step_size=step_size)


@dataclass(frozen=True)
class Hallucinators(Parameterization):
    """Each stored image through several small networks (HaBa: Liu et al., NeurIPS 2022).

    Args:
        networks: How many.
        pairing: What a step sees: ``"all"`` images, or those of one network that is ``"drawn"`` for it.
    """

    networks: int = 4
    pairing: Pairing = "all"
    formation = 1
    decoded = True

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def delivered(self, task: ImageTask, allocation: Tensor) -> Tensor:
        """See :class:`Parameterization`."""
        return allocation * self.networks

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`Parameterization`."""
        x, y = initial_images(task, allocation, start)
        return HallucinatedImages(
            x, labels(x, y), hallucinators=self.networks, pairing=self.pairing, step_size=step_size
        )


def initial_images(task: ImageTask, allocation: Tensor, start: Start) -> tuple[Tensor, Tensor]:
    """Return normalised images and their classes, ``allocation`` of each: training images at random, or noise.

    Where a class has too few, images serve more than once.
    """
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, got {start!r}")
    y = torch.repeat_interleave(allocation.cpu()).to(task.train.y.device)
    if start == "noise":
        return torch.randn(len(y), *task.shape).to(y.device), y
    chosen = []
    for label, count in enumerate(allocation.tolist()):
        rows = (task.train.y == label).nonzero().flatten()
        turns = -(-count // len(rows))
        chosen += [rows[torch.randperm(len(rows)).to(rows.device)] for _ in range(turns)]
        chosen[-turns:] = [torch.cat(chosen[-turns:])[:count]]
    return task.scale.normalized(task.train.x[torch.cat(chosen)]), y
