"""The contract of targets: all that depends on what is learned of an item."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

Kind = Literal["single_label", "multi_label", "regression"]
ITEMS_OF_A_STRATUM = 2
RAREST = 1e-6  # the least share of a class or a label that a prior tells of


class Targets(ABC):
    """What is learned of each item.

    Targets ``y`` are ``(n,)`` int64 classes or ``(n, outputs)`` float32, NaN where one is missing. A missing one has no
    part in a loss, a gradient or a score.
    """

    kind: ClassVar[Kind]
    nouns: ClassVar[str]
    """What they are called in messages."""
    group: ClassVar[str] = "stratum"
    """What :attr:`num_classes` counts, in messages."""
    words: ClassVar[str]
    """What all of them are called in messages."""
    metric: ClassVar[str]
    """By which a dataset is evaluated that does not say otherwise."""
    temperatures: ClassVar[tuple[float, ...]] = (1.0,)
    """By which scores of a ridge regression may be multiplied before they become soft targets."""

    outputs: int
    """Columns of a network's output."""
    num_classes: int
    """Classes; or the strata that stand for classes where items are counted or drawn class by class."""

    @abstractmethod
    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each row, ``(n,)``, of ``(n, outputs)`` outputs of a network."""

    @abstractmethod
    def residuals(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of each row's loss with respect to the outputs, ``(n, outputs)``: prediction - target."""

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Tensor:
        """Return what outputs of a network say, as soft targets: probabilities, or numbers in their own units."""

    def on_goals(self, outputs: Tensor) -> Tensor:
        """Return what outputs of a network say on the scale of :meth:`goals`: probabilities, or numbers as they are."""
        return self.predictions(outputs)

    @abstractmethod
    def goals(self, y: Tensor) -> Tensor:
        """Return what a ridge regression learns, ``(n, outputs)`` float32, NaN where missing; ``y`` may be soft."""

    @abstractmethod
    def regressands(self, y: Tensor) -> Tensor:
        """Return :meth:`goals` with the mean of the training items where one is missing."""

    @abstractmethod
    def centred(self, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return :meth:`goals` less what a regression should predict that knows nothing, ``(n, outputs)``."""

    @abstractmethod
    def prior(self, y: Tensor) -> Tensor:
        """Return the outputs, ``(outputs,)``, that say what training targets do, whatever the item."""

    def weights(self, y: Tensor) -> Tensor:
        """Return what each training item weighs in a loss over all of them, ``(n,)`` float64, in sum 1."""
        return torch.full((len(y),), 1 / max(len(y), 1), dtype=torch.float64, device=y.device)

    def contrasts(self, outputs: Tensor) -> Tensor:
        """Return what of outputs tells predictions apart, ``(n, columns)``."""
        return outputs

    def sample(self, y: Tensor, most: int) -> Tensor:
        """Return the rows, ascending, on which a score is taken where it takes too long on all; drawn at random.

        Args:
            y: Targets.
            most: How many rows are taken at most.
        """
        order = torch.randperm(len(y))
        return (order if len(y) <= most else order[:most]).sort().values

    @abstractmethod
    def soft(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """Return soft targets, ``(n, outputs)``, from the scores of a regression on :meth:`regressands`; in place."""

    @abstractmethod
    def from_goals(self, learned: Tensor, y: Tensor) -> Tensor:
        """Return soft targets from learned :meth:`goals`, ``(n, outputs)``, of items whose targets are ``y``."""

    def from_logits(self, learned: Tensor, y: Tensor) -> Tensor:
        """Return soft targets from what was learned for a regression whose outputs went through :meth:`on_goals`."""
        return self.from_goals(self.on_goals(learned), y)

    @abstractmethod
    def made(self, classes: Tensor, soft: Tensor) -> Tensor:
        """Return targets of synthetic items as the original has them.

        Args:
            classes: ``(n,)`` int64 the class or stratum of each.
            soft: ``(n, outputs)`` their soft targets.
        """

    def shaped(self, y: Tensor) -> Tensor:
        """Return targets in the shape that the original has."""
        return y

    @abstractmethod
    def check(self, y: Tensor) -> None:
        """Raise unless targets of condensed data are such ones.

        Raises:
            ValueError: they are not.
        """

    def read(self, y: Tensor) -> Tensor:
        """Return targets of condensed data as all other functions take them."""
        return y

    @abstractmethod
    def softened(self, y: Tensor) -> Tensor:
        """Return targets in the shape of soft ones, ``(n, outputs)`` float32."""

    @abstractmethod
    def balanced(self, soft: Tensor, y: Tensor) -> Tensor:
        """Return soft targets of synthetic items that say on average what their targets ``y`` do."""

    @abstractmethod
    def memberships(self, soft: Tensor) -> Tensor:
        """Return how much each item belongs to each class or stratum, ``(n, num_classes)``, rows sum to 1."""

    @abstractmethod
    def directions(self, weight: Tensor) -> Tensor:
        """Return for each class or stratum how a linear model of :meth:`regressands` tells it from the others.

        Args:
            weight: ``(outputs, num_features)`` its weights.

        Shapes:
            ``(num_classes, num_features)``.
        """

    @abstractmethod
    def score(self, outputs: Tensor, y: Tensor) -> float:
        """Return the score by which choices are made, the more the better, at most 1, of outputs or scores."""

    @abstractmethod
    def contributions(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return what each row contributes to :meth:`score`, ``(n,)``."""

    @abstractmethod
    def standard_error(self, first: Tensor, second: Tensor, y: Tensor) -> float:
        """Return the standard error of the difference of two scores on the same rows, from their contributions."""

    @abstractmethod
    def predicted(self, outputs: Tensor) -> Tensor:
        """Return which classes are predicted for any row, ``(num_classes,)`` bool; all where that says nothing."""

    @abstractmethod
    def doubts(self, value: float, contribution: Tensor, predicted: Tensor, y: Tensor, unit: str) -> tuple[str, ...]:
        """Return what speaks against a result by its validation, see :func:`validation_score.doubts`."""

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of rows, a scalar."""
        return self.losses(outputs, y).mean()

    def shown(self, value: float) -> str:
        """Return a :meth:`score` in words."""
        return f"{100 * value:.1f} %"

    def to(self, device: torch.device) -> "Targets":
        """Return the value with its tensors on another device."""
        return self

    def answers(self, outputs: Tensor) -> Tensor:
        """Return what a metric is given of the outputs of a network: logits, or numbers in their own units."""
        return outputs

    @property
    def identity(self) -> str:
        """A text that differs where what is learned does."""
        return f"{self.kind} {self.outputs}"

    @property
    def described(self) -> str:
        """What they are called in messages that say which methods are for them."""
        return self.words

    @property
    def source(self) -> dict[str, str]:
        """What a record says of them beside their number."""
        return {"target": self.kind}

    def stratified(self, y: Tensor, most: int) -> "Targets":
        """Return the targets with strata that stand for classes, found among training targets; of classes, themselves.

        Args:
            y: Targets of the training items.
            most: How many strata there may be.
        """
        return self

    def for_items(self, y: Tensor, items: int) -> "Targets":
        """Return the targets with strata for a synthetic set of some items, two for each stratum at least."""
        return self.stratified(y, max(1, items // ITEMS_OF_A_STRATUM))

    def classes(self, y: Tensor) -> Tensor:
        """Return the class or stratum of each row, ``(n,)`` int64; -1 where all is missing."""
        return y

    def likely(self, soft: Tensor) -> Tensor:
        """Return how near soft targets are to each class or stratum, ``(n, num_classes)``: the more the nearer."""
        return soft
