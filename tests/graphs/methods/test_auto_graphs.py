"""The default for sets of graphs: ordinary graphs for a plain loop, chosen on validation graphs."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GIN, global_mean_pool

import graphcond
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.core.targets import SingleLabel
from graphcond.graphs.budget import GraphBudget, estimated_bytes
from graphcond.graphs.methods import auto as auto_graphs
from graphcond.graphs.methods import validation as graph_validation
from graphcond.graphs.methods.networks import Folded
from graphcond.graphs.methods.ridge import Fit
from graphcond.graphs.methods.validation import GraphValidation, GraphValidationOutcome, TrainedNetwork
from graphcond.graphs.reading import read_graphs

SPLIT = {"train": range(60), "valid": range(60, 90), "test": range(90, 120)}


def circulant(n: int, skip: int, y: int) -> Data:
    i = torch.arange(n)
    source, target = torch.cat([i, i]), torch.cat([(i + 1) % n, (i + skip) % n])
    edges = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
    return Data(edge_index=edges, num_nodes=n, y=torch.tensor([y]))


def star_or_ring(i: int) -> Data:
    """A star or a ring of 6 to 8 nodes without features: degrees tell which."""
    y, n = i % 2, 6 + i % 3
    places = torch.arange(1, n) if y else torch.arange(n)
    edges = torch.stack([places * 0, places]) if y else torch.stack([places, places.roll(1)])
    return Data(edge_index=torch.cat([edges, edges.flip(0)], dim=1), num_nodes=n, y=torch.tensor([y]))


STARS = [star_or_ring(i) for i in range(120)]


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short trainings as short as they can be."""
    monkeypatch.setattr(graph_validation, "STEPS", 30)


def test_the_result_trains_in_a_plain_loop() -> None:
    small = graphcond.condense(graphcond.read(STARS, split=SPLIT), size="4/class")
    torch.manual_seed(0)
    network, head = GIN(1, 16, num_layers=2), nn.Linear(16, 2)
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=0.01)

    def model(x: torch.Tensor, edge_index: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        return head(global_mean_pool(network(x.float(), edge_index), batch))

    for _ in range(50):
        for batch in DataLoader(small, batch_size=8):
            optimizer.zero_grad()
            F.cross_entropy(model(batch.x, batch.edge_index, batch.batch), batch.y).backward()
            optimizer.step()
    test = read_graphs(STARS, split=SPLIT).test
    assert float((model(test.x, test.edge_index, test.graph).argmax(dim=1) == test.y).double().mean()) > 0.95


def test_the_record_says_which_choice_was_taken_and_the_scores_of_all() -> None:
    choices = graphcond.condense(graphcond.read(STARS, split=SPLIT), size="4/class").record.choices
    assert set(choices["scores"]) == {"ridge", *auto_graphs.CONTROLS}
    assert choices["taken"] in choices["scores"]
    assert choices["soft_labels"] == (choices["soft_score"] >= choices["scores"][choices["taken"]])


@pytest.mark.parametrize(("wrong", "taken"), [(0, "ridge"), (3, "ridge"), (28, "herding")])
def test_another_choice_is_taken_if_it_is_clearly_better(
    monkeypatch: pytest.MonkeyPatch, wrong: int, taken: str
) -> None:
    """By two standard errors of the paired difference over three classes: accuracies of 30 validation graphs."""

    def outcome(errors: int) -> GraphValidationOutcome:
        hits = torch.cat([torch.zeros(errors), torch.ones(30 - errors)]).double()
        return GraphValidationOutcome((TrainedNetwork(float(hits.mean()), hits, torch.ones(3, dtype=torch.bool)),))

    validation = GraphValidation(read_graphs(STARS, split=SPLIT))
    validation.targets = SingleLabel(3)
    outcomes = {"ridge": outcome(wrong), "random": outcome(wrong), "herding": outcome(0)}
    assert auto_graphs._taken(validation, outcomes, "ridge") == taken


def test_without_validation_graphs_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(graph_validation.GraphValidation, "outcome")
    small = graphcond.condense(graphcond.read(STARS, split={"train": range(60)}), size="2/class")
    assert small.record.choices["taken"] == "ridge"
    assert all("y_soft" in item for item in small)


@pytest.mark.parametrize("size", [20, "4kB"])
def test_graphs_whose_nodes_all_look_alike(caplog: pytest.LogCaptureFixture, size: int | str) -> None:
    """Circulant graphs of one size, which no such network tells apart: one clear sentence."""
    graphs = [circulant(13, skip, y) for y, skip in enumerate((2, 3, 4, 5)) for _ in range(15)]
    small = graphcond.condense(graphs, size=size)
    (note,) = [note for note in small.record.notes if "better than chance" in note]
    assert note in caplog.messages


def test_the_number_of_nodes_tells_the_class() -> None:
    graphs = [circulant(11 + 6 * (i % 2), 2, i % 2) for i in range(60)]
    for size in (20, "4kB"):
        small = graphcond.condense(graphs, size=size)
        assert max(small.record.choices["scores"].values()) >= 0.75  # a sum of all nodes knows, a mean does not
        assert not any("chance" in note for note in small.record.notes)


def test_a_class_that_is_never_predicted_is_named() -> None:
    validation = GraphValidation(read_graphs(STARS, split=SPLIT))
    hits = torch.ones(30, dtype=torch.float64)
    assert validation.doubts(GraphValidationOutcome((TrainedNetwork(1.0, hits, torch.tensor([True, True])),))) == ()
    (note,) = validation.doubts(GraphValidationOutcome((TrainedNetwork(1.0, hits, torch.tensor([True, False])),)))
    assert note.startswith("no network trained on the result predicts class 1 for any validation graph; ")


def test_a_short_training_pools_as_a_user_does() -> None:
    """Folding changes nothing: each neighbourhood counts as often as there are such nodes."""
    task = read_graphs(STARS, split=SPLIT)
    validation = GraphValidation(task)
    folded = Folded.of(task.train, validation._features, 2)
    h = folded.x
    for operator in folded.layers["gin"]:
        h = operator(h)
    adjacency = torch.zeros(task.train.num_nodes, task.train.num_nodes)
    adjacency[task.train.edge_index[1], task.train.edge_index[0]] = 1
    adjacency += torch.eye(task.train.num_nodes)
    x = adjacency @ adjacency @ validation._features.encode(task.train.x)
    sums = torch.zeros(60, x.size(1)).index_add(0, task.train.graph, x)
    assert torch.allclose(folded.pools["gin"](h), sums)
    assert folded.mean_size == pytest.approx(task.train.num_nodes / 60)


def test_exchanges_lower_the_loss_of_the_ridge_regression() -> None:
    """By the definition: the weights that fit the chosen graphs, on all graphs."""
    task = read_graphs(STARS, split=SPLIT)
    draw = np.random.default_rng(0)
    points, y = draw.normal(size=(60, 3)), task.train.y.numpy()
    targets = np.eye(2)[y] - 0.5
    shares = (1 / np.bincount(y))[y] / 2
    fit = Fit.of(task, points)

    def loss(chosen: np.ndarray) -> float:
        inner = points[chosen].T @ points[chosen] + 0.01 * len(chosen) * np.eye(3)
        weights = np.linalg.solve(inner, points[chosen].T @ targets[chosen])
        direct = float((shares * ((points @ weights - targets) ** 2).sum(axis=1)).sum())
        constant = float((shares * (targets**2).sum(axis=1)).sum())
        assert fit.loss(inner, points[chosen].T @ targets[chosen]) + constant == pytest.approx(direct)
        return direct

    start = np.array([0, 2, 1, 3])
    with seeded(0):
        found = graphcond.RidgeGraphs()._exchanged(fit, y, start, np.ones(60), float("inf"))
    assert y[found].tolist() == [0, 0, 1, 1]
    assert len(set(found.tolist())) == 4
    assert loss(found) < loss(start)


def test_exchanges_keep_to_the_bytes() -> None:
    task = read_graphs(STARS, split=SPLIT)
    with seeded(0):
        chosen = graphcond.RidgeGraphs().choose(task, GraphBudget(Size.bytes(300)))
    assert 200 < estimated_bytes(task.train)[chosen.numpy()].sum() < 400


def test_a_huge_graph_does_not_take_the_bytes() -> None:
    """However early it is drawn: both classes get several graphs."""
    items = [circulant(400, 2, 0), *(star_or_ring(i) for i in range(30))]
    task = read_graphs(items, split={"train": range(31)})
    for seed in range(5):
        with seeded(seed):
            chosen = graphcond.RidgeGraphs().choose(task, GraphBudget(Size.bytes(500)))
        assert 0 not in chosen.tolist()
        assert len(chosen) >= 8


@pytest.mark.parametrize("field", ["depth", "width", "trials"])
def test_bad_fields(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be a positive integer, got 0"):
        graphcond.RidgeGraphs(**{field: 0})
    with pytest.raises(ValueError, match="penalty must be positive, got 0"):
        graphcond.RidgeGraphs(penalty=0)
