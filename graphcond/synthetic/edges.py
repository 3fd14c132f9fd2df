r"""Edges as a function of node features (GCond: Jin et al., ICLR 2022).

.. math:: A'_{ij} = \sigma\big((\mathrm{MLP}[x_i; x_j] + \mathrm{MLP}[x_j; x_i]) / 2\big), \qquad A'_{ii} = 0
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.synthetic.pair_scores import pair_scores


class PairwiseEdges(nn.Module):
    r"""A three-layer MLP with batch normalisation on all ordered pairs of nodes.

    The first layer is linear in the pair, :math:`W [x_i; x_j] = W_1 x_i + W_2 x_j`, and over all pairs the mean and the
    variance of :math:`u_i + v_j` are the sums of those of :math:`u` and :math:`v`: layer and normalisation cost ``n``
    rows instead of ``n`` squared pairs, and are the same to rounding.

    Args:
        num_features: Features of a node.
        hidden: Hidden units.

    Note:
        The published code never leaves training mode, so pairs are always normalised by their own statistics; here
        there is no other mode.
    """

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2 * num_features, hidden, bias=False)  # normalisation would take a bias away
        self.second = nn.Linear(hidden, hidden, bias=False)
        self.last = nn.Linear(hidden, 1)
        self.first_norm = nn.BatchNorm1d(hidden, track_running_stats=False)
        self.second_norm = nn.BatchNorm1d(hidden, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the dense symmetric adjacency of nodes with features ``x``, ``(n, n)`` in [0, 1], zero diagonal."""
        count = x.size(0)
        if count == 1:
            return x.new_zeros(1, 1)
        left, right = self._first_layer(x)
        norm = self.second_norm
        scores = pair_scores(
            left, right, self.second.weight, norm.weight, norm.bias, self.last.weight.squeeze(0), norm.eps
        )
        scores = scores + self.last.bias
        adjacency = torch.sigmoid((scores + scores.T) / 2)
        adjacency = (adjacency + adjacency.T) / 2  # the sigmoid is not the same to the last bit everywhere
        return adjacency * (1 - torch.eye(count, dtype=x.dtype, device=x.device))

    def _first_layer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what both nodes of a pair add to its normalised first layer, each ``(n, hidden)``."""
        own, other = self.first.weight.chunk(2, dim=1)
        u, v = F.linear(x, own), F.linear(x, other)
        u, v = u - u.mean(dim=0), v - v.mean(dim=0)
        norm = self.first_norm
        scale = norm.weight / (u.square().mean(dim=0) + v.square().mean(dim=0) + norm.eps).sqrt()
        return u * scale, v * scale + norm.bias
