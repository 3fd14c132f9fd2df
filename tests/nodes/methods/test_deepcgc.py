"""DeepCGC: the invertible network, the transport, the three terms of the loss, and which nodes are in cells."""

import pytest
import torch
import torch.nn.functional as F

import graphcond
from graphcond import DeepCGC, Run
from graphcond.core.matching.batch import Batch
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.transport import CellLearning, LearnedSpace, Prototypes, transported
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.reading import read_nodes
from graphcond.synthetic.flow import AdditiveFlow

QUICK = DeepCGC(hidden=8, epochs=6, warmup=2, update_every=2, threshold=None)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_it_is_registered_with_presets():
    assert METHODS.resolve("deepcgc_x") == DeepCGC(threshold=None)
    assert DeepCGC.preset("cora").regularization == 0.05
    assert METHODS.resolve("deepcgc(epochs=7)") == DeepCGC(epochs=7)


@pytest.mark.parametrize("features", [1, 2, 5, 8])
def test_the_network_is_invertible_and_keeps_volume(features):
    with seeded(0):
        flow = AdditiveFlow(features, 16, 3).double()
    x = random(4, features).double()
    z = flow(x)
    torch.testing.assert_close(flow.inverse(z), x)
    if features > 1:
        jacobian = torch.autograd.functional.jacobian(lambda row: flow(row.unsqueeze(0))[0], x[0])
        torch.testing.assert_close(torch.linalg.det(jacobian).abs(), torch.ones((), dtype=torch.float64))


def test_a_transport_shares_rows_evenly():
    scores = random(30, 3)
    scores[:, 0] += 5  # all rows prefer the first
    assert (scores.argmax(dim=1) == 0).sum() > 25
    assert torch.bincount(transported(scores, 0.2), minlength=3).tolist() == pytest.approx([10, 10, 10], abs=5)
    near = torch.eye(3).repeat(4, 1)
    assert torch.equal(transported(near, 0.05), torch.arange(3).repeat(4))
    assert transported(torch.ones(4, 3), 0.01).unique().tolist() == [0, 1, 2]


def test_the_loss_is_the_sum_of_its_terms():
    with seeded(0):
        flow = AdditiveFlow(4, 8, 2)
    rows, cells, prototypes = random(6, 4), torch.tensor([0, 0, 1, 1, 2, 2]), random(3, 4)
    space = LearnedSpace(flow, rows, torch.tensor([0, 0, 1, 1]), 0.1)
    objective = CellLearning(temperature=0.5, consistency=2.0, separation=3.0, masked=0.0)
    real = Batch(rows[:5], cells[:5])
    statistic = objective.observe(flow, (prototypes, cells), real)
    found = objective.loss(flow, (prototypes, cells), statistic, space.batch())
    z = flow(rows)
    near = F.cross_entropy(F.normalize(z[:4]) @ F.normalize(prototypes).T / 0.5, cells[:4])
    shares = (F.normalize(z[:5]) @ F.normalize(prototypes).T).softmax(dim=1)
    moved = (shares * (shares.log() - shares.log())).mean()
    means = F.normalize(torch.stack([z[2 * i : 2 * i + 2].mean(dim=0) for i in range(3)]))
    apart = (means @ means.T - torch.eye(3)).square().mean()
    torch.testing.assert_close(found, near + 2 * moved + 3 * apart)
    decay = torch.cat([p.flatten() for p in flow.parameters()]).square().sum() * 0.05
    torch.testing.assert_close(space.penalty(), decay)


def test_masked_features_cost_a_divergence():
    with seeded(0):
        flow = AdditiveFlow(4, 8, 2)
    weights, real = (random(3, 4), torch.tensor([0, 1, 2])), Batch(random(5, 4), torch.arange(5))
    space = LearnedSpace(flow, random(3, 4), torch.arange(3), 0.1)
    objectives = [CellLearning(temperature=1.0, consistency=c, separation=0.0, masked=0.5) for c in (0.0, 1.0)]
    losses = []
    for objective in objectives:
        with seeded(0):
            losses.append(objective.loss(flow, weights, objective.observe(flow, weights, real), space.batch()))
    assert losses[1] > losses[0]


def test_cells_are_assigned_anew_when_it_is_due():
    method = DeepCGC(epochs=12, warmup=4, update_every=3)
    assert [step for step in range(20) if method.due(step)] == [4, 7, 10]
    images = torch.eye(4).repeat(3, 1)
    for due in (False, True):
        found = Prototypes(
            [torch.arange(12)], [4], torch.arange(12) // 3, random(4, 4), lambda _, due=due: due, regularization=0.05
        )
        found.prototypes = torch.eye(4)
        found.learn(0, lambda: Batch(images, torch.zeros(12, dtype=torch.int64)))
        assert torch.equal(found.cells, torch.arange(12) // 3) != due
        expected = torch.stack([images[3 * i : 3 * i + 3].mean(dim=0) for i in range(4)])
        torch.testing.assert_close(found.prototypes, expected)


def test_nodes_join_the_class_that_is_predicted(toy):
    task = read_nodes(toy)
    view = PropagatedFeatures(task.train.graph, 2)
    known = len(task.train.nodes)
    pool = DeepCGC(pseudo_labels=0.5).pool(task, view)
    assert len(pool.nodes) == known + known // 2
    assert torch.equal(pool.nodes[:known], task.train.nodes)
    assert len(pool.nodes.unique()) == len(pool.nodes)
    assert (toy.y[pool.nodes] == pool.labels).float().mean() > 0.9
    torch.testing.assert_close(pool.goals.sum(dim=1), torch.ones(len(pool.nodes)))
    assert len(DeepCGC(pseudo_labels=0.0).pool(task, view).nodes) == known
    assert len(DeepCGC(pseudo_labels=99.0).pool(task, view).nodes) == len(toy.y)


def test_the_unit_of_the_features_does_not_matter(toy):
    first = graphcond.condense(toy, size=6, method=QUICK)
    toy.x = 64 * toy.x
    second = graphcond.condense(toy, size=6, method=QUICK)
    torch.testing.assert_close(second[0].x / 64, first[0].x, rtol=1e-3, atol=1e-3)


def test_all_of_its_nodes_are_in_cells_of_their_classes(toy):
    small = graphcond.condense(toy, size=6, method=QUICK)
    assert small.record.choices == {"kept_step": 6, "steps": 6, "complete": True, "scores": []}
    assert len(small.members.index.unique()) == len(small.members.index)
    for node, members in enumerate(small.members):
        known = members[toy.train_mask[members]]
        assert (toy.y[known] == small[0].y[node]).all()


def test_it_stops_in_time(toy):
    small = graphcond.condense(toy, size=6, method=QUICK, run=Run(max_seconds=1e-9))
    assert small.record.choices["steps"] == 1


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"masked": 1.0}, ValueError, "masked must be below 1, got 1.0"),
        ({"epochs": 0}, ValueError, "epochs must be positive, got 0"),
        ({"regularization": 0.0}, ValueError, "regularization must be positive"),
        ({"threshold": 2.0}, ValueError, "threshold must be below 1, got 2.0"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        DeepCGC(**fields)
