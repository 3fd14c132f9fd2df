"""Metrics against scikit-learn and OGB's Evaluator, with missing labels and ties."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor

from graphcond.core.evaluation.columns import outcomes, part_of, score_of
from graphcond.core.evaluation.metrics import (
    FITS,
    METRICS,
    direction,
    metric_label,
    metric_name,
    resolve_metric,
    scale_of,
)
from graphcond.core.evaluation.scale import ScoreScale, titled
from graphcond.core.targets import MultiLabel, Regression, SingleLabel
from graphcond.datasets.metric import own_metric, with_own_metric

N, LABELS = 80, 12
GENERATOR = np.random.default_rng(0)


def several_labels(missing: float = 0.2) -> tuple[Tensor, Tensor]:
    """Return outputs with ties, and labels of which some are missing and two are never or always there."""
    outputs = torch.from_numpy(GENERATOR.normal(size=(N, LABELS)).round(1)).float()
    labels = torch.from_numpy((GENERATOR.random((N, LABELS)) < np.linspace(0.1, 0.6, LABELS)).astype(np.float32))
    labels[GENERATOR.random((N, LABELS)) < missing] = torch.nan
    labels[:, 3] = torch.where(labels[:, 3].isnan(), torch.nan, 0.0)
    labels[:, 7] = torch.where(labels[:, 7].isnan(), torch.nan, 1.0)
    return outputs, labels


def numbers(columns: int, missing: float = 0.2) -> tuple[Tensor, Tensor]:
    targets = torch.from_numpy(GENERATOR.normal(3, 2, (N, columns))).float()
    outputs = targets + torch.from_numpy(GENERATOR.normal(0.2, 0.7, (N, columns))).float()
    targets[torch.from_numpy(GENERATOR.random((N, columns)) < missing)] = torch.nan
    return outputs, targets


def classes(count: int) -> tuple[Tensor, Tensor]:
    outputs = torch.from_numpy(GENERATOR.normal(size=(N, count)).round(1)).float()
    return outputs, torch.from_numpy(GENERATOR.integers(0, count, N))


def of_ogb(name: str, outputs: Tensor, labels: Tensor) -> float:
    from ogb.graphproppred import Evaluator

    evaluator = Evaluator(name)
    evaluator.num_tasks = labels.shape[1]
    return float(evaluator.eval({"y_true": labels, "y_pred": outputs})[evaluator.eval_metric])


@pytest.mark.parametrize(
    ("metric", "dataset"),
    [("roc_auc", "ogbg-moltox21"), ("average_precision", "ogbg-molpcba"), ("rmse", "ogbg-molesol")],
)
@pytest.mark.parametrize("missing", [0.0, 0.2, 0.9])
def test_the_scores_of_several_columns_are_those_of_ogb(metric: str, dataset: str, missing: float) -> None:
    outputs, labels = numbers(3, missing) if metric == "rmse" else several_labels(missing)
    assert METRICS[metric](outputs, labels) == pytest.approx(of_ogb(dataset, outputs, labels), abs=1e-6)


def test_the_score_of_proteins_is_that_of_ogb() -> None:
    from ogb.nodeproppred import Evaluator

    outputs, labels = torch.randn(200, 112).round(decimals=1), torch.randint(2, (200, 112))
    expected = Evaluator("ogbn-proteins").eval({"y_true": labels, "y_pred": outputs})["rocauc"]
    assert METRICS["roc_auc"](outputs, labels.float()) == pytest.approx(expected, abs=1e-12)


def test_a_label_counts_only_where_both_its_values_are_known() -> None:
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0], [torch.nan, 0.0]])
    outputs = torch.tensor([[2.0, 9.0], [1.0, -9.0], [5.0, 0.0]])
    assert METRICS["roc_auc"](outputs, labels) == METRICS["average_precision"](outputs, labels) == 1.0
    assert math.isnan(METRICS["roc_auc"](outputs[:, 1:], labels[:, 1:]))
    with pytest.raises(ValueError, match="the outputs of the model hold NaN"):
        METRICS["roc_auc"](outputs * torch.nan, labels)


def top(outputs: Tensor, labels: Tensor) -> np.ndarray[Any, Any]:
    """Return the labels of the literature on BlogCatalog, item by item."""
    chosen = np.zeros(labels.shape)
    for i, row in enumerate(labels.numpy()):
        chosen[i, np.argsort(-outputs[i].numpy(), kind="stable")[: int(row.sum())]] = 1
    return chosen


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_f1_of_labels_is_scikit_learns(average: str) -> None:
    outputs, labels = several_labels(missing=0.0)
    name = {"micro": "f1_micro", "macro": "f1"}[average]
    options: dict[str, Any] = {"average": average, "zero_division": 0.0}
    expected = reference.f1_score(labels.numpy(), (outputs > 0).numpy(), **options)
    assert METRICS[name](outputs, labels) == pytest.approx(expected)
    expected = reference.f1_score(labels.numpy(), top(outputs, labels), **options)
    assert METRICS[f"f1_{average}_top"](outputs, labels) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["f1", "f1_micro", "f1_micro_top", "f1_macro_top"])
def test_missing_labels_have_no_part_in_f1(name: str) -> None:
    outputs, labels = several_labels()
    changed = torch.where(labels.isnan(), torch.randn(N, LABELS) * 9, outputs)
    assert METRICS[name](changed, labels) == METRICS[name](outputs, labels)
    unknown = torch.full((N, 1), torch.nan)
    wider = torch.cat([outputs, outputs[:, :1]], dim=1), torch.cat([labels, unknown], dim=1)
    assert METRICS[name](*wider) == pytest.approx(METRICS[name](outputs, labels))


def test_micro_f1_of_classes_is_the_accuracy() -> None:
    outputs, labels = classes(5)
    expected = reference.f1_score(labels, outputs.argmax(1), average="micro")
    assert METRICS["f1_micro"](outputs, labels) == METRICS["accuracy"](outputs, labels) == pytest.approx(expected)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", reference.root_mean_squared_error),
        ("mae", reference.mean_absolute_error),
        ("r2", reference.r2_score),
    ],
)
def test_scores_of_numbers_are_means_of_scikit_learns(columns: int, name: str, expected: Callable[..., float]) -> None:
    outputs, targets = numbers(columns)
    known = [~column.isnan() for column in targets.T]
    each = [expected(targets[k, i].double(), outputs[k, i].double()) for i, k in enumerate(known)]
    assert METRICS[name](outputs, targets) == pytest.approx(np.mean(each), abs=1e-6)
    wider = torch.cat([outputs, outputs[:, :1]], dim=1), torch.cat([targets, torch.full((N, 1), torch.nan)], dim=1)
    assert METRICS[name](*wider) == pytest.approx(np.mean(each), abs=1e-6)  # nothing is known of the last one


def test_r2_does_not_count_a_target_that_is_always_the_same() -> None:
    outputs, targets = numbers(2)
    targets[:, 1] = 4.0
    assert METRICS["r2"](outputs, targets) == pytest.approx(METRICS["r2"](outputs[:, :1], targets[:, :1]))
    assert math.isnan(METRICS["r2"](outputs[:, 1:], targets[:, 1:]))


def test_ranks_of_the_true_class() -> None:
    outputs, labels = classes(6)
    outputs += torch.arange(6) / 1000  # no ties
    for k in (1, 3):
        expected = reference.top_k_accuracy_score(labels, outputs, k=k, labels=range(6))
        assert resolve_metric(f"hits@{k}", SingleLabel(6))(outputs, labels) == pytest.approx(expected)
    expected = reference.label_ranking_average_precision_score(np.eye(6)[labels], outputs)
    assert METRICS["mrr"](outputs, labels) == pytest.approx(expected)


def test_ties_share_their_places() -> None:
    outputs, labels = torch.zeros(3, 4), torch.tensor([0, 1, 3])
    assert METRICS["mrr"](outputs, labels) == pytest.approx(1 / 2.5)
    assert resolve_metric("hits@3", SingleLabel(4))(outputs, labels) == 0.75


TARGETS = (
    SingleLabel(2), MultiLabel.of(several_labels()[1]), Regression.of(numbers(1)[1]),
)  # fmt: skip


@pytest.mark.parametrize("targets", TARGETS, ids=lambda one: one.kind)
def test_each_kind_of_targets_has_its_metrics(targets: Any) -> None:
    for name in METRICS:
        if name in FITS[targets.kind]:
            assert resolve_metric(name, targets) is METRICS[name]
        else:
            with pytest.raises(
                ValueError, match=rf"metric='{name}' is not for {targets.words}; use '.* or '\w"
            ) as info:
                resolve_metric(name, targets)
            assert all(repr(one) in str(info.value) for one in FITS[targets.kind])
    assert resolve_metric(targets.metric, targets)


@pytest.mark.parametrize(
    ("metric", "targets", "message"),
    [
        ("f2", None, r"metric must be one of accuracy, .*hits@k \(such as hits@3\), got 'f2'"),
        ("hits@0", None, "metric must be one of"),
        ("hits@5", SingleLabel(5), "metric='hits@5' is 1 for all models, as the dataset has 5 classes"),
        ("rocauc", SingleLabel(3), r"metric='roc_auc' needs two classes, the dataset has 3; use 'accuracy', 'f1'"),
        ("hits@2", TARGETS[2], "metric='hits@2' is not for regression; use 'rmse', 'mae' or 'r2'"),
    ],
)
def test_refusals(metric: str, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_metric(metric, targets)


def test_a_metric_is_a_name_or_a_function() -> None:
    with pytest.raises(TypeError, match="metric must be a name or a function of outputs and labels, got 3"):
        resolve_metric(3, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spelled", "name"), [("rocauc", "roc_auc"), ("ap", "average_precision"), ("acc", "accuracy"), ("F1", "f1")]
)
def test_ogbs_spellings(spelled: str, name: str) -> None:
    assert resolve_metric(spelled, None) is METRICS[name]
    assert metric_name(spelled) == metric_label(spelled) == metric_label(METRICS[name]) == name


class Stateful:
    """What a metric of torchmetrics looks like from outside."""

    higher_is_better = False

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        self.seen += len(labels)
        return (outputs - labels).abs().mean()

    def reset(self) -> None:
        self.seen = 0

    def __eq__(self, other: object) -> bool:
        raise AssertionError("torchmetrics make a new metric of a comparison")

    __hash__ = None  # type: ignore[assignment]


def test_metrics_of_ones_own() -> None:
    def share(outputs: Tensor, labels: Tensor) -> Tensor:
        return (outputs > 0).float().mean()

    given = Stateful()
    found = resolve_metric(given, TARGETS[2])
    assert found(torch.ones(4, 1), torch.zeros(4, 1)) == 1.0
    assert given.seen == 0
    assert (direction(given), direction(found), metric_name(found), metric_label(found)) == (-1, -1, None, "Stateful")
    assert resolve_metric(found, None) is found
    own = resolve_metric(share, TARGETS[0])
    assert isinstance(own(torch.ones(4, 2), torch.zeros(4)), float)
    assert (direction(own), metric_label(own)) == (1, "share")
    assert scale_of(own, TARGETS[0]) == ScoreScale()
    assert scale_of(own, TARGETS[2]) == ScoreScale(percent=False)
    with pytest.raises(TypeError, match="metric must return one number, <lambda> returned"):
        resolve_metric(lambda outputs, labels: outputs, None)(torch.ones(4, 2), torch.zeros(4))


def test_errors_are_better_the_less_they_are() -> None:
    assert {name for name in METRICS if direction(name) < 0} == {"rmse", "mae"}
    assert scale_of("rmse", TARGETS[2]) == ScoreScale(percent=False, less_is_better=True)
    assert scale_of("r2", TARGETS[2]) == ScoreScale(percent=False)
    assert scale_of("roc_auc", TARGETS[1]) == scale_of("hits@3", SingleLabel(5)) == ScoreScale()


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("name", ["rmse", "mae"])
def test_items_give_the_score_of_numbers(name: str, columns: int) -> None:
    outputs, targets = numbers(columns)
    items = outcomes(outputs, targets, METRICS[name])
    assert items is not None
    assert items.shape == (N,)
    assert score_of(items) == pytest.approx(METRICS[name](outputs, targets), rel=1e-12)
    assert part_of(targets, METRICS[name]) is None
    assert outcomes(targets.nan_to_num(), targets.nan_to_num(), METRICS[name]).tolist() == [0.0] * N


def test_the_noise_of_rmse_is_the_bootstraps() -> None:
    outputs, targets = numbers(1, missing=0.0)
    items = outcomes(outputs, targets, METRICS["rmse"])
    drawn = [
        METRICS["rmse"](outputs[some], targets[some]) for some in torch.from_numpy(GENERATOR.integers(0, N, (2000, N)))
    ]
    assert float(items.std()) / N**0.5 == pytest.approx(np.std(drawn), rel=0.1)


@pytest.mark.parametrize("name", sorted({*FITS["multi_label"]}))
def test_labels_have_no_outcomes(name: str) -> None:
    outputs, labels = several_labels()
    assert outcomes(outputs, labels, METRICS[name]) is part_of(labels, METRICS[name]) is None


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [(0.58321, None, "0.5832"), (12.3456, 0.5, "12.35 ± 0.50"), (5432.1, None, "5432"), (0.0, 0.0, "0.000 ± 0.000")],
)
def test_scores_that_are_no_percentages(value: float, deviation: float | None, text: str) -> None:
    assert ScoreScale(percent=False).score(value, deviation) == text


def test_titles_say_how_scores_are_read() -> None:
    error = ScoreScale(percent=False, less_is_better=True)
    assert (ScoreScale().of("f1"), error.of("mae"), ScoreScale(percent=False).of("r2")) == (
        "f1 in %",
        "mae (less is better)",
        "r2",
    )
    assert titled({"rmse": error}) == "rmse (less is better)"


@pytest.mark.parametrize(
    ("said", "name"),
    [("rocauc", "roc_auc"), ("ap", "average_precision"), ("rmse", "rmse"), ("acc", "accuracy"), ("none", None)],
)
def test_ogbs_metric_is_the_datasets_own(said: str, name: str | None) -> None:
    assert own_metric(SimpleNamespace(eval_metric=said)) == name


def test_a_task_keeps_its_metric_where_the_datasets_is_not_for_it() -> None:
    from graphcond.graphs.task import GraphTask

    task = GraphTask.__new__(GraphTask)
    for field, value in {"targets": TARGETS[2], "metric": "mae"}.items():
        object.__setattr__(task, field, value)
    assert with_own_metric(task, SimpleNamespace()) is task
    assert with_own_metric(task, SimpleNamespace(eval_metric="rocauc")) is task
