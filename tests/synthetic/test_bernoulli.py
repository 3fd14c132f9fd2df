import copy

import pytest
import torch
from torch import Tensor

from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.targets import SingleLabel
from graphcond.graphs.features import Categories, Numbers
from graphcond.graphs.methods.bernoulli import BernoulliGraphs, EdgeSampling
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.synthetic.graph import normalize

SIZES = torch.tensor([4, 2, 1])
LABELS = torch.tensor([0, 1, 1])
PLACES, WIDTH = 4, 3
NO_ANNEALING = EdgeSampling(annealing=1)


def adjacency() -> Tensor:
    """Return a path of 4 nodes, an edge, and a node alone."""
    edges = torch.zeros(3, PLACES, PLACES)
    for graph, i, j in ((0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 0, 1)):
        edges[graph, i, j] = edges[graph, j, i] = 1
    return edges


def rows() -> Tensor:
    return torch.randn(3, PLACES, WIDTH, generator=torch.Generator().manual_seed(0))


def graphs_of(edge_sampling: EdgeSampling = NO_ANNEALING, mean: bool = True) -> BernoulliGraphs:
    return BernoulliGraphs(
        rows(), adjacency(), SIZES, LABELS, features=Numbers(WIDTH), edge_sampling=edge_sampling, mean=mean
    )


def places() -> Tensor:
    return torch.arange(PLACES) < SIZES.unsqueeze(1)


def relaxed(graphs: BernoulliGraphs, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Return the adjacencies of a draw, without self-loops and normalisation."""
    monkeypatch.setattr("graphcond.graphs.methods.bernoulli.normalize", lambda matrix: matrix)
    return graphs.batch().adj


def test_decided_graphs_are_the_initial_ones():
    for (x, edge_index), size, row, edges in zip(graphs_of().graphs(), SIZES, rows(), adjacency(), strict=True):
        assert torch.equal(x, row[:size])
        assert torch.equal(edge_index, edges.nonzero().T)
    batch = graphs_of().decided()
    assert torch.equal(batch.adj, torch.stack([normalize(edges) for edges in adjacency()]))
    assert torch.equal(batch.x.view(3, PLACES, WIDTH), rows() * places().unsqueeze(2))
    assert torch.equal(batch.y, LABELS)


@pytest.mark.parametrize("mean", [True, False])
def test_readout_is_over_nodes_only(mean):
    batch = graphs_of(mean=mean).decided()
    expected = [row[:size].mean(dim=0) if mean else row[:size].sum(dim=0) for row, size in zip(rows(), SIZES)]  # noqa: B905
    torch.testing.assert_close(batch.gather(batch.x), torch.stack(expected))


def test_temperature_falls_geometrically_to_its_end():
    edge_sampling = EdgeSampling(temperature=0.01, annealing=200)
    assert [edge_sampling.temperature_at(draw) for draw in (0, 100, 200, 1000)] == pytest.approx([1, 0.1, 0.01, 0.01])


def test_each_draw_is_colder(monkeypatch):
    seen = []
    monkeypatch.setattr(EdgeSampling, "temperature_at", lambda self, draw: seen.append(draw) or 1.0)
    graphs = graphs_of()
    for _ in range(3):
        graphs.batch()
    graphs.decided()
    assert seen == [0, 1, 2]
    assert int(graphs.state_dict()["draws"]) == 3


def test_a_draw_follows_its_formula(monkeypatch):
    graphs = graphs_of(EdgeSampling(temperature=0.3, annealing=1))
    graphs.draws += 1
    torch.manual_seed(0)
    found = relaxed(graphs, monkeypatch)
    torch.manual_seed(0)
    epsilon = torch.rand(3, PLACES, PLACES)
    for graph, i, j in ((0, 0, 1), (0, 0, 3), (1, 0, 1)):
        noise = epsilon[graph, i, j].log() - (1 - epsilon[graph, i, j]).log()
        expected = torch.sigmoid((graphs.logits[graph, i, j] + noise) / 0.3)
        torch.testing.assert_close(found[graph, i, j], expected)
        torch.testing.assert_close(found[graph, j, i], expected)


def test_cold_draws_are_samples_with_the_probabilities_of_the_edges(monkeypatch):
    graphs = graphs_of(EdgeSampling(temperature=1e-6, annealing=1))
    with torch.no_grad():
        graphs.logits.fill_(1.0)
        graphs.logits[0, 0, 1], graphs.logits[0, 1, 0] = -3.0, 1.0  # what counts is the mean of both directions
    graphs.draws += 1
    draws = torch.stack([relaxed(graphs, monkeypatch) for _ in range(2000)]).detach()
    assert bool(((draws < 1e-3) | (draws > 1 - 1e-3)).float().mean() > 0.999)
    assert draws[:, 1, 0, 1].mean().item() == pytest.approx(torch.tensor(1.0).sigmoid().item(), abs=0.04)
    assert draws[:, 0, 0, 1].mean().item() == pytest.approx(torch.tensor(-1.0).sigmoid().item(), abs=0.04)
    independent = torch.corrcoef(torch.stack([draws[:, 0, 0, 2], draws[:, 0, 1, 3]]))[0, 1]
    assert abs(independent) < 0.1


def test_hot_draws_are_smooth(monkeypatch):
    graphs = graphs_of(EdgeSampling(temperature=1e3, annealing=1))
    found = relaxed(graphs, monkeypatch)[0]
    off = ~torch.eye(PLACES, dtype=torch.bool)
    torch.testing.assert_close(found[off], torch.full((12,), 0.5), atol=0.02, rtol=0)


def test_draws_are_symmetric_without_loops_and_within_graphs(monkeypatch):
    found = relaxed(graphs_of(EdgeSampling(temperature=1.0, annealing=1)), monkeypatch)
    assert torch.equal(found, found.transpose(1, 2))
    allowed = places().unsqueeze(1) & places().unsqueeze(2) & ~torch.eye(PLACES, dtype=torch.bool)
    assert bool((found[~allowed] == 0).all())
    assert bool((found[allowed] > 0).all())


def test_batch_has_normalised_operators():
    batch = graphs_of().batch()
    assert type(batch) is GraphBatch
    torch.testing.assert_close(batch.adj, batch.adj.transpose(1, 2))
    alone = batch.adj[2]
    assert torch.equal(alone, torch.eye(PLACES))


@pytest.mark.parametrize("draw", [True, False])
def test_places_that_are_no_nodes_have_no_influence(draw):
    graphs, other = graphs_of(), graphs_of()
    empty = ~places()
    with torch.no_grad():
        other.x[empty] = 7.0
        other.logits[empty] = 9.0
        other.logits.transpose(1, 2)[empty] = 9.0
        other.logits.diagonal(dim1=1, dim2=2).fill_(9.0)
    surrogate = Convolutions(WIDTH, 4, SingleLabel(2), 2, rows())
    weights = surrogate.init()
    results = []
    for made in (graphs, other):
        torch.manual_seed(1)
        batch = made.batch() if draw else made.decided()
        results.append((*surrogate.class_gradients(weights, batch).sums, made.penalty()))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)
    assert [e.tolist() for _, e in graphs.graphs()] == [e.tolist() for _, e in other.graphs()]


def test_places_that_are_no_nodes_get_no_gradient():
    torch.manual_seed(0)  # by chance, no unit of the network may see a pair
    graphs = graphs_of(EdgeSampling(temperature=1.0, annealing=1))
    surrogate = Convolutions(WIDTH, 4, SingleLabel(2), 2, rows())
    statistic = surrogate.class_gradients(surrogate.init(), graphs.batch())
    (sum(value.square().sum() for value in statistic.sums) + graphs.penalty()).backward()
    assert bool((graphs.x.grad[~places()] == 0).all())
    assert bool((graphs.x.grad[places()] != 0).any(dim=1).all())
    assert bool((graphs.logits.grad[~graphs.pairs] == 0).all())
    assert bool((graphs.logits.grad[graphs.pairs] != 0).all())


def test_penalty_is_what_the_mean_probability_exceeds_the_initial_density_by():
    graphs = graphs_of(EdgeSampling(sparsity=0.3))
    assert graphs.density == pytest.approx((6 + 2) / (12 + 2))
    with torch.no_grad():
        graphs.logits.fill_(2.0)
    expected = 0.3 * (torch.tensor(2.0).sigmoid() - 8 / 14)
    torch.testing.assert_close(graphs.penalty(), expected)
    graphs.penalty().backward()
    slope = 0.3 * torch.tensor(2.0).sigmoid() * torch.tensor(-2.0).sigmoid() / 14
    torch.testing.assert_close(graphs.logits.grad[1, 0, 1], slope)
    with torch.no_grad():
        graphs.logits.fill_(-2.0)
    assert graphs.penalty().item() == 0
    assert graphs_of(EdgeSampling(sparsity=0)).penalty().item() == 0


def test_penalty_of_graphs_without_pairs_is_zero():
    single = BernoulliGraphs(
        rows()[:1, :1], torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.int64), LABELS[:1],
        features=Numbers(WIDTH), edge_sampling=EdgeSampling(),
    )  # fmt: skip
    assert single.penalty().item() == 0
    assert torch.equal(single.batch().adj, torch.ones(1, 1, 1))
    assert single.graphs()[0][1].shape == (2, 0)


def test_an_edge_is_kept_where_it_is_likelier_than_not():
    graphs = graphs_of()
    with torch.no_grad():
        graphs.logits.fill_(-1.0)
        graphs.logits[0, 0, 1], graphs.logits[0, 1, 0] = 3.0, -1.0
        graphs.logits[1, 0, 1], graphs.logits[1, 1, 0] = 1.0, -3.0
    assert [e.tolist() for _, e in graphs.graphs()] == [[[0, 1], [1, 0]], [[], []], [[], []]]


def test_codes_are_learned_as_probabilities_and_decided_as_codes():
    codes = torch.tensor([[[4], [9], [4], [4]], [[9], [9], [0], [0]], [[6], [0], [0], [0]]])
    features = Categories.of(codes[places()])
    graphs = BernoulliGraphs(codes, adjacency(), SIZES, LABELS, features=features, edge_sampling=EdgeSampling())
    assert graphs.x.shape == (3, PLACES, 3)
    for (x, _), size, row in zip(graphs.graphs(), SIZES, codes, strict=True):
        assert torch.equal(x, row[:size])
    soft, hard = graphs.batch().x, graphs.decided().x
    torch.testing.assert_close(soft[places().flatten()].max(dim=1).values, torch.full((7,), 0.9))
    assert torch.equal(hard[places().flatten()].sum(dim=1), torch.ones(7))
    assert torch.equal(hard[places().flatten()].argmax(dim=1), soft[places().flatten()].argmax(dim=1))
    assert bool((soft[~places().flatten()] == 0).all())


def test_parts_are_features_and_structure_and_labels_are_kept():
    graphs = graphs_of()
    assert graphs.parts() == {"features": [graphs.x], "structure": [graphs.logits]}
    assert set(graphs.state_dict()) == {"x", "logits", "y", "draws"}


def test_initial_tensors_are_copied_and_draws_continue_from_a_state():
    x, edges = rows(), adjacency()
    graphs = BernoulliGraphs(x, edges, SIZES, LABELS, features=Numbers(WIDTH), edge_sampling=EdgeSampling())
    with torch.no_grad():
        graphs.x += 1
        graphs.logits += 1
    assert torch.equal(x, rows())
    assert torch.equal(edges, adjacency())
    for _ in range(5):
        graphs.batch()
    other = graphs_of(EdgeSampling())
    other.load_state_dict(copy.deepcopy(graphs.state_dict()))
    torch.manual_seed(0)
    mine = graphs.batch()
    torch.manual_seed(0)
    theirs = other.batch()
    assert torch.equal(mine.adj, theirs.adj)
    assert torch.equal(mine.x, theirs.x)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"temperature": 0}, "temperature must be positive"), ({"annealing": 0}, "annealing must be positive"),
     ({"sparsity": -1.0}, "sparsity must be at least 0")],
)  # fmt: skip
def test_bad_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        EdgeSampling(**fields)
