import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.synthetic import edges as pair_scores
from graphcond.synthetic.edges import PairwiseEdges


def module(num_features: int, hidden: int, seed: int = 0) -> PairwiseEdges:
    """Return edges in float64 whose normalisations have learned something."""
    torch.manual_seed(seed)
    edges = PairwiseEdges(num_features, hidden).double()
    for norm in (edges.first_norm, edges.second_norm):
        nn.init.uniform_(norm.weight, -1.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    nn.init.normal_(edges.last.weight)
    return edges


def nodes(count: int, num_features: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, num_features, generator=generator, dtype=torch.float64) + 2


def normalised(rows: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    centred = rows - rows.mean(dim=0)
    return norm.weight * centred / (centred.square().mean(dim=0) + 1e-5).sqrt() + norm.bias


def pair_by_pair(edges: PairwiseEdges, x: Tensor) -> Tensor:
    """Concatenate every ordered pair of nodes and send it through the three layers, as the paper has it."""
    count = len(x)
    pairs = torch.stack([torch.cat([x[i], x[j]]) for i in range(count) for j in range(count)])
    hidden = normalised(F.linear(pairs, edges.first.weight), edges.first_norm).clamp(min=0)
    hidden = normalised(F.linear(hidden, edges.second.weight), edges.second_norm).clamp(min=0)
    scores = F.linear(hidden, edges.last.weight, edges.last.bias).view(count, count)
    adjacency = 1 / (1 + torch.exp(-(scores + scores.T) / 2))
    return adjacency.masked_fill(torch.eye(count, dtype=torch.bool), 0.0)


each_size = pytest.mark.parametrize(("count", "num_features", "hidden"), [(2, 5, 3), (3, 1, 2), (7, 3, 4), (12, 6, 8)])


@each_size
def test_edges_equal_those_made_pair_by_pair(count, num_features, hidden):
    edges, x = module(num_features, hidden), nodes(count, num_features)
    torch.testing.assert_close(edges(x), pair_by_pair(edges, x), rtol=0, atol=1e-8)


@pytest.fixture(params=[1, 5 * 12 * 8 * 8, 2**20], ids=["a block a node", "uneven blocks", "one block"])
def blocks(request, monkeypatch):
    """Cut the pairs of twelve nodes with eight hidden units into blocks."""
    monkeypatch.setitem(pair_scores.BLOCK_BYTES, "cpu", request.param)


@pytest.mark.usefixtures("blocks")
def test_blocks_of_pairs_change_nothing():
    test_edges_equal_those_made_pair_by_pair(12, 6, 8)
    test_derivatives_equal_those_made_pair_by_pair(12, 6, 8)


@pytest.mark.parametrize("learned", [True, False])
def test_what_stands_still_has_no_derivative(learned):
    edges, x = module(3, 4).requires_grad_(learned), nodes(6, 3).requires_grad_(not learned)
    edges(x).sum().backward()
    assert (x.grad is None) is learned
    assert all((parameter.grad is None) is not learned for parameter in edges.parameters())


@each_size
def test_derivatives_equal_those_made_pair_by_pair(count, num_features, hidden):
    edges, x = module(num_features, hidden), nodes(count, num_features).requires_grad_()
    leaves = [x, *edges.parameters()]
    functional = torch.randn(count, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = torch.autograd.grad((functional * edges(x)).sum(), leaves)
    expected = torch.autograd.grad((functional * pair_by_pair(edges, x)).sum(), leaves)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    assert found[0].abs().max() > 1e-4


def test_edges_are_symmetric_and_between_zero_and_one():
    adjacency = module(3, 4)(nodes(9, 3))
    assert torch.equal(adjacency, adjacency.T)
    assert torch.equal(adjacency.diagonal(), torch.zeros(9, dtype=torch.float64))
    others = adjacency[~torch.eye(9, dtype=torch.bool)]
    assert 0 < others.min() < others.max() < 1


def test_order_of_the_nodes_changes_nothing():
    edges, x = module(3, 4), nodes(9, 3)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(order, torch.arange(9))
    torch.testing.assert_close(edges(x[order]), edges(x)[order][:, order], rtol=0, atol=1e-10)


def test_shift_of_the_features_changes_nothing():
    edges, x = module(3, 4), nodes(9, 3)
    torch.testing.assert_close(edges(x + 7), edges(x), rtol=0, atol=1e-10)


def test_there_is_no_other_mode():
    edges, x = module(3, 4), nodes(9, 3)
    training = edges(x)
    assert torch.equal(edges.eval()(x), training)
    assert not list(edges.buffers())


def test_equal_nodes_have_finite_edges_and_derivatives():
    edges, x = module(3, 4), torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    adjacency = edges(x)
    adjacency.sum().backward()
    assert bool(adjacency.isfinite().all())
    assert bool(x.grad.isfinite().all())
