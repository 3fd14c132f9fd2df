"""The contract of a surrogate: a network as a function of explicit weights."""

from typing import Protocol

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic
from graphcond.core.targets import Targets

Weights = tuple[Tensor, ...]


class Surrogate(Protocol):
    """A network by which data are compared: by its outputs, its embeddings or its gradients.

    Weight tensors follow torch's convention, outputs first: ``(out, in)``, ``(out, in, height, width)``.
    """

    @property
    def targets(self) -> Targets:
        """What it predicts."""
        ...

    @property
    def num_classes(self) -> int:
        """Number of classes, or of the strata that stand for them."""
        ...

    def init(self) -> Weights:
        """Return fresh random weights."""
        ...

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """Return the embeddings of the labelled rows, from the features to the logits, each ``(m, width)``."""
        ...

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """Return the gradients of the loss summed over each class's rows, one tensor per weight.

        They are differentiable with respect to ``batch``, unless gradients are switched off.
        """
        ...

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """Return the gradients of the mean loss with respect to the weights."""
        ...
