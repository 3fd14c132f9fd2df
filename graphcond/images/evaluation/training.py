"""Training one downstream network on images."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from graphcond.core.evaluation.columns import Column, Score, outcomes
from graphcond.core.evaluation.metrics import Metric
from graphcond.core.evaluation.training import LEARNING_RATE_DROP, train
from graphcond.core.matching.batch import Batch
from graphcond.core.runtime.randomness import seeded
from graphcond.images.crops import with_crop_labels, with_crops
from graphcond.images.evaluation.protocol import ImageProtocol
from graphcond.images.formation import expand, expand_labels
from graphcond.images.task import ImageSet, Scale, pixels
from graphcond.surrogates.convnet import Architecture

ROWS_AT_ONCE = 250  # of the test split; what more of them make no longer fits into a processor's cache


@dataclass(frozen=True, eq=False)
class ImageTrainingData:
    """What a network is trained on.

    Args:
        x: Images, as they are stored.
        targets: What the cross-entropy takes of them.
        scale: How networks see these images, and those that they are tested on.
        learning_rate: The learned one, if there is one.
        outputs: What a regression shall predict of them; ``None``: the targets.
        vectors: What networks learn of them in place of labels, before a linear probe; ``None``: there are none.

    Shapes:
        x: ``(n, channels, height, width)`` uint8 or float32; targets: ``(n,)`` int64 or ``(n, num_classes)`` float32;
        outputs: ``(n, num_classes)`` float32; vectors: ``(n, columns)`` float32.
    """

    x: Tensor
    targets: Tensor
    scale: Scale
    learning_rate: float | None = None
    outputs: Tensor | None = None
    vectors: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: Tensor) -> Batch:
        """Return some of the images as a network sees them."""
        return Batch(self.scale.normalized(self.x[rows]), self.targets[rows])


@dataclass(frozen=True, eq=False)
class ImageEvaluationData:
    """What networks are validated and tested on, and what a score is."""

    val: ImageSet
    test: ImageSet
    metric: Metric
    num_classes: int


def training_data_of(data: Data, column: Column, scale: Scale, device: torch.device) -> ImageTrainingData:
    """Return condensed images as training data.

    Args:
        data: With ``x`` and ``y`` and perhaps ``y_soft``, ``target``, ``vectors``, ``learning_rate``, ``formation``,
            ``mean``, ``std``, ``crop_box`` and ``crop_soft``.
        column: ``"own"`` takes soft labels, crops, targets and the learned learning rate where there are any.
        scale: Of images that do not bring their own.
        device: Where to train.
    """
    data = data.clone().detach().to(device)
    factor = int(data.formation) if "formation" in data else 1
    own = column == "own"
    targets = data.y_soft.float() if own and "y_soft" in data else data.y.long()
    outputs = data.target if own and "target" in data else None
    x = data.x if factor == 1 else expand(pixels(data.x), factor)
    cut = own and "crop_box" in data
    return ImageTrainingData(
        with_crops(pixels(x), data.crop_box) if cut else x,
        with_crop_labels(expand_labels(targets, factor), data.crop_soft if cut else None),
        Scale(data.mean.float(), data.std.float()) if "mean" in data else scale.to(device),
        float(data.learning_rate) if own and "learning_rate" in data else None,
        None if outputs is None else expand_labels(outputs, factor),
        data.get("vectors"),
    )


def train_images(
    architecture: Architecture,
    training: ImageTrainingData,
    data: ImageEvaluationData,
    protocol: ImageProtocol,
    seed: int,
) -> Score:
    """Train a fresh network; score its last weights, or the best of some validations.

    Without validation images the last weights are scored. Initial weights are drawn on the CPU, so that devices agree.
    """
    validates = protocol.select == "validation" and len(data.val) > 0
    rate = protocol.learning_rate if training.learning_rate is None else training.learning_rate
    channels, height, width = training.x.shape[1:]
    with seeded(seed):
        model = architecture((channels, height, width), data.num_classes).to(training.x.device)
        best = train(
            model,
            _optimizer(model, protocol, rate),
            steps=protocol.epochs,
            step=lambda optimizer: _epoch(model, training, protocol, optimizer),
            at_half_time=lambda _: _optimizer(model, protocol, rate * LEARNING_RATE_DROP),
            validate=(
                (lambda: data.metric(predict_images(model, data.val, training.scale), data.val.y))
                if validates
                else None
            ),
            validates_after=protocol.validates_after,
        )
        logits = predict_images(model, data.test, training.scale)
        return Score(
            test=data.metric(logits, data.test.y),
            val=best,
            items=outcomes(logits, data.test.y, data.metric),
        )


@torch.no_grad()
def predict_images(model: nn.Module, images: ImageSet, scale: Scale) -> Tensor:
    """Return a network's logits of images, ``(n, num_classes)``."""
    model.eval()
    return torch.cat([model(scale.normalized(block)) for block in torch.split(images.x, ROWS_AT_ONCE)])


def _epoch(
    model: nn.Module, training: ImageTrainingData, protocol: ImageProtocol, optimizer: torch.optim.Optimizer
) -> None:
    """See each image once."""
    model.train()
    for rows in torch.split(torch.randperm(len(training)).to(training.x.device), protocol.batch_size):
        batch = protocol.seen(training.batch(rows))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch.x), batch.y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _optimizer(model: nn.Module, protocol: ImageProtocol, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=protocol.momentum, weight_decay=protocol.weight_decay, fused=True
    )
