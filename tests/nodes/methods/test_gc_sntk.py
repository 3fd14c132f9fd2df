"""GC-SNTK: what the regression on its nodes predicts, units, labels, and the batches of labelled nodes."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures

import graphcond
from graphcond import GCSNTK, Checkpoint, CondensedDataset
from graphcond.api import list_methods
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.losses import squared_error
from graphcond.core.ranges import root_mean_square
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import MultiLabel, Regression, SingleLabel
from graphcond.nodes import quick_validation
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.methods.gc_sntk import LabelledNodes, uniform_noise
from graphcond.nodes.methods.node_kernels import SNTK, FeatureScale, WideGCN
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import NodeTask
from graphcond.surrogates.structured_width import Neighbourhood, StructuredWidth

pytestmark = pytest.mark.usefixtures("quick")

STEPS = 12


@pytest.fixture
def without_validation(toy: Data) -> Data:
    """The toy graph without validation nodes: the last step is kept, whatever it is worth."""
    toy.val_mask[:] = False
    return toy


def condense(data: Data | NodeTask, method: GCSNTK, **options: Any) -> CondensedDataset:
    return graphcond.condense(data, method=method, **({"size": 6} | options))


def prediction(method: GCSNTK, task: NodeTask, split: str, small: CondensedDataset) -> tuple[Neighbourhood, Tensor]:
    """The nodes of a split, and what the regression on condensed nodes predicts for them."""
    part = getattr(task, split)
    return method.seen(part, task.targets, method.scale(task)), method.predict(task, part, small[0])


def test_it_is_registered_with_the_published_kernel_and_the_published_run_as_a_preset():
    assert NODE_METHODS.resolve("gc_sntk") == GCSNTK(kernel=SNTK(aggregations=2, layers=2))
    assert list_methods()["gc_sntk"].startswith("Kernel ridge regression on synthetic nodes")
    assert NODE_METHODS.resolve("gc_sntk(kernel=WideGCN(depth=1))").kernel.surrogate == StructuredWidth(depth=1)
    assert GCSNTK.preset("published") == GCSNTK(
        kernel=SNTK(aggregations=2, layers=2, average=True, late_slope=True), hops=3, standardize=True, softmax=True,
        ridge=1.0, start="noise", steps=200, features_rate=0.01, labels_rate=0.01, real_per_class=1_000_000,
        validate=False,
    )  # fmt: skip
    assert GCSNTK.preset("cora") == GCSNTK.preset("published")
    assert GCSNTK.preset("pubmed").ridge == 1e-3
    with pytest.raises(ValueError, match="preset"):
        GCSNTK.preset("kora")


def test_the_regression_learns_to_predict_the_labelled_nodes(without_validation):
    method, errors = GCSNTK(labels_rate=0.0), []
    task = read_nodes(without_validation)
    for steps in (1, 40):
        small = condense(without_validation, replace(method, steps=steps))
        nodes, predicted = prediction(method, task, "train", small)
        errors.append(squared_error(predicted, nodes).item())
    assert errors[1] < 0.6 * errors[0]
    nodes, predicted = prediction(method, task, "test", small)
    assert (predicted.argmax(dim=1) == nodes.classes).float().mean() > 0.9


def test_nodes_are_seen_in_a_unit_with_targets(without_validation):
    task, method = read_nodes(without_validation), GCSNTK(hops=0, kernel=WideGCN(depth=1, hops_per_layer=0))
    plain = FeatureScale(torch.tensor(2.0), torch.tensor(0.0), torch.tensor(1.0))
    seen = method.seen(task.train, SingleLabel(3), plain)
    torch.testing.assert_close(seen.x, task.train.graph.x[task.train.nodes] / 2)
    assert torch.equal(seen.classes, task.train.labels)
    torch.testing.assert_close(seen.y.sum(dim=1), torch.ones(len(seen)))


SETTINGS = [
    {"hops": 0}, {"kernel": SNTK(layers=1)}, {"kernel": SNTK(average=False)}, {"kernel": SNTK(late_slope=False)},
    {"kernel": WideGCN()}, {"ridge": 0.1}, {"standardize": True}, {"softmax": True}, {"start": "noise"},
]  # fmt: skip


@pytest.mark.parametrize("field", SETTINGS, ids=str)
def test_settings_matter(without_validation, field):
    first, second = (condense(without_validation, GCSNTK(steps=3, **fields)) for fields in ({}, field))
    assert not torch.equal(first[0].x, second[0].x)


@pytest.mark.parametrize("fields", [{}, {"standardize": True, "start": "noise"}, {"standardize": False}], ids=str)
@pytest.mark.parametrize("factor", [1e-3, 50.0])
def test_the_unit_of_the_features_does_not_matter(without_validation, factor, fields):
    other = copy.copy(without_validation)
    other.x = factor * without_validation.x
    first, second = (condense(data, GCSNTK(steps=5, **fields)) for data in (without_validation, other))
    torch.testing.assert_close(second[0].x / factor, first[0].x, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(second[0].y_soft, first[0].y_soft, rtol=1e-3, atol=1e-3)


def test_features_of_zeros_are_a_unit_as_well(without_validation):
    without_validation.x = torch.zeros_like(without_validation.x)
    assert root_mean_square(read_nodes(without_validation).train.graph.x) == 1
    assert bool(condense(without_validation, GCSNTK(steps=2))[0].x.isfinite().all())


def test_standardized_features_and_back(toy):
    toy.x[:, 2] = 7.0  # the same in all nodes
    task = read_nodes(toy)
    x = task.train.graph.x
    scale = GCSNTK(standardize=True).scale(task)
    seen, others = scale.to_kernel(x), torch.arange(x.size(1)) != 2
    expected = ((x - x.mean(dim=0)) / x.std(dim=0))[:, others]
    torch.testing.assert_close(seen[:, others], expected, rtol=1e-4, atol=1e-4)
    assert seen[:, 2].abs().max() < 1e-5
    torch.testing.assert_close(scale.from_kernel(seen), x)
    torch.testing.assert_close(scale.from_kernel(torch.rand(4, x.size(1)))[:, 2], torch.full((4,), 7.0))


def test_noise_is_uniform_and_in_the_order_of_the_targets():
    goals = torch.eye(3)[torch.arange(300) % 3]
    scale = FeatureScale(torch.tensor(1.0), torch.zeros(2), torch.tensor([1.0, 0.0]))
    with seeded(0):
        x, noise = uniform_noise(torch.ones(300, 2), goals, scale)
    assert torch.equal(noise.argmax(dim=1), goals.argmax(dim=1))
    assert torch.equal(x[:, 1], torch.zeros(300))
    assert 0.4 < x[:, 0].mean() < 0.6
    assert 0.4 < noise.mean() < 0.6
    second = noise.masked_fill(goals > 0, -1).argmax(dim=1)
    assert set(((second - goals.argmax(dim=1)) % 3).tolist()) == {1, 2}  # the others are in any order


@pytest.mark.parametrize("start", ["real", "noise"])
def test_the_published_run_keeps_the_last_step(toy, start):
    method = replace(GCSNTK.preset("published"), steps=STEPS, start=start)
    small = condense(toy, method)
    assert small.record.choices == {"kept_step": STEPS, "steps": STEPS, "complete": True, "scores": []}
    assert torch.equal(small[0].y, condense(toy, GCSNTK(steps=1))[0].y)


@pytest.mark.parametrize("softmax", [False, True])
def test_targets_that_do_not_move_stay_the_classes(without_validation, softmax):
    methods = (GCSNTK(steps=20, labels_rate=rate, softmax=softmax) for rate in (0.0, 0.1))
    fixed, moved = (condense(without_validation, method)[0] for method in methods)
    torch.testing.assert_close(fixed.y_soft, torch.nn.functional.one_hot(fixed.y, 3).float())
    if softmax:  # without one, what the others gained is negative here and left out
        assert not torch.allclose(moved.y_soft, fixed.y_soft)
    assert torch.equal(moved.y, fixed.y)  # the class that a node was asked for


def test_targets_as_probabilities():
    targets = torch.tensor([[0.5, 1.5, -0.2], [-1.0, 0.0, -0.5], [2.0, 0.0, 0.0]])
    expected = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(SingleLabel(targets.size(1)).from_goals(targets, torch.tensor([1, 2, 0])), expected)


def test_the_regression_tells_the_same_from_probabilities_as_from_learned_logits():
    generator = torch.Generator().manual_seed(0)
    learned = 3 * torch.randn(6, 4, generator=generator) + torch.randn(6, 1, generator=generator)
    soft = SingleLabel(4).from_logits(learned, torch.zeros(6, dtype=torch.int64))
    assert (soft >= 0).all()
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    weights = torch.randn(50, 6, generator=generator)
    assert torch.equal((weights @ soft).argmax(dim=1), (weights @ learned).argmax(dim=1))
    same = SingleLabel(4).from_logits(torch.ones(2, 4), torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(same, torch.full((2, 4), 0.25))


@pytest.mark.parametrize("kind", [MultiLabel, Regression])
def test_the_published_error_is_that_of_the_targets_kind(kind):
    y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    targets, outputs = kind.of(y), torch.tensor([[2.0, -1.0]])
    expected = outputs.sigmoid() if kind is MultiLabel else outputs
    torch.testing.assert_close(targets.on_goals(outputs), expected)
    soft = targets.from_logits(outputs.clone(), y[:1])
    torch.testing.assert_close(soft, expected if kind is MultiLabel else targets.predictions(outputs))


def test_the_nodes_with_the_best_validation_are_kept(toy):
    small = condense(toy, GCSNTK(steps=STEPS))
    choices = small.record.choices
    scores = dict(choices["scores"])
    assert scores[choices["kept_step"]] == max(scores.values())
    assert (choices["steps"], choices["complete"]) == (STEPS, True)
    stopped = condense(toy, GCSNTK(steps=STEPS), run=graphcond.Run(max_seconds=1e-9))
    assert stopped.record.choices["kept_step"] == 1


def test_what_is_validated_is_what_is_given_back(toy, monkeypatch):
    validations, run = [], quick_validation.QuickValidation.run

    def spy(self: Any, x: Tensor, y: Tensor, **more: Any) -> Any:
        validations.append((x[0], y))
        return run(self, x, y, **more)

    monkeypatch.setattr(quick_validation.QuickValidation, "run", spy)
    small = condense(toy, GCSNTK(steps=1))
    ((x, y),) = validations
    assert torch.equal(x, small[0].x)
    assert torch.equal(y[0], small[0].y)


def test_without_validation_nodes_the_last_step_is_kept(without_validation):
    assert condense(without_validation, GCSNTK(steps=STEPS)).record.choices == {
        "kept_step": STEPS, "steps": STEPS, "complete": True, "scores": [],
    }  # fmt: skip


def test_an_interrupted_run_that_draws_nodes_ends_on_the_same_bits(without_validation, tmp_path):
    method = GCSNTK(steps=4, real_per_class=2)
    whole = condense(without_validation, method)
    run = graphcond.Run(max_seconds=1e-9, checkpoint=Checkpoint(tmp_path / "state", every_seconds=0))
    for _ in range(4):
        last = condense(without_validation, method, run=run)
    assert last.record.choices == whole.record.choices
    for name, value in whole[0]:
        assert torch.equal(value, last[0][name]), name


def test_batches_hold_so_many_labelled_nodes_of_each_class(toy):
    task, method = read_nodes(toy), GCSNTK()
    nodes = method.seen(task.train, SingleLabel(3), method.scale(task))
    whole = LabelledNodes(nodes, 256)
    assert whole.constant
    assert whole(0) is nodes
    few = LabelledNodes(nodes, 2)
    assert not few.constant
    with seeded(0):
        first, second, *others = (few(step) for step in range(20))
    for batch in (first, second, *others):
        assert torch.bincount(batch.classes).tolist() == [2, 2, 2]
    assert not torch.equal(first.x, second.x)
    # A node is seen in a batch as it is among all.
    made = Batch(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), torch.eye(4))
    every, some = (method.kernel.surrogate.cross((), batch, made) for batch in (nodes, first))
    gaps = (some.unsqueeze(1) - every).abs().amax(dim=2)
    assert gaps.amin(dim=1).max() < 1e-4
    assert len(gaps.argmin(dim=1).unique()) == 6


def test_in_the_inductive_setting_the_regression_predicts_other_graphs(toy):
    small = condense(graphcond.read(toy, inductive=True), GCSNTK(steps=30))
    nodes, predicted = prediction(GCSNTK(), read_nodes(toy, inductive=True), "test", small)
    assert (predicted.argmax(dim=1) == nodes.classes).float().mean() > 0.8


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"hops": -1}, ValueError, "hops must be at least 0, got -1"),
        ({"kernel": StructuredWidth()}, TypeError, r"kernel must be SNTK\(\) or WideGCN\(\), got StructuredWidth"),
        ({"start": "zero"}, ValueError, "start must be 'real' or 'noise', got 'zero'"),
        ({"softmax": 1}, TypeError, "softmax must be True or False, got 1"),
        ({"ridge": 0.0}, ValueError, "ridge must be positive, got 0.0"),
        ({"steps": 2.0}, TypeError, "steps must be a whole number, got 2.0"),
        ({"features_rate": 0.0}, ValueError, "features_rate must be positive"),
        ({"labels_rate": -0.1}, ValueError, "labels_rate must be at least 0"),
        ({"real_per_class": 0}, ValueError, "real_per_class must be positive"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        GCSNTK(**fields)


@pytest.mark.slow
def test_cora_with_35_nodes(real_data: Callable[[str], Path], monkeypatch) -> None:
    monkeypatch.undo()
    data = NormalizeFeatures()(graphcond.datasets.load("cora", real_data("Planetoid/Cora"))[0])
    small = graphcond.condense(data, size=35, method=GCSNTK(steps=60))
    assert graphcond.evaluate(small, data, protocol="standard(runs=1)", controls=False).best.mean > 0.76
