"""Targets as values, against formulas and scikit-learn."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score, roc_auc_score
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.losses import squared_error
from graphcond.core.target_reading import as_columns, check_columns, check_kind, kind_of, published_kind, targets_of
from graphcond.core.targets import EVERY, TARGETS, MultiLabel, Regression, SingleLabel, Targets
from graphcond.surrogates import autograd
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.network import Network
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
KINDS = ("single_label", "multi_label", "regression")


def drawn(kind: str, rows: int = 24, seed: int = 0) -> tuple[Targets, Tensor]:
    """Return targets of some rows, a fifth of them missing where there are several."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "single_label":
        return SingleLabel(3), torch.randint(3, (rows,), generator=generator)
    values = torch.randn(rows, 4, generator=generator)
    y = (values > 0.4).float() if kind == "multi_label" else 5 + 3 * values
    y[torch.rand(rows, 4, generator=generator) < 0.2] = torch.nan
    made = MultiLabel.of(y) if kind == "multi_label" else Regression.of(y)
    return made.stratified(y, 5), y.double()


def outputs_of(targets: Targets, rows: int, seed: int = 1) -> Tensor:
    return torch.randn(rows, targets.outputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_residuals_are_the_gradient_of_the_losses(kind: str) -> None:
    targets, y = drawn(kind)
    outputs = outputs_of(targets, len(y)).requires_grad_()
    losses = targets.losses(outputs, y)
    (gradient,) = torch.autograd.grad(losses.sum(), outputs)
    torch.testing.assert_close(targets.residuals(outputs, y), gradient)
    torch.testing.assert_close(targets.loss(outputs, y), losses.mean())


def test_losses_are_torchs_own_over_what_is_known() -> None:
    labels, y = drawn("multi_label")
    outputs, known = outputs_of(labels, len(y)), ~y.isnan()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(outputs[known], y[known], reduction="sum")
    torch.testing.assert_close(labels.losses(outputs, y).sum(), expected)
    numbers, y = drawn("regression")
    known = ~y.isnan()
    goal = ((y - y.nanmean(dim=0)) / numbers.scale)[known]  # type: ignore[attr-defined]
    expected = torch.nn.functional.mse_loss(outputs[known], goal, reduction="sum") / 2
    torch.testing.assert_close(numbers.losses(outputs, y).sum(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_has_no_part(kind: str) -> None:
    targets, y = drawn(kind)
    outputs = outputs_of(targets, len(y))
    if kind == "single_label":
        return
    other = outputs + 100 * y.isnan()
    torch.testing.assert_close(targets.losses(outputs, y), targets.losses(other, y))
    assert (targets.residuals(outputs, y)[y.isnan()] == 0).all()
    assert targets.score(outputs, y) == pytest.approx(targets.score(other, y))


@pytest.mark.parametrize("surrogate", ["linear", "two layers"])
@pytest.mark.parametrize("kind", KINDS)
def test_class_gradients_in_closed_form_are_those_of_autograd(kind: str, surrogate: str) -> None:
    targets, y = drawn(kind)
    torch.manual_seed(0)
    network = Linear(6, targets, LIKE) if surrogate == "linear" else TwoLayer(6, 5, targets, LIKE)
    weights, x = network.init(), torch.randn(len(y), 6, dtype=torch.float64)
    batch = Batch(x, y, strata=None if kind == "single_label" else targets.classes(y))
    mine, theirs = network.class_gradients(weights, batch), autograd.class_gradients(network, weights, batch)
    assert len(mine.counts) == targets.num_classes
    for one, other in zip((*mine.sums, mine.counts), (*theirs.sums, theirs.counts), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(
        network.loss_gradients(weights, batch), autograd.loss_gradients(network, weights, batch), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_strata_follow_the_rows_of_a_batch() -> None:
    targets, y = drawn("multi_label")
    batch = Batch(torch.randn(len(y), 2), y, strata=targets.classes(y))
    assert torch.equal(batch.take(torch.tensor([3, 1])).classes, batch.classes[[3, 1]])
    assert torch.equal(batch.detached().classes, batch.classes)
    assert sum(len(part) for part in batch.by_class().values()) == len(batch)
    assert all(set(part.classes.tolist()) == {label} for label, part in batch.by_class().items())


@given(seed=st.integers(0, 1000), rows=st.integers(2, 40), decimals=st.integers(0, 3))
def test_the_score_of_labels_is_the_mean_area_under_the_curve(seed: int, rows: int, decimals: int) -> None:
    targets, y = drawn("multi_label", rows, seed)
    outputs = outputs_of(targets, rows, seed).round(decimals=decimals)  # few decimals: many ties
    areas = []
    for scores, labels in zip(outputs.T, y.T, strict=True):
        known = ~labels.isnan()
        if 0 < labels[known].sum() < known.sum():
            areas.append(roc_auc_score(labels[known].numpy(), scores[known].numpy()))
    expected = sum(areas) / len(areas) if areas else 0.5
    assert targets.score(outputs, y) == pytest.approx(expected)
    assert float(targets.contributions(outputs, y).mean()) == pytest.approx(expected)


def test_the_standard_error_of_labels_is_that_of_a_bootstrap() -> None:
    targets, y = drawn("multi_label", 200)
    outputs = outputs_of(targets, 200) + 1.5 * y.nan_to_num(0.5)
    one = targets.contributions(outputs, y)
    error = targets.standard_error(one, torch.zeros_like(one), y)
    generator, scores = torch.Generator().manual_seed(0), []
    for _ in range(300):
        rows = torch.randint(200, (200,), generator=generator)
        scores.append(targets.score(outputs[rows], y[rows]))
    assert error == pytest.approx(float(torch.tensor(scores).std()), rel=0.25)


@given(seed=st.integers(0, 1000))
def test_the_score_of_numbers_is_the_share_of_variance_explained(seed: int) -> None:
    targets, y = drawn("regression", 30, seed)
    outputs = outputs_of(targets, 30, seed)
    said = targets.answers(outputs)
    expected = [
        r2_score(goal[known].numpy(), given[known].numpy())
        for goal, given in zip(y.T, said.T, strict=True)
        if (known := ~goal.isnan()).sum() > 1
    ]
    assert targets.score(outputs, y) == pytest.approx(sum(expected) / len(expected), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_soft_targets_of_perfect_scores_are_the_targets(kind: str) -> None:
    targets, y = drawn(kind)
    goals = targets.goals(y)
    soft = targets.soft(targets.regressands(y).clone(), 100.0)
    known = ~goals.isnan()
    torch.testing.assert_close(soft.double()[known], targets.softened(y).double()[known], rtol=1e-4, atol=1e-4)
    assert targets.regressands(y).isfinite().all()
    assert torch.equal(targets.centred(y).isnan(), goals.isnan())


@pytest.mark.parametrize("kind", ["multi_label", "regression"])
@pytest.mark.parametrize("most", [1, 2, 4, 30])
def test_each_stratum_has_training_items(kind: str, most: int) -> None:
    plain, y = drawn(kind)
    targets = plain.stratified(y, most)
    counts = torch.bincount(targets.classes(y), minlength=targets.num_classes)
    assert len(counts) == targets.num_classes <= most
    assert (counts > 0).all()
    nothing = torch.full((2, targets.outputs), torch.nan)
    assert targets.classes(nothing).tolist() == [-1, -1]
    assert torch.equal(targets.memberships(y).argmax(dim=1), targets.classes(y))


def test_classes_need_no_strata() -> None:
    targets, y = drawn("single_label")
    assert targets.stratified(y, 2) is targets
    assert targets.classes(y) is y


def test_synthetic_labels_are_as_frequent_as_they_are_likely() -> None:
    targets, _ = drawn("multi_label")
    soft = torch.rand(40, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.1, 0.4, 0.9, 1.0])
    made = targets.made(torch.zeros(40, dtype=torch.int64), soft)
    assert torch.equal(made.sum(dim=0), soft.sum(dim=0).round())
    for column, likely in zip(made.T.bool(), soft.T, strict=True):
        assert not column.any() or column.all() or likely[column].min() >= likely[~column].max()


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_is_the_constant_of_the_least_loss(kind: str) -> None:
    targets, y = drawn(kind, 60)
    row = targets.prior(y).double().requires_grad_()
    (slope,) = torch.autograd.grad(targets.losses(row.expand(len(y), -1), y).sum(), row)
    assert slope.abs().max() < 1e-3


def test_a_kernel_regression_leaves_missing_targets_out() -> None:
    y = torch.tensor([[1.0, torch.nan], [0.0, 2.0]])
    prediction = torch.tensor([[0.5, 9.0], [0.5, 1.0]], requires_grad=True)
    loss = squared_error(prediction, Batch(torch.zeros(2, 1), y))
    loss.backward()
    assert float(loss.detach()) == pytest.approx((0.25 + 0.25 + 1.0) / 4)
    assert torch.equal(prediction.grad, torch.tensor([[-0.25, 0.0], [0.25, -0.5]]))


def test_a_network_of_any_module_predicts_classes() -> None:
    assert Network(lambda: torch.nn.Linear(2, 3), 3).targets == SingleLabel(3)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (torch.tensor([0, 1, 2]), "single_label"),
        (torch.tensor([0.0, 1.0, torch.nan]), "single_label"),
        (torch.tensor([[0], [1]]), "single_label"),
        (torch.tensor([0.5, 1.0]), "regression"),
        (torch.tensor([[0.5], [1.0]]), "regression"),
        (torch.tensor([[0, 1], [1, -1]]), "multi_label"),
        (torch.tensor([[True, False], [True, True]]), "multi_label"),
        (torch.tensor([[0.0, torch.nan], [1.0, 0.0]]), "multi_label"),
        (torch.tensor([[0.0, 2.0], [1.0, 0.0]]), "regression"),
    ],
)
def test_values_show_what_is_learned(y: Tensor, kind: str) -> None:
    assert kind_of(y, None) == kind


@pytest.mark.parametrize(
    ("y", "asked", "sentence"),
    [
        (torch.tensor([[0, 3], [1, 0]]), None, "2 columns of integers such as 3"),
        (torch.tensor([0.5, 1.0]), "single_label", "holds fractions, which are no classes; pass target='regression'"),
        (torch.eye(3), "single_label", "has 3 columns, and target='single_label' is for one class each"),
        (torch.tensor([[0.5, 1.0]]), "multi_label", "must hold 0, 1 or NaN for target='multi_label', got 0.5"),
        (torch.tensor([1.0, torch.inf]), None, "holds infinity .first: row 1.; put NaN"),
        (torch.zeros(2, 2, 2), None, r"must have the shape \(n,\) or \(n, targets\), got \(2, 2, 2\)"),
        (torch.zeros(2, 0), None, r"must have the shape"),
    ],
)
def test_values_that_no_kind_has_are_told(y: Tensor, asked: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        kind_of(y, asked)  # type: ignore[arg-type]  # a name of TARGETS


def test_complex_values_are_told() -> None:
    with pytest.raises(TypeError, match="must be a dense tensor of real numbers"):
        kind_of(torch.zeros(3, dtype=torch.complex64), None)


def test_names_of_kinds_are_checked() -> None:
    assert check_kind(None) is None
    assert [check_kind(name) for name in TARGETS] == list(TARGETS) == [one.kind for one in EVERY]
    with pytest.raises(ValueError, match="target must be one of 'single_label', 'multi_label', 'regression', got 'x'"):
        check_kind("x")
    with pytest.raises(TypeError, match="target must be one of"):
        check_kind(3)


@pytest.mark.parametrize(
    ("y", "kind", "sentence"),
    [
        (torch.tensor([[0.0, 1.0], [0.0, torch.nan], [0.0, 0.0]]), "multi_label", "column 0 of y is never 1, without"),
        (torch.tensor([[1.0, 1.0], [1.0, 0.0]]), "multi_label", "column 0 of y is 1 wherever it is known"),
        (torch.tensor([[2.5], [2.5]]), "regression", "column 0 of y is 2.5 everywhere: there is nothing to predict"),
        (torch.tensor([[torch.nan, 1.0], [torch.nan, 0.0]]), "regression", "no known value in column 0; drop it"),
        (
            as_columns(torch.tensor([1e300, 0.0], dtype=torch.float64), "regression"),
            "regression",
            "beyond float32; scale them down",
        ),
    ],
)
def test_columns_that_say_nothing_are_told(y: Tensor, kind: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_columns(y, kind, "y")  # type: ignore[arg-type]  # a name of TARGETS


def test_columns_that_training_items_do_not_tell_are_noted() -> None:
    y = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    notes: list[str] = []
    targets = targets_of("multi_label", y, torch.tensor([True, True, False]), notes)
    assert targets.outputs == 2
    assert notes == ["No training item tells column 0 of y apart: their known values are all the same."]
    constant = targets_of("regression", y, torch.tensor([True, True, False]), [])
    assert constant.losses(torch.zeros(3, 2), y).isfinite().all()


@pytest.mark.parametrize(
    ("task_type", "num_tasks", "kind"),
    [
        ("binary classification", 1, "single_label"),
        ("binary classification", "12", "multi_label"),
        ("multiclass classification", 1, "single_label"),
        ("regression", 3, "regression"),
        ("subtoken prediction", 1, None),
        (7, 1, None),
    ],
)
def test_ogb_says_what_is_learned(task_type: object, num_tasks: object, kind: str | None) -> None:
    dataset = type("Dataset", (), {"task_type": task_type, "num_tasks": num_tasks})()
    assert published_kind(dataset) == kind
