from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv, SGConv

from graphcond.nodes import sparse
from graphcond.nodes.propagation import normalized_adjacency, personalized_pagerank, propagate
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.sparse import transposed
from graphcond.nodes.task import Graph


def weighted(data: Data) -> Data:
    """Give both directions of an edge the same random weight."""
    low, high = data.edge_index.sort(dim=0).values
    table = torch.rand(data.num_nodes, data.num_nodes, generator=torch.Generator().manual_seed(2)) + 0.1
    data.edge_weight = table[low, high]
    return data


def with_loops(data: Data) -> Data:
    loops = torch.tensor([0, 4, 9]).repeat(2, 1)
    data.edge_index = torch.cat([data.edge_index, loops], dim=1)
    data.edge_weight = torch.cat([data.edge_weight, torch.tensor([0.5, 2.0, 3.0])])
    return data


def directed(data: Data) -> Data:
    data.edge_index = data.edge_index[:, ::3]
    data.edge_weight = None if data.edge_weight is None else data.edge_weight[::3]
    return data


GRAPHS = {
    "plain": lambda data: data,
    "weighted": weighted,
    "loops": lambda data: with_loops(weighted(data)),
    "directed": directed,
    "directed, weighted, loops": lambda data: directed(with_loops(weighted(data))),
}


@pytest.fixture(params=GRAPHS.values(), ids=GRAPHS)
def graph(request: pytest.FixtureRequest, toy: Data) -> Graph:
    return read_nodes(request.param(toy)).train.graph


@pytest.fixture
def undirected(toy: Data) -> Graph:
    return read_nodes(with_loops(weighted(toy))).train.graph


def dense(graph: Graph) -> Tensor:
    """Return ``D^-1/2 (A + I) D^-1/2`` in float64, row = receiver; nodes that have a self-loop get no second one."""
    matrix = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    source, target = graph.edge_index
    matrix[target, source] = graph.edge_weight.double()
    has_loop = torch.zeros(graph.num_nodes, dtype=torch.bool)
    has_loop[source[source == target]] = True
    matrix += torch.diag((~has_loop).double())
    scale = matrix.sum(dim=1).rsqrt()  # a node's degree is what it receives
    return scale.unsqueeze(1) * matrix * scale


def test_adjacency_is_the_dense_formula(graph):
    adjacency = normalized_adjacency(graph)
    assert adjacency.layout == torch.sparse_csr
    assert adjacency.dtype == torch.float32
    torch.testing.assert_close(adjacency.to_dense().double(), dense(graph), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("order", ["source", "target", "shuffled"])
def test_the_order_of_edges_does_not_matter(graph, order):
    expected, (source, target) = normalized_adjacency(graph).to_dense(), graph.edge_index
    key = {"source": source * 1000 + target, "target": target * 1000 + source, "shuffled": torch.rand(len(source))}
    place = key[order].argsort()
    moved = replace(graph, edge_index=graph.edge_index[:, place], edge_weight=graph.edge_weight[place])
    assert torch.allclose(normalized_adjacency(moved).to_dense(), expected, atol=1e-7)
    assert normalized_adjacency(moved).col_indices().dtype == torch.int32


def test_more_edges_than_32_bits_can_count(graph, monkeypatch):
    expected = normalized_adjacency(graph).to_dense()
    monkeypatch.setattr(sparse, "MOST_32_BITS", 100)
    place = (graph.edge_index[1] * 1000 + graph.edge_index[0]).argsort()  # by target: rows as they come
    moved = replace(graph, edge_index=graph.edge_index[:, place], edge_weight=graph.edge_weight[place])
    matrix = sparse.adjacency_matrix(*moved.edge_index, moved.edge_weight, graph.num_nodes)
    assert matrix.col_indices().dtype == matrix.crow_indices().dtype == torch.int64
    assert torch.equal(normalized_adjacency(moved).to_dense(), expected)


def test_transpose(graph):
    adjacency = normalized_adjacency(graph)
    assert torch.equal(transposed(adjacency).to_dense(), adjacency.to_dense().T)


def test_undirected_adjacency_is_symmetric_with_spectral_radius_one(undirected):
    matrix = normalized_adjacency(undirected).to_dense().double()
    torch.testing.assert_close(matrix, matrix.T)
    values = torch.linalg.eigvalsh(matrix)
    assert float(values.max()) == pytest.approx(1, abs=1e-5)
    assert float(values.min()) > -1


def test_one_hop_is_a_gcn_layer_without_weights(graph):
    layer = GCNConv(8, 8, bias=False)
    layer.lin.weight.data = torch.eye(8)
    expected = layer(graph.x, graph.edge_index, graph.edge_weight).detach()
    torch.testing.assert_close(normalized_adjacency(graph) @ graph.x, expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_several_hops_are_sgc_without_weights(graph, depth):
    layer = SGConv(8, 8, K=depth, bias=False)
    layer.lin.weight.data = torch.eye(8)
    expected = layer(graph.x, graph.edge_index, graph.edge_weight).detach()
    torch.testing.assert_close(propagate(normalized_adjacency(graph), graph.x, depth), expected)


def test_hops_add_up(graph):
    adjacency = normalized_adjacency(graph)
    assert torch.equal(propagate(adjacency, propagate(adjacency, graph.x, 1), 2), propagate(adjacency, graph.x, 3))


def test_depth_zero_is_the_features(graph):
    assert torch.equal(propagate(normalized_adjacency(graph), graph.x, 0), graph.x)


def test_isolated_nodes_keep_their_features(toy):
    toy.edge_index = toy.edge_index[:, (toy.edge_index >= 10).all(dim=0)]
    graph = read_nodes(toy).train.graph
    features = propagate(normalized_adjacency(graph), graph.x, 3)
    assert torch.equal(features[:10], graph.x[:10])
    assert not torch.equal(features[10:], graph.x[10:])


def test_messages_flow_along_the_edges():
    graph = Graph(torch.eye(2), torch.tensor([[0], [1]]), torch.ones(1), torch.arange(2))
    # Node 1 hears from node 0 and has degree 2; node 0 hears only itself.
    expected = torch.tensor([[1.0, 0.0], [0.5**0.5, 0.5]])
    torch.testing.assert_close(propagate(normalized_adjacency(graph), graph.x, 1), expected)


def test_renumbering_the_nodes_renumbers_the_result(graph):
    order = torch.randperm(graph.num_nodes, generator=torch.Generator().manual_seed(0))
    place = order.argsort()
    other = Graph(graph.x[order], place[graph.edge_index], graph.edge_weight, graph.y[order])
    for function in (lambda a, x: propagate(a, x, 3), lambda a, x: personalized_pagerank(a, x, 0.2)):
        expected = function(normalized_adjacency(graph), graph.x)[order]
        torch.testing.assert_close(function(normalized_adjacency(other), other.x), expected)


def test_propagation_is_linear_and_treats_columns_alike(graph):
    adjacency = normalized_adjacency(graph)
    once = propagate(adjacency, graph.x, 2)
    torch.testing.assert_close(propagate(adjacency, graph.x.flip(1), 2), once.flip(1))
    torch.testing.assert_close(propagate(adjacency, 3 * graph.x + graph.x.flip(1), 2), 3 * once + once.flip(1))


@pytest.mark.parametrize("teleport", [0.1, 0.3, 0.9])
def test_pagerank_tends_to_its_closed_form(undirected, teleport):
    matrix = dense(undirected)
    system = torch.eye(len(matrix), dtype=torch.float64) - (1 - teleport) * matrix
    closed = teleport * torch.linalg.solve(system, undirected.x.double())
    adjacency = normalized_adjacency(undirected)
    limit = personalized_pagerank(adjacency, undirected.x, teleport, steps=200)
    torch.testing.assert_close(limit.double(), closed, rtol=1e-4, atol=1e-5)
    # As the adjacency has norm 1, each step brings it closer by 1 - teleport.
    start = (undirected.x.double() - closed).norm()
    for steps in (0, 1, 5, 10):
        error = (personalized_pagerank(adjacency, undirected.x, teleport, steps=steps).double() - closed).norm()
        assert float(error) <= float((1 - teleport) ** steps * start) * (1 + 1e-4) + 1e-4


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_pagerank_is_its_truncated_series(graph, steps):
    teleport, matrix, x = 0.2, dense(graph), graph.x.double()
    power, series = x, torch.zeros_like(x)
    for step in range(steps):
        series += teleport * (1 - teleport) ** step * power
        power = matrix @ power
    expected = series + (1 - teleport) ** steps * power
    result = personalized_pagerank(normalized_adjacency(graph), graph.x, teleport, steps=steps)
    torch.testing.assert_close(result.double(), expected, rtol=1e-4, atol=1e-5)


def test_full_teleport_gives_the_input_back(graph):
    assert torch.equal(personalized_pagerank(normalized_adjacency(graph), graph.x, 1.0), graph.x)
