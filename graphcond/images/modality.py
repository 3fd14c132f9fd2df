"""Images, as the pipeline takes them."""

from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import condensed_dataset
from graphcond.core.allocation import Available, allocate
from graphcond.core.modality import Delivered, Modality, Requested
from graphcond.core.size import Size
from graphcond.images.format import IMAGE_FORMAT
from graphcond.images.methods import METHODS
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.reading import is_image_dataset, read_images
from graphcond.images.splits import split_without_labels
from graphcond.images.task import ImageTask


def _for_method(task: ImageTask, method: ImageMethod) -> ImageTask:
    """Return the task with validation images that were drawn without their classes for a method that reads none."""
    return split_without_labels(task) if method.label_free else task


def _request(size: Size, task: ImageTask, method: ImageMethod) -> Requested:
    counts = task.class_counts
    if method.label_free:  # images of all classes together
        size = Size.count(int(size.value) * task.num_classes) if size.kind == "per_class" else size
        counts = counts.sum().unsqueeze(0)
    allocation = allocate(size, Available("images", counts, "to train on", real=True))
    found = allocation.tolist()
    return Requested(allocation, {"images per class": str(found)}, {"allocated": found})


def _validation(task: ImageTask) -> dict[str, str]:
    return {"validation images": task.val.fingerprint()}


def _source(task: ImageTask) -> dict[str, Any]:
    return {
        "name": task.name,
        "fingerprint": task.fingerprint(),
        "num_images": len(task.train),
        "num_classes": task.num_classes,
        "num_train": len(task.train),
        "shape": list(task.shape),
    }


def _deliver(result: SyntheticImages, task: ImageTask, _: Requested, __: ImageMethod) -> Delivered:
    data = image_data(result, task)
    spent = IMAGE_FORMAT.spent([data], task.num_classes)
    if result.learned_bytes is not None:
        spent["learned_bytes"] = result.learned_bytes
    if result.generator_bytes is not None:
        spent["generator_bytes"] = result.generator_bytes
    return Delivered([data], spent, (data.to_dict(),))


def image_data(result: SyntheticImages, task: ImageTask) -> Data:
    """Return synthetic images as one ``Data`` on the CPU, in the units of the originals, with what training needs."""
    scale = task.scale.to(result.x.device)
    tensors: dict[str, Tensor | None] = {
        "x": scale.restored(result.x),
        "y": result.y,
        "y_soft": result.y_soft,
        "target": result.target,
        "vectors": result.vectors,
        "mean": scale.mean,
        "std": scale.std,
        "learning_rate": None if result.learning_rate is None else torch.tensor([result.learning_rate]),
        "formation": None if result.formation == 1 else torch.tensor([result.formation]),
        "crop_box": None if result.crops is None else result.crops.boxes,
        "crop_soft": None if result.crops is None else result.crops.y_soft,
    }
    return Data(**{name: v.detach().cpu().contiguous() for name, v in tensors.items() if v is not None})


IMAGES = Modality(
    name="images",
    task=ImageTask,
    accepts=is_image_dataset,
    read=read_images,
    methods=METHODS,
    sizes=frozenset({"count", "ratio", "per_class"}),
    usual_size=Size.per_class(10),  # a hundredth of MNIST would be slow to make
    for_method=_for_method,
    request=_request,
    validation=_validation,
    source=_source,
    deliver=_deliver,
    condensed=condensed_dataset,
)
