"""How groups of nodes are linked: against products of dense matrices."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond.core.members import Members
from graphcond.nodes import edges, links
from graphcond.nodes.task import Graph


def dense(graph: Graph) -> Tensor:
    matrix = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    matrix[graph.edge_index[0], graph.edge_index[1]] = graph.edge_weight.double()
    return matrix


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_links_of_clusters_are_the_product_of_dense_matrices(
    block: int, toy: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edges, "BLOCK", block)
    graph = graphcond.read(toy).train.graph
    groups = [torch.arange(0, 20), torch.arange(20, 45), torch.arange(50, 60)]  # some nodes are in none
    found = links.cluster_links(graph, Members.from_groups(groups))
    belongs = torch.zeros(graph.num_nodes, 3, dtype=torch.float64)
    for i, group in enumerate(groups):
        belongs[group, i] = 1
    expected = belongs.T @ dense(graph) @ belongs
    assert found.ends.tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_allclose(found.weights, [expected[0, 1], expected[0, 2], expected[1, 2]])
    np.testing.assert_allclose(found.inside, (expected.diagonal() / expected.sum(dim=1)).numpy())


def test_directed_edges_count_in_both_directions() -> None:
    edge_index = torch.tensor([[0, 1, 2], [1, 0, 0]])
    graph = Graph(torch.eye(3), edge_index, torch.tensor([1.0, 2.0, 4.0]), torch.zeros(3, dtype=torch.int64))
    found = links.cluster_links(graph, Members.from_groups([torch.tensor([i]) for i in range(3)]))
    assert found.ends.tolist() == [[0, 1], [0, 2]]
    assert found.weights.tolist() == [3.0, 4.0]


def test_the_strongest_links_of_each_node_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "STRONGEST", 1)
    monkeypatch.setattr(links, "MOST_LINKS", 2)
    ends = np.array([[0, 1], [0, 2], [2, 3]])
    given = links.NodeLinks(ends=ends, weights=np.array([3.0, 2.0, 1.0]), inside=None, what="")
    assert given.strongest(4).ends.tolist() == [[0, 1], [0, 2]]
    # Without node 0, only one is left; its nodes have new numbers.
    assert given.among(np.array([1, 2, 3])).ends.tolist() == [[1, 2]]


def test_what_is_drawn_depends_on_what_is_known(toy: Data, make_toy: Callable[..., Data]) -> None:
    graph = graphcond.read(toy).train.graph
    kept = np.arange(6)
    edgeless = graphcond.condense(toy, size=6, method="class_mean")
    own = graphcond.condense(toy, size=20, method="random")
    members = Members.from_groups([torch.arange(10 * i, 10 * i + 10) for i in range(len(edgeless[0].x))])
    assert "original" in links.links_of(edgeless[0], members, graph, kept[:3]).what
    assert "features" in links.links_of(edgeless[0], None, graph, kept[:3]).what
    assert "features" in links.links_of(edgeless[0], members, None, kept[:3]).what
    assert "condensed graph" in links.links_of(own[0], None, graph, kept).what


def test_features_link_the_most_similar() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    found = links.feature_links(x)
    strongest = found.ends[np.argsort(-found.weights)[:2]]
    assert sorted(map(tuple, strongest.tolist())) == [(0, 1), (2, 3)]


def test_nodes_without_links_lie_around_the_others() -> None:
    given = links.NodeLinks(ends=np.array([[0, 1]]), weights=np.ones(1), inside=None, what="")
    places = links.layout(given, 4)
    assert np.isfinite(places).all()
    assert len(np.unique(places.round(6), axis=0)) == 4
    radius = np.linalg.norm(places, axis=1)
    assert radius[[2, 3]].min() > radius[[0, 1]].max()
    alone = links.NodeLinks(ends=np.zeros((0, 2), np.int64), weights=np.zeros(0), inside=None, what="")
    assert np.isfinite(links.layout(alone, 3)).all()
