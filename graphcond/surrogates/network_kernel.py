"""Networks of finite width as kernels: ridge regression on what their last hidden layer makes of the data."""

from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.losses import squared_error
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.targets import Targets


@dataclass(frozen=True)
class NetworkKernel:
    r"""The kernel of a network's last hidden layer :math:`\Phi`, the network's readout being ridge regression.

    .. math:: K(x, y) = w^2\, \langle \Phi(x), \Phi(y) \rangle + \beta^2

    As it stands, with a bias feature of 1, it is the kernel of FRePO (Zhou et al., NeurIPS 2022), whose networks train
    on the synthetic data in between (:class:`graphcond.core.matching.weight_samplers.Pool`). It is a surrogate as well,
    so that samplers can do that.

    Args:
        surrogate: The network.
        weight_variance: :math:`w^2`.
        bias_variance: :math:`\beta^2`; 0: no bias.
        mean: Whether the inner product is a mean over the layer's units, so that it converges with their number.
    """

    surrogate: Surrogate
    _: KW_ONLY
    weight_variance: float = 1.0
    bias_variance: float = 1.0
    mean: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("bias_variance",))

    @property
    def targets(self) -> Targets:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.targets

    @property
    def num_classes(self) -> int:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.num_classes

    def init(self) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.init()

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.layers(weights, batch)

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.class_gradients(weights, batch)

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """Return the gradients of what the network is trained on: cross-entropy of classes, squared error of targets.

        Targets, ``(m, outputs)``, need not be probabilities.
        """
        if batch.y.dim() == 1:
            return self.surrogate.loss_gradients(weights, batch)
        with torch.enable_grad():
            weights = tuple(weight.detach().requires_grad_() for weight in weights)
            return torch.autograd.grad(squared_error(self.layers(weights, batch)[-1], batch), weights)

    def features(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the features whose inner products are the kernel, ``(n, h + 1)``, the last one being the bias."""
        hidden = self.surrogate.layers(weights, batch)[-2].flatten(1)
        scale = self.weight_variance / (hidden.size(1) if self.mean else 1)
        bias = hidden.new_full((len(hidden), 1), self.bias_variance**0.5)
        return torch.cat([scale**0.5 * hidden, bias], dim=1)

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the rows of a batch, ``(n, n)`` float64."""
        features = self.features(weights, batch).double()
        return features @ features.T

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the rows of two batches, ``(n_left, n_right)``."""
        return self.features(weights, left) @ self.features(weights, right).T


@dataclass(frozen=True)
class Ensemble:
    """Several networks of one kind side by side, each with weights of its own; their logits are averaged.

    Args:
        surrogate: The kind of network.
        networks: How many.
    """

    surrogate: Surrogate
    networks: int

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    @property
    def targets(self) -> Targets:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.targets

    @property
    def num_classes(self) -> int:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return self.surrogate.num_classes

    def init(self) -> Weights:
        """Return fresh weights of all networks, one after the other."""
        return tuple(weight for _ in range(self.networks) for weight in self.surrogate.init())

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """Return each layer of all networks, ``(m, networks * width)``, and their mean logits."""
        every = [self.surrogate.layers(own, batch) for own in self._split(weights)]
        *hidden, logits = zip(*every, strict=True)
        wide = [torch.cat([layer.flatten(1) for layer in each], dim=1) for each in hidden]
        return [*wide, torch.stack(logits).mean(dim=0)]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """Return each network's gradients of its own loss."""
        each = [self.surrogate.class_gradients(own, batch) for own in self._split(weights)]
        return Statistic(tuple(total for mine in each for total in mine.sums), each[0].counts)

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """Return each network's gradients of its own loss."""
        return tuple(part for own in self._split(weights) for part in self.surrogate.loss_gradients(own, batch))

    def _split(self, weights: Weights) -> list[Weights]:
        size = len(weights) // self.networks
        return [weights[start : start + size] for start in range(0, len(weights), size)]


def random_features(surrogate: Surrogate, networks: int = 8) -> NetworkKernel:
    r"""Return the kernel of the random features of several networks (RFAD: Loo et al., NeurIPS 2022).

    .. math:: K(x, y) = 2\, \frac{1}{h k} \sum_{i=1}^{k} \langle \Phi_i(x), \Phi_i(y) \rangle + 0.01

    With He's initial weights it goes to the :class:`graphcond.surrogates.infinite_width.InfiniteWidth` kernel of kind
    ``"nngp"`` as widths ``h`` and networks ``k`` grow. The networks of a step are one draw of weights.

    Args:
        surrogate: The kind of network.
        networks: How many are drawn.
    """
    return NetworkKernel(Ensemble(surrogate, networks), weight_variance=2.0, bias_variance=0.01, mean=True)
