from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected

import graphcond
from graphcond.core.targets import SingleLabel
from graphcond.nodes import quick_validation
from graphcond.nodes.downstream import Downstream
from graphcond.nodes.methods import auto, candidates
from graphcond.nodes.methods.candidates import CANDIDATES, DEFAULT, LABELS, SOFTNESS
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.quick_validation import NodeValidationOutcome
from graphcond.nodes.reading import read_nodes


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_validation, "STEPS", 20)


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the method take one placement."""

    def take(found: candidates.Offers, downstream: Downstream) -> candidates.Choice:
        return candidates.Choice(name, candidates.compared({name: found[name]}, downstream, LABELS))

    monkeypatch.setattr(auto, "choose", take)


def test_the_result_needs_no_weights(toy: Data, quick: None) -> None:
    data = graphcond.condense(toy, size="4/class")[0]
    assert torch.equal(data.node_weight, torch.ones(12))
    assert torch.equal(data.edge_weight, torch.ones(data.num_edges))


@pytest.mark.parametrize("name", [DEFAULT, "cluster means"])
def test_all_nodes_stand_behind_clusters(toy: Data, monkeypatch: pytest.MonkeyPatch, quick: None, name: str) -> None:
    only(monkeypatch, name)
    small = graphcond.condense(toy, size="4/class")
    assert sorted(small.members.index.tolist()) == list(range(toy.num_nodes))


def test_the_plain_mean_of_a_class_is_the_mean_of_its_nodes(
    toy: Data, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    only(monkeypatch, "cluster means")
    small = graphcond.condense(toy, size="4/class")
    graph = read_nodes(toy).train.graph
    space = propagate(normalized_adjacency(graph), graph.x, 2)
    for label in range(3):
        mine = (small[0].y == label).nonzero().flatten().tolist()
        members = torch.cat([small.members.of(i) for i in mine])
        assert torch.allclose(small[0].x[mine].mean(0), space[members].mean(0), atol=1e-5)


def test_anchors_surround_the_mean_of_the_space(toy: Data, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    only(monkeypatch, "spread 2")
    data = graphcond.condense(toy, size="3/class")[0]
    # The directions of a centred one-hot fit add up to nothing.
    anchors = torch.stack([data.x[data.y == label].mean(0) for label in range(3)])
    graph = read_nodes(toy).train.graph
    mean = propagate(normalized_adjacency(graph), graph.x, 2).mean(0)
    assert torch.allclose(anchors.mean(0), mean, atol=1e-3)


def test_the_record_has_the_scores_of_all_candidates(toy: Data, quick: None) -> None:
    choices = graphcond.condense(toy, size="2/class").record.choices
    names = set(CANDIDATES)
    assert set(choices["candidates"]) == names
    assert choices["taken"] in names
    means = {name: one["mean"] for name, one in choices["candidates"].items()}
    assert means[choices["taken"]] >= means[DEFAULT]
    assert choices["softness"] in SOFTNESS


def test_labels_that_differ_from_those_of_neighbours_bring_edges(quick: None) -> None:
    # Neighbours are always of the other class, and features hardly tell: a set of self-loops cannot say so.
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(400) % 2
    x = torch.randn(400, 8, generator=generator) + 1.5 * torch.nn.functional.one_hot(y, 8)
    source = torch.arange(400).repeat_interleave(6)
    target = (source + 2 * torch.randint(0, 100, (2400,), generator=generator) + 1) % 400
    data = Data(x=x, y=y, edge_index=to_undirected(torch.stack([source, target])))
    order = torch.randperm(400, generator=generator)
    for i, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data[name] = torch.zeros(400, dtype=torch.bool)
        data[name][order[130 * i : 130 * (i + 1)]] = True
    small = graphcond.condense(data, size=10)
    assert small.record.choices["taken"] == "cluster graph"
    source, target = small[0].edge_index
    assert (small[0].y[source] != small[0].y[target]).float().mean() > 0.7  # clusters are of presumed classes


def test_a_candidate_can_be_asked_for(toy: Data, quick: None) -> None:
    small = graphcond.condense(toy, size="2/class", method="auto(candidate='herding')")
    expected = graphcond.condense(toy, size="2/class", method="herding")
    assert torch.equal(small[0].x, expected[0].x)
    assert small.record.choices["taken"] == "herding"
    assert "y_soft" not in small[0]
    with pytest.raises(ValueError, match=r"candidate must be one of spread 0\.75, .* got 'herdings'"):
        graphcond.Auto(candidate="herdings")
    with pytest.raises(ValueError, match="candidate='herding' is not possible for this size"):
        graphcond.condense(toy, size=45, method=graphcond.Auto(candidate="herding"))


def test_a_result_at_chance_level_says_so(toy: Data, caplog: pytest.LogCaptureFixture) -> None:
    generator = torch.Generator().manual_seed(0)
    toy.x = torch.randn(toy.x.shape, generator=generator)
    toy.edge_index = torch.randint(60, (2, 200), generator=generator)
    toy.y = torch.randint(3, (60,), generator=generator)
    small = graphcond.condense(toy, size=6)
    assert "no network trained on the result is better than chance" in caplog.text
    assert any("better than chance" in note for note in small.record.notes)


def test_a_class_that_no_network_predicts_is_named() -> None:
    right = NodeValidationOutcome(0.9, torch.ones(20), torch.tensor([True, True, False]))
    downstream = Downstream.__new__(Downstream)
    downstream.labels, downstream.targets = {"gcn": torch.arange(20) % 3}, SingleLabel(3)
    (note,) = downstream.doubts({"gcn": right})
    assert note.startswith("no network trained on the result predicts class 2 for any validation node")


@given(seed=st.integers(0, 100), rows=st.integers(3, 30))
def test_balanced_probabilities_follow_the_shares_of_the_classes(seed: int, rows: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.softmax(torch.randn(rows, 3, generator=generator), dim=1)
    shares = torch.tensor([0.2, 0.3, 0.5])
    result = SingleLabel(3).balanced(probabilities, torch.tensor([0] * 2 + [1] * 3 + [2] * 5))
    assert torch.allclose(result.sum(dim=1), torch.ones(rows), atol=1e-5)
    assert torch.allclose(result.mean(dim=0), shares, atol=0.02)
    # Only biases of the logits have changed: odds between rows stay.
    odds = (result[0] / result[1]) / (probabilities[0] / probabilities[1])
    assert torch.allclose(odds / odds[0], torch.ones(3), rtol=1e-2)


def test_features_scaled_by_a_constant_scale_the_result(toy: Data, quick: None) -> None:
    # Unit rows, relative penalties and relative spreads make the geometry follow the features.
    first = graphcond.condense(toy, size="2/class")
    scaled = toy.clone()
    scaled.x = 2 * toy.x
    second = graphcond.condense(scaled, size="2/class")
    if first.record.choices["taken"] == second.record.choices["taken"]:
        assert torch.allclose(2 * first[0].x, second[0].x, atol=1e-2)
    assert first.record.choices["teacher"]["hops"] == second.record.choices["teacher"]["hops"]


def test_more_nodes_than_training_nodes_come_from_unlabelled_ones(toy: Data, quick: None) -> None:
    assert int(toy.train_mask.sum()) == 20
    assert graphcond.condense(toy, size=45)[0].num_nodes == 45


@pytest.mark.parametrize("arguments", [{"depth": -1}, {"depth": 1.5}, {"penalty": 0.0}])
def test_settings_are_checked(arguments: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        graphcond.Auto(**arguments)


def test_progress_is_reported(toy: Data, quick: None) -> None:
    reports = []
    graphcond.condense(toy, size="1/class", run=graphcond.Run(progress=reports.append))
    assert [report.done for report in reports] == list(range(len(reports)))
    assert reports[-1].done == reports[-1].total


BARS = [
    ("cora", "Planetoid/Cora", 7, 81.1),
    ("cora", "Planetoid/Cora", 35, 82.0),
    ("pubmed", "Planetoid/PubMed", 15, 79.0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "folder", "nodes", "bar"), BARS)
def test_accuracy_bars(real_data: Callable[[str], Path], name: str, folder: str, nodes: int, bar: float) -> None:
    dataset = graphcond.datasets.load(name, real_data(folder))
    made = [graphcond.condense(dataset, size=nodes, seed=seed) for seed in range(3)]
    report = graphcond.evaluate(made, dataset, protocol="standard(runs=2)", controls=False)
    assert 100 * report.best.mean > bar


@pytest.mark.slow
def test_accuracy_bar_on_the_embedded_citeseer() -> None:
    dataset = graphcond.datasets.load("citeseer")
    report = graphcond.evaluate(
        graphcond.condense(dataset, ratio=0.009), dataset, protocol="standard(runs=2)", controls=["random_soft"]
    )
    assert report.best.nodes == 30
    assert 100 * report.best.mean > 72.5
    assert report.best.mean > report.row("random_soft").mean
