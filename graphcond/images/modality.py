"""What ``condense_images`` does."""

import logging
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.record import Record
from graphcond.core.run_conditions import Conditions, require_finite, settings_of
from graphcond.core.runtime.costs import Costs, measured
from graphcond.core.runtime.randomness import seeded
from graphcond.images.budget import ImageBudget
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.reading import read_images
from graphcond.images.task import ImageTask

logger = logging.getLogger(__name__)


def condense_image_dataset(
    dataset: object, budget: ImageBudget, method: ImageMethod, conditions: Conditions
) -> CondensedDataset:
    """Return an image dataset condensed by a method."""
    conditions.check(method)
    task = read_images(dataset)
    allocation = budget.allocate(task.class_counts)
    for note in task.notes:
        logger.warning(note)
    run = conditions.run(method, lambda: _identity(method, task, allocation))
    with measured(conditions.device) as costs, seeded(conditions.seed):
        result = method.condense(task.to(conditions.device), allocation, run)
    data = image_data(result, task)
    require_finite(method, data.to_dict())
    task = replace(task, notes=(*task.notes, *conditions.notes(method, result.choices)))
    return CondensedDataset(
        [data], _record(method, task, budget, allocation, result, data, costs, conditions), result.members
    )


def image_data(result: SyntheticImages, task: ImageTask) -> Data:
    """Return synthetic images as one ``Data`` on the CPU, in the units of the originals, with what training needs."""
    scale = task.scale.to(result.x.device)
    tensors: dict[str, Tensor | None] = {
        "x": scale.restored(result.x),
        "y": result.y,
        "y_soft": result.y_soft,
        "target": result.target,
        "mean": scale.mean,
        "std": scale.std,
        "learning_rate": None if result.learning_rate is None else torch.tensor([result.learning_rate]),
        "formation": None if result.formation == 1 else torch.tensor([result.formation]),
    }
    return Data(**{name: v.detach().cpu().contiguous() for name, v in tensors.items() if v is not None})


def _identity(method: ImageMethod, task: ImageTask, allocation: Tensor) -> dict[str, str]:
    """Return what a run's bits depend on, by which its checkpoint is recognised."""
    return {
        "method": repr(method),
        "source": task.fingerprint(),
        "validation images": task.val.fingerprint(),
        "images per class": str(allocation.tolist()),
    }


def _record(
    method: ImageMethod,
    task: ImageTask,
    budget: ImageBudget,
    allocation: Tensor,
    result: SyntheticImages,
    data: Data,
    costs: Costs,
    conditions: Conditions,
) -> Record:
    source: dict[str, Any] = {
        "name": task.name,
        "fingerprint": task.fingerprint(),
        "num_images": len(task.train),
        "num_classes": task.num_classes,
        "num_train": len(task.train),
        "shape": list(task.shape),
    }
    spent = {
        "images": len(data.y),
        "bytes": sum(value.numel() * value.element_size() for value in data.to_dict().values()),
        "images_per_class": torch.bincount(data.y, minlength=task.num_classes).tolist(),
    }
    if result.learned_bytes is not None:
        spent["learned_bytes"] = result.learned_bytes
    return Record(
        method=method.label,
        settings=settings_of(method),
        choices=result.choices,
        seed=conditions.seed,
        device=str(conditions.device),
        processes=conditions.processes.count,
        source=source,
        budget={"asked": budget.asked(), "allocated": allocation.tolist(), "spent": spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=task.notes,
    )
