"""CGC: the kernel behind its partition, confidence, means of cells, and the graph that is made of them."""

import numpy as np
import pytest
import torch

import graphcond
from graphcond import CGC
from graphcond.core.members import Members
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.cells import CellGraph, cosine_edges, linear_teacher, smoothed_features
from graphcond.nodes.methods.cgc import confidence, spectral_cells, square_features, weighted_means
from graphcond.nodes.reading import read_nodes


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_it_is_registered_with_presets():
    assert METHODS.resolve("cgc_x") == CGC(threshold=None)
    assert METHODS.name_of(CGC(threshold=0.5)) == "cgc"
    assert CGC.preset("citeseer") == CGC(temperature=0.05, augmentation=0.1)


def test_features_propagate_to_the_means_where_nothing_is_smoothed():
    adjacency = torch.tensor([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.float64)
    means = random(4, 5).double()
    looped = adjacency + torch.eye(4)
    scale = looped.sum(dim=1).rsqrt()
    operator = torch.matrix_power(scale.unsqueeze(1) * looped * scale, 2)
    torch.testing.assert_close(operator @ smoothed_features(adjacency, means, 2, 1e-9), means, rtol=1e-4, atol=1e-4)


def test_features_minimise_the_published_objective():
    adjacency = cosine_edges(random(6, 3), 0.2).double()
    means = random(6, 4).double()
    x = smoothed_features(adjacency, means, 2, 0.7).requires_grad_()
    looped = adjacency + torch.eye(6)
    scale = looped.sum(dim=1).rsqrt()
    operator = torch.matrix_power(scale.unsqueeze(1) * looped * scale, 2)
    degrees = adjacency.sum(dim=1)
    ends = adjacency.nonzero()
    gaps = x[ends[:, 0]] / degrees[ends[:, 0], None].sqrt() - x[ends[:, 1]] / degrees[ends[:, 1], None].sqrt()
    loss = (operator @ x - means).square().sum() + 0.7 * gaps.square().sum() / 2  # each edge counts in both directions
    loss.backward()
    torch.testing.assert_close(x.grad, torch.zeros_like(x), atol=1e-8, rtol=0)


def test_edges_join_what_points_the_same_way():
    means = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [0.0, 0.0]])
    expected = torch.zeros(4, 4)
    expected[0, 1] = expected[1, 0] = 1
    assert torch.equal(cosine_edges(means, 0.9), expected)
    none = CellGraph(threshold=0.9999, hops=2, smoothness=1.0).of(
        means, torch.arange(4), Members.from_groups([torch.tensor([i]) for i in range(4)])
    )
    assert none.edge_index is None
    assert torch.equal(none.x, means)


def test_products_of_square_features_are_the_kernel():
    u = random(7, 3).double().numpy()
    np.testing.assert_allclose(square_features(u) @ square_features(u).T, (u @ u.T + 0.5**0.5) ** 2)


def test_means_are_weighted_by_the_softmax_within_cells():
    rows, scores, cells = random(6, 3), random(6) * 50, torch.tensor([0, 1, 0, 1, 1, 2])
    expected = torch.stack([scores[cells == j].softmax(dim=0) @ rows[cells == j] for j in range(3)])
    torch.testing.assert_close(weighted_means(rows, scores, cells, 3), expected)


def test_a_cell_is_found_where_rows_lie_apart():
    middles = 10.0 * torch.eye(4)[:3]
    x = torch.cat([middles[i] + 0.1 * random(10, 4) for i in range(3)])
    found = spectral_cells(x, 3, seed=0).reshape(3, 10)
    assert (found == found[:, :1]).all()
    assert len(found[:, 0].unique()) == 3
    assert spectral_cells(torch.ones(5, 2), 3, seed=0).unique().tolist() == [0, 1, 2]
    assert spectral_cells(x[:4], 4, seed=0).tolist() == [0, 1, 2, 3]


def test_the_teacher_is_the_least_squares_fit(toy):
    task = read_nodes(toy)
    nodes = task.train.nodes
    hops = [task.train.graph.x[nodes], 0 * task.train.graph.x[nodes]]
    x = torch.cat([hops[0] / 2, torch.ones(len(nodes), 1)], dim=1).double()
    goals = torch.nn.functional.one_hot(task.train.labels, 3).double()
    expected = x @ torch.linalg.lstsq(x, goals).solution
    found = linear_teacher(task, hops)(hops[0] / 2)
    torch.testing.assert_close(found.double(), expected, atol=0.02, rtol=0)


def test_confidence_is_the_probability_of_the_class_and_the_least_where_it_is_missed(toy):
    task = read_nodes(toy)
    labels = task.train.labels
    scores = 2.0 * torch.nn.functional.one_hot(labels, 3).float() + 0.1 * random(len(labels), 3)
    right = scores.softmax(dim=1)[torch.arange(len(labels)), labels]
    torch.testing.assert_close(confidence(task, scores), right)
    scores[0] = torch.nn.functional.one_hot((labels[0] + 1) % 3, 3)
    found = confidence(task, scores)
    assert found[0] == found.min()
    torch.testing.assert_close(found[1:], right[1:])


def test_nodes_of_classes_that_the_teacher_misses_are_drawn(toy):
    task = read_nodes(toy)
    labels = task.train.labels
    scores = torch.nn.functional.one_hot(torch.where(labels == 2, 1, labels), 3).float()
    scores[labels == 0, 0] = 1
    with seeded(0):
        drawn = CGC(augmentation=3.0).augmented(task, scores)
    assert len(drawn) == 3 * len(labels)
    assert not (labels[drawn] == 0).any()
    assert (labels[drawn] == 2).sum() > (labels[drawn] == 1).sum()
    assert len(CGC(augmentation=0.0).augmented(task, scores)) == 0


def test_without_edges_nodes_lie_within_their_members(toy):
    method = CGC(threshold=None, augmentation=0.0, temperature=1e6)
    small = graphcond.condense(toy, size=6, method=method)
    rows = graphcond.condense(toy, size=int(toy.train_mask.sum()), method="random_propagated")
    found = {int(node): x for node, x in zip(rows.members.index, rows[0].x, strict=True)}
    for node, members in enumerate(small.members):
        mean = torch.stack([found[int(member)] for member in members]).mean(dim=0)
        torch.testing.assert_close(small[0].x[node], mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"depth": 0}, ValueError, "depth must be positive, got 0"),
        ({"temperature": 0.0}, ValueError, "temperature must be positive"),
        ({"threshold": 1.0}, ValueError, "threshold must be below 1, got 1.0; None makes no edges"),
        ({"augmentation": -0.1}, ValueError, "augmentation must be at least 0"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        CGC(**fields)
