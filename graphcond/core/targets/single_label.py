"""One class of several."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core import validation_score
from graphcond.core.targets.base import RAREST, Kind, Targets

BALANCING_STEPS = 30


@dataclass(frozen=True)
class SingleLabel(Targets):
    """One class of several: cross-entropy.

    Args:
        num_classes: Classes.
    """

    kind: ClassVar[Kind] = "single_label"
    nouns: ClassVar[str] = "classes"
    group: ClassVar[str] = "class"
    words: ClassVar[str] = "one class of each item"
    metric: ClassVar[str] = "accuracy"
    temperatures: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    num_classes: int

    @property
    def outputs(self) -> int:  # type: ignore[override]  # it is read only
        """See :class:`Targets`."""
        return self.num_classes

    @property
    def identity(self) -> str:
        """See :class:`Targets`."""
        return str(self.num_classes)

    @property
    def source(self) -> dict[str, str]:
        """See :class:`Targets`: classes are the usual."""
        return {}

    def __str__(self) -> str:
        return f"classes={self.num_classes}"

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`; labels may be soft."""
        return F.cross_entropy(outputs, y, reduction="none")

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return F.cross_entropy(outputs, y)

    def residuals(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: probabilities minus the label."""
        return torch.softmax(outputs, dim=1) - (y if y.dim() > 1 else F.one_hot(y, outputs.size(1)))

    def predictions(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return torch.softmax(outputs, dim=1)

    def goals(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: rows of the identity."""
        return y if y.dim() > 1 else F.one_hot(y, self.num_classes).float()

    def regressands(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.goals(y)

    def prior(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: the logarithms of the shares of classes."""
        counts = torch.bincount(y, minlength=self.num_classes)
        return (counts / counts.sum()).clamp(min=RAREST).log()

    def weights(self, y: Tensor) -> Tensor:
        """See :class:`Targets`: each class weighs the same."""
        counts = torch.bincount(y, minlength=self.num_classes)
        return (1 / counts.double())[y] / self.num_classes

    def contrasts(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`: one column for two classes, so that nothing but sign and bias is left to be learned."""
        return outputs[:, 1:] - outputs[:, :1]

    def sample(self, y: Tensor, most: int) -> Tensor:
        """See :class:`Targets`: half of each of two classes, whose ranking counts."""
        if self.num_classes > 2 or len(y) <= most:
            return super().sample(y, most)
        order = torch.randperm(len(y))
        return torch.cat([order[y[order] == label][: most // 2] for label in range(2)]).sort().values

    def centred(self, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """See :class:`Targets`: they add up to 0, so that a regression that knows nothing predicts no class.

        For ten classes these are the targets of KIP, one-hot rows less 0.1 (Nguyen et al., ICLR 2021).
        """
        return self.goals(y).to(dtype) - 1 / self.num_classes

    def soft(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """See :class:`Targets`: the softmax."""
        return scores.copy_(torch.softmax(temperature * scores, dim=1))

    def check(self, y: Tensor) -> None:
        """See :class:`Targets`."""
        if y.dim() != 1 or y.is_floating_point():
            raise ValueError(
                f"y of the condensed data has the shape {tuple(y.shape)} and type {y.dtype}, and the dataset has one "
                "class of each item; pass integers of shape (n,)"
            )
        if int(y.max()) >= self.num_classes:
            raise ValueError(
                f"the condensed data has a label {int(y.max())}, the dataset only {self.num_classes} classes"
            )

    def from_goals(self, learned: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: as probabilities; the class itself where none is positive."""
        raised = learned.clamp(min=0)
        total = raised.sum(dim=1, keepdim=True)
        return torch.where(total > 0, raised / total, self.goals(y).to(learned))

    def from_logits(self, learned: Tensor, y: Tensor) -> Tensor:
        """See :class:`Targets`: shifted row by row and scaled by one number.

        A regression is linear in its targets, and a shift of all classes of a row moves the predictions of all classes
        alike: it tells the same classes from these as from what was learned.
        """
        centred = learned - learned.mean(dim=1, keepdim=True)
        lowest = -centred.min()
        return (1 + torch.where(lowest > 0, centred / lowest, 0.0)) / self.num_classes

    def made(self, classes: Tensor, soft: Tensor) -> Tensor:
        """See :class:`Targets`: the classes."""
        return classes

    def softened(self, y: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return self.goals(y)

    def balanced(self, soft: Tensor, y: Tensor) -> Tensor:
        r"""See :class:`Targets`: the mean over rows is the share of each class in ``y``.

        .. math:: q_{ic} \propto e^{b_c} p_{ic}

        with :math:`b` found by turns of scaling columns and rows (Sinkhorn and Knopp, 1967).
        """
        shares = torch.bincount(y, minlength=self.num_classes).to(soft) / len(y)
        q = soft.clamp(min=1e-6)
        for _ in range(BALANCING_STEPS):
            q = q * (shares / q.mean(dim=0))
            q = q / q.sum(dim=1, keepdim=True)
        return q

    def memberships(self, soft: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return soft

    def directions(self, weight: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return weight

    def score(self, outputs: Tensor, y: Tensor) -> float:
        """See :func:`validation_score.score`."""
        return validation_score.score(outputs, y)

    def contributions(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :func:`validation_score.contributions`."""
        return validation_score.contributions(outputs, y)

    def standard_error(self, first: Tensor, second: Tensor, y: Tensor) -> float:
        """See :func:`validation_score.standard_error_of_difference`."""
        return validation_score.standard_error_of_difference(first, second, y, self.num_classes)

    def predicted(self, outputs: Tensor) -> Tensor:
        """See :class:`Targets`."""
        return torch.bincount(outputs.argmax(dim=1), minlength=self.num_classes) > 0

    def doubts(self, value: float, contribution: Tensor, predicted: Tensor, y: Tensor, unit: str) -> tuple[str, ...]:
        """See :func:`validation_score.doubts`."""
        return validation_score.doubts(value, contribution, predicted, y, unit)
