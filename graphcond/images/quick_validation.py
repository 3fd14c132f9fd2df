"""Quick validation: classifiers are fitted on synthetic images for a few steps and scored on the validation images."""

from collections.abc import Callable

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Validation
from graphcond.core.matching.training import Student, Training
from graphcond.images.task import ImageTask
from graphcond.surrogates.network import Network

ROWS_AT_ONCE = 512  # real images that pass through a network together
STEPS = 150
STEP_ROWS = 128  # synthetic images of such a step
LEARNING_RATE = 0.01
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
MOST_IMAGES = 2000  # validation images that are read

Classifier = Callable[[Batch], Tensor]
"""Returns the scores of the classes for a batch of images, ``(n, num_classes)``."""


def validation(task: ImageTask, times: int, fitted: Callable[[], Classifier]) -> Validation | None:
    """Return the validation by the share of validation images that are classified rightly; ``None``: there are none.

    Args:
        task: The task.
        times: How often.
        fitted: Returns a classifier fitted on the synthetic images as they stand.
    """
    if not len(task.val):
        return None
    rows = torch.randperm(len(task.val))[:MOST_IMAGES].to(task.val.y.device)
    images = task.batch(task.val.take(rows))

    def score() -> float:
        classifier = fitted()
        with torch.no_grad():
            hits = [(classifier(shard).argmax(dim=1) == shard.y).sum() for shard in images.shards(ROWS_AT_ONCE)]
        return float(torch.stack(hits).sum()) / len(images)

    return Validation(score=score, times=times, rows=len(images))


def trained(surrogate: Network, images: Batch) -> Classifier:
    """Return a network that is trained on images for a few steps, with their learned step size if they have one."""
    rate = LEARNING_RATE if images.step_size is None else float(images.step_size.detach())
    training = Training(learning_rate=rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, batch_size=STEP_ROWS)
    student = Student(surrogate.init(), training)
    student.train(surrogate, images, STEPS)
    return lambda batch: surrogate.layers(student.weights, batch)[-1]
