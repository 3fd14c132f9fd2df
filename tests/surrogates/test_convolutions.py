from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Batch as PyGBatch
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv, global_add_pool, global_mean_pool

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.statistic import Statistic
from graphcond.core.sparse import from_rows
from graphcond.core.targets import SingleLabel
from graphcond.graphs.features import Numbers
from graphcond.graphs.methods.bernoulli import BernoulliGraphs, EdgeSampling
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.source import union
from graphcond.graphs.task import GraphSet
from graphcond.surrogates import autograd

LIKE = torch.zeros((), dtype=torch.float64)
FEATURES, HIDDEN, CLASSES = 3, 5, 4
LABELS = [2, 0, 2, 3, 0, 2]  # class 1 is absent
READOUTS = {"mean": global_mean_pool, "sum": global_add_pool}


def graphs(seed: int = 0) -> list[Data]:
    """Return undirected graphs of 1 to 6 nodes, one of them without edges."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for i, label in enumerate(LABELS):
        size = 1 + i
        upper = (torch.rand(size, size, generator=generator) < 0.6).triu(diagonal=1) & (i != 2)
        x = torch.randn(size, FEATURES, generator=generator)
        made.append(Data(x=x, edge_index=(upper | upper.T).nonzero().T, y=torch.tensor([label])))
    return made


def sparse(items: list[Data], readout: str = "mean") -> GraphBatch:
    ptr = torch.tensor([0, *(item.num_nodes for item in items)]).cumsum(0)
    edge_index = torch.cat([item.edge_index + start for item, start in zip(items, ptr[:-1], strict=True)], dim=1)
    x, y = (torch.cat([item[name] for item in items]) for name in ("x", "y"))
    batch = union(GraphSet(x, edge_index, None, ptr, y), readout)
    adj = batch.adj
    adj = from_rows(adj.crow_indices(), adj.col_indices(), adj.values().double(), len(x))
    return replace(batch, x=x.double(), adj=adj, share=batch.share.double())


def dense(items: list[Data], readout: str = "mean") -> GraphBatch:
    """Return the same graphs in places, with learned features and edges."""
    places = max(item.num_nodes for item in items)
    rows = torch.zeros(len(items), places, FEATURES, dtype=torch.float64)
    adjacency = torch.zeros(len(items), places, places, dtype=torch.float64)
    for i, item in enumerate(items):
        rows[i, : item.num_nodes] = item.x
        adjacency[i, item.edge_index[0], item.edge_index[1]] = 1
    sizes = torch.tensor([item.num_nodes for item in items])
    y = torch.cat([item.y for item in items])
    made = BernoulliGraphs(
        rows, adjacency, sizes, y, features=Numbers(FEATURES), edge_sampling=EdgeSampling(), mean=readout == "mean"
    )
    return made.decided()


def learned(batch: GraphBatch) -> tuple[GraphBatch, list[Tensor]]:
    """Return a batch that depends on leaves: on features and, in places, on what becomes symmetric operators."""
    x = batch.x.clone().requires_grad_()
    if not batch.in_places:
        return replace(batch, x=x), [x]
    half = batch.adj.clone().requires_grad_()
    return replace(batch, x=x, adj=(half + half.transpose(1, 2)) / 2), [x, half]


def derivatives(statistic: Statistic, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    total = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in statistic.sums)
    return torch.autograd.grad(total, leaves, retain_graph=True)


@pytest.fixture(params=[1, 2, 3])
def surrogate(request):
    return Convolutions(FEATURES, HIDDEN, SingleLabel(CLASSES), request.param, LIKE)


@pytest.fixture
def weights(surrogate):
    torch.manual_seed(3)
    biased = [w + 0.1 * torch.randn_like(w) for w in surrogate.init()]  # biases are zero at first
    return tuple(biased)


def by_pyg(surrogate: Convolutions, weights: tuple[Tensor, ...], items: list[Data], readout: str) -> Tensor:
    batch = PyGBatch.from_data_list(items)
    hidden = batch.x.double()
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        conv = GCNConv(weight.size(1), weight.size(0)).double()
        conv.load_state_dict({"bias": bias, "lin.weight": weight})
        hidden = conv(hidden, batch.edge_index).relu()
    return F.linear(READOUTS[readout](hidden, batch.batch), *weights[-2:])


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("form", [sparse, dense])
def test_logits_are_those_of_pygs_convolutions_and_pooling(surrogate, weights, readout, form):
    expected = by_pyg(surrogate, weights, graphs(), readout)
    batch = form(graphs(), readout)
    torch.testing.assert_close(surrogate.logits(weights, batch), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(surrogate.layers(weights, batch)[-1], surrogate.logits(weights, batch))


def test_directed_and_repeated_edges_and_self_loops():
    once = torch.tensor([[0, 1], [1, 2]])
    both = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    looped = torch.cat([both, torch.tensor([[1, 1], [1, 1]])], dim=1)
    twice = torch.cat([both, both[:, :2]], dim=1)
    x, y = torch.randn(3, FEATURES), torch.tensor([0])
    plain, directed, loops, repeated = (sparse([Data(x=x, edge_index=e, y=y)]) for e in (both, once, looped, twice))
    assert torch.equal(directed.adj.to_dense(), plain.adj.to_dense())
    assert torch.equal(loops.adj.to_dense(), plain.adj.to_dense())
    surrogate = Convolutions(FEATURES, HIDDEN, SingleLabel(CLASSES), 2, LIKE)
    weights = surrogate.init()
    expected = by_pyg(surrogate, weights, [Data(x=x, edge_index=twice, y=y)], "mean")
    torch.testing.assert_close(surrogate.logits(weights, repeated), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", [sparse, dense])
def test_closed_form_equals_automatic_differentiation(surrogate, weights, form):
    batch, leaves = learned(form(graphs()))
    found, expected = surrogate.class_gradients(weights, batch), autograd.class_gradients(surrogate, weights, batch)
    assert found.counts.tolist() == expected.counts.tolist() == [2, 0, 3, 1]
    torch.testing.assert_close(found.sums, expected.sums)
    torch.testing.assert_close(derivatives(found, leaves), derivatives(expected, leaves))
    for value, weight in zip(found.sums, weights, strict=True):
        assert value.shape == (CLASSES, *weight.shape)
        assert bool((value[1] == 0).all())
        assert bool((value[[0, 2, 3]].flatten(1).abs().amax(dim=1) > 1e-3).all())


@pytest.mark.parametrize("form", [sparse, dense])
def test_class_gradients_are_the_sums_over_graphs_alone(surrogate, weights, form):
    found = surrogate.class_gradients(weights, form(graphs()))
    expected = [torch.zeros_like(value) for value in found.sums]
    for item, label in zip(graphs(), LABELS, strict=True):
        parameters = [weight.clone().requires_grad_() for weight in weights]
        logits = surrogate.logits(tuple(parameters), form([item]))
        gradients = torch.autograd.grad(F.cross_entropy(logits, item.y), parameters)
        for total, gradient in zip(expected, gradients, strict=True):
            total[label] += gradient
    torch.testing.assert_close(list(found.sums), expected)


@pytest.mark.parametrize("readout", READOUTS)
def test_graphs_in_places_equal_their_union(surrogate, weights, readout):
    one, other = dense(graphs(), readout), sparse(graphs(), readout)
    for mine, theirs in zip(surrogate.layers(weights, one), surrogate.layers(weights, other), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    mine, theirs = surrogate.class_gradients(weights, one), surrogate.class_gradients(weights, other)
    torch.testing.assert_close(mine.sums, theirs.sums, rtol=1e-5, atol=1e-6)


def test_layers_are_the_readouts_from_the_features_to_the_logits(surrogate, weights):
    layers = surrogate.layers(weights, sparse(graphs()))
    assert [layer.shape for layer in layers] == [(6, FEATURES), *[(6, HIDDEN)] * surrogate.depth, (6, CLASSES)]
    means = torch.stack([item.x.mean(dim=0) for item in graphs()])
    torch.testing.assert_close(layers[0], means.double())


@pytest.mark.parametrize("form", [sparse, dense])
def test_gradients_of_the_mean_loss(surrogate, weights, form):
    batch = form(graphs())
    found = surrogate.loss_gradients(weights, batch)
    torch.testing.assert_close(found, autograd.loss_gradients(surrogate, weights, batch))


def test_no_history_where_it_is_switched_off(surrogate, weights):
    with torch.no_grad():
        statistic = surrogate.class_gradients(weights, learned(dense(graphs()))[0])
    assert not any(value.requires_grad for value in statistic.sums)


def test_initial_weights_are_those_of_pyg_and_torch():
    torch.manual_seed(0)
    weights = Convolutions(40, 60, SingleLabel(3), 3, LIKE).init()
    assert [tuple(w.shape) for w in weights] == [(60, 40), (60,), (60, 60), (60,), (60, 60), (60,), (3, 60), (3,)]
    theirs = [GCNConv(40, 60).lin.weight, GCNConv(60, 60).lin.weight, torch.nn.Linear(60, 3).weight]
    for mine, like in zip((weights[0], weights[2], weights[6]), theirs, strict=True):
        assert mine.dtype == LIKE.dtype
        assert mine.abs().max().item() == pytest.approx(like.abs().max().item(), rel=0.03)
        assert mine.std().item() == pytest.approx(like.std().item(), rel=0.15)
    assert not any(bool(bias.any()) for bias in weights[1:6:2])
    assert bool(weights[7].any())


def test_only_graphs_are_taken():
    surrogate = Convolutions(FEATURES, HIDDEN, SingleLabel(CLASSES), 2, LIKE)
    rows = Batch(torch.zeros(2, FEATURES), torch.tensor([0, 1]))
    with pytest.raises(TypeError, match="take a GraphBatch, got Batch"):
        surrogate.class_gradients(surrogate.init(), rows)
