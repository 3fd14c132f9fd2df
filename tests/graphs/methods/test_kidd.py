"""KiDD: its kernel and loss restated with dense matrices, node by node."""

import math
from dataclasses import replace

import pytest
import torch

import graphcond
from graphcond import KiDD
from graphcond.core.matching.objectives.real_rows import RealRows
from graphcond.core.targets import SingleLabel
from graphcond.graphs.features import features_of
from graphcond.graphs.methods.kidd import LiteGNTK, OrthogonalRidge
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.source import union


@pytest.fixture
def task(make_graphs):
    split = {"train": range(16), "valid": range(16, 20), "test": range(20, 24)}
    return read_graphs(make_graphs(features="numbers", loops=False), split=split)


def node_kernel(x, y):
    """The tangent kernel of one hidden layer, w^2 = 2 and beta^2 = 0.01, between two rows."""
    a, b, c = (2 / len(x) * (u @ v) + 0.01 for u, v in ((x, x), (y, y), (x, y)))
    angle = torch.arccos((c / (a * b).sqrt()).clamp(-1, 1))
    first = (a * b).sqrt() * (angle.sin() + (math.pi - angle) * angle.cos()) / math.pi + 0.01
    return first + c * (math.pi - angle) / math.pi


def graph_kernel(one, other, rounds):
    (adj, x), (its, z) = one, other
    entries = torch.tensor([[node_kernel(u, v) for v in its @ z] for u in adj @ x], dtype=torch.float64)
    power, right = (torch.linalg.matrix_power(m, rounds - 1) for m in (adj, its))
    return (power @ entries @ right.T).mean()


def graphs_of(batch):
    dense = batch.adj.to_dense().double()
    parts = [slice(a, b) for a, b in zip(batch.ptr[:-1].tolist(), batch.ptr[1:].tolist(), strict=True)]
    return [(dense[part, part], batch.x[part].double()) for part in parts]


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_kernel_is_the_mean_of_propagated_entries(task, rounds):
    batch = union(task.train.take(torch.arange(4)), "mean")
    graphs, kernel = graphs_of(batch), LiteGNTK(rounds=rounds)
    expected = torch.stack([torch.stack([graph_kernel(a, b, rounds) for b in graphs]) for a in graphs])
    torch.testing.assert_close(kernel.gram((), batch), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(kernel.cross((), batch, batch).double(), expected, rtol=2e-3, atol=1e-5)


def test_places_that_are_no_nodes_do_not_count(task):
    graphs = KiDD(multiplier=None).start(task.train, torch.tensor([2, 2]))
    wide = graphs.decided()
    kernel = LiteGNTK().gram((), wide)
    inside = wide.share > 0
    noisy = replace(wide, x=torch.where(inside.unsqueeze(1), wide.x, 7.0))
    torch.testing.assert_close(LiteGNTK().gram((), noisy), kernel)


def test_the_loss_is_that_of_the_regression(task):
    real, kernel = union(task.train, "mean"), LiteGNTK(rounds=2)
    synthetic = union(task.train.take(torch.arange(6)), "mean")
    objective = OrthogonalRidge(ridge=1e-2, orthogonality=0.5, targets=SingleLabel(2))
    gram, cross = kernel.gram((), synthetic), kernel.cross((), real, synthetic).double()
    matrix = gram + 1e-2 * gram.diagonal().mean() * torch.eye(6)
    outputs = cross @ torch.linalg.inv(matrix) @ torch.nn.functional.one_hot(synthetic.y, 2).double()
    cosine = gram / gram.diagonal().outer(gram.diagonal()).sqrt()
    expected = torch.nn.functional.cross_entropy(outputs, real.y) + 0.5 * (cosine - torch.eye(6)).norm()
    found = objective.loss(kernel, (), RealRows(real), synthetic).double()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_steps_lower_the_loss(task):
    torch.manual_seed(0)
    method = KiDD(steps=12, features_rate=0.05, structure_rate=0.1)
    graphs = method.start(task.train, torch.tensor([2, 2]))
    recipe = method.recipe(task, graphs)
    real = RealRows(recipe.source(0))

    def loss():
        return float(recipe.objective.loss(recipe.surrogate, (), real, graphs.decided()))

    before = loss()
    optimizer = torch.optim.Adam(graphs.parameters(), 0.05)
    for _ in range(12):
        optimizer.zero_grad()
        recipe.objective.loss(recipe.surrogate, (), real, graphs.batch()).backward()
        optimizer.step()
    assert loss() < before


def test_presets_are_the_published_commands():
    assert KiDD.preset("nci1") == KiDD(multiplier=3, structure_rate=0.0, features_rate=1e-4)
    assert KiDD.preset("ogbg-molbace").features_rate == 1e-6


def test_one_graph_of_each_class(make_graphs):
    split = {"train": range(16), "valid": range(16, 20), "test": range(20, 24)}
    small = graphcond.condense(
        graphcond.read(make_graphs(features="codes"), split=split), size="1/class", method=KiDD(steps=2)
    )
    assert [int(item.y) for item in small] == [0, 1]
    assert all(item.x.dtype == torch.int64 for item in small)
    assert features_of(small[0].x).width
