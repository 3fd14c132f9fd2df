import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.synthetic.graphon import GraphonNetwork


def network(pair_share: float) -> GraphonNetwork:
    """Return edges in float64 whose normalisations have learned something."""
    torch.manual_seed(0)
    edges = GraphonNetwork(4, 6, pair_share).double()
    for module in edges.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, 0.1, 0.5)
    return edges


def nodes(count: int = 5) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def block(rows: Tensor, linear: nn.Linear, norm: nn.BatchNorm1d) -> Tensor:
    hidden = F.linear(rows, linear.weight)
    centred = hidden - hidden.mean(dim=0)
    return (norm.weight * centred / (centred.square().mean(dim=0) + norm.eps).sqrt() + norm.bias).clamp(min=0)


def pair_by_pair(edges: GraphonNetwork, x: Tensor) -> Tensor:
    """Send every ordered pair of nodes and of their places through both networks, as the equation has it."""
    count = len(x)
    order = [(i, j) for i in range(count) for j in range(count)]
    places = [2 * i / (count - 1) - 1 for i in range(count)]
    features = torch.stack([torch.cat([x[i], x[j]]) for i, j in order])
    graphon = torch.tensor([[places[i], places[j]] for i, j in order], dtype=x.dtype)
    c, g = edges.pairs, edges.graphon
    features = block(features, c.first, c.first_norm)
    graphon = block(graphon, g.first, g.first_norm) * features
    features = block(features, c.second, c.second_norm)
    graphon = block(graphon, g.second, g.second_norm) * features
    scores = (1 - edges.pair_share) * g.last(graphon) + edges.pair_share * c.last(features)
    scores = scores.view(count, count)
    return torch.sigmoid((scores + scores.T) / 2).fill_diagonal_(0)


@pytest.mark.parametrize("pair_share", [0.0, 0.3, 1.0])
def test_edges_follow_the_equation(pair_share):
    edges = network(pair_share)
    with torch.no_grad():
        torch.testing.assert_close(edges(nodes()), pair_by_pair(edges, nodes()))


def test_edges_are_symmetric_and_within_bounds_and_a_node_alone_has_none():
    edges = network(0.5)
    adjacency = edges(nodes(7))
    assert torch.equal(adjacency, adjacency.T)
    assert torch.equal(adjacency.diagonal(), torch.zeros(7, dtype=torch.float64))
    assert 0 <= float(adjacency.detach().min()) < float(adjacency.detach().max()) < 1
    assert edges(nodes(1)).tolist() == [[0.0]]


def test_equal_nodes_are_told_apart_by_their_places():
    same = torch.ones(4, 4, dtype=torch.float64)
    graphon, pairs = network(0.0)(same), network(1.0)(same)
    assert len(pairs[0, 1:].detach().unique()) == 1
    assert len(graphon[0, 1:].detach().unique()) == 3


def test_edges_are_differentiable_in_the_features():
    edges = network(0.5)
    assert torch.autograd.gradcheck(edges, (nodes(4).requires_grad_(),))
