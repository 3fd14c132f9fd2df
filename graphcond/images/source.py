"""Training images in batches, as a surrogate sees them."""

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.images.task import ImageTask


class ImageSource:
    """Training images, ``per_class`` of each class at a step.

    Args:
        task: The task.
        per_class: Images of each class in a batch, or all of a class that has fewer.
        constant: Whether all steps see the same images, so that what they do to weights that come back has to be
            observed once only.
    """

    def __init__(self, task: ImageTask, per_class: int, *, constant: bool = False) -> None:
        self._task = task
        self._per_class = per_class
        labels = task.train.y
        self._classes = [(labels == label).nonzero().flatten() for label in torch.unique(labels).tolist()]
        self.constant = constant or all(len(rows) <= per_class for rows in self._classes)
        # Drawn here and not at the first step, which a resumed run does not see.
        self._kept = self._batch() if self.constant else None

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step, normalised, its images in the order of their classes."""
        return self._batch() if self._kept is None else self._kept

    def _batch(self) -> Batch:
        return self._task.batch(self._task.train.take(torch.cat([self._drawn(rows) for rows in self._classes])))

    def _drawn(self, rows: Tensor) -> Tensor:
        if len(rows) <= self._per_class:
            return rows
        # With replacement: a permutation of a large class would cost more than the step.
        return rows[torch.randint(len(rows), (self._per_class,)).to(rows.device)]


class SameImages:
    """Random training images, the same at each step.

    Args:
        task: The task.
        rows: How many, or all where there are fewer.
    """

    constant = True

    def __init__(self, task: ImageTask, rows: int) -> None:
        count = len(task.train)
        drawn = torch.randperm(count)[:rows].sort().values  # now and not at the first step, which a resumed run skips
        self._batch = task.batch(task.train.take(drawn.to(task.train.y.device)))

    def __call__(self, step: int) -> Batch:
        """Return the images, normalised."""
        return self._batch


class RandomBatches:
    """Training images at random, whatever their classes: what networks are trained on.

    Args:
        task: The task.
        rows: Images of a batch, drawn with replacement, so that no step depends on those before it.
    """

    constant = False

    def __init__(self, task: ImageTask, rows: int) -> None:
        self._task = task
        self._rows = rows

    def __call__(self, step: int) -> Batch:
        """Return a batch, normalised."""
        train = self._task.train
        return self._task.batch(train.take(torch.randint(len(train), (self._rows,)).to(train.y.device)))
