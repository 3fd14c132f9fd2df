"""HGCond: orthogonal sequences, the relay network, and gradients that are matched."""

import torch

from graphcond.core.matching.training import Training
from graphcond.core.targets import SingleLabel
from graphcond.hetero.methods import METHODS
from graphcond.hetero.methods.hgcond import HGCond, LossGradientMatching, OrthogonalSequences
from graphcond.hetero.methods.synthetic import HeteroSyntheticGraph
from graphcond.hetero.relay import KEPT, ROUNDS, Relay, hetero_batch, normalized
from graphcond.hetero.task import HeteroPart, HeteroTask

ALLOCATION = torch.tensor([2, 2, 2])


def relay_of(task: HeteroTask, hidden: int = 5) -> Relay:
    widths = {name: x.size(1) for name, x in task.graph.x.items()}
    return Relay("author", widths, hidden, SingleLabel(3), torch.zeros(1))


def test_starts_in_turn_are_orthogonal_column_by_column(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    relay = relay_of(hetero_task)
    sampler = OrthogonalSequences(relay, 3, Training(momentum=0.0))
    starts = [sampler.start(number) for number in range(10)]
    for turn in (0, 5):
        columns = torch.stack([starts[turn + i][0] for i in range(5)])  # (start, hidden, features)
        for column in columns.unbind(dim=2):
            assert torch.allclose(column @ column.T, torch.eye(5), atol=1e-5)
    assert torch.equal(sampler.start(2)[0], starts[2][0])
    assert not torch.equal(starts[0][0], starts[5][0])


def test_the_relay_network_is_its_formula(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    graph, relay = hetero_task.graph, relay_of(hetero_task)
    weights = relay.init()
    dense = {relation: normalized(graph, relation).to_dense() for relation in graph.edges}
    for relation, (source, target) in graph.edges.items():
        into, out = torch.bincount(target), torch.bincount(source, minlength=graph.counts[relation[0]])
        expected = torch.zeros(dense[relation].shape)
        expected[target, source] = 1 / (into[target] * out[source]).float().sqrt()
        assert torch.allclose(dense[relation], expected, atol=1e-5)
    names = sorted(graph.x)
    hidden = {name: (graph.x[name] @ weights[2 * i].T + weights[2 * i + 1]).relu() for i, name in enumerate(names)}
    for _ in range(ROUNDS):
        hidden = {
            name: KEPT * value + sum(dense[r] @ hidden[r[0]] for r in dense if r[2] == name)
            for name, value in hidden.items()
        }
    nodes = hetero_task.train.nodes
    expected = hidden["author"][nodes] @ weights[-2].T + weights[-1]
    assert torch.allclose(relay.layers(weights, hetero_batch(hetero_task.train))[-1], expected, atol=1e-4)


def whole_as_synthetic(task: HeteroTask) -> HeteroSyntheticGraph:
    graph = task.graph
    return HeteroSyntheticGraph(graph.x, graph.y, graph.edges, "author", 4)


def test_equal_data_have_no_distance(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    graph, relay, objective = hetero_task.graph, relay_of(hetero_task), LossGradientMatching()
    weights = relay.init()
    everything = HeteroPart(graph, torch.arange(graph.num_labelled))
    synthetic = whole_as_synthetic(hetero_task)
    with torch.no_grad():
        for weigh in synthetic.weighing:  # all edges alike: the weight cancels in the normalisation
            for parameter in weigh.parameters():
                parameter.zero_()
    observed = objective.observe(relay, weights, hetero_batch(everything))
    assert float(objective.loss(relay, weights, observed, synthetic.batch()).detach()) < 1e-4


def test_the_distance_has_a_gradient_for_features_and_edges(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    relay, objective = relay_of(hetero_task), LossGradientMatching()
    recipe, _ = HGCond(hidden=5, relay_steps=2).recipe(hetero_task, ALLOCATION)
    weights = relay.init()
    observed = objective.observe(relay, weights, hetero_batch(hetero_task.train))
    objective.loss(relay, weights, observed, recipe.synthetic.batch()).backward()  # type: ignore[no-untyped-call]
    for parameter in (*recipe.synthetic.features, *recipe.synthetic.weighing.parameters()):
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_matching_lowers_the_distance(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    method = HGCond(hidden=8, starts=20)
    made = method.condense(hetero_task, ALLOCATION)
    assert torch.bincount(made.y).tolist() == [2, 2, 2]
    assert {name: len(x) for name, x in made.x.items()} == {"author": 6, "paper": 12, "venue": 1}
    assert all(bool(((weight > 0) & (weight < 1)).all()) for weight in made.weights.values())
    assert made.choices["complete"]


def test_the_method_is_found_by_name() -> None:
    assert METHODS.resolve("hgcond(starts=3)") == HGCond(starts=3)
