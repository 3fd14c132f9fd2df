"""SimGC: its equation restated, and what a teacher is."""

import copy
from dataclasses import replace

import pytest
import torch

import graphcond
from graphcond import EdgePatterns, GCNSurrogate, NoEdges, PropagatedMLP, SGCSurrogate, SimGC
from graphcond.core import similarity as similarity_module
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.moments import MomentMatching
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from graphcond.core.similarity import similarity
from graphcond.core.targets import SingleLabel
from graphcond.nodes.methods.simgc import real_hops, taught
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.reading import read_nodes
from graphcond.surrogates.linear import Linear
from graphcond.synthetic.edges import PairwiseEdges
from graphcond.synthetic.graph import SyntheticGraph, normalize

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("at_once", [1, 1 << 22])
def test_similarity_and_its_gradient(at_once, monkeypatch):
    monkeypatch.setattr(similarity_module, "NUMBERS_AT_ONCE", at_once)
    with seeded(0):
        x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    expected = torch.exp(-0.5 * (x.unsqueeze(1) - x.unsqueeze(0)).square()).mean(dim=2)
    torch.testing.assert_close(similarity(x), expected)
    assert torch.autograd.gradcheck(similarity, (x,))


def test_the_loss_is_the_equation():
    with seeded(1):
        real, made = torch.randn(9, 6, dtype=torch.float64), torch.randn(5, 6, dtype=torch.float64)
        y, mine = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1]), torch.tensor([0, 0, 1, 1, 1])
        adjacency = torch.rand(5, 5, dtype=torch.float64)
        network = Linear(2, SingleLabel(2), real)
        weights = network.init()
    one = MomentMatching(num_features=2, alpha=10.0, beta=0.1)
    batch = Batch(made, mine, adjacency)
    found = one.loss(network, weights, one.observe(network, weights, Batch(real, y)), batch)
    expected = torch.nn.functional.cross_entropy(made[:, 4:] @ weights[0].T + weights[1], mine)
    for label, share in ((0, 5 / 9), (1, 4 / 9)):
        first, second = real[y == label], made[mine == label]
        gap = (first.mean(dim=0) - second.mean(dim=0)).square().mean()
        gap += (first.std(dim=0, correction=0) - second.std(dim=0, correction=0)).square().mean()
        expected += 10 * share * gap
    alike = torch.exp(-0.5 * (made[:, None, :2] - made[None, :, :2]).square()).mean(dim=2)
    expected -= 0.1 * (adjacency * alike).sum() / adjacency.sum()
    torch.testing.assert_close(found, expected)


def test_a_single_node_has_no_deviation_and_a_finite_gradient():
    x = torch.ones(2, 2, requires_grad=True)
    network = Linear(2, SingleLabel(2), x)
    one = MomentMatching(num_features=2, alpha=1.0, beta=0.0)
    real = one.observe(network, network.init(), Batch(torch.randn(6, 2), torch.arange(6) % 2))
    one.loss(network, network.init(), real, Batch(x, torch.arange(2))).backward()
    assert bool(torch.isfinite(x.grad).all())


def test_hops_stand_beside_each_other(toy):
    part = read_nodes(toy).train
    x, adjacency = part.graph.x, normalized_adjacency(part.graph)
    expected = torch.cat([x, adjacency @ x, adjacency @ (adjacency @ x)], dim=1)[part.nodes]
    torch.testing.assert_close(real_hops(part, 2).x, expected)
    with seeded(0):
        graph = SyntheticGraph(x[:5], part.graph.y[:5], 2, PairwiseEdges(8, 4), False, every_hop=True)
    operator = normalize(graph.adjacency())
    torch.testing.assert_close(
        graph.batch().x, torch.cat([graph.x, operator @ graph.x, operator @ (operator @ graph.x)], dim=1)
    )
    torch.testing.assert_close(graph.batch().adj, graph.adjacency())


def test_a_teacher_knows_the_training_nodes(toy):
    task = read_nodes(toy)
    hops = real_hops(task.train, 2)
    last = Batch(hops.x[:, -8:], hops.y)
    network = PropagatedMLP(hidden=16).build(8, task.targets, last.x)
    with seeded(0):
        weights = taught(network, last, 100)
    assert float((network.layers(weights, last)[-1].argmax(dim=1) == last.y).float().mean()) > 0.95


def test_the_unit_of_features_changes_nothing(toy):
    results = []
    for unit in (1.0, 2.0**-7):
        data = copy.copy(toy)
        data.x = data.x * unit
        task = read_nodes(data)
        with seeded(0):
            recipe = SimGC(steps=5, teacher_steps=5).recipe(task, torch.tensor([2, 2, 2]))
            driver.run(replace(recipe, validation=None), RunContext())
        results.append(recipe.synthetic.features() / unit)
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_variants_and_bad_fields(toy):
    quick = {"steps": 3, "teacher_steps": 3, "structure": NoEdges()}
    small = graphcond.condense(toy, size=6, method=SimGC(surrogate=SGCSurrogate(), **quick))
    assert small.record.method == "simgc_x"
    assert small[0].edge_index.tolist() == [list(range(6))] * 2
    assert SimGC.preset("cora") == SimGC(structure_rate=0.001, features_rate=0.005)
    with pytest.raises(ValueError, match=r"surrogate must be PropagatedMLP\(\) or SGCSurrogate\(\), got GCN"):
        SimGC(surrogate=GCNSurrogate())
    with pytest.raises(ValueError, match=r"structure must be LearnedEdges\(\), GraphonEdges\(\) or NoEdges\(\), got E"):
        SimGC(structure=EdgePatterns())
    with pytest.raises(ValueError, match="teacher_steps must be positive, got 0"):
        SimGC(teacher_steps=0)
    with pytest.raises(ValueError, match="hidden must be positive, got 0"):
        PropagatedMLP(hidden=0)
