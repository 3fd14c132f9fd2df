"""How the weights of a surrogate are trained, step by step and without its history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam as functional_adam

from graphcond.core.fields import require_positive
from graphcond.core.matching.augment import Augment
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.runtime.contents import require
from graphcond.core.runtime.randomness import seeded

TrainingBatches = Callable[[int], Batch]
"""Real batches by step, such as a source gives them."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """An optimiser on the mean loss of a batch.

    Args:
        learning_rate: Step size.
        momentum: ``None``: Adam; a number: stochastic gradient descent with so much momentum.
        weight_decay: L2 penalty on all weights.
        sharpness: Radius within which the steepest nearby point's gradient is followed (SAM: Foret et al., ICLR 2021);
            0: the gradient itself.
        augment: Each step sees a freshly changed batch; ``None``: the batch itself.
        batch_size: Rows of a batch that a step sees, drawn afresh; ``None``: all of them.
    """

    learning_rate: float = 0.01
    momentum: float | None = None
    weight_decay: float = 0.0
    sharpness: float = 0.0
    augment: Augment | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("momentum", "weight_decay", "sharpness"))

    def seen(self, batch: Batch) -> Batch:
        """Return what one step sees of a batch."""
        if self.batch_size is not None and len(batch) > self.batch_size:
            batch = batch.take(torch.randperm(len(batch))[: self.batch_size].to(batch.y.device))
        return batch if self.augment is None else self.augment.draw()(batch)


_STUDENT = ("weight", "mean", "square", "step")


@dataclass
class Student:
    """Weights in training: their tensors and their optimiser's moments."""

    weights: Weights
    training: Training

    def __post_init__(self) -> None:
        """Store the weights without their history."""
        # Contiguous, as gradients are made below: fused Adam goes through the memory of both side by side.
        self.weights = tuple(weight.detach().clone(memory_format=torch.contiguous_format) for weight in self.weights)
        self._means = [torch.zeros_like(weight) for weight in self.weights]
        self._squares = [torch.zeros_like(weight) for weight in self.weights]
        self._steps = [torch.zeros((), dtype=torch.float32, device=weight.device) for weight in self.weights]

    def train(self, surrogate: Surrogate, batch: Batch, steps: int) -> None:
        """Take some steps down the mean loss on a batch."""
        for _ in range(steps):
            gradients = self._gradients(surrogate, self.training.seen(batch))
            if self.training.momentum is None:
                self._adam(gradients)
            else:
                self._descend(gradients, self.training.momentum)

    def _gradients(self, surrogate: Surrogate, batch: Batch) -> list[Tensor]:
        gradients = surrogate.loss_gradients(self.weights, batch)
        if self.training.sharpness:
            steepest = _scaled(gradients, self.training.sharpness / float(norm(gradients).clamp(min=1e-12)))
            moved = tuple(torch._foreach_add(list(self.weights), steepest))
            gradients = surrogate.loss_gradients(moved, batch)
        return list(gradients)

    def _adam(self, gradients: list[Tensor]) -> None:
        # The function behind torch.optim.Adam: for so small networks the class costs more than the step.
        gradients = [gradient.contiguous() for gradient in gradients]
        functional_adam(
            list(self.weights), gradients, self._means, self._squares, [], self._steps, fused=True,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=self.training.learning_rate,
            weight_decay=self.training.weight_decay, eps=1e-8, maximize=False,
        )  # fmt: skip

    def _descend(self, gradients: list[Tensor], momentum: float) -> None:
        if self.training.weight_decay:
            gradients = list(torch._foreach_add(gradients, list(self.weights), alpha=self.training.weight_decay))
        torch._foreach_mul_(self._means, momentum)
        torch._foreach_add_(self._means, gradients)
        torch._foreach_add_(list(self.weights), self._means, alpha=-self.training.learning_rate)

    def state(self) -> dict[str, Tensor]:
        """Return the weights and their moments."""
        groups = (self.weights, self._means, self._squares, self._steps)
        return {f"{i}.{name}": v for name, group in zip(_STUDENT, groups, strict=True) for i, v in enumerate(group)}

    @classmethod
    def restored(cls, state: dict[str, Tensor], training: Training, surrogate: Surrogate) -> "Student":
        """Return the student of a state.

        Raises:
            ValueError: it is not one of such a network.
        """
        with seeded(0):
            like = surrogate.init()
        names = [f"{i}.{name}" for name in _STUDENT for i in range(len(like))]
        if set(names) != state.keys():
            raise ValueError(f"a network that is trained must have {', '.join(names)}, got {', '.join(state)}")
        for i, weight in enumerate(like):
            for name in _STUDENT:
                kind, shape = (torch.float32, ()) if name == "step" else (weight.dtype, tuple(weight.shape))
                require(f"{i}.{name}", state[f"{i}.{name}"], (kind,), shape)
        weights, *moments = ([state[f"{i}.{name}"].clone() for i in range(len(like))] for name in _STUDENT)
        student = cls(tuple(weights), training)
        student._means, student._squares, student._steps = moments
        return student


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of all tensors together, a scalar."""
    total: Tensor = torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt()
    return total


def _scaled(tensors: Sequence[Tensor], factor: float) -> list[Tensor]:
    return list(torch._foreach_mul(list(tensors), factor))
