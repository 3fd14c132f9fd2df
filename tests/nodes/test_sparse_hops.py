"""Sparse features after some hops: the same numbers as of dense ones, but never those of all nodes at once."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import graphcond
from graphcond.nodes import placement, quick_validation, sparse, sparse_hops
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.sparse import dense_rows, is_sparse, mean_row
from graphcond.nodes.teacher_cost import taught_work

NODES, FEATURES = 240, 1500


@pytest.fixture
def wide(make_toy):
    """A graph of 240 nodes with 1500 features, some thirty of which are not zero."""
    data = make_toy(num_nodes=NODES)
    generator = torch.Generator().manual_seed(0)
    topics = torch.randint(FEATURES // 3, (NODES, 20), generator=generator) + FEATURES // 3 * data.y.unsqueeze(1)
    others = torch.randint(FEATURES, (NODES, 10), generator=generator)
    data.x = torch.zeros(NODES, FEATURES).scatter_(1, torch.cat([topics, others], dim=1), 1.0)
    data.x *= 0.5 + torch.rand(NODES, FEATURES, generator=generator)
    return data


@pytest.fixture(params=[0, 10**9], ids=["rows", "columns"])
def either_way(request, monkeypatch):
    """Whether rows are products of sparse matrices or made by columns."""
    monkeypatch.setattr(sparse_hops, "SPARSE_COST", request.param)
    monkeypatch.setattr(sparse_hops, "ROWS_AT_ONCE", 50)


@pytest.fixture
def both(wide, monkeypatch, either_way, directed):
    """The same graph with dense and with sparse features, propagated."""
    if directed:
        wide.edge_index = wide.edge_index[:, wide.edge_index[0] < wide.edge_index[1]]
    monkeypatch.setattr(sparse, "WIDE", 0)
    graph = read_nodes(wide).train.graph
    assert is_sparse(graph.x)
    return PropagatedFeatures(graph.dense(), 2), PropagatedFeatures(graph, 2)


@pytest.fixture(params=[False, True], ids=["undirected", "directed"])
def directed(request):
    return request.param


def test_rows_and_sums_are_the_same(both):
    plain, view = both
    nodes = torch.tensor([200, 3, 77, 4])
    for hops in range(4):
        torch.testing.assert_close(view.rows_at(nodes, hops), plain.rows_at(nodes, hops))
        torch.testing.assert_close(view.row_norms(hops), plain.row_norms(hops))
    assert len(list(view.rows_by_hop(nodes, 3))) == 4
    torch.testing.assert_close(view.space, plain.space)
    torch.testing.assert_close(view.mean(), plain.mean())
    weights = torch.rand(NODES, 3)
    torch.testing.assert_close(view.weighted_sums(weights), plain.weighted_sums(weights))


def test_points_are_the_same(both):
    plain, view = (one.points(torch.arange(10, 90)).take(torch.arange(0, 80, 2)) for one in both)
    assert (len(view), view.shape) == (len(plain), plain.shape)
    torch.testing.assert_close(view.dense(), plain.dense())
    torch.testing.assert_close(view.mean(), plain.mean())
    columns = torch.tensor([0, 700, 1499])
    torch.testing.assert_close(view.columns(columns), plain.columns(columns))
    labels = torch.arange(40) % 3
    torch.testing.assert_close(view.group_means(labels, 4), plain.group_means(labels, 4))
    center, v, u = torch.rand(FEATURES), torch.rand(FEATURES, 2), torch.rand(40, 2)
    mine, other = view.centred(center), plain.centred(center)
    torch.testing.assert_close(mine.times(v), other.times(v), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mine.transposed_times(u), other.transposed_times(u), rtol=1e-4, atol=1e-4)


def test_rows_of_features_are_the_same(both):
    plain, view = (one.graph.x for one in both)
    nodes, columns = torch.tensor([5, 0, 200]), torch.tensor([3, 2, 1400])
    assert torch.equal(dense_rows(view, nodes, None), plain[nodes])
    assert torch.equal(dense_rows(view, nodes, columns), plain[nodes][:, columns])
    torch.testing.assert_close(mean_row(view, nodes), mean_row(plain, nodes))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(quick_validation, "STEPS", 20)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("inductive", [False, True])
def test_auto_gives_the_same(wide, monkeypatch, inductive):
    expected = graphcond.condense(graphcond.read(wide, inductive=inductive), size=12)
    monkeypatch.setattr(sparse, "WIDE", 0)
    small = graphcond.condense(graphcond.read(wide, inductive=inductive), size=12)
    assert small.record.choices["taken"] == expected.record.choices["taken"]
    assert torch.equal(small.members.index, expected.members.index)
    for name, value in expected[0]:
        torch.testing.assert_close(small[0][name], value, rtol=1e-3, atol=1e-3)


def test_sparse_features_count_by_their_non_zeros(wide, monkeypatch):
    wide_shape = replace(Shape.of(read_nodes(wide)), num_nodes=65_000, num_edges=400_000, num_features=61_000)
    sparse_shape = replace(wide_shape, nonzeros=3_250_000)
    assert taught_work(wide_shape, 2).memory > 4 * 65_000 * 61_000
    assert taught_work(sparse_shape, 2).memory < 2_000_000_000
    monkeypatch.setattr(sparse, "WIDE", 0)
    assert Shape.of(read_nodes(wide)).nonzeros == int(wide.x.count_nonzero())


class NotAllAtOnce(TorchDispatchMode):
    """Refuses operations on as many numbers as all nodes have features."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves((args, result)):
            if isinstance(value, torch.Tensor) and value.layout == torch.strided:
                assert value.numel() < NODES * FEATURES, function
        return result


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", ["auto", "random_soft"])
def test_features_of_all_nodes_are_never_made(wide, monkeypatch, method):
    monkeypatch.setattr(placement, "side_by_side", lambda function, items: list(map(function, items)))
    monkeypatch.setattr(sparse, "WIDE", 0)
    wide.x = sparse.compressed_rows(wide.x)
    with NotAllAtOnce():
        graphcond.condense(wide, size=12, method=method)
        with pytest.raises(AssertionError):
            _ = PropagatedFeatures(read_nodes(wide).train.graph, 2).space.sum()
