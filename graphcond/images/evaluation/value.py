"""How condensed images are evaluated: what the evaluation of images has of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.evaluation.candidates import Candidate, Extent, Given
from graphcond.core.evaluation.columns import Column, Score
from graphcond.core.evaluation.controls import Control, Selection, Whole
from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.setting import Setting
from graphcond.core.record import Record
from graphcond.core.runtime.randomness import seeded
from graphcond.images.augmentation import Augmentation
from graphcond.images.evaluation.fit import check_images, given_images, tensor_bytes
from graphcond.images.evaluation.models import (
    IMAGE_MODELS,
    ImageModel,
    KernelRegression,
    check_models,
    image_models,
)
from graphcond.images.evaluation.probing import RandomVectors, UntrainedImageModel, probe_images
from graphcond.images.evaluation.protocol import (
    IMAGE_PROTOCOLS,
    LINEAR_PROBE_IMAGES,
    STANDARD_IMAGES,
    ImageProtocol,
)
from graphcond.images.evaluation.training import (
    ImageEvaluationData,
    ImageTrainingData,
    train_images,
    training_data_of,
)
from graphcond.images.methods import METHODS
from graphcond.images.methods.base import ImageMethod
from graphcond.images.methods.selection import RandomSoftImages
from graphcond.images.modality import IMAGES, image_data
from graphcond.images.splits import split_without_labels
from graphcond.images.task import ImageTask

USUAL = ("random", "random_soft", "class_mean", "herding")
"""What ``controls=True`` stands for."""

CONTROLS: dict[str, Control] = {name: Selection(METHODS.resolve(name)) for name in (*USUAL, "k_center")}
CONTROLS["whole"] = Whole()
"""All that there are. Training on the whole original takes longer than all else together."""

PROBED: dict[str, Control] = {"random_vectors": RandomVectors(), "untrained": UntrainedImageModel()}
"""Those that linear probes have besides."""


def _check_models(setting: Setting, kinds: dict[str, ImageModel], own: Candidate) -> None:
    _ = setting.metric  # one that does not suit the classes is told before any work
    check_models(kinds, setting.task.shape, setting.task.num_classes)


def _training_data(setting: Setting, _: ImageModel, data: Data, column: Column) -> ImageTrainingData:
    return training_data_of(data, column, setting.task.scale, setting.device)


def _whole_data(setting: Setting, _: ImageModel) -> ImageTrainingData:
    task: ImageTask = setting.task
    return ImageTrainingData(task.train.x, task.train.y, task.scale)


def _whole_protocol(protocol: ImageProtocol) -> ImageProtocol:
    return replace(protocol, epochs=protocol.whole_epochs)


def _train(setting: Setting, kind: ImageModel, training: ImageTrainingData, seed: int) -> Score:
    task: ImageTask = setting.task
    if setting.protocol.probe is not None:
        return probe_images(setting, kind, training, seed)
    data = ImageEvaluationData(task.val, task.test, setting.metric, task.num_classes)
    if isinstance(kind, KernelRegression):
        return kind.score(training, data)
    return train_images(kind, training, data, setting.protocol, seed)


def _label_free(records: Sequence[Record]) -> bool:
    """Return whether images were condensed without their labels."""
    return any(METHODS.resolve(record.method).label_free for record in records if record.method in METHODS)


def _usual_protocol(records: Sequence[Record]) -> str:
    """Return the protocol where none is named: a linear probe of what was learned without labels."""
    return (LINEAR_PROBE_IMAGES if _label_free(records) else STANDARD_IMAGES).name


def _read(dataset: object, records: Sequence[Record]) -> ImageTask:
    """Return the task that was condensed."""
    task: ImageTask = IMAGES.task_of(dataset)
    return split_without_labels(task) if _label_free(records) else task


def _is_regression(kind: ImageModel) -> bool:
    return isinstance(kind, KernelRegression)


def _carries_own(_: ImageModel, several: Sequence[Data]) -> bool:
    """Return whether a set carries soft labels, outputs or a learning rate of its own."""
    return any(name in data for data in several for name in ("y_soft", "target", "learning_rate"))


def _control_size(task: ImageTask, one: Given) -> Tensor:
    """Return the number of stored images of each class, at least one."""
    return torch.bincount(one.data.y.cpu(), minlength=task.num_classes).clamp(min=1)


def _condense(method: ImageMethod, task: ImageTask) -> Callable[[Tensor], Data]:
    """Return what makes images by a method; a teacher is trained once for all sizes."""
    if not isinstance(method, RandomSoftImages):
        return lambda allocation: image_data(method.condense(task, allocation), task)
    with seeded(0):
        teacher = method.teacher(task)
    return lambda allocation: image_data(method.taught(task, allocation, teacher), task)


def _extent(data: Data) -> Extent:
    return Extent(len(data.y), 0, tensor_bytes(data.to_dict().values()))


def _whole_extent(task: ImageTask) -> Extent:
    return Extent(len(task.train), 0, tensor_bytes((task.train.x, task.train.y)))


IMAGE_EVALUATION = Evaluation(
    modality="images",
    unit="images",
    protocols=Protocols(
        kind=ImageProtocol, known=IMAGE_PROTOCOLS, nested=(Augmentation, LinearProbe), of=" for images"
    ),
    models=image_models,
    default_model="convnet",
    kept={name: model for name, model in IMAGE_MODELS.items() if not isinstance(model, KernelRegression)},
    controls=CONTROLS | PROBED,
    usual=USUAL,
    also=lambda protocol: () if protocol.probe is None else tuple(PROBED),
    usual_protocol=_usual_protocol,
    read=_read,
    given=given_images,
    check=check_images,
    check_models=_check_models,
    training_data=_training_data,
    whole_data=_whole_data,
    train=_train,
    carries_own=_carries_own,
    whole_protocol=_whole_protocol,
    random=lambda kind: not _is_regression(kind),
    may_refuse=_is_regression,
    control_size=_control_size,
    condense=_condense,
    extent=_extent,
    whole_extent=_whole_extent,
    test_labels=lambda task: task.test.y,
)
