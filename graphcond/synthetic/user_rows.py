"""Synthetic users: rows of interactions that are learned through their logits."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic
from graphcond.synthetic.gumbel import gumbel_sum


@runtime_checkable
class RowDecoder(Protocol):
    """How logits become interactions."""

    def __call__(self, logits: Tensor) -> Tensor:
        """Return interactions in [0, 1] from logits, both ``(num_users, num_items)``, differentiable."""
        ...


@dataclass(frozen=True, kw_only=True)
class SoftmaxRows:
    r"""A fixed amount of interaction, spread over the items: :math:`\min(\gamma\, \mathrm{softmax}(\theta/\tau), 1)`.

    What :class:`GumbelRows` become without their noise, hundreds of times cheaper. It is their mean where the
    temperature is high; where it is low, that would be the softmax at temperature 1.

    Args:
        interactions: :math:`\gamma`, the sum of a row before it is clipped.
        temperature: :math:`\tau`.
    """

    interactions: float = 200.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def __call__(self, logits: Tensor) -> Tensor:
        """See :class:`RowDecoder`."""
        return (self.interactions * torch.softmax(logits / self.temperature, dim=1)).clamp(max=1)


@dataclass(frozen=True, kw_only=True)
class GumbelRows:
    r"""Multi-sampling of Distill-CF: :math:`\min(\sum_{t=1}^{\gamma} \mathrm{softmax}((\theta + G_t)/\tau), 1)`.

    Items are drawn with replacement, softly; the noise :math:`G_t` is new at every call, and drawn once more in the
    backward pass instead of being kept.

    Args:
        draws: :math:`\gamma`.
        temperature: :math:`\tau`.
    """

    draws: int = 200
    temperature: float = 10.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def __call__(self, logits: Tensor) -> Tensor:
        """See :class:`RowDecoder`."""
        return gumbel_sum(logits, self.draws, self.temperature).clamp(max=1)


@dataclass(frozen=True, kw_only=True)
class TopKRows:
    r"""Exactly :math:`k` binary interactions for each user; gradients go straight through to :class:`SoftmaxRows`.

    Args:
        interactions: :math:`k`.
        longer: The number of users, the first ones, that have one more.
        temperature: Of the softmax behind it.
    """

    interactions: int = 40
    longer: int = 0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("longer",))

    def __call__(self, logits: Tensor) -> Tensor:
        """See :class:`RowDecoder`."""
        soft = SoftmaxRows(interactions=self.interactions, temperature=self.temperature)(logits)
        best = logits.topk(min(self.interactions + 1, logits.size(1)), dim=1).indices
        kept = torch.ones_like(best, dtype=soft.dtype)
        kept[self.longer :, self.interactions :] = 0
        hard = torch.zeros_like(soft).scatter_(1, best, kept)
        return hard + (soft - soft.detach())


@dataclass(frozen=True, kw_only=True)
class CutRows:
    """The largest interactions of each user of other rows; gradients go straight through to all.

    Args:
        rows: How logits become interactions before the cut.
        kept: How many each user keeps, with their weights.
    """

    rows: SoftmaxRows | GumbelRows
    kept: int

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("rows",))

    def __call__(self, logits: Tensor) -> Tensor:
        """See :class:`RowDecoder`."""
        whole = self.rows(logits)
        largest, places = whole.detach().topk(min(self.kept, whole.size(1)), dim=1)
        return torch.zeros_like(whole).scatter_(1, places, largest) + (whole - whole.detach())


class UserRows(Synthetic):
    """Users as rows of interactions, which are features and targets at once.

    Args:
        logits: ``(num_users, num_items)`` where they start.
        rows: How logits become interactions.
        first: How they do so in the first batches, which train what ``rows`` would hide; ``None``: as ``rows`` says.
        first_batches: How many batches those are.
        cost: What an interaction of each user adds to the objective.
        ridge: What a regression on them is regularised with, where validations choose it anew; ``None``: they do not.
    """

    batches: Tensor
    ridge: Tensor | None

    def __init__(
        self,
        logits: Tensor,
        rows: RowDecoder,
        first: RowDecoder | None = None,
        first_batches: int = 0,
        *,
        cost: float = 0.0,
        ridge: float | None = None,
    ) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())
        self.rows = rows
        self._first = first
        self._first_batches = first_batches
        self._cost = cost
        self._amount: Tensor | None = None
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))  # a checkpoint must know how many there were
        # Where there is one, it stays with the users whose validation chose it.
        self.register_buffer("ridge", None if ridge is None else torch.tensor(ridge, dtype=torch.float64))

    def interactions(self) -> Tensor:
        """Return the interactions, ``(num_users, num_items)``."""
        return self.rows(self.logits)

    def batch(self) -> Batch:
        """See :class:`Synthetic`."""
        early = self._first is not None and self.batches < self._first_batches
        self.batches += 1
        x = self._first(self.logits) if early and self._first is not None else self.interactions()
        self._amount = x.sum(dim=1).mean() if self._cost else None
        return Batch(x, x)

    def penalty(self) -> Tensor | None:
        """See :class:`Synthetic`; it is that of the last batch, whose noise it shares."""
        return None if self._amount is None else self._cost * self._amount

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`Synthetic`."""
        return {"users": [self.logits]}
