import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

import graphcond
from graphcond.core.selection import cover
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.methods.bonsai import balanced, nearest, neighbourhood, pagerank, prefix
from graphcond.nodes.sparse import adjacency_matrix
from graphcond.nodes.task import Graph


def directed(nodes: int, seed: int) -> tuple[Graph, torch.Tensor]:
    """Return a random weighted directed graph, and its dense adjacency: row ``i`` has the edges into node ``i``."""
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.rand(nodes, nodes, generator=generator) * (torch.rand(nodes, nodes, generator=generator) < 0.3)
    target, source = matrix.nonzero().T
    x, y = torch.zeros(nodes, 1), torch.zeros(nodes, dtype=torch.int64)
    return Graph(x, torch.stack([source, target]), matrix[target, source], y), matrix.double()


def greedy(named: np.ndarray, count: int) -> list[int]:
    """Return the rows in the order of a greedy cover, by its definition: sets, compared at each step."""
    covers = [{u for u, those in enumerate(named.tolist()) if v in those} for v in range(count)]
    order: list[int] = []
    left = set(range(len(named)))
    while len(order) < count:
        if not any(covers[v] & left for v in range(count) if v not in order):
            left = set(range(len(named)))
        order.append(max((v for v in range(count) if v not in order), key=lambda v: (len(covers[v] & left), -v)))
        left -= covers[order[-1]]
    return order


def random_names(rows: int, k: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.choice([v for v in range(rows) if v != u], k, replace=False) for u in range(rows)])


@settings(deadline=None, max_examples=60)
@given(st.integers(4, 12), st.integers(1, 3), st.integers(0, 999))
def test_each_exemplar_covers_the_most_that_is_left(rows, k, seed):
    named = random_names(rows, k, seed)
    assert list(cover(named, rows)) == greedy(named, rows)


@settings(deadline=None, max_examples=30)
@given(st.integers(4, 9), st.integers(1, 3), st.integers(0, 999))
def test_exemplars_cover_nearly_as_much_as_the_best(rows, k, seed):
    named = random_names(rows, k, seed)
    order = list(cover(named, rows))

    def covered(chosen: tuple[int, ...]) -> int:
        return int(np.isin(named, chosen).any(axis=1).sum())

    for count in range(1, rows):
        best = max(covered(chosen) for chosen in itertools.combinations(range(rows), count))
        assert covered(tuple(order[:count])) >= (1 - 1 / math.e) * best


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(1, 40), st.integers(0, 999))
def test_nearest_rows_are_the_nearest_others(rows, k, sample, seed):
    points = torch.randn(rows, 3, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    found = nearest(points, k, sample)
    assert found.shape == (min(rows, sample), min(k, rows - 1))
    distance = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    expected = {tuple(sorted(row)) for row in distance.topk(found.shape[1], largest=False).indices.tolist()}
    assert {tuple(sorted(row)) for row in found.tolist()} <= expected


def test_of_equal_rows_none_names_itself():
    found = nearest(torch.ones(9, 2), 3, 100)
    assert found.shape == (9, 3)
    assert not (found == np.arange(9)[:, None]).any()
    assert all(len(set(row)) == 3 for row in found.tolist())


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_neighbourhood_is_what_sends_to_a_node(depth):
    graph, matrix = directed(15, depth)
    adjacency = adjacency_matrix(graph.edge_index[0], graph.edge_index[1], graph.edge_weight, 15)
    reached = torch.matrix_power(torch.eye(15).double() + matrix, depth) > 0
    for node in range(15):
        found = neighbourhood(adjacency, torch.tensor([node]), depth)
        assert torch.equal(found, reached[node].nonzero().flatten())


@pytest.mark.parametrize("teleport", [0.15, 0.5, 1.0])
def test_relevance_is_the_personalised_pagerank(teleport):
    graph, matrix = directed(20, 7)
    nodes, start = torch.arange(0, 20, 2), torch.tensor([8, 2])
    part = matrix[nodes][:, nodes]
    total = part.sum(dim=1, keepdim=True)
    walks = torch.where(total > 0, part / total, 0.0)  # from a node to one that sends to it
    begin = torch.isin(nodes, start).double() / 2
    expected = teleport * torch.linalg.solve(torch.eye(10).double() - (1 - teleport) * walks.T, begin)
    torch.testing.assert_close(pagerank(graph, nodes, start, teleport).double(), expected, atol=1e-3, rtol=1e-2)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-1, 2), min_size=3, max_size=40), st.lists(st.integers(1, 9), min_size=3, max_size=3),
       st.integers(0, 999))  # fmt: skip
def test_each_class_has_its_share_of_any_beginning(labels, shares, seed):
    classes, parts = torch.tensor([0, 1, 2, *labels]), torch.tensor(shares)
    relevance = torch.rand(len(classes), generator=torch.Generator().manual_seed(seed))
    order = balanced(relevance, classes, parts)
    assert torch.equal(order.sort().values, torch.arange(len(classes)))
    assert sorted(classes[order[:3]].tolist()) == [0, 1, 2]
    for label in (-1, 0, 1, 2):
        own = order[classes[order] == label]
        assert bool((relevance[own].diff() <= 0).all())
    labelled = classes[order][classes[order] >= 0]
    left = torch.bincount(labelled, minlength=3)
    for count in range(3, len(labelled) + 1):
        have = torch.bincount(labelled[:count], minlength=3)
        if bool((have == left).any()):
            break  # a class has no more nodes
        assert bool(((have - count * parts / parts.sum()).abs() <= 3).all())


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 999), st.integers(1, 2000))
def test_the_longest_beginning_that_fits_is_kept(nodes, most, seed, max_bytes):
    most = min(nodes, most)
    graph, matrix = directed(nodes, seed)
    unit = NodeBytes(3, 2, classes=True)
    taken = [unit.graph(n, int((matrix[:n, :n] > 0).sum()), soft=False) for n in range(1, most + 1)]
    assert prefix(graph.edge_index, most, unit, max_bytes) == sum(one <= max_bytes for one in taken)


@pytest.mark.parametrize("size", [3, 9, 15, 30])
def test_nodes_are_real_and_labels_known_ones(toy, size):
    toy.edge_weight = torch.rand(toy.num_edges, generator=torch.Generator().manual_seed(0)) + 0.1
    small = graphcond.condense(toy, size=size, method="bonsai")
    data, chosen = small[0], small.members.index
    assert len(chosen.unique()) == data.num_nodes <= size
    assert torch.equal(data.x, toy.x[chosen])
    assert torch.equal(data.train_mask, toy.train_mask[chosen])
    assert torch.equal(data.y, torch.where(data.train_mask, toy.y[chosen], -1))
    assert data.y[data.train_mask].unique().tolist() == [0, 1, 2]
    whole = torch.zeros(60, 60).index_put_(tuple(toy.edge_index), toy.edge_weight)
    part = torch.zeros(len(chosen), len(chosen)).index_put_(tuple(data.edge_index), data.edge_weight)
    if size > 3:
        assert torch.equal(part, whole[chosen][:, chosen])
    assert small.nbytes <= size * NodeBytes.of(graphcond.read(toy)).alone(soft=False)


def test_a_node_of_each_class_goes_without_edges_where_these_are_too_many():
    edges = torch.tensor([(i, j) for i in range(12) for j in range(12) if i != j]).T
    mask = torch.ones(12, dtype=torch.bool)
    data = Data(x=torch.eye(12), edge_index=edges, y=torch.arange(12) % 3, train_mask=mask)
    small = graphcond.condense(data, size=3, method="bonsai")
    assert sorted(small[0].y.tolist()) == [0, 1, 2]
    assert small[0].num_edges == 0
    assert small.nbytes <= 3 * NodeBytes(12, 3, classes=True).alone(soft=False)
    more = graphcond.condense(data, size="2kB", method="bonsai")
    assert more[0].num_edges == more[0].num_nodes * (more[0].num_nodes - 1) > 0


def test_exemplars_bring_their_neighbours():
    """On a path whose ends are labelled, what lies next to the ends is kept before the middle."""
    edges = torch.stack([torch.arange(8), torch.arange(1, 9)])
    mask = torch.zeros(9, dtype=torch.bool)
    mask[[0, 8]] = True
    data = Data(x=torch.eye(9), edge_index=torch.cat([edges, edges.flip(0)], dim=1),
                y=torch.arange(9) // 5, train_mask=mask)  # fmt: skip
    small = graphcond.condense(data, size=5, method="bonsai")
    assert sorted(small.members.index.tolist()) == [0, 1, 7, 8]
    assert small[0].y.sort().values.tolist() == [-1, -1, 0, 1]


def test_a_sample_of_nodes_may_name_theirs(toy):
    first, again = (graphcond.condense(toy, size=9, method=graphcond.Bonsai(sample=6)) for _ in range(2))
    assert torch.equal(first.members.index, again.members.index)


def test_teleport_is_a_probability():
    with pytest.raises(ValueError, match=r"^teleport must be a probability in \(0, 1\], got 1\.5$"):
        graphcond.Bonsai(teleport=1.5)
