"""Linear probes of what networks learned from images without labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.evaluation.candidates import Candidate, Given
from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.controls import Control, OneTraining, Selection, on_sets
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.setting import Setting
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.training import Student, Training
from graphcond.core.runtime.randomness import seeded
from graphcond.core.settings import built, by_name
from graphcond.images.barlow_twins import BarlowTwins
from graphcond.images.evaluation.models import ImageModel, KernelRegression
from graphcond.images.evaluation.protocol import ImageProtocol
from graphcond.images.evaluation.training import ROWS_AT_ONCE, ImageTrainingData
from graphcond.images.methods import METHODS
from graphcond.images.methods.krr_st import KRRSTImages
from graphcond.images.task import ImageSet, ImageTask, Scale
from graphcond.surrogates.convnet import network
from graphcond.surrogates.network import Network
from graphcond.surrogates.network_kernel import NetworkKernel

MOST = 5_000  # training images that a probe learns from, validation images that choose its strength


def probe_images(setting: Setting, kind: ImageModel, training: ImageTrainingData | None, seed: int) -> Score:
    """Return the score of a linear probe of a network's last hidden layer.

    Args:
        setting: What all rows share; its protocol has a probe.
        kind: The network.
        training: What it is trained on: the images' vectors by the squared error, or their classes where they have no
            vectors; ``None``: nothing.
        seed: Of its weights.
    """
    task: ImageTask = setting.task
    if isinstance(kind, KernelRegression):
        raise ValueError("a linear probe is for networks; use a model such as 'convnet_w32'")
    with seeded(seed):
        outputs = task.num_classes if training is None or training.vectors is None else training.vectors.size(1)
        surrogate = network(kind, task.shape, outputs, task.scale.mean.to(setting.device))
        student = Student(surrogate.init(), _training(setting.protocol))
        scale = task.scale
        if training is not None:
            scale = training.scale
            y = training.targets if training.vectors is None else training.vectors
            student.train(NetworkKernel(surrogate), Batch(scale.normalized(training.x), y), _steps(setting, len(y)))
        parts = [_embedded(surrogate, student.weights, one, scale) for one in (*_known(task), task.test)]
        train, val, test = parts
        probe = setting.protocol.probe or LinearProbe()
        head, score = probe.fit(task.targets, train, val if len(val[1]) else None, setting.metric)
    logits = head(test[0])
    return Score(test=setting.metric(logits, test[1]), val=score, items=outcomes(logits, test[1], setting.metric))


def _training(protocol: ImageProtocol) -> Training:
    """Return how a protocol trains on vectors: by Adam, which squared errors of any number of columns bear."""
    rate, decay = protocol.learning_rate, protocol.weight_decay
    return Training(learning_rate=rate, weight_decay=decay, batch_size=protocol.batch_size)


def _steps(setting: Setting, count: int) -> int:
    batches = -(-count // setting.protocol.batch_size)
    steps: int = setting.protocol.epochs * batches
    return steps


def _known(task: ImageTask) -> tuple[ImageSet, ImageSet]:
    """Return the images that a probe learns from and those by which its strength is chosen, the same for all rows."""
    return _some(task.train), _some(task.val)


def _some(images: ImageSet) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    return images.take(torch.randperm(len(images), generator=generator)[:MOST].to(images.y.device))


@torch.no_grad()
def _embedded(surrogate: Network, weights: Weights, images: ImageSet, scale: Scale) -> tuple[Tensor, Tensor]:
    layers = [
        surrogate.layers(weights, Batch(scale.normalized(x), images.y))[-2].flatten(1)
        for x in torch.split(images.x, ROWS_AT_ONCE)
        if len(x)
    ]
    return torch.cat(layers) if layers else images.x.new_zeros(0, 1), images.y


@dataclass(frozen=True)
class UntrainedImageModel(Control):
    """A network with its first random weights, and a linear probe of it."""

    def trainings(self, setting: Setting, candidate: object, model: ImageModel) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return [
            OneTraining("plain", partial(probe_images, setting, model, None, seed)) for seed in setting.seeds(model)
        ]


@dataclass(frozen=True)
class RandomVectors(Control):
    """Random images with the representations of a teacher: that of what is evaluated, or the default one."""

    sized: ClassVar[bool] = True

    def candidate(self, name: str, setting: Setting, several: Sequence[Given]) -> Candidate:
        """See :meth:`Control.candidate`."""
        teacher = _teacher(several)
        made = KRRSTImages(teacher=teacher, architecture=teacher.architecture, steps=0)
        return Selection(made).candidate(name, setting, several)

    def trainings(self, setting: Setting, candidate: Candidate, model: ImageModel) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return on_sets(setting, candidate, model)


def _teacher(several: Sequence[Given]) -> BarlowTwins:
    """Return the teacher that the first record names, as far as a text can name it."""
    named = [one.record.choices.get("target") for one in several if one.record is not None]
    known = {"BarlowTwins": BarlowTwins}
    try:
        return built(str(named[0]), known, by_name(METHODS.nested), "teacher") if named else BarlowTwins()
    except (TypeError, ValueError):  # its architecture is a function of the user's
        return BarlowTwins()
