"""What stands beside every score of a condensed set of images."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from graphcond.core.evaluation.candidates import Candidate, impossible
from graphcond.core.evaluation.controls import control_names
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.randomness import seeded
from graphcond.images.evaluation.candidates import tensor_bytes
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.selection import (
    ClassMeanImages,
    HerdingImages,
    KCenterImages,
    RandomImages,
    RandomSoftImages,
)
from graphcond.images.modality import image_data
from graphcond.images.task import ImageTask

METHODS: dict[str, type[ImageMethod]] = {
    method.name: method for method in (RandomImages, RandomSoftImages, ClassMeanImages, HerdingImages, KCenterImages)
}
USUAL = ("random", "random_soft", "class_mean", "herding")
"""What ``controls=True`` stands for."""

IMAGE_CONTROLS = (*METHODS, "whole")
"""All that there are. Training on the whole original takes longer than all else together."""


def image_control_names(controls: bool | Sequence[str]) -> Sequence[str]:
    """Return the names of the controls that were asked for.

    Raises:
        ValueError: there is no control of a name.
    """
    return USUAL if isinstance(controls, bool | np.bool_) and controls else control_names(controls, IMAGE_CONTROLS)


def image_control(name: str, own: Candidate, task: ImageTask) -> Candidate:
    """Make a control as often as the dataset was condensed, with the same number of stored images in each class."""
    if name == "whole":
        return Candidate(name, (), tensor_bytes((task.train.x, task.train.y)))
    allocations = [torch.bincount(data.y.cpu(), minlength=task.num_classes).clamp(min=1) for data in own.sets]
    try:
        with measured(task.train.x.device) as costs:
            results = _results(METHODS[name](), task, allocations)
    except ValueError as reason:
        return impossible(name, reason)
    sets = tuple(image_data(result, task) for result in results)
    return Candidate(name, sets, tensor_bytes(sets[0].to_dict().values()), costs.seconds / len(sets), costs.peak_memory)


def _results(method: ImageMethod, task: ImageTask, allocations: Sequence[Tensor]) -> list[SyntheticImages]:
    """Return what a method makes for each allocation; a teacher is trained once for all of them."""
    teacher = None
    if isinstance(method, RandomSoftImages):
        with seeded(0):
            teacher = method.teacher(task)
    results = []
    for i, allocation in enumerate(allocations):
        with seeded(i):
            if isinstance(method, RandomSoftImages) and teacher is not None:
                results.append(method.taught(task, allocation, teacher))
            else:
                results.append(method.condense(task, allocation))
    return results
