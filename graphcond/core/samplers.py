"""Where a surrogate's weights come from: drawn afresh, trained on the synthetic data, or kept in a pool."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam as functional_adam

from graphcond.core.batch import Batch
from graphcond.core.state import part
from graphcond.core.surrogate import Surrogate, Weights


class Sampler(Protocol):
    """A source of weights. Weights are stored without their history, and its state goes into checkpoints."""

    def draw(self, step: int) -> Weights:
        """Return the weights of a step."""
        ...

    def key(self) -> int | None:
        """Return a number that stands for the last drawn weights if the same come back later, else ``None``.

        What was observed of real data that never change can then be observed once.
        """
        ...

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """Train the weights on the synthetic data as they stand after the step, if that is the sampler's way."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put back what :meth:`state` returned."""
        ...


@dataclass
class Fresh:
    """New random weights at every step."""

    surrogate: Surrogate

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        return self.surrogate.init()

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`Sampler`."""

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""


@dataclass
class Weightless:
    """No weights at all: for surrogates in closed form, such as the kernel of an infinitely wide network."""

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        return ()

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return 0

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`Sampler`."""

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""


_STUDENT = ("weight", "mean", "square", "step")


@dataclass
class Student:
    """Weights that are trained by Adam: their tensors and their moments."""

    weights: Weights
    learning_rate: float

    def __post_init__(self) -> None:
        """Store the weights without their history."""
        self.weights = tuple(weight.detach().clone() for weight in self.weights)
        self._means = [torch.zeros_like(weight) for weight in self.weights]
        self._squares = [torch.zeros_like(weight) for weight in self.weights]
        self._steps = [torch.zeros((), dtype=torch.float32, device=weight.device) for weight in self.weights]

    def train(self, surrogate: Surrogate, batch: Batch, steps: int) -> None:
        """Take some steps down the mean cross-entropy on a batch."""
        for _ in range(steps):
            gradients = list(surrogate.loss_gradients(self.weights, batch))
            # The function behind torch.optim.Adam: for so small networks the class costs more than the step.
            functional_adam(
                list(self.weights), gradients, self._means, self._squares, [], self._steps, fused=True,
                amsgrad=False, beta1=0.9, beta2=0.999, lr=self.learning_rate, weight_decay=0.0, eps=1e-8,
                maximize=False,
            )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """Return the weights and their moments."""
        groups = (self.weights, self._means, self._squares, self._steps)
        return {f"{i}.{name}": v for name, group in zip(_STUDENT, groups, strict=True) for i, v in enumerate(group)}

    @classmethod
    def restored(cls, state: dict[str, Tensor], learning_rate: float) -> "Student":
        """Return the student of a state."""
        count = len(state) // len(_STUDENT)
        weights, *moments = ([state[f"{i}.{name}"].clone() for i in range(count)] for name in _STUDENT)
        student = cls(tuple(weights), learning_rate)
        student._means, student._squares, student._steps = moments
        return student


@dataclass
class TrainedOnSynthetic:
    """Weights that are drawn every ``outer_steps`` steps and trained on the synthetic data in between (DC, GCond).

    Args:
        surrogate: The network.
        outer_steps: Steps with one network.
        inner_steps: Adam steps on the synthetic data after each step but a network's last.
        learning_rate: Of these.
    """

    surrogate: Surrogate
    outer_steps: int
    inner_steps: int
    learning_rate: float = 0.01
    _student: Student | None = field(default=None, init=False)

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        if self._student is None or step % self.outer_steps == 0:
            self._student = Student(self.surrogate.init(), self.learning_rate)
        return self._student.weights

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`Sampler`."""
        if self._student is not None and self.inner_steps and (step + 1) % self.outer_steps:
            self._student.train(self.surrogate, synthetic(), self.inner_steps)

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        return {} if self._student is None else self._student.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""
        self._student = Student.restored(state, self.learning_rate) if state else None


@dataclass
class Pool:
    """A pool of networks, one of which is picked at random for each step.

    With ``train_steps=0`` the networks stay as they were drawn, so what real data do to each is observed once (DM,
    DosCond). With more, the picked network is trained on the synthetic data after its step and replaced by a fresh one
    at ``max_age`` (FRePO: Zhou et al., NeurIPS 2022).

    Args:
        surrogate: The network.
        size: Number of networks.
        train_steps: Adam steps on the synthetic data after each use.
        max_age: Uses after which a network is replaced.
        learning_rate: Of the training.
    """

    surrogate: Surrogate
    size: int
    train_steps: int = 0
    max_age: int = 100
    learning_rate: float = 0.01
    _students: list[Student] = field(default_factory=list, init=False)
    _ages: list[int] = field(default_factory=list, init=False)
    _picked: int = field(default=0, init=False)

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        if not self._students:
            self._students = [Student(self.surrogate.init(), self.learning_rate) for _ in range(self.size)]
            # Spread, so that the pool is never replaced at once.
            self._ages = [i * self.max_age // self.size for i in range(self.size)]
        self._picked = int(torch.randint(self.size, ()))
        return self._students[self._picked].weights

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return None if self.train_steps else self._picked

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`Sampler`."""
        if not self.train_steps:
            return
        self._students[self._picked].train(self.surrogate, synthetic(), self.train_steps)
        self._ages[self._picked] += 1
        if self._ages[self._picked] >= self.max_age:
            self._students[self._picked] = Student(self.surrogate.init(), self.learning_rate)
            self._ages[self._picked] = 0

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        if not self._students:
            return {}
        named = {f"{i}.{name}": v for i, student in enumerate(self._students) for name, v in student.state().items()}
        return named | {"ages": torch.tensor(self._ages)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""
        self._ages = state["ages"].tolist() if state else []
        self._students = [Student.restored(part(state, str(i)), self.learning_rate) for i in range(len(self._ages))]
