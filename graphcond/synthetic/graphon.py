r"""Edges as a graphon that the features of nodes guide (SGDD: Yang et al., NeurIPS 2023)."""

import torch
from torch import Tensor, nn

from graphcond.synthetic.edges import first_layer, symmetric


class GraphonNetwork(nn.Module):
    r"""A graphon of the places of nodes, guided by a network of the pairs of their features.

    With places :math:`t_i` evenly in [-1, 1], layers :math:`g` and :math:`c` of linear map, batch normalisation over
    the pairs and ReLU, and the elementwise product :math:`\odot`,

    .. math:: h^c_1 = c_1[x_i; x_j], \quad h^c_2 = c_2(h^c_1), \qquad
              h^g_1 = g_1[t_i; t_j] \odot h^c_1, \quad h^g_2 = g_2(h^g_1) \odot h^c_2

    .. math:: s_{ij} = (1 - \epsilon)\, g_3(h^g_2) + \epsilon\, c_3(h^c_2), \qquad
              A'_{ij} = \sigma\big((s_{ij} + s_{ji}) / 2\big), \qquad A'_{ii} = 0

    A step holds a few ``(n, n, hidden)`` tensors.

    Args:
        num_features: Features of a node.
        hidden: Hidden units.
        pair_share: :math:`\epsilon`, how much the features' network adds to the scores.
    """

    def __init__(self, num_features: int, hidden: int, pair_share: float) -> None:
        super().__init__()
        self.pairs = _PairNetwork(num_features, hidden)
        self.graphon = _PairNetwork(1, hidden)
        self.pair_share = pair_share

    def forward(self, x: Tensor) -> Tensor:
        """Return the dense symmetric adjacency of nodes with features ``x``, ``(n, n)`` in [0, 1], zero diagonal."""
        if len(x) == 1:
            return x.new_zeros(1, 1)
        places = torch.linspace(-1, 1, len(x), dtype=x.dtype, device=x.device).unsqueeze(1)
        features, graphon = self.pairs.entered(x), self.graphon.entered(places)
        graphon = graphon * features
        features, graphon = self.pairs.hidden(features), self.graphon.hidden(graphon)
        graphon = graphon * features
        scores = (1 - self.pair_share) * self.graphon.last(graphon) + self.pair_share * self.pairs.last(features)
        return symmetric(scores.squeeze(2))


class _PairNetwork(nn.Module):
    """The three layers of a network of ordered pairs, one by one."""

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2 * num_features, hidden, bias=False)  # normalisation would take a bias away
        self.second = nn.Linear(hidden, hidden, bias=False)
        self.last = nn.Linear(hidden, 1)
        self.first_norm = nn.BatchNorm1d(hidden, track_running_stats=False)
        self.second_norm = nn.BatchNorm1d(hidden, track_running_stats=False)

    def entered(self, x: Tensor) -> Tensor:
        """Return the first layer of all pairs of nodes, ``(n, n, hidden)``."""
        left, right = first_layer(x, self.first, self.first_norm)
        return (left.unsqueeze(1) + right).relu()

    def hidden(self, entered: Tensor) -> Tensor:
        """Return the second layer, ``(n, n, hidden)``."""
        normalised: Tensor = self.second_norm(self.second(entered).flatten(0, 1))
        return normalised.relu().view_as(entered)
