r"""Training on synthetic data, unrolled, and differentiated exactly at one step of graph memory.

A network with weights :math:`\theta` and velocity :math:`v` does, on the synthetic data :math:`\psi`,

.. math:: v_{t+1} = m\, v_t + g(\theta_t, \psi), \qquad \theta_{t+1} = \theta_t - \beta\, v_{t+1}

The training runs forward without a graph. Back from the end, with :math:`\lambda = \partial L / \partial \theta` and
:math:`\mu = \partial L / \partial v`, each step is rebuilt alone (Maclaurin et al., ICML 2015, for the recursion):

.. math:: \nu = \mu - \beta \lambda, \quad \partial_\beta L \mathrel{-}= \langle v_{t+1}, \lambda \rangle, \quad
          \partial_\psi L \mathrel{+}= \partial_\psi \langle g, \nu \rangle, \quad
          \lambda \leftarrow \lambda + \partial_\theta \langle g, \nu \rangle, \quad \mu \leftarrow m\, \nu
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.augment import Augment, Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights

End = Callable[[Weights], Tensor]
"""A loss of the weights at the end of the training, a scalar, differentiable in them."""


class Unrolling(Protocol):
    """A training on synthetic data whose end is differentiable in them: :class:`Unroll`, or another way to the same."""

    def loss(self, surrogate: Any, weights: Weights, synthetic: Batch, end: End) -> Tensor:  # noqa: ANN401
        """See :meth:`Unroll.loss`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Unroll:
    """How a network is trained on synthetic data, step by step of gradient descent on the mean loss.

    Args:
        steps: Steps.
        step_size: Of each; where a batch brings a learned one along, that one holds.
        momentum: Of the velocity.
        rows: Synthetic rows that a step sees, drawn afresh; ``None``: all of them.
        augment: Each step sees freshly changed rows; ``None``: the rows themselves.
        exact: ``False`` leaves out how a step changes the gradients of later ones, as TESLA's published code does (Cui
            et al., ICML 2023): one backward pass less for each step, and a biased gradient.
    """

    steps: int
    step_size: float = 0.01
    momentum: float = 0.0
    rows: int | None = None
    augment: Augment | None = None
    exact: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("momentum",))

    def loss(self, surrogate: Surrogate, weights: Weights, synthetic: Batch, end: End) -> Tensor:
        """Return the loss at the end of the training, a scalar whose ``backward`` carries the gradient in the data.

        Args:
            surrogate: The network.
            weights: Where it starts.
            synthetic: What it is trained on; its ``x``, soft ``y``, dense ``adj`` and ``step_size`` get gradients if
                they want them.
            end: The loss.
        """
        size = synthetic.step_size
        if size is None:
            size = synthetic.x.new_tensor(self.step_size)
        data = _Data.of(replace(synthetic, step_size=size))
        training = _UnrolledTraining(self, surrogate, data)
        last = tuple(weight.requires_grad_() for weight in training.forward(weights))
        with torch.enable_grad():
            value = end(last)
            adjoint = torch.autograd.grad(value, last)
        if not torch.is_grad_enabled() or not data.wanted:
            return value.detach()
        return data.carry(value.detach(), training.backward(adjoint))


@dataclass(frozen=True, eq=False)
class _Data:
    """Synthetic data cut off from what made them, so that a step's graph ends at them."""

    source: Batch
    leaf: Batch
    wanted: tuple[str, ...]

    @classmethod
    def of(cls, batch: Batch) -> "_Data":
        values = {"x": batch.x, "y": batch.y, "adj": batch.adj, "step_size": batch.step_size}
        wanted = tuple(name for name, value in values.items() if value is not None and value.requires_grad)
        leaf = batch.detached()
        for name in wanted:
            if name != "step_size":  # its gradient is a product, without a graph
                getattr(leaf, name).requires_grad_()
        return cls(batch, leaf, wanted)

    @property
    def leaves(self) -> list[Tensor]:
        """What the graph of a step ends at."""
        return [getattr(self.leaf, name) for name in self.wanted if name != "step_size"]

    def carry(self, value: Tensor, gradients: list[Tensor]) -> Tensor:
        """Return a scalar of this value with these gradients in the data."""
        for name, gradient in zip(self.wanted, gradients, strict=True):
            source = getattr(self.source, name)
            value = value + ((source - source.detach()) * gradient).sum()
        return value


class _UnrolledTraining:
    """The weights along a training, and what each step saw."""

    def __init__(self, unroll: Unroll, surrogate: Surrogate, data: _Data) -> None:
        self.unroll, self.surrogate, self.data = unroll, surrogate, data
        self._weights: list[Weights] = []
        self._velocities: list[Weights | None] = []
        self._views: list[Change] = []

    @property
    def _step_size(self) -> float:
        return float(self.data.leaf.step_size)  # type: ignore[arg-type]  # set by Unroll.loss

    def forward(self, weights: Weights) -> Weights:
        """Train; return the weights at the end."""
        weights = tuple(weight.detach().clone() for weight in weights)
        velocity = tuple(torch.zeros_like(weight) for weight in weights)
        for _ in range(self.unroll.steps):
            view = self._view()
            self._weights.append(weights)
            self._views.append(view)
            gradient = self._gradient(weights, view, keep=False)[1]
            velocity = tuple(self.unroll.momentum * v + g for v, g in zip(velocity, gradient, strict=True))
            self._velocities.append(velocity if self.unroll.momentum else None)  # the gradient then, which comes back
            weights = tuple(w - self._step_size * v for w, v in zip(weights, velocity, strict=True))
        return weights

    def backward(self, adjoint: Weights) -> list[Tensor]:
        """Return the gradients in the data that are wanted, given that in the weights at the end."""
        leaves = self.data.leaves
        found = [torch.zeros_like(leaf) for leaf in leaves]
        of_size, rate = adjoint[0].new_zeros(()), self._step_size
        of_velocity = tuple(torch.zeros_like(value) for value in adjoint)
        for weights, velocity, view in zip(
            reversed(self._weights), reversed(self._velocities), reversed(self._views), strict=True
        ):
            start, gradient = self._gradient(weights, view, keep=True)
            of_size -= _product(adjoint, tuple(g.detach() for g in gradient) if velocity is None else velocity)
            pull = tuple(m - rate * a for m, a in zip(of_velocity, adjoint, strict=True))
            product = _product(gradient, pull)
            ends = [*leaves, *start] if self.unroll.exact else leaves
            parts = torch.autograd.grad(product, ends, allow_unused=True) if ends else ()
            for total, part in zip(found, parts, strict=False):
                if part is not None:
                    total += part
            if self.unroll.exact:
                bends = parts[len(leaves) :]
                adjoint = tuple(a if bend is None else a + bend for a, bend in zip(adjoint, bends, strict=True))
            of_velocity = tuple(self.unroll.momentum * p for p in pull)
        return [*found, of_size] if "step_size" in self.data.wanted else found

    def _view(self) -> Change:
        """Draw what a step sees of the synthetic data."""
        batch, rows = self.data.leaf, self.unroll.rows
        few = rows is not None and rows < len(batch)
        picks = torch.randperm(len(batch))[:rows].to(batch.y.device) if few else None
        change = None if self.unroll.augment is None else self.unroll.augment.draw()

        def view(batch: Batch) -> Batch:
            seen = batch if picks is None else batch.take(picks)
            return seen if change is None else change(seen)

        return view

    def _gradient(self, weights: Weights, view: Change, *, keep: bool) -> tuple[Weights, Weights]:
        """Return fresh leaves of the weights, and the gradient at them."""
        with torch.enable_grad():
            start = tuple(weight.detach().requires_grad_() for weight in weights)
            seen = view(self.data.leaf if keep else self.data.leaf.detached())
            loss = self.surrogate.targets.loss(self.surrogate.layers(start, seen)[-1], seen.y)
            return start, torch.autograd.grad(loss, start, create_graph=keep)


def _product(one: Weights, other: Weights) -> Tensor:
    """Return the inner product of weights."""
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).sum()
