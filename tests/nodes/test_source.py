import pytest
import torch
from torch import Tensor
from torch_geometric.nn import GCNConv

from graphcond.core.matching.batch import Batch
from graphcond.core.targets import SingleLabel
from graphcond.nodes.source import NodeSource, surrogate_batch
from graphcond.nodes.surrogate_models import GCNSurrogate, SGCSurrogate
from graphcond.nodes.task import Graph, NodePart
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

NODES, FEATURES, CLASSES = 30, 6, 3
CHOSEN = torch.tensor([17, 3, 4, 29, 8, 11, 0, 21, 20, 5, 13])


def graph(*, directed: bool) -> Graph:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(NODES, FEATURES, generator=generator)
    present = (torch.rand(NODES, NODES, generator=generator) < 0.1).triu(diagonal=1)
    present[8] = present[:, 8] = False  # a node on its own
    weight = torch.rand(NODES, NODES, generator=generator) * present
    weight = weight if directed else weight + weight.T
    edge_index = weight.nonzero().T.contiguous()
    y = torch.arange(NODES) % CLASSES
    return Graph(x, edge_index, weight[edge_index[0], edge_index[1]], y)


@pytest.fixture(params=["undirected", "directed"])
def split(request):
    return NodePart(graph(directed=request.param == "directed"), CHOSEN)


def operator(graph: Graph) -> Tensor:
    """Return the dense normalised adjacency, edge by edge: row i gathers what node i receives."""
    received = torch.eye(NODES)
    for (source, target), weight in zip(graph.edge_index.T.tolist(), graph.edge_weight.tolist(), strict=True):
        received[target, source] += weight
    root = received.sum(dim=1).rsqrt().diag()
    return root @ received @ root


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_linear_surrogate_sees_powers_of_the_operator(split, hops):
    batch = surrogate_batch(split, SGCSurrogate(hops))
    expected = torch.linalg.matrix_power(operator(split.graph), hops) @ split.graph.x
    torch.testing.assert_close(batch.x, expected[CHOSEN])
    assert torch.equal(batch.y, split.graph.y[CHOSEN])
    assert batch.adj is None
    assert batch.rows is None


@pytest.fixture
def model():
    return GCNSurrogate(hidden=7)


@pytest.fixture
def weights(model):
    torch.manual_seed(0)
    return model.build(FEATURES, SingleLabel(CLASSES), torch.zeros(())).init()


def test_convolutional_surrogate_equals_a_dense_network(split, model, weights):
    first, bias, second, offset = weights
    propagation = operator(split.graph)
    hidden = (propagation @ split.graph.x @ first.T + bias).clamp(min=0)
    logits = propagation @ hidden @ second.T + offset
    batch = surrogate_batch(split, model)
    surrogate = model.build(FEATURES, SingleLabel(CLASSES), split.graph.x)
    features, embedding, found = surrogate.layers(weights, batch)
    torch.testing.assert_close(found, logits[CHOSEN], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(embedding, hidden[CHOSEN], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(features, (propagation @ split.graph.x)[CHOSEN])


def test_convolutional_surrogate_equals_the_layers_of_pyg(split, model, weights):
    layers = GCNConv(FEATURES, 7), GCNConv(7, CLASSES)
    with torch.no_grad():
        for layer, weight, bias in zip(layers, weights[::2], weights[1::2], strict=True):
            layer.lin.weight.copy_(weight)
            layer.bias.copy_(bias)
        edges = split.graph.edge_index, split.graph.edge_weight
        logits = layers[1](layers[0](split.graph.x, *edges).relu(), *edges)
    found = model.build(FEATURES, SingleLabel(CLASSES), split.graph.x).layers(weights, surrogate_batch(split, model))[
        -1
    ]
    torch.testing.assert_close(found, logits[CHOSEN], rtol=1e-4, atol=1e-5)


def test_convolutional_batch_holds_the_neighbours_and_no_more(split, model):
    batch = surrogate_batch(split, model)
    needed = (operator(split.graph)[CHOSEN] != 0).any(dim=0)
    assert len(batch.x) == int(needed.sum()) < NODES
    torch.testing.assert_close(batch.adj.to_dense(), operator(split.graph)[CHOSEN][:, needed])


def test_surrogates_bring_their_networks():
    like = torch.zeros((), dtype=torch.float64)
    assert isinstance(SGCSurrogate().build(6, SingleLabel(3), like), Linear)
    two = GCNSurrogate(hidden=9).build(6, SingleLabel(3), like)
    assert isinstance(two, TwoLayer)
    assert [tuple(weight.shape) for weight in two.init()] == [(9, 6), (9,), (3, 9), (3,)]
    with pytest.raises(ValueError, match="hops must be at least 0, got -1"):
        SGCSurrogate(-1)
    with pytest.raises(ValueError, match="hidden must be positive, got 0"):
        GCNSurrogate(hidden=0)


def embedded(batch: Batch) -> set[tuple[float, ...]]:
    return {tuple(row) for row in batch.own(batch.x).tolist()}


@pytest.mark.parametrize("model", [SGCSurrogate(), GCNSurrogate(7)])
def test_source_of_small_classes_is_constant(split, model):
    assert torch.bincount(split.labels).max() == 6
    assert not NodeSource(split, model, per_class=5).constant
    source = NodeSource(split, model, per_class=6)
    assert source.constant
    assert source(0) is source(9)
    assert torch.equal(source(0).y, split.labels)


@pytest.mark.parametrize("model", [SGCSurrogate(), GCNSurrogate(7)])
def test_batches_hold_so_many_of_a_big_class_and_all_of_a_small_one(model):
    nodes = torch.cat([torch.arange(0, 30, 3), torch.tensor([1, 4, 7]), torch.tensor([2, 5])])
    split = NodePart(graph(directed=False), nodes)
    torch.manual_seed(0)
    source, whole = NodeSource(split, model, per_class=3), surrogate_batch(split, model)
    assert not source.constant
    drawn = []
    for step in range(30):
        batch = source(step)
        assert torch.bincount(batch.y).tolist() == [3, 3, 2]
        for label in (1, 2):
            assert embedded(batch.by_class()[label]) == embedded(whole.by_class()[label])
        drawn.append(embedded(batch.by_class()[0]))
        assert drawn[-1] <= embedded(whole.by_class()[0])
    assert set().union(*drawn) == embedded(whole.by_class()[0])
    assert drawn[0] != drawn[1]


def test_drawn_nodes_keep_their_exact_neighbourhoods(model, weights):
    split = NodePart(graph(directed=False), torch.arange(NODES))
    surrogate = model.build(FEATURES, SingleLabel(CLASSES), split.graph.x)
    whole = surrogate.layers(weights, surrogate_batch(split, model))
    batch = NodeSource(split, model, per_class=4)(0)
    for layer, every in zip(surrogate.layers(weights, batch), whole, strict=True):
        for row, label in zip(layer, batch.y, strict=True):
            assert float((every[split.labels == label] - row).abs().amax(dim=1).min()) < 1e-5


def test_batches_follow_the_seed():
    source = NodeSource(NodePart(graph(directed=False), torch.arange(NODES)), SGCSurrogate(), per_class=4)
    torch.manual_seed(1)
    first = source(0)
    torch.manual_seed(1)
    assert torch.equal(source(0).x, first.x)
