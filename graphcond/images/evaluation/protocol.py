"""How a condensed set of images is evaluated: one fixed setting for all datasets, sizes and methods."""

from dataclasses import dataclass
from typing import Literal, get_args

from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.metrics import Metric, check_metric
from graphcond.core.fields import positive_integer, require_positive
from graphcond.core.matching.augment import Augment
from graphcond.core.matching.batch import Batch
from graphcond.images.augmentation import DIGITS, Augmentation

Selection = Literal["last", "validation"]


@dataclass(frozen=True, kw_only=True)
class ImageProtocol:
    """The training of a downstream network on a set of images.

    Stochastic gradient descent on the cross-entropy; the learning rate drops to a tenth at half time, with a fresh
    optimiser. The test split is read once, at the end.

    Args:
        name: Shown in tables.
        learning_rate: Until half time.
        momentum: In [0, 1).
        weight_decay: L2 penalty on all weights.
        epochs: Passes over the condensed set.
        batch_size: Images of a step, or all of them where there are fewer.
        augment: Each step sees freshly changed images; ``None``: they are seen as they are. An
            :class:`graphcond.images.augmentation.Augmentation` draws numbers for each image.
        select: Which weights are evaluated: the ``"last"`` ones, or the best of some validations (``"validation"``).
        validations: Number of validations.
        whole_epochs: Passes over the original, where it is trained on.
        runs: Trainings of each condensation, with the seeds ``seed``, ``seed + 1``, ... of the call.
        metric: What a score is, by the names that :class:`graphcond.evaluation.Protocol` lists for classes, such as
            ``"accuracy"``, ``"f1"``, ``"mrr"`` or ``"hits@3"``, or a function; ``None``: the dataset's own.
        probe: ``None``: what the network says is scored; a :class:`graphcond.core.evaluation.linear_probe.LinearProbe`:
            what a linear model makes of the network's last hidden layer, trained on labelled training images of the
            original (at most 5,000) while the network stays fixed. The network is trained by Adam then, at one
            learning rate, by the squared error of the images' ``vectors`` where they have some.
    """

    name: str = "custom"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    epochs: int = 300
    batch_size: int = 256
    augment: Augment | None = None
    select: Selection = "last"
    validations: int = 20
    whole_epochs: int = 20
    runs: int = 3
    metric: str | Metric | None = None
    probe: LinearProbe | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        positive_integer("runs", self.runs)
        require_positive(self, but=("momentum", "weight_decay"))
        check_metric(self.metric)
        if self.momentum >= 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum!r}")
        if self.probe is not None and self.augment is not None:
            raise ValueError("augment cannot be combined with probe, which trains on images as they are; leave one out")
        if self.select not in get_args(Selection):
            choices = " or ".join(map(repr, get_args(Selection)))
            raise ValueError(f"select must be {choices}, got {self.select!r}")

    def seen(self, batch: Batch) -> Batch:
        """Return what one step sees of a batch."""
        if isinstance(self.augment, Augmentation):
            return self.augment.each(batch)
        return batch if self.augment is None else self.augment.draw()(batch)

    def validates_after(self, epoch: int) -> bool:
        """Return whether there is a validation after an epoch, counted from 1."""
        return self.validations * epoch // self.epochs > self.validations * (epoch - 1) // self.epochs


STANDARD_IMAGES = ImageProtocol(name="standard")
"""The protocol of DC (Zhao et al., ICLR 2021), on which most published tables stand: 300 epochs, the last weights.

Note:
    DC's code trains 301 epochs and drops the rate after the 152nd; here it is 300 and after the 150th. On MNIST it also
    moves, scales and rotates the images, in 1000 epochs: see :data:`MOVED_DIGITS`.
"""

AUGMENTED_IMAGES = ImageProtocol(name="augmented", epochs=1000, augment=Augmentation())
"""The protocol of DSA (Zhao and Bilen, ICML 2021) and of most that came after: 1000 epochs with its augmentation."""

AUGMENTED_DIGITS = ImageProtocol(name="augmented_digits", epochs=1000, augment=Augmentation(operations=DIGITS))
"""The same without mirrored images, for digits and letters."""

MOVED_DIGITS = ImageProtocol(
    name="moved_digits",
    epochs=1000,
    augment=Augmentation(operations=("crop", "scale", "rotate"), crop=4 / 28, scale=1.2, rotate=45),
)
"""The protocol of DC on MNIST, and so of the published rows of DC and of random images there."""

LINEAR_PROBE_IMAGES = ImageProtocol(name="linear_probe", learning_rate=0.001, weight_decay=0.0, probe=LinearProbe())
"""Training on vectors in place of labels, then a linear probe: how sets that were made without labels are evaluated."""

IMAGE_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (STANDARD_IMAGES, AUGMENTED_IMAGES, AUGMENTED_DIGITS, MOVED_DIGITS, LINEAR_PROBE_IMAGES)
}
