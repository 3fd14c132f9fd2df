"""Where a surrogate's weights come from: drawn afresh, trained on the synthetic data, or kept in a pool."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training, TrainingBatches
from graphcond.core.runtime.contents import INT64, require
from graphcond.core.runtime.state import part


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


class Stateless(ABC):
    """A sampler whose steps do not depend on those before."""

    @abstractmethod
    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:  # noqa: B027 (there is nothing to learn)
        """See :class:`Sampler`."""

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:  # noqa: B027 (nor to restore)
        """See :class:`Sampler`."""


@dataclass
class Fresh(Stateless):
    """New random weights at every step."""

    surrogate: Surrogate

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        return self.surrogate.init()


@dataclass
class Fixed(Stateless):
    """The same weights at every step, such as those of a network that was trained on real data before.

    Args:
        weights: The weights.
    """

    weights: Weights

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        return self.weights

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return 0


class Weightless(Stateless):
    """No weights at all: for surrogates in closed form, such as the kernel of an infinitely wide network."""

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        return ()

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return 0


@dataclass
class Trained:
    """Weights that are drawn every ``outer_steps`` steps and trained in between.

    Args:
        surrogate: The network.
        outer_steps: Steps with one network.
        inner_steps: Steps of training after each step but a network's last.
        training: How.
        real: Batches to train on; ``None``: the synthetic data as they stand (DC, GCond). With real ones, the networks
            are those of IDC.
    """

    surrogate: Surrogate
    outer_steps: int
    inner_steps: int
    training: Training = Training()
    real: TrainingBatches | None = None
    _student: Student | None = field(default=None, init=False)

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        if self._student is None or step % self.outer_steps == 0:
            self._student = Student(self.surrogate.init(), self.training)
        return self._student.weights

    def key(self) -> int | None:
        """See :class:`Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """See :class:`Sampler`."""
        if self._student is not None and self.inner_steps and (step + 1) % self.outer_steps:
            _teach(self._student, self.surrogate, self.inner_steps, step, self.real, synthetic)

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        return {} if self._student is None else self._student.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""
        self._student = Student.restored(state, self.training, self.surrogate) if state else None


def _teach(
    student: Student,
    surrogate: Surrogate,
    steps: int,
    step: int,
    real: TrainingBatches | None,
    synthetic: Callable[[], Batch],
) -> None:
    if real is None:
        student.train(surrogate, synthetic(), steps)
        return
    for _ in range(steps):  # each step sees another batch
        student.train(surrogate, real(step), 1)


@dataclass
class Pool:
    """A pool of networks, one of which is picked at random for each step.

    With ``train_steps=0`` the networks stay as they were drawn, so what real data do to each is observed once (DM,
    DosCond). With more, the picked network is trained after its step, on the synthetic data (FRePO: Zhou et al.,
    NeurIPS 2022) or on real ones (IDM: Zhao et al., CVPR 2023), and replaced by a fresh one at ``max_age``.

    Args:
        surrogate: The network.
        size: Number of networks.
        train_steps: Steps of training after each use.
        max_age: Uses after which a network is replaced.
        training: How they are trained.
        real: Batches to train on; ``None``: the synthetic data.
    """

    surrogate: Surrogate
    size: int
    train_steps: int = 0
    max_age: int = 100
    training: Training = Training()
    real: TrainingBatches | None = None
    _students: list[Student] = field(default_factory=list, init=False)
    _ages: list[int] = field(default_factory=list, init=False)
    _picked: int = field(default=0, init=False)

    def draw(self, step: int) -> Weights:
        """See :class:`Sampler`."""
        if not self._students:
            self._students = [Student(self.surrogate.init(), self.training) for _ in range(self.size)]
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
        _teach(self._students[self._picked], self.surrogate, self.train_steps, step, self.real, synthetic)
        self._ages[self._picked] += 1
        if self._ages[self._picked] >= self.max_age:
            self._students[self._picked] = Student(self.surrogate.init(), self.training)
            self._ages[self._picked] = 0

    def state(self) -> dict[str, Tensor]:
        """See :class:`Sampler`."""
        if not self._students:
            return {}
        named = {f"{i}.{name}": v for i, student in enumerate(self._students) for name, v in student.state().items()}
        return named | {"ages": torch.tensor(self._ages)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`Sampler`."""
        self._ages = require("ages", state["ages"], INT64, (self.size,), 0, self.max_age).tolist() if state else []
        self._students = [
            Student.restored(part(state, str(i)), self.training, self.surrogate) for i in range(len(self._ages))
        ]
