import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.nn import GCN
from torch_geometric.utils import dense_to_sparse

import graphcond
from graphcond.core.evaluation.columns import score_of
from graphcond.core.evaluation.metrics import METRICS
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.evaluation import Protocol, evaluate
from graphcond.nodes.evaluation.models import MODELS, ModelKind
from graphcond.nodes.evaluation.protocol import PUBLISHED, STANDARD
from graphcond.nodes.evaluation.training import EvaluationData, TrainingData, score_on, trained
from graphcond.nodes.evaluation.value import CONTROLS
from graphcond.nodes.reading import read_nodes

QUICK = Protocol(name="quick", epochs=20, hidden=16)
pytestmark = pytest.mark.usefixtures("quick_choice")


def train_once(kind, training, val, test, targets, protocol, metric, seed):
    """Return the score of a fresh model that is trained once."""
    with seeded(seed):
        model = kind.build(training.view.x.size(1), targets.outputs, protocol)
        score = trained(model, training, val, targets, protocol, metric)
        return score_on(model, score, test, targets, metric)


def test_every_control_stands_beside_the_result(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class")
    report = evaluate(small, toy, protocol=replace(QUICK, runs=2))
    assert [row.data for row in report.rows] == ["auto", *CONTROLS]
    assert all(len(row.scores) == 2 for row in report.rows if row.data != "prior")
    assert report.row("whole").nodes == toy.num_nodes
    assert {row.nodes for row in report.rows if row.data not in ("prior", "whole", "class_mean")} == {6}


def test_report_converts_to_text_json_and_pandas(toy: Data) -> None:
    small = graphcond.condense(toy, size="1/class")
    report = evaluate(small, toy, ["gcn", "mlp"], protocol=replace(QUICK, runs=1), controls=["random"])
    values = json.loads(report.to_json())
    assert [(row["data"], row["model"]) for row in values["rows"]] == [
        ("auto", "gcn"), ("random", "gcn"), ("auto", "mlp"), ("random", "mlp"),
    ]  # fmt: skip
    assert list(report.to_pandas()["mean"]) == [row["mean"] for row in values["rows"]]
    assert f"{100 * report.best.mean:.1f}" in str(report)
    with pytest.raises(KeyError, match="herding"):
        report.row("herding")


def test_same_seed_gives_the_same_scores_and_leaves_random_state_alone(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class")
    state = torch.get_rng_state()
    first, second = (evaluate(small, toy, protocol=QUICK, controls=False) for _ in range(2))
    assert first.best.scores == second.best.scores
    assert torch.equal(state, torch.get_rng_state())


def test_several_condensations_make_one_row(toy: Data) -> None:
    several = [graphcond.condense(toy, size="2/class", method="random", seed=seed) for seed in range(3)]
    report = evaluate(several, toy, protocol=replace(QUICK, runs=2), controls=["random_propagated"])
    assert [len(row.scores) for row in report.rows] == [6, 6]


@pytest.mark.parametrize("model", MODELS)
def test_models_learn_on_the_graph_they_are_evaluated_on(toy: Data, model: str) -> None:
    # The toy's classes are well apart: a model that is wired up right gets nearly all, on either form of the graph.
    report = evaluate(
        graphcond.condense(toy, size="3/class"), toy, [model], controls=["whole"],
        protocol=replace(STANDARD, epochs=100, hidden=32, runs=1),
    )  # fmt: skip
    assert report.row("whole", model).mean > 0.85
    assert report.row("auto", model).mean > 0.6  # chance is a third


@pytest.mark.parametrize("model", MODELS)
def test_a_model_sees_the_same_graph_in_training_and_evaluation(toy: Data, model: str) -> None:
    kind = MODELS[model]
    graph = read_nodes(toy).train.graph
    torch.manual_seed(0)
    network = kind.build(toy.num_features, 3, QUICK).eval()
    for _ in range(2):
        outputs = [
            network(view.x, view.edge_index, view.edge_weight)
            for view in (kind.view(graph, training=True), kind.view(graph, training=False))
        ]
    assert torch.allclose(outputs[0], outputs[1], atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_sparse_features_change_nothing(toy: Data, model: str) -> None:
    kind = MODELS[model]
    toy.x = torch.where(torch.rand(toy.x.shape, generator=torch.Generator().manual_seed(0)) < 0.05, toy.x, 0.0)
    graph = read_nodes(toy).train.graph
    network = kind.build(toy.num_features, 3, QUICK).eval()
    dense, sparse = kind.view(graph, training=True), kind.view(graph, training=False)
    expected = network(dense.x, dense.edge_index, dense.edge_weight)
    assert torch.allclose(expected, network(sparse.x, sparse.edge_index, sparse.edge_weight), atol=1e-5)


def _linear_data(
    toy: Data, targets: torch.Tensor, weights: torch.Tensor
) -> tuple[ModelKind, TrainingData, EvaluationData]:
    kind = MODELS["mlp"]
    graph = read_nodes(toy).train.graph
    view = kind.view(graph, training=True)
    nodes = torch.arange(graph.num_nodes)
    return kind, TrainingData(view, nodes, targets, weights), EvaluationData(view, nodes, graph.y)


def test_integer_weights_equal_repeated_nodes(toy: Data) -> None:
    weights = torch.ones(toy.num_nodes)
    weights[:10] = 3.0
    kind, weighted, held_out = _linear_data(toy, toy.y, weights)
    nodes = torch.cat([weighted.nodes, torch.arange(10).repeat(2)])
    repeated = replace(weighted, nodes=nodes, targets=toy.y[nodes], weights=torch.ones(len(nodes)))
    settings = (
        held_out,
        held_out,
        SingleLabel(3),
        replace(QUICK, dropout=0.0),
        lambda logits, labels: float(logits.double().sum()),
        0,
    )
    assert train_once(kind, weighted, *settings).test == pytest.approx(
        train_once(kind, repeated, *settings).test, rel=1e-4
    )


def test_one_hot_targets_equal_labels(toy: Data) -> None:
    kind, hard, held_out = _linear_data(toy, toy.y, torch.ones(toy.num_nodes))
    soft = replace(hard, targets=torch.nn.functional.one_hot(toy.y).float())
    settings = (held_out, held_out, SingleLabel(3), QUICK, lambda logits, labels: float(logits.double().sum()), 0)
    assert train_once(kind, hard, *settings).test == pytest.approx(train_once(kind, soft, *settings).test, rel=1e-4)


def test_test_labels_do_not_steer_training(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class")
    changed = toy.clone()
    changed.y[toy.test_mask] = (changed.y[toy.test_mask] + 1) % 3
    first = evaluate(small, toy, protocol=QUICK, controls=False).best
    second = evaluate(small, changed, protocol=QUICK, controls=False).best
    assert first.val_scores == second.val_scores
    assert first.scores != second.scores


def test_without_validation_nodes_the_last_weights_count(toy: Data) -> None:
    del toy.val_mask
    small = graphcond.condense(toy, size="2/class")
    best = evaluate(small, toy, protocol=replace(QUICK, epochs=150), controls=False).best
    assert all(math.isnan(value) for value in best.val_scores)
    assert best.mean > 0.6


def test_a_control_that_cannot_be_made_says_why(toy: Data) -> None:
    small = graphcond.condense(toy, size=50)
    row = evaluate(small, toy, protocol=QUICK, controls=["random"]).rows[1]
    assert row.scores == ()
    assert "training nodes to choose from" in row.note
    assert "not possible" in str(evaluate(small, toy, protocol=replace(QUICK, runs=1), controls=["random"]))


def test_weak_edges_are_dropped_by_the_threshold(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class")[0]
    linked = small.clone()
    extra = torch.tensor([[0, 5], [5, 0]])
    linked.edge_index = torch.cat([small.edge_index, extra], dim=1)
    linked.edge_weight = torch.cat([small.edge_weight, torch.tensor([0.04, 0.04])])
    strict, loose = replace(PUBLISHED, epochs=20), replace(PUBLISHED, epochs=20, edge_threshold=0.0)
    plain, dropped, kept = (
        evaluate(data, toy, protocol=replace(protocol, metric="accuracy"), controls=False).best.val_scores
        for data, protocol in ((small, strict), (linked, strict), (linked, loose))
    )
    assert plain == dropped
    assert kept is not None


def test_roc_auc_scores_two_classes(toy: Data) -> None:
    toy.y = toy.y % 2
    small = graphcond.condense(toy, size="2/class")
    assert 0 <= evaluate(small, toy, protocol=replace(QUICK, metric="roc_auc"), controls=False).best.mean <= 1
    assert METRICS["roc_auc"](torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 0])) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["gcnn"]}, "did you mean 'gcn'"),
        ({"models": []}, "at least one"),
        ({"protocol": "standart"}, "did you mean 'standard'"),
        ({"controls": ["randomly"]}, "no control 'randomly'"),
        ({"protocol": "standard(runs=0)"}, "runs must be a positive integer, got 0"),
        ({"protocol": "standard(metric='f2')"}, "metric must be one of"),
        ({"protocol": "standard(metric='roc_auc')"}, "needs two classes"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments(toy: Data, arguments: dict, message: str) -> None:
    small = graphcond.condense(toy, size="1/class")
    with pytest.raises(ValueError, match=message):
        evaluate(small, toy, **{"protocol": QUICK, **arguments})


def test_another_datasets_condensation_is_refused(toy: Data) -> None:
    small = graphcond.condense(toy, size="1/class")
    other = toy.clone()
    other.x = other.x[:, :5]
    with pytest.raises(ValueError, match="8 features, the dataset 5"):
        evaluate(small, other, protocol=QUICK)
    with pytest.raises(TypeError, match="what condense"):
        evaluate([1, 2], toy)
    del other.test_mask
    other.x = toy.x
    with pytest.raises(ValueError, match="test_mask"):
        evaluate(small, other, protocol=QUICK)


@pytest.mark.parametrize("field", ["dropout", "epochs", "learning_rate"])
def test_protocols_check_their_fields(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Protocol(**{field: -1})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("node_weight", torch.ones(5), r"node_weight must have the shape \(6,\), a number for each node, got \(5,\)"),
        ("node_weight", -torch.ones(6), "node_weight must hold finite numbers, none negative"),
        ("node_weight", torch.zeros(6), "not all 0"),
        ("y_soft", torch.ones(6, 3), "rows of y_soft must sum to 1, row 0 sums to 3"),
        ("y_soft", torch.ones(6), r"y_soft must have the shape \(6, classes\), got \(6,\)"),
        ("y_soft", -torch.ones(6, 3), "y_soft must hold probabilities"),
        ("y_soft", torch.full((6, 2), 0.5), "y_soft of the condensed data has 2 columns, the dataset 3 classes"),
    ],
)
def test_weights_and_soft_labels_that_cannot_be_trained_on(
    toy: Data, name: str, value: torch.Tensor, message: str
) -> None:
    data = graphcond.condense(toy, size="2/class", method="random")[0].clone()
    data[name] = value
    with pytest.raises(ValueError, match=message):
        evaluate(data, toy, protocol=QUICK, controls=False)


def test_the_plain_column_knows_neither_weights_nor_soft_labels(toy: Data) -> None:
    data = graphcond.condense(toy, size="2/class", method="random")[0].clone()
    bare = Data(x=data.x, y=data.y, edge_index=data.edge_index)
    data.node_weight = torch.rand(6, generator=torch.Generator().manual_seed(0)) + 0.1
    data.y_soft = torch.softmax(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    data.edge_weight = torch.rand(data.num_edges, generator=torch.Generator().manual_seed(0))
    both, one = (evaluate(d, toy, protocol=QUICK, controls=False).best for d in (data, bare))
    assert both.scores == one.scores
    assert len(both.own_scores) == len(both.scores)
    assert both.own_val_scores != both.val_scores
    assert one.own_scores == ()
    assert one.own_gain is None
    assert both.own_gain is not None
    assert both.own_gain.difference == pytest.approx(both.own_mean - both.mean)
    assert both.own_gain.low <= both.own_gain.difference <= both.own_gain.high


def test_rows_know_which_test_nodes_were_right(toy: Data) -> None:
    row = evaluate(graphcond.condense(toy, size="2/class"), toy, protocol=QUICK, controls=False).best
    assert row.items is not None
    assert row.items.shape == (3, int(toy.test_mask.sum()))
    assert [score_of(one) for one in row.items] == pytest.approx(list(row.scores))
    toy.y = toy.y % 2
    small = graphcond.condense(toy, size="2/class")
    row = evaluate(small, toy, protocol=replace(QUICK, metric="roc_auc"), controls=False).best
    assert row.items is not None
    assert [score_of(one) for one in row.items] == pytest.approx(list(row.scores))


def test_soft_labels_of_a_control_are_trained_on(toy: Data) -> None:
    report = evaluate(graphcond.condense(toy, size="2/class"), toy, protocol=QUICK, controls=["random_soft", "random"])
    assert len(report.row("random_soft").own_scores) == 3
    assert report.row("random").own_scores == ()


def test_the_learning_rate_drops_at_half_time(toy: Data) -> None:
    kind, training, held_out = _linear_data(toy, toy.y, torch.ones(toy.num_nodes))
    steps: list[float] = []
    real = torch.optim.Adam

    class Spy(real):  # type: ignore[misc, valid-type]
        def step(self, *args: object, **kwargs: object) -> object:
            steps.append(self.param_groups[0]["lr"])
            return super().step(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Spy)
        train_once(kind, training, held_out, held_out, SingleLabel(3), QUICK, METRICS["accuracy"], 0)
    assert steps == [QUICK.learning_rate] * 10 + [pytest.approx(QUICK.learning_rate / 10)] * 10


class Own(torch.nn.Module):
    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(num_features, num_classes)

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def test_networks_of_ones_own_are_trained_from_fresh_weights(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class")
    given = Own(8, 3)
    before = given.layer.weight.clone()
    protocol = replace(QUICK, epochs=100)
    made, own, mlp = evaluate(small, toy, [given, "mlp"], protocol=protocol, controls=False).rows, Own, "mlp"
    assert [row.model for row in made] == ["Own", mlp]
    assert torch.equal(given.layer.weight, before)
    report = evaluate(small, toy, [own, lambda features, classes: GCN(features, 16, 2, classes)], protocol=protocol,
                      controls=["random"])  # fmt: skip
    assert [row.model for row in report.rows if row.data == "auto"] == ["Own", "<lambda>"]
    assert all(row.mean > 0.6 for row in (*made, report.best, report.row("auto", "<lambda>")))
    with pytest.raises(ValueError, match="two models are called 'Own'"):
        evaluate(small, toy, [own, given], protocol=QUICK)
    with pytest.raises(TypeError, match=r"must make a torch\.nn\.Module, got int"):
        evaluate(small, toy, [lambda *_: 3], protocol=QUICK)
    with pytest.raises(TypeError, match=r"models must be names such as 'gcn', torch\.nn\.Modules"):
        evaluate(small, toy, [3], protocol=QUICK)
    with pytest.raises(ValueError, match=r"must return logits \(nodes, classes\), here \(2, 3\), got \(2, 2\)"):
        evaluate(small, toy, [lambda features, _: Own(features, 2)], protocol=QUICK, controls=False)


def test_f1_and_average_precision_are_scikit_learns(toy: Data) -> None:
    logits, labels = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0, 1])
    assert METRICS["f1"](logits, labels) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert METRICS["average_precision"](logits, labels) == 1.0
    report = evaluate(
        graphcond.condense(toy, size="2/class"), toy, protocol=replace(QUICK, metric="f1"), controls=False
    )
    assert 0 < report.best.mean <= 1
    assert report.best.items is None


def test_a_protocol_may_bring_its_metric(toy: Data) -> None:
    small = graphcond.condense(toy, size="2/class", method="random")
    by_field = evaluate(small, toy, protocol=replace(QUICK, metric="f1"), controls=False)
    assert by_field.metric == "f1"
    assert (
        by_field.best.scores == evaluate(small, toy, protocol=replace(QUICK, metric="f1"), controls=False).best.scores
    )
    in_words = "standard(epochs=20, hidden=16, runs=1, metric='f1')"
    assert evaluate(small, toy, protocol=in_words, controls=False).metric == "f1"


RELEASED = [("Cora", "cora_0.5", 80.1), ("CiteSeer", "citeseer_0.5", 70.6)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file", "published"), RELEASED)
def test_graphs_released_by_gconds_authors_score_as_published(
    real_data: Callable[[str], Path], name: str, file: str, published: float
) -> None:
    root = real_data(f"Planetoid/{name}")
    released = np.load(real_data("released/gcond") / "released" / "gcond" / f"{file}.npz")
    dataset = graphcond.datasets.load(name.lower(), root)
    scores = []
    for adjacency, features in zip(released["adj"], released["x"], strict=True):
        edge_index, edge_weight = dense_to_sparse(torch.tensor(adjacency).float())
        data = Data(
            x=torch.tensor(features).float(), y=torch.tensor(released["y"]).long(),
            edge_index=edge_index, edge_weight=edge_weight,
        )  # fmt: skip
        scores += evaluate(data, dataset, protocol="published(runs=1)", controls=False).best.own_scores
    assert 100 * sum(scores) / len(scores) == pytest.approx(published, abs=1.5)


def test_a_plain_dataset_is_scored_by_its_own_metric_as_its_task_is(toy: Data) -> None:
    class Named(InMemoryDataset):
        eval_metric, num_tasks = "rocauc", 1

        def __init__(self) -> None:
            super().__init__()
            data = toy.clone()
            data.y = (data.y > 0).long()
            self._data, self.slices = self.collate([data])

    dataset = Named()
    small = graphcond.condense(dataset, size=6, method="random")
    given = {"models": ["sgc"], "protocol": "standard(runs=1, epochs=5)", "controls": False}
    plain, task = (graphcond.evaluate(small, one, **given) for one in (dataset, graphcond.read(dataset)))
    assert plain.metric == task.metric == "roc_auc"
    assert plain.best.scores == task.best.scores
