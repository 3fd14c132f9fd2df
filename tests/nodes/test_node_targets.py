"""Graphs whose nodes have several labels, or numbers: read, condensed, kept in files and evaluated."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.nn import GCN

import graphcond
from graphcond.core.targets import MultiLabel, Regression
from graphcond.evaluation import Protocol
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.teacher import choose_teacher, posteriors

NODES, QUICK = 240, Protocol(name="quick", hidden=32, epochs=60, runs=2, validate_every=5)


def graph(kind: str, *, missing: float = 0.1, noise: float = 0.5, seed: int = 0) -> Data:
    """Return a graph whose neighbours are alike, and so are their targets."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(NODES, 3, generator=generator)
    near = torch.cdist(hidden, hidden).topk(6, largest=False).indices[:, 1:]
    source = torch.arange(NODES).repeat_interleave(5)
    edges = torch.stack([torch.cat([source, near.flatten()]), torch.cat([near.flatten(), source])])
    x = hidden @ torch.randn(3, 12, generator=generator) + noise * torch.randn(NODES, 12, generator=generator)
    y = (hidden > 0.3).float() if kind == "multi_label" else 20 + 4 * hidden[:, :2]
    y[torch.rand(y.shape, generator=generator) < missing] = torch.nan
    data = Data(x=x, edge_index=edges, y=y)
    part = torch.randperm(NODES, generator=generator) % 3
    for number, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data[name] = part == number
    return data


each_kind = pytest.mark.parametrize("kind", ["multi_label", "regression"])


@each_kind
def test_targets_are_read_as_they_are(kind: str) -> None:
    data = graph(kind)
    task = graphcond.read(data)
    assert task.targets.kind == kind
    assert task.metric == task.targets.metric == {"multi_label": "roc_auc", "regression": "rmse"}[kind]
    torch.testing.assert_close(task.train.learned, data.y[task.train.nodes], equal_nan=True)
    assert task.train.labels.eq(0).all()
    unknown = data.y.isnan().all(dim=1)
    assert not unknown[task.train.nodes].any()
    assert len(task.train.nodes) == int((data.train_mask & ~unknown).sum())


def test_means_are_those_of_training_nodes_alone() -> None:
    data = graph("regression", missing=0.0)
    first = graphcond.read(data).targets
    data.y[~data.train_mask] += 100
    second = graphcond.read(data).targets
    assert isinstance(first, Regression)
    assert isinstance(second, Regression)
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)


@each_kind
def test_strata_change_neither_targets_nor_fingerprint(kind: str) -> None:
    task = graphcond.read(graph(kind))
    strata = task.stratified(12)
    assert 1 < strata.num_classes <= 6
    assert strata.fingerprint() == task.fingerprint()
    assert strata.digest == task.digest
    assert (strata.class_counts > 0).all()
    assert int(strata.class_counts.sum()) == len(task.train.nodes)
    other = graph(kind)
    other.y[task.train.nodes[0]] = 1 - other.y[task.train.nodes[0]].nan_to_num(0)
    assert graphcond.read(other).fingerprint() != task.fingerprint()


@each_kind
def test_parts_of_an_inductive_task_share_their_strata(kind: str) -> None:
    task = read_nodes(graph(kind), inductive=True).stratified(12)
    for part in (task.train, task.val, task.test):
        assert torch.equal(part.labels, task.targets.classes(part.learned))


@each_kind
def test_the_teacher_knows_what_is_given_and_guesses_the_rest(kind: str) -> None:
    task = graphcond.read(graph(kind))
    views = Views.of(task, 2)
    soft = posteriors(task, views, choose_teacher(task, views))
    given = task.train.learned
    torch.testing.assert_close(soft[task.train.nodes][~given.isnan()], given[~given.isnan()])
    assert soft.isfinite().all()
    unseen = soft[task.test.nodes]
    scores = task.targets.goals(unseen)
    assert task.targets.score(scores, task.test.learned) > {"multi_label": 0.8, "regression": 0.5}[kind]


@each_kind
def test_the_default_does_better_than_random_nodes(kind: str) -> None:
    data = graph(kind, noise=3.0)
    small = graphcond.condense(data, size=12)
    assert small.num_classes == small[0].y.size(1) == data.y.size(1)
    assert small[0].y_soft.shape == small[0].y.shape
    assert small.record.source["target"] == kind
    report = graphcond.evaluate(small, data, protocol=QUICK, controls=("prior", "random"))
    auto, prior, random = (row.mean for row in report.rows)
    sign = -1 if kind == "regression" else 1
    assert sign * auto > sign * random
    assert sign * auto > sign * prior
    assert prior == pytest.approx(0.5) or kind == "regression"


def test_numbers_of_one_column_stay_flat(tmp_path) -> None:
    data = graph("regression")
    data.y = data.y[:, 0]
    small = graphcond.condense(data, size=10)
    assert small[0].y.shape == (10,)
    again = graphcond.load(small.save(tmp_path / "small.safetensors"))
    assert torch.equal(again[0].y, small[0].y)
    report = graphcond.evaluate(again, data, protocol=QUICK, controls=False)
    assert report.metric == "rmse"
    assert np.isfinite(report.best.scores).all()


def test_units_of_numbers_do_not_matter() -> None:
    data, scaled = graph("regression"), graph("regression")
    scaled.y = 1e4 * scaled.y - 7
    first, second = (graphcond.condense(one, size=8) for one in (data, scaled))
    torch.testing.assert_close(second[0].x, first[0].x, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(second[0].y, 1e4 * first[0].y - 7, rtol=1e-3, atol=1e2)


@each_kind
def test_a_plain_loop_trains_on_the_result(kind: str) -> None:
    data, small = graph(kind, missing=0.0), graphcond.condense(graph(kind, missing=0.0), size=20)[0]
    torch.manual_seed(0)
    model = GCN(small.num_features, 32, 2, small.y.size(1))
    mean, scale = (0.0, 1.0) if kind == "multi_label" else (small.y.mean(dim=0), small.y.std(dim=0))
    loss_of = F.binary_cross_entropy_with_logits if kind == "multi_label" else F.mse_loss
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        loss_of(model(small.x, small.edge_index), (small.y - mean) / scale).backward()
        optimizer.step()
    with torch.no_grad():
        outputs = model(data.x, data.edge_index)[data.test_mask]
    y = data.y[data.test_mask]
    if kind == "multi_label":
        assert MultiLabel.of(y).score(outputs, y) > 0.8
    else:
        assert F.mse_loss(mean + scale * outputs, y) < 0.7 * y.var(dim=0).mean()


@each_kind
def test_own_data_are_evaluated(kind: str) -> None:
    data = graph(kind)
    few = torch.arange(30)
    own = Data(x=data.x[few], edge_index=few.repeat(2, 1), y=data.y[few])
    report = graphcond.evaluate(own, data, protocol=QUICK, controls=False)
    assert report.rows[0].nodes == 30
    own.y = (torch.rand(30, 5) > 0.5).float()
    with pytest.raises(ValueError, match=r"of the shape \(30, 5\), and the dataset has . .* of each"):
        graphcond.evaluate(own, data, protocol=QUICK, controls=False)


def test_classes_are_not_evaluated_on_labels() -> None:
    small = graphcond.condense(graph("multi_label"), size=10, method="random")
    classes = graph("multi_label")
    classes.y = torch.arange(NODES) % 3
    with pytest.raises(ValueError, match=r"data\.y must hold 0, 1 or NaN for target='multi_label', got 2"):
        graphcond.evaluate(small, classes, protocol=QUICK, controls=False)


def test_integers_with_missing_ones_are_labels() -> None:
    data = graph("multi_label")
    integers = data.clone()
    integers.y = torch.where(data.y.isnan(), -1, data.y).long()
    assert graphcond.read(integers).fingerprint() == graphcond.read(data).fingerprint()
    one_column = data.clone()
    one_column.y = data.y[:, :1]
    assert graphcond.read(one_column).targets.kind == "single_label"
    assert graphcond.read(one_column, target="multi_label").targets.outputs == 1


def test_whole_numbers_are_numbers_where_that_is_said() -> None:
    data = graph("regression")
    data.y = data.y[:, 0].round().abs()
    assert graphcond.read(data, target="regression").targets.kind == "regression"
    small = graphcond.condense(graphcond.read(data, target="regression"), size=10)
    report = graphcond.evaluate(small, data, protocol=QUICK, controls=False)
    assert report.metric == "rmse"


def test_a_number_of_each_class_is_for_classes() -> None:
    with pytest.raises(ValueError, match="size='3/class' is for classes, but nodes have labels"):
        graphcond.condense(graph("multi_label"), size="3/class")


def test_a_metric_that_does_not_suit_names_those_that_do() -> None:
    data = graph("regression")
    small = graphcond.condense(data, size=10, method="random")
    with pytest.raises(ValueError, match="rmse"):
        graphcond.evaluate(small, data, protocol=replace(QUICK, metric="accuracy"), controls=False)


def test_all_controls_stand_beside_labels() -> None:
    data = graph("multi_label")
    small = graphcond.condense(data, size=12, method="random_soft")
    report = graphcond.evaluate(small, data, protocol=QUICK)
    assert [row.data for row in report.rows[1:]] == [
        "prior", "class_mean", "random", "random_propagated", "random_soft", "herding", "k_center", "whole",
    ]  # fmt: skip
    assert all(row.scores for row in report.rows)


def test_nodes_without_features_and_with_labels(tmp_path) -> None:
    data = graph("multi_label")
    data.num_nodes = NODES
    del data.x
    task = graphcond.read(data)
    small = graphcond.condense(task, size=12)
    made = graphcond.node_features(data, small.record.source["features"])
    assert torch.equal(made.x, task.train.graph.x)
    report = graphcond.evaluate(graphcond.load(small.save(tmp_path / "a.safetensors")), data, protocol=QUICK)
    assert report.best.mean > 0.6


@each_kind
def test_long_work_goes_on_with_such_targets(kind: str, tmp_path) -> None:
    data = graph(kind)
    small = graphcond.condense(data, size=8, run=graphcond.Run(max_seconds=0.5, progress=False))
    assert "refinement" in small.record.choices
    assert small[0].x.isfinite().all()


def test_learned_soft_targets_are_in_the_units_of_the_original() -> None:
    data = graph("regression", missing=0.0)
    small = graphcond.condense(data, size=12, method="gc_sntk(steps=3)")
    y: Tensor = small[0].y_soft
    assert (y - small[0].y).abs().max() < 0.2 * data.y.std()


@each_kind
@pytest.mark.parametrize("method", ["random", "gcond_x(epochs=1)", "gc_sntk(steps=1)"])
def test_results_with_missing_targets_are_evaluated(kind: str, method: str) -> None:
    data = graph(kind, missing=0.3)
    small = graphcond.condense(data, size=20, method=method)
    assert small[0].y.isnan().any()
    assert graphcond.evaluate(small, data, protocol=QUICK, controls=False).best.scores


def test_numbers_of_minus_one_are_numbers() -> None:
    data = graph("regression")
    data.y = torch.arange(NODES) % 5 - 2
    task = graphcond.read(data, target="regression")
    assert set(task.train.learned.flatten().tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}


def test_labels_of_minus_one_are_missing() -> None:
    data, floats = graph("multi_label"), graph("multi_label")
    floats.y = data.y.nan_to_num(-1.0)
    assert graphcond.read(floats).fingerprint() == graphcond.read(data).fingerprint()


@each_kind
def test_what_no_training_node_knows_is_told(kind: str) -> None:
    data = graph(kind)
    data.y[data.train_mask, 1] = torch.nan
    with pytest.raises(ValueError, match="no training item has a known value in column 1 of y; label some, or drop it"):
        graphcond.read(data)


def test_numbers_that_float32_cannot_tell_apart_are_told() -> None:
    data = graph("regression", missing=0.0)
    data.y = data.y[:, 0].double() + 1e9
    with pytest.raises(ValueError, match=r"numbers in column 0 of y are too large for float32 .*; subtract their mean"):
        graphcond.read(data, target="regression")


def test_a_metric_that_says_nothing_of_the_test_nodes_is_told() -> None:
    data = graph("multi_label")
    data.y[data.test_mask] = 0.0
    small = graphcond.condense(data, size=10, method="random")
    with pytest.raises(ValueError, match="metric='roc_auc' is not defined on the test items"):
        graphcond.evaluate(small, data, protocol=QUICK, controls=False)


def test_other_targets_of_the_same_values_are_told() -> None:
    data = graph("multi_label", missing=0.0)
    small = graphcond.condense(data, size=10, method="random")
    with pytest.raises(ValueError, match=r"were made with target='multi_label', .* graphcond.read\(dataset, target="):
        graphcond.evaluate(small, graphcond.read(data, target="regression"), protocol=QUICK, controls=False)


def test_a_checkpoint_of_other_targets_is_refused(tmp_path) -> None:
    data = graph("multi_label", missing=0.0)
    method, run = "doscond_x(steps=6)", graphcond.Run(checkpoint=tmp_path / "state.safetensors", progress=False)
    graphcond.condense(graphcond.read(data), size=8, method=method, run=run)
    with pytest.raises(ValueError, match="belongs to another run"):
        graphcond.condense(graphcond.read(data, target="regression"), size=8, method=method, run=run)


def test_a_network_may_give_one_number_without_a_column() -> None:
    data = graph("regression")
    data.y = data.y[:, 0]

    def flat(num_features: int, outputs: int) -> torch.nn.Module:
        class Flat(torch.nn.Linear):
            def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
                return super().forward(x).squeeze(1)

        return Flat(num_features, outputs)

    small = graphcond.condense(data, size=10, method="random")
    assert graphcond.evaluate(small, data, [flat], protocol=QUICK, controls=False).best.scores


def test_class_means_are_as_many_as_were_asked() -> None:
    task = graphcond.read(graph("regression"))
    assert [graphcond.condense(task, size=size, method="class_mean")[0].num_nodes for size in (2, 5, 9)] == [2, 5, 9]


@each_kind
def test_a_folder_keeps_such_targets(kind: str, tmp_path) -> None:
    data = graph(kind)
    graphcond.datasets.save_folder(data, tmp_path / "folder")
    again = graphcond.datasets.load_folder(tmp_path / "folder")
    assert graphcond.read(again).fingerprint() == graphcond.read(data).fingerprint()
    entry = graphcond.datasets.entry(tmp_path / "folder")
    assert (entry.target, entry.num_targets, entry.metric) == (
        kind, data.y.size(1), {"multi_label": "roc_auc", "regression": "rmse"}[kind],
    )  # fmt: skip


def test_a_plan_takes_such_targets() -> None:
    assert graphcond.plan(graph("multi_label"), size=2).num_nodes == 2
    featureless = graph("regression")
    del featureless.x
    assert graphcond.plan(featureless, size=12).num_nodes == 12
