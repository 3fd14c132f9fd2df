import pytest
import torch
from torch_geometric.utils import coalesce, contains_isolated_nodes, contains_self_loops, is_undirected, subgraph

from graphcond.nodes import edges

NODES = 40


def random_edges(seed: int, undirected: bool, count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(NODES - 2, (2, count), generator=generator)
    weight = torch.rand(count, generator=generator)
    if undirected:
        edge_index, weight = torch.cat([edge_index, edge_index.flip(0)], dim=1), weight.repeat(2)
    return coalesce(edge_index, weight, num_nodes=NODES, reduce="max")


@pytest.fixture(params=[1, 7, 1 << 20], autouse=True)
def block(request, monkeypatch):
    """Look at edges one by one, a few at once, all at once: nothing may depend on it."""
    monkeypatch.setattr(edges, "BLOCK", request.param)


@pytest.mark.parametrize("undirected", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_survey_agrees_with_pyg(seed, undirected):
    edge_index, weight = random_edges(seed, undirected)
    found = edges.survey(edge_index, weight, NODES)
    assert found.undirected == is_undirected(edge_index, weight, num_nodes=NODES)
    assert found.self_loops == contains_self_loops(edge_index)
    assert found.isolated == contains_isolated_nodes(edge_index, NODES)


@pytest.mark.parametrize("seed", range(5))
def test_one_missing_or_heavier_direction_is_seen(seed):
    edge_index, weight = random_edges(seed, undirected=True)
    ones = torch.ones(1).expand(edge_index.size(1))
    assert edges.survey(edge_index, ones, NODES).undirected
    apart = (edge_index[0] != edge_index[1]).nonzero().flatten()
    for edge in apart[:10].tolist():
        kept = torch.arange(edge_index.size(1)) != edge
        assert not edges.survey(edge_index[:, kept], ones[kept], NODES).undirected
        heavier = weight.clone()
        heavier[edge] = torch.nextafter(weight[edge], torch.tensor(2.0))
        assert not edges.survey(edge_index, heavier, NODES).undirected


def test_order():
    edge_index, _ = random_edges(0, undirected=True)
    assert edges.is_strictly_sorted(edge_index, NODES)
    assert edges.is_strictly_sorted(edge_index.flip(0), NODES)
    assert edges.is_ascending(edge_index[0])
    assert not edges.is_ascending(edge_index[1])
    twice = edge_index[:, torch.arange(edge_index.size(1)).repeat_interleave(2)]
    assert not edges.is_strictly_sorted(twice, NODES)
    swapped = edge_index[:, [1, 0, *range(2, edge_index.size(1))]]
    assert not edges.is_strictly_sorted(swapped, NODES)


def test_nothing_is_in_order():
    nothing = torch.empty(2, 0, dtype=torch.int64)
    assert edges.is_strictly_sorted(nothing, NODES)
    assert edges.survey(nothing, torch.ones(0), NODES) == edges.Survey(True, False, True)


@pytest.mark.parametrize("seed", range(3))
def test_induced_subgraph_agrees_with_pyg(seed):
    edge_index, weight = random_edges(seed, undirected=False)
    nodes = torch.randperm(NODES, generator=torch.Generator().manual_seed(seed))[:25].sort().values
    expected = subgraph(nodes, edge_index, weight, relabel_nodes=True, num_nodes=NODES)
    for mine, theirs in zip(edges.induced(edge_index, weight, nodes, NODES), expected, strict=True):
        assert torch.equal(mine, theirs)


def test_the_callers_random_state_is_left_alone():
    before = torch.get_rng_state()
    edges.survey(*random_edges(0, undirected=True), NODES)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("undirected", [True, False])
def test_induced_edges_do_not_depend_on_the_order_in_which_edges_are_listed(undirected):
    edge_index, weight = random_edges(3, undirected)
    nodes = torch.randperm(NODES, generator=torch.Generator().manual_seed(0))[:25]
    expected = edges.induced(edge_index, weight, nodes, NODES)
    assert edges.is_strictly_sorted(expected[0], len(nodes))
    assert edges.is_ascending(expected[0][0])
    by_target = (edge_index[1] * NODES + edge_index[0]).argsort()
    for order in (by_target, torch.randperm(len(weight), generator=torch.Generator().manual_seed(1))):
        found = edges.induced(edge_index[:, order], weight[order], nodes, NODES)
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])
