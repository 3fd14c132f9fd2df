r"""A two-layer network trained on a few rows, in the space of these rows.

Descent moves the first weight along the rows :math:`x_i` that it sees, :math:`W_t = W_0 - C_t^\top X`, so that the
network needs the rows' products only,

.. math:: X W_t^\top = X W_0^\top - (X X^\top)\, C_t, \qquad C_{t+1} = C_t + \beta V_{t+1}, \quad V_{t+1} = m V_t + B_t

with :math:`B_t` the gradient with respect to the hidden units before their ReLU. Of :math:`n` rows with :math:`d`
features a step costs :math:`n^2` instead of :math:`n d` products for each unit. The representer theorem is behind it
(Schölkopf et al., COLT 2001); nothing is approximated.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.unrolled import End
from graphcond.surrogates.two_layer import TwoLayer


@dataclass(frozen=True, kw_only=True)
class RowSpaceUnroll:
    """How a two-layer network is trained on synthetic rows, as by ``Unroll`` but in fewer products.

    It is the faster one where there are fewer rows than features. The graph of all steps is in memory at once, but it
    holds only some five numbers for each row and hidden unit of a step.

    Args:
        steps: Steps, each on all rows.
        step_size: Of each; where a batch brings a learned one along, that one holds.
        momentum: Of the velocity.
    """

    steps: int
    step_size: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("momentum",))

    def loss(self, surrogate: TwoLayer, weights: Weights, synthetic: Batch, end: End) -> Tensor:
        """See :meth:`graphcond.core.matching.unrolled.Unroll.loss`.

        Raises:
            ValueError: there is an operator between the layers.
        """
        if synthetic.adj is not None:
            raise ValueError("a training in the space of the rows takes rows without edges; use Unroll for others")
        return end(self._last(surrogate, weights, synthetic))

    def _last(self, surrogate: TwoLayer, weights: Weights, synthetic: Batch) -> Weights:
        """Return the weights at the end of the training, differentiable in the synthetic data."""
        x = synthetic.x.flatten(1)
        first, first_bias, second, second_bias = (weight.detach() for weight in weights)
        size = self.step_size if synthetic.step_size is None else synthetic.step_size
        gram, start = x @ x.T + 1, x @ first.T + first_bias  # the bias is the weight of a feature that is always 1
        moves = torch.zeros_like(start)
        pushes: Weights = (moves, torch.zeros_like(second), torch.zeros_like(second_bias))
        for _ in range(self.steps):
            hidden = (start - gram @ moves).relu()
            outputs = torch.addmm(second_bias, hidden, second.T)
            rest = surrogate.targets.residuals(outputs, synthetic.y) / len(synthetic)
            gradients = (rest @ second * hidden.detach().sign(), rest.T @ hidden, rest.sum(dim=0))
            pushes = self._pushed(pushes, gradients)
            moves, second = moves + size * pushes[0], second - size * pushes[1]
            second_bias = second_bias - size * pushes[2]
        return first - moves.T @ x, first_bias - moves.sum(dim=0), second, second_bias

    def _pushed(self, pushes: Weights, gradients: Weights) -> Weights:
        if not self.momentum:
            return gradients
        return tuple(torch.add(g, v, alpha=self.momentum) for v, g in zip(pushes, gradients, strict=True))
