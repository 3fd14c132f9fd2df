"""Any PyTorch module as a surrogate, with gradients by automatic differentiation."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.func import functional_call

from graphcond.core.batch import Batch
from graphcond.core.statistic import Statistic
from graphcond.core.surrogate import Weights
from graphcond.surrogates import autograd


@dataclass(frozen=True)
class Network:
    """A module that maps rows (and an adjacency, where there is one) to logits of the labelled rows.

    Args:
        build: Makes a freshly initialised module; called as ``module(x)`` or ``module(x, adj)``.
        num_classes: Classes.
    """

    build: Callable[[], nn.Module]
    num_classes: int
    _module: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        """Keep one module for its structure."""
        object.__setattr__(self, "_module", self.build())

    def init(self) -> Weights:
        """See :class:`graphcond.core.surrogate.Surrogate`."""
        return tuple(parameter.detach() for parameter in self.build().parameters())

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.surrogate.Surrogate`; of the hidden layers, only the logits are given."""
        named = dict(zip((name for name, _ in self._module.named_parameters()), weights, strict=True))
        inputs = (batch.x,) if batch.adj is None else (batch.x, batch.adj)
        logits: Tensor = functional_call(self._module, named, inputs)
        return [batch.own(batch.x), logits]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.surrogate.Surrogate`."""
        return autograd.class_gradients(self, weights, batch)

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.surrogate.Surrogate`."""
        return autograd.loss_gradients(self, weights, batch)
