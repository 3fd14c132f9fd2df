from collections.abc import Callable

import pytest
import torch
from torch_geometric.data import Data

from graphcond.core.runtime.out_of_core import OnDisk
from graphcond.core.sparse import take_rows
from graphcond.nodes import hops as node_hops
from graphcond.nodes import propagation
from graphcond.nodes.matrices import Matrices
from graphcond.nodes.propagated_features import PropagatedFeatures, Views, propagated_rows, unit
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import Graph
from graphcond.surrogates.ridge import LinearModel, fit_ridge, fit_ridge_iteratively


@pytest.fixture(params=[1, 1000], ids=["all rows at once", "rows that are needed"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether so many rows are few enough to be reached by way of those they depend on."""
    monkeypatch.setattr(node_hops, "FEW", request.param)


@pytest.fixture(params=[3, 32], autouse=True)
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many columns are propagated together: nothing may depend on it."""
    monkeypatch.setattr(propagation, "COLUMNS", request.param)


@pytest.fixture(params=["dense", "sparse", "directed"])
def view(request: pytest.FixtureRequest, make_toy: Callable[..., Data]) -> PropagatedFeatures:
    data = make_toy()
    if request.param != "dense":
        data.x = torch.where(torch.rand(data.x.shape, generator=torch.Generator().manual_seed(0)) < 0.09, data.x, 0.0)
    if request.param == "directed":
        data.edge_index = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    view = PropagatedFeatures(read_nodes(data).train.graph, depth=2)
    assert view.is_sparse == (request.param != "dense")
    return view


def power(view: PropagatedFeatures, hops: int) -> torch.Tensor:
    return torch.linalg.matrix_power(normalized_adjacency(view.graph).to_dense(), hops)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("hops", [0, 1, 2, 4])
def test_features_after_hops_are_matrix_powers(few: None, view: PropagatedFeatures, hops: int, keep: bool) -> None:
    expected = power(view, hops) @ view.graph.x
    nodes = torch.tensor([3, 1, 7])
    for hop, rows in enumerate(view.rows_by_hop(nodes, hops, keep)):
        assert torch.allclose(rows, (power(view, hop) @ view.graph.x)[nodes], atol=1e-5)
    assert hop == hops
    assert torch.allclose(view.row_norms(hops).flatten(), expected.norm(dim=1), atol=1e-5)
    assert torch.allclose(view.rows_at(nodes, hops), expected[nodes], atol=1e-5)
    model = LinearModel(torch.randn(view.graph.x.size(1), 3), torch.randn(3))
    assert torch.allclose(view.scores(model, hops, unit_rows=False), model(expected), atol=1e-4)
    assert torch.allclose(view.scores(model, hops, unit_rows=True), model(unit(expected)), atol=1e-4)


@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize("nodes", [None, torch.tensor([5, 0, 11, 40, 41, 42])])
@pytest.mark.parametrize("hops", [0, 2, 3])
def test_rows_are_multiplied_without_being_formed(
    view: PropagatedFeatures, hops: int, nodes: torch.Tensor | None, unit_rows: bool
) -> None:
    rows, space = view.products(hops, nodes, unit_rows), power(view, hops) @ view.graph.x
    space = unit(space) if unit_rows else space
    space = space if nodes is None else space[nodes]
    v, u = torch.randn(space.size(1), 2), torch.randn(space.size(0), 2)
    assert torch.allclose(rows.mean, space.mean(0), atol=1e-5)
    assert rows.count == len(space)
    assert torch.allclose(rows.times(v), space @ v, atol=1e-4)
    assert torch.allclose(rows.transposed_times(u), space.T @ u, atol=1e-4)
    assert rows.scale == pytest.approx(float((space - space.mean(0)).square().sum(1).mean()), rel=1e-4)
    targets = torch.randn(space.size(0), 3)
    direct, iterative = fit_ridge(space, targets, [10.0])[0], fit_ridge_iteratively(rows, targets, [10.0])[0]
    assert torch.allclose(direct(space), iterative(space), atol=1e-2)


def test_transductive_views_share_one_graph(toy: Data) -> None:
    assert (both := Views.of(read_nodes(toy), 2)).train is both.val
    assert (both := Views.of(read_nodes(toy, inductive=True), 2)).train is not both.val


@pytest.mark.parametrize("num_classes", [3, 50])  # fewer than features, and more
def test_class_sums_are_those_of_the_propagated_features(view: PropagatedFeatures, num_classes: int) -> None:
    nodes, labels = torch.tensor([4, 9, 17, 30, 31]), torch.tensor([0, 2, 2, 0, 1])
    expected = torch.zeros(num_classes, view.graph.x.size(1))
    expected.index_add_(0, labels, (power(view, 2) @ view.graph.x)[nodes])
    assert torch.allclose(view.class_sums(nodes, labels, num_classes), expected, atol=1e-5)


def test_some_rows_cost_no_more_than_their_neighbourhood(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 5000  # a path: two hops from a node reach five
    path = torch.stack([torch.arange(count - 1), torch.arange(1, count)])
    both = torch.cat([path, path.flip(0)], dim=1)
    graph = Graph(torch.randn(count, 4), both, torch.ones(both.size(1)), torch.zeros(count, dtype=torch.int64))
    taken = []

    def watched(matrix: torch.Tensor, rows: torch.Tensor, keep: torch.Tensor | None = None) -> object:
        taken.append(len(rows))
        return take_rows(matrix, rows, keep)

    monkeypatch.setattr(node_hops, "take_rows", watched)
    propagated_rows(graph, torch.tensor([700, 2000]), 2)
    assert taken == [2, 6]


def test_what_is_kept_is_not_propagated_again(view: PropagatedFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = torch.tensor([3, 1, 7])
    expected = list(PropagatedFeatures(view.graph, 2).rows_by_hop(nodes, 4))
    model = LinearModel(torch.randn(view.graph.x.size(1), 3), torch.randn(3))
    every = PropagatedFeatures(view.graph, 2).scores(model, 4, unit_rows=True)
    list(view.rows_by_hop(nodes, 4, keep=True))
    monkeypatch.setattr(Matrices, "adjacency", None)
    for hops in (0, 2, 4):
        torch.testing.assert_close(view.rows_at(nodes, hops), expected[hops], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(view.scores(model, 4, unit_rows=True), every, atol=1e-5, rtol=1e-4)


def test_what_is_kept_goes_where_it_is_put(toy: Data) -> None:
    graph = read_nodes(toy).train.graph
    with OnDisk() as storage:
        kept = PropagatedFeatures(graph, 2, storage).space
        assert torch.equal(kept, PropagatedFeatures(graph, 2).space)
