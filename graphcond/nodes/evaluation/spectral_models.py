"""Networks whose graph filter is learned: GPR-GNN and BernNet."""

import math

import numpy as np
import torch
from torch import Tensor, nn

ORDER = 10  # of the filter, as in both papers
TELEPORT = 0.1  # of the personalised PageRank that GPR-GNN starts from


class GPRGNN(nn.Module):
    r"""Generalised PageRank (Chien et al., ICLR 2021).

    .. math:: \sum_{k=0}^{10} \gamma_k \hat A^k f(X), \qquad \gamma_k = 0.1 \cdot 0.9^k, \gamma_{10} = 0.9^{10}
        \text{ at first}

    Args:
        network: :math:`f`, a network on the features.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.weight = nn.Parameter(torch.empty(ORDER + 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights of the hops to those of personalised PageRank."""
        with torch.no_grad():
            self.weight.copy_(TELEPORT * (1 - TELEPORT) ** torch.arange(ORDER + 1))
            self.weight[-1] = (1 - TELEPORT) ** ORDER

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        r"""Return logits, ``(num_nodes, num_classes)``; the adjacency is :math:`\hat A`, as a sparse matrix."""
        hidden: Tensor = self.network(x)
        total = self.weight[0] * hidden
        for weight in self.weight[1:]:
            hidden = edge_index @ hidden
            total = total + weight * hidden
        return total


class BernNet(nn.Module):
    r"""Bernstein filters (He et al., NeurIPS 2021).

    .. math:: \sum_{k=0}^{K} \theta_k \frac{1}{2^K} \binom{K}{k} (2I - L)^{K-k} L^k f(X), \qquad
              L = I - D^{-1/2} A D^{-1/2}, \theta_k \ge 0, K = 10

    The same polynomial in :math:`L - I` is evaluated by the recursion of Chebyshev, with :math:`K` products in place of
    :math:`K (K + 3) / 2`. Self-loops are left out, as in the paper.

    Args:
        network: :math:`f`, a network on the features.
    """

    conversion: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.theta = nn.Parameter(torch.ones(ORDER + 1))
        self.register_buffer("conversion", torch.from_numpy(bernstein_to_chebyshev(ORDER)).float())

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        r"""Return logits, ``(num_nodes, num_classes)``; the adjacency is :math:`I - L`, as a sparse matrix."""
        current: Tensor = self.network(x)
        coefficients = self.conversion @ self.theta.relu()
        before, total = current, coefficients[0] * current
        for order, coefficient in enumerate(coefficients[1:]):
            hop = -(edge_index @ current)  # (L - I) applied
            current, before = (hop if order == 0 else 2 * hop - before), current
            total = total + coefficient * current
        return total


def bernstein_to_chebyshev(order: int) -> np.ndarray:
    """Return the matrix that turns Bernstein coefficients on [0, 2] into Chebyshev's on [-1, 1], both of an order."""
    count = order + 1
    points = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    powers = np.arange(count)
    binomials = np.array([math.comb(order, k) for k in range(count)])
    values = binomials * (1 - points[:, None]) ** (order - powers) * (1 + points[:, None]) ** powers / 2**order
    basis = np.cos(powers[:, None] * np.arccos(points)) * 2 / count
    basis[0] /= 2
    found: np.ndarray = basis @ values
    return found
