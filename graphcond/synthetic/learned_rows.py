"""Rows that are learned as they are, with labels that are fixed or learned, for nodes and images alike."""

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic


class Labels(nn.Module):
    """Labels of synthetic rows; its parameters are what is learned of them."""

    @abstractmethod
    def forward(self) -> Tensor:
        """Return the labels as a batch holds them, differentiable in the parameters."""


class HardLabels(Labels):
    """Classes, fixed.

    Args:
        y: ``(n,)`` int64.
    """

    y: Tensor

    def __init__(self, y: Tensor) -> None:
        super().__init__()
        self.register_buffer("y", y)

    def forward(self) -> Tensor:
        """See :class:`Labels`."""
        return self.y


class SoftLabels(Labels):
    """Probabilities of the classes, learned as the softmax of logits.

    Args:
        logits: ``(n, num_classes)`` where they start.
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())

    def forward(self) -> Tensor:
        """See :class:`Labels`."""
        return self.logits.softmax(dim=1)


class FreeTargets(Labels):
    """Numbers, learned as they are, for regressions such as that of kernel matching.

    Args:
        values: ``(n, outputs)`` where they start.
    """

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = nn.Parameter(values.clone())

    def forward(self) -> Tensor:
        """See :class:`Labels`."""
        return self.values


class Labelled(Synthetic):
    """Rows with labels and, where it is learned, the step size of training on them; what rows are made of differs.

    Args:
        labels: Their labels.
        step_size: Where the step size starts, which is learned through its logarithm; ``None``: there is none.
        like: A tensor of the device and dtype of the rows.
    """

    log_step_size: nn.Parameter | None

    def __init__(self, labels: Labels, step_size: float | None, like: Tensor) -> None:
        super().__init__()
        if step_size is not None and not 0 < step_size < math.inf:
            raise ValueError(f"step_size must be positive and finite, got {step_size!r}; None: it is not learned")
        self.labels = labels
        logarithm = None if step_size is None else nn.Parameter(like.new_tensor(math.log(step_size)))
        self.register_parameter("log_step_size", logarithm)

    @abstractmethod
    def decode(self) -> tuple[Tensor, Tensor]:
        """Return all rows and their labels, differentiable in the parameters."""

    @abstractmethod
    def sources(self) -> dict[str, list[nn.Parameter]]:
        """Return what rows are made of, by the name of the part."""

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return Batch(*self.decode(), step_size=self.step_size())

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Return what rows are made of, then ``"labels"`` and ``"step_size"`` where they are learned."""
        parts = self.sources()
        if labels := list(self.labels.parameters()):
            parts["labels"] = labels
        if self.log_step_size is not None:
            parts["step_size"] = [self.log_step_size]
        return parts

    def step_size(self) -> Tensor | None:
        """Return the step size, a scalar, if there is one."""
        return None if self.log_step_size is None else self.log_step_size.exp()

    @torch.no_grad()
    def decoded(self) -> tuple[Tensor, Tensor]:
        """Return all rows and their labels as they stand, without history."""
        x, y = self.decode()
        return x.detach().clone(), y.detach().clone()

    def learned_bytes(self) -> int:
        """Return the bytes of all that is learned: what has to be kept besides fixed labels."""
        return sum(parameter.numel() * parameter.element_size() for parameter in self.parameters())

    def generator_bytes(self) -> int | None:
        """Return the bytes of a fixed network that rows are decoded by; ``None``: there is none."""
        return None


class LearnedRows(Labelled):
    """Rows of any shape, each number of which is learned.

    Args:
        x: ``(n, *feature)`` where they start.
        labels: Their ``n`` labels.
        step_size: Where the step size of training on them starts; ``None``: there is none.
    """

    def __init__(self, x: Tensor, labels: Labels, *, step_size: float | None = None) -> None:
        super().__init__(labels, step_size, like=x)
        self.x = nn.Parameter(x.clone())

    def decode(self) -> tuple[Tensor, Tensor]:
        """See :class:`Labelled`."""
        return self.x, self.labels()

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`Labelled`."""
        return {"features": [self.x]}
