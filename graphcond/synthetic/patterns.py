r"""Edges in several sparse patterns over the same nodes (MSGC: Gao and Wu, Knowledge-Based Systems 2023)."""

import math

import torch
from torch import Tensor, nn

from graphcond.synthetic.edges import PairwiseEdges

NEIGHBOURS = 2  # of a class, from which on a node asks for no more


class PatternNetwork(nn.Module):
    r"""Several graphs over the same nodes: the pairs of each are drawn once, their weights are learned.

    .. math:: A^{(b)} = M^{(b)} \odot g_\Phi(X'), \qquad b = 1, \dots, B

    with patterns :math:`M^{(b)}` of :func:`neighbour_patterns` and weights :math:`g_\Phi` of :class:`PairwiseEdges`.

    Args:
        num_features: Features of a node.
        hidden: Hidden units.
        patterns: ``(B, n, n)`` bool.
    """

    patterns: Tensor

    def __init__(self, num_features: int, hidden: int, patterns: Tensor) -> None:
        super().__init__()
        self.weights = PairwiseEdges(num_features, hidden)
        self.register_buffer("patterns", patterns)

    def forward(self, x: Tensor) -> Tensor:
        """Return the adjacencies of nodes with features ``x``, ``(B, n, n)`` in [0, 1], symmetric."""
        adjacencies: Tensor = self.weights(x) * self.patterns
        return adjacencies


def neighbour_patterns(classes: Tensor, count: int) -> Tensor:
    """Return patterns in which each node has one or two neighbours of each class, ``(count, n, n)`` bool, symmetric.

    Node by node and class by class, a node with fewer than two neighbours of a class is joined to the node of that
    class which has the fewest of the node's own class so far; among equals, one drawn at random. So nodes of small
    classes can get more than two neighbours of larger ones, and no pair is drawn twice.

    Args:
        classes: ``(n,)`` int64.
        count: Number of patterns.
    """
    nodes, num_classes = len(classes), int(classes.max()) + 1
    labels = classes.tolist()
    members = [(classes == label).nonzero().flatten().cpu() for label in range(num_classes)]
    patterns = torch.zeros(count, nodes, nodes, dtype=torch.bool)
    neighbours = torch.zeros(count, nodes, num_classes)
    every = torch.arange(count)
    for node in range(nodes):
        for label, candidates in enumerate(members):
            used = neighbours[:, candidates, labels[node]] + torch.rand(count, len(candidates))
            taken = patterns[:, node, candidates] | (candidates == node)
            used.masked_fill_(taken, math.inf)
            if not len(candidates):
                continue
            least, place = used.min(dim=1)
            joined = (neighbours[:, node, label] < NEIGHBOURS) & least.isfinite()
            which, other = every[joined], candidates[place[joined]]
            patterns[which, node, other] = patterns[which, other, node] = True
            neighbours[which, node, label] += 1
            neighbours[which, other, labels[node]] += 1
    return patterns.to(classes.device)
