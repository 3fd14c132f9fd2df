"""Synthetic users: rows of interactions that are learned through their logits."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from graphcond.core.batch import Batch
from graphcond.core.driver import Synthetic
from graphcond.core.fields import require_positive

SMALLEST = 1e-20  # the exponential draws of float32 can be 0, whose logarithm no row survives


@runtime_checkable
class Rows(Protocol):
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
        """See :class:`Rows`."""
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
        """See :class:`Rows`."""
        total = torch.zeros_like(logits)
        for _ in range(self.draws):
            total = total + torch.utils.checkpoint.checkpoint(self._draw, logits, use_reentrant=False)
        return total.clamp(max=1)

    def _draw(self, logits: Tensor) -> Tensor:
        noise = -torch.empty_like(logits).exponential_().clamp_(min=SMALLEST).log_()
        return torch.softmax((logits + noise) / self.temperature, dim=1)


@dataclass(frozen=True, kw_only=True)
class TopKRows:
    r"""Exactly :math:`k` binary interactions for each user; gradients go straight through to :class:`SoftmaxRows`.

    Args:
        interactions: :math:`k`.
        longer: So many of the first users have one more.
        temperature: Of the softmax behind it.
    """

    interactions: int = 40
    longer: int = 0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("longer",))

    def __call__(self, logits: Tensor) -> Tensor:
        """See :class:`Rows`."""
        soft = SoftmaxRows(interactions=self.interactions, temperature=self.temperature)(logits)
        best = logits.topk(min(self.interactions + 1, logits.size(1)), dim=1).indices
        kept = torch.ones_like(best, dtype=soft.dtype)
        kept[self.longer :, self.interactions :] = 0
        hard = torch.zeros_like(soft).scatter_(1, best, kept)
        return hard + (soft - soft.detach())


class UserRows(Synthetic):
    """Users as rows of interactions, which are features and targets at once.

    Args:
        logits: ``(num_users, num_items)`` where they start.
        rows: How logits become interactions.
    """

    def __init__(self, logits: Tensor, rows: Rows) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())
        self.rows = rows

    def interactions(self) -> Tensor:
        """Return the interactions, ``(num_users, num_items)``."""
        return self.rows(self.logits)

    def batch(self) -> Batch:
        """See :class:`Synthetic`."""
        x = self.interactions()
        return Batch(x, x)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`Synthetic`."""
        return {"users": [self.logits]}
