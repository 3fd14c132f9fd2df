"""Holding images out for validation or testing, a share of each class."""

from dataclasses import replace

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import portion
from graphcond.images.task import ImageSet, ImageTask, Scale

MOST_HELD_OUT = 5_000


def hold_out(y: Tensor, share: float, *, most: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw a stratified share of images: classes give in proportion to their images.

    Every class with two images or more gives at least one and keeps at least one, which may come to more than
    ``share``; a class with a single image keeps it. Where there are more such classes than ``most``, the largest give.

    Args:
        y: ``(n,)`` int64 labels, from 0.
        share: What fraction of all images, in [0, 1).
        most: The largest number of images; ``None``: no limit.
        seed: Same seed, same images; the caller's random state is left alone.

    Returns:
        The image numbers that are kept and those that are held out, each ascending, int64.

    >>> kept, held = hold_out(torch.arange(20) % 2, 0.2)
    >>> len(kept), torch.bincount(held % 2)
    (16, tensor([2, 2]))
    """
    labels = y.cpu()
    counts = torch.bincount(labels)
    given = _given(counts, share, len(labels) if most is None else most)
    with seeded(seed):
        order = torch.randperm(len(labels))
    by_class = order[labels[order].argsort(stable=True)]
    place = torch.arange(len(labels)) - (counts.cumsum(0) - counts)[labels[by_class]]  # within its class, shuffled
    held = torch.zeros(len(labels), dtype=torch.bool)
    held[by_class] = place < given[labels[by_class]]
    kept_rows, held_rows = (mask.nonzero().flatten().to(y.device) for mask in (~held, held))
    return kept_rows, held_rows


def split_without_labels(task: ImageTask) -> ImageTask:
    """Return a task whose validation images, if they were held out, are drawn anew, whatever their classes.

    So what is made of the training images does not depend on any label.
    """
    if task.held_out is None:
        return task
    train, val, rows = task.train, task.val, task.held_out.rows
    kept = torch.ones(len(train) + len(val), dtype=torch.bool, device=train.y.device)
    kept[rows.to(train.y.device)] = False
    images = ImageSet(train.x.new_empty(len(kept), *task.shape), train.y.new_empty(len(kept)))
    for part, places in ((train, kept), (val, ~kept)):
        images.x[places], images.y[places] = part.x, part.y
    left, held = hold_out(torch.zeros_like(images.y), task.held_out.share, most=MOST_HELD_OUT)
    found, scale = images.take(left), Scale.of(images.x[left])
    return replace(task, train=found, val=images.take(held), scale=scale, held_out=task.held_out._replace(rows=held))


def _given(counts: Tensor, share: float, most: int) -> Tensor:
    """Return how many images each class gives, ``(num_classes,)`` int64."""
    given = torch.zeros_like(counts)
    largest = counts.argsort(descending=True, stable=True)[:most]
    giving = largest[counts[largest] > 1].sort().values
    if share == 0 or not len(giving):
        return given
    spare = counts[giving] - 1
    total = max(portion(share, int(counts.sum())), len(giving))
    given[giving] = largest_remainder(min(total, most, int(spare.sum())), counts[giving], spare)
    return given
