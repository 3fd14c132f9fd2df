"""Several labels and numbers as targets of graphs: reading, methods, files, evaluation."""

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

import graphcond
from graphcond.core.size import Size
from graphcond.core.targets import MultiLabel, Regression, SingleLabel, Targets
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.duplicates import find_duplicates
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.linear_models import linear_models
from graphcond.graphs.methods import METHODS
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.methods.validation import GraphValidation
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.source import union
from graphcond.graphs.storage.label_bits import packed_labels, unpacked_labels
from graphcond.graphs.storage.packing import from_tensors, pack, to_tensors
from graphcond.graphs.task import GraphTask
from graphcond.graphs.teacher import teach

COUNT = 60
SPLIT = {"train": range(40), "valid": range(40, 50), "test": range(50, 60)}
KINDS = ("labels", "one number", "numbers")
SHORT = GraphProtocol(hidden=8, layers=2, steps=6, passes=1, validations=3)


class Stored(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, items: list[Data]) -> None:
        super().__init__(root=None)
        self._data, self.slices = self.collate(items)


class LikeOGB(Stored):
    """A dataset that names its tasks as OGB does."""

    def __init__(self, items: list[Data], task_type: str, num_tasks: int) -> None:
        super().__init__(items)
        self.task_type, self.num_tasks = task_type, num_tasks


def targets_of(item: Data, i: int, kind: str) -> Tensor:
    """Return targets that the nodes tell, some of them missing."""
    share = float((item.x[:, 0] > 0).float().mean())
    gap = math.nan if i % 5 == 0 else 1.0
    if kind == "labels":
        return torch.tensor([[float(item.num_nodes > 4), float(share > 0.5) * gap, float(i % 3 == 0)]])
    if kind == "one number":
        return torch.tensor([item.num_nodes + share])
    return torch.tensor([[item.num_nodes + share, 1000 * share * gap]])


@pytest.fixture
def graphs(make_graphs: Callable[..., list[Data]]) -> Callable[[str], list[Data]]:
    def make(kind: str) -> list[Data]:
        items = make_graphs(COUNT)
        for i, item in enumerate(items):
            item.y = targets_of(item, i, kind)
        return items

    return make


@pytest.fixture
def task(graphs: Callable[[str], list[Data]]) -> Callable[[str], GraphTask]:
    return lambda kind: read_graphs(graphs(kind), split=SPLIT)


def same(one: Tensor, other: Tensor) -> bool:
    return (
        one.dtype == other.dtype and one.shape == other.shape and torch.equal(one.nan_to_num(-9), other.nan_to_num(-9))
    )


# Reading


@pytest.mark.parametrize("wrap", [list, Stored])
@pytest.mark.parametrize("kind", KINDS)
def test_targets_are_read_as_they_are(graphs, wrap, kind):
    items = graphs(kind)
    before = copy.deepcopy(items)
    read = read_graphs(wrap(items), split=SPLIT)
    assert isinstance(read.targets, MultiLabel if kind == "labels" else Regression)
    assert read.targets.outputs == items[0].y.numel()
    assert read.metric == read.targets.metric
    assert read.num_classes == 1
    for found, item in zip(read.train.data(), before, strict=False):
        assert same(found.y, item.y)
    for item, old in zip(items, before, strict=True):
        assert same(item.y, old.y)


@pytest.mark.parametrize("wrap", [list, Stored])
def test_a_flat_row_of_targets_is_a_row(graphs, wrap):
    flat = graphs("numbers")
    for item in flat:
        item.y = item.y.flatten()
    read = read_graphs(wrap(flat), split=SPLIT)
    assert read.fingerprint() == read_graphs(graphs("numbers"), split=SPLIT).fingerprint()


def test_a_graph_may_have_as_many_nodes_as_targets(graphs):
    items = graphs("labels")
    for item in items:
        item.y = item.y.flatten()
    first = next(i for i, item in enumerate(items) if item.num_nodes == 3)
    others = [item for i, item in enumerate(items) if i != first and item.num_nodes != 3]
    assert read_graphs([items[first], *others]).targets.outputs == 3


def test_one_number_may_be_a_column(graphs):
    columns = graphs("one number")
    for item in columns:
        item.y = item.y.reshape(1, 1)
    read = read_graphs(columns, split=SPLIT)
    assert read.train.data()[0].y.shape == (1, 1)
    assert read.train.labels.shape == (40, 1)
    assert read_graphs(graphs("one number"), split=SPLIT).train.labels.shape == (40,)
    assert read_graphs(graphs("one number"), split=SPLIT).train.learned.shape == (40, 1)


def test_the_kind_that_is_asked_for_goes_before_what_values_look_like(make_graphs):
    items = make_graphs(COUNT)  # classes 0 and 1
    assert isinstance(read_graphs(items, split=SPLIT).targets, SingleLabel)
    assert isinstance(read_graphs(items, split=SPLIT, target="multi_label").targets, MultiLabel)
    numbers = read_graphs(items, split=SPLIT, target="regression")
    assert isinstance(numbers.targets, Regression)
    assert numbers.train.data()[1].y.tolist() == [1.0]


@pytest.mark.parametrize(
    ("task_type", "num_tasks", "kind"),
    [
        ("regression", 1, Regression),
        ("binary classification", 1, SingleLabel),
        ("multiclass classification", 1, SingleLabel),
        ("something else", 1, SingleLabel),
    ],
)
def test_datasets_of_ogb_say_what_their_targets_are(make_graphs, task_type, num_tasks, kind):
    assert isinstance(read_graphs(LikeOGB(make_graphs(COUNT), task_type, num_tasks)).targets, kind)


def test_several_tasks_of_ogb_are_labels(graphs):
    items = graphs("labels")
    assert isinstance(read_graphs(LikeOGB(items, "binary classification", 3)).targets, MultiLabel)


def test_graphs_of_which_nothing_is_known_are_left_out_with_a_note(graphs):
    items = graphs("labels")
    for i in (1, 6, 41):
        items[i].y = torch.full((1, 3), math.nan)
    read = read_graphs(items, split=SPLIT)
    assert (len(read.train), len(read.val), len(read.test)) == (38, 9, 10)
    assert [note for note in read.notes if "label" in note] == [
        "2 graphs of the train split have no label and were left out.",
        "1 graphs of the valid split have no label and were left out.",
    ]


def test_folds_spread_the_numbers(graphs):
    read = read_graphs(graphs("one number"), split=3)
    assert [len(part) for part in (read.train, read.val, read.test)] == [48, 6, 6]
    everything = torch.cat([part.learned for part in (read.train, read.val, read.test)])
    assert float(read.test.learned.std()) > 0.5 * float(everything.std())


def put(i: int, y: Tensor) -> Callable[[list[Data]], None]:
    def change(items: list[Data]) -> None:
        items[i].y = y

    return change


def everywhere(make: Callable[[int], Tensor]) -> Callable[[list[Data]], None]:
    def change(items: list[Data]) -> None:
        for i, item in enumerate(items):
            item.y = make(i)

    return change


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (put(3, torch.ones(1, 2)), None, r"^dataset\[3\].y holds 2 values, but others hold 3: all graphs need as many"),
        (put(4, torch.ones(3, 1)), None, r"^dataset\[4\].y has the shape \(3, 1\), but a graph has one class"),
        (put(7, torch.tensor([[0.0, math.inf, 1.0]])), None, r"^data.y holds infinity \(first: row 7\)"),
        (everywhere(lambda i: torch.tensor([[float(i % 2), 0.0]])), None, "column 1 of data.y is never 1"),
        (everywhere(lambda i: torch.tensor([[i / 3, 2.5]])), None, "column 1 of data.y is 2.5 everywhere"),
        (
            everywhere(lambda i: torch.tensor([[i / 3, math.nan]])),
            None,
            "known value in column 1 of y; label",
        ),
        (everywhere(lambda i: torch.tensor([i / 3])), "single_label", "fractions, which are no classes"),
        (everywhere(lambda i: torch.tensor([i / 3])), "multi_label", "must hold 0, 1 or NaN"),
        (everywhere(lambda i: torch.tensor([[i % 2, 1.0]])), "single_label", "2 columns, and target='single_label'"),
        (everywhere(lambda i: torch.tensor([[1e300, i]], dtype=torch.float64)), None, "beyond float32"),
    ],
)
def test_bad_targets(graphs, change, target, message):
    items = graphs("labels")
    change(items)
    with pytest.raises(ValueError, match=message):
        read_graphs(items, split=SPLIT, target=target)


def test_a_kind_that_there_is_not(graphs):
    with pytest.raises(ValueError, match=r"^target must be one of 'single_label', 'multi_label', 'regression', got"):
        read_graphs(graphs("labels"), split=SPLIT, target="ranking")
    with pytest.raises(TypeError, match=r"^target must be one of"):
        read_graphs(graphs("labels"), split=SPLIT, target=3)


# Strata


@pytest.mark.parametrize("kind", KINDS)
def test_strata_are_derived(task, kind):
    read = task(kind)
    ready = read.stratified(4)
    assert 2 <= ready.num_classes <= 4
    assert int(ready.class_counts.min()) > 0
    assert int(ready.class_counts.sum()) == len(read.train)
    assert ready.fingerprint() == read.fingerprint()
    assert ready.digest == read.digest
    assert torch.equal(ready.val.y, ready.targets.classes(read.val.learned))


def test_classes_need_no_strata(make_graphs):
    read = read_graphs(make_graphs(COUNT), split=SPLIT)
    assert read.stratified(2) is read


def test_strata_of_one_number_are_intervals(task):
    ready = task("one number").stratified(5)
    order = ready.train.targets.argsort()
    assert int((ready.train.y[order].diff() != 0).sum()) == ready.num_classes - 1


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_for_each_class_are_refused(task, kind):
    with pytest.raises(ValueError, match=r"^size='2/class' is for classes, but graphs have .*; ask for a total"):
        graphcond.condense(task(kind), size="2/class", method="random")


# Gradients


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("readout", ["sum", "mean"])
def test_gradients_are_those_of_the_loss(task, kind, readout):
    """Closed-form gradients against autograd: cross-entropy or squared error over the known targets of each stratum."""
    ready = task(kind).stratified(3)
    batch = union(ready.train, readout)
    doubles = {name: getattr(batch, name).double() for name in ("x", "y", "adj", "share")}
    batch = dataclasses.replace(batch, **doubles)
    surrogate = Convolutions(batch.x.size(1), 5, ready.targets, 2, torch.zeros(1, dtype=torch.float64))
    torch.manual_seed(0)
    weights = tuple(weight.requires_grad_() for weight in surrogate.init())
    losses = plain_losses(ready.targets, surrogate.logits(weights, batch), ready.train.learned.double())
    sums = surrogate.class_gradients(weights, batch)
    for stratum in range(ready.num_classes):
        expected = torch.autograd.grad(losses[ready.train.y == stratum].sum(), weights, retain_graph=True)
        for found, right in zip(sums.sums, expected, strict=True):
            assert torch.allclose(found[stratum], right)
    expected = torch.autograd.grad(losses.mean(), weights)
    for found, right in zip(surrogate.loss_gradients(weights, batch), expected, strict=True):
        assert torch.allclose(found, right)


def plain_losses(targets: Targets, outputs: Tensor, y: Tensor) -> Tensor:
    """Return the loss of each graph, label by label and number by number."""
    rows = []
    for out, row in zip(outputs, y, strict=True):
        total = out.sum() * 0
        for j in range(len(row)):
            if math.isnan(row[j]):
                continue
            if isinstance(targets, MultiLabel):
                p = torch.sigmoid(out[j])
                total = total - (row[j] * p.log() + (1 - row[j]) * (1 - p).log())
            else:
                total = total + (out[j] - (row[j] - targets.mean[j].double()) / targets.scale[j].double()) ** 2 / 2
        rows.append(total)
    return torch.stack(rows)


# The teacher, and what else is linear


@pytest.mark.parametrize("kind", KINDS)
def test_the_teacher_learns(task, kind):
    read = task(kind)
    teacher = teach(read)
    outputs = teacher.outputs(read.train)
    assert outputs.shape == (40, read.targets.outputs)
    assert read.targets.score(torch.from_numpy(outputs), read.train.learned) > (0.7 if kind == "labels" else 0.4)
    soft = teacher.soft(outputs, read.train.y, read.train.y)
    assert soft.dtype == torch.float32
    said = read.targets.predictions(torch.from_numpy(outputs)).float()
    unit = 1.0 if kind == "labels" else read.targets.scale
    assert float(((soft - said).abs() / unit).max()) <= 1 / 255


def test_a_label_that_is_always_the_same_gets_its_share():
    y = torch.tensor([[0.0, math.nan, 1.0], [0.0, math.nan, 0.0], [math.nan, math.nan, 1.0]])
    models = linear_models(MultiLabel.of(y))
    found = models.fit_few(torch.randn(3, 2).numpy(), y)(torch.randn(4, 2).numpy())
    assert found.shape == (4, 3)
    assert (found[:, 0] < -10).all()
    assert (found[:, 1] == 0).all()


def test_numbers_are_fitted_where_they_are_known():
    points = torch.linspace(-1, 1, 50).reshape(-1, 1).numpy()
    y = torch.from_numpy(points).float() @ torch.tensor([[3.0, -2.0]]) + torch.tensor([5.0, 1.0])
    y[::2, 1] = math.nan
    targets = Regression.of(y)
    said = targets.predictions(torch.from_numpy(linear_models(targets).fit_few(points, y)(points)))
    assert torch.allclose(said[:, 0].float(), y[:, 0], atol=0.3)
    assert torch.allclose(said[1::2, 1].float(), y[1::2, 1], atol=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_is_what_a_bias_alone_learns(task, kind):
    """The gradient of the loss of constant outputs vanishes at the prior."""
    read = task(kind)
    y = read.train.learned
    bias = read.targets.prior(y).double().requires_grad_()
    read.targets.losses(bias.expand(len(y), -1), y.double()).sum().backward()
    assert bias.grad.abs().max() < 1e-3


def test_the_prior_of_classes_is_their_shares():
    assert SingleLabel(2).prior(torch.tensor([0, 0, 0, 1])).exp().tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("kind", KINDS)
def test_short_trainings_compare_candidates(task, kind):
    read = task(kind)
    validation = GraphValidation(read)
    items = read.train.data()
    outcome = validation.outcome(items)
    assert outcome.score <= 1
    assert float(outcome.contributions.mean()) == pytest.approx(outcome.score)
    assert not validation.clearly_better(outcome, outcome)


# Methods


SIZED = [name for name in METHODS if METHODS[name]().sized]


@pytest.mark.parametrize("size", ["8", "700B"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SIZED)
def test_every_method_condenses_what_it_is_for(task, tmp_path, name, kind, size):
    read, method = task(kind), METHODS.quick(name)
    if not isinstance(read.targets, method.targets):
        with pytest.raises(ValueError, match=f"^method='{name}' is not for .*; choose from "):
            graphcond.condense(read, size=size, method=method)
        return
    if name in ("doscond", "kidd") and size.endswith("B"):
        pytest.skip("it makes a number of graphs")
    small = graphcond.condense(read, size=size, method=method)
    assert small.num_classes == read.targets.outputs
    assert small.record.source["target"] == read.targets.kind
    assert len(small) <= 8 or size.endswith("B")
    assert small.nbytes <= 700 or size == "8"
    for item in small:
        assert item.y.dtype == torch.float32
        assert item.y.shape == read.train.data()[0].y.shape
        assert not item.y.isnan().all()
        assert item.get("y_soft", torch.empty(1, read.targets.outputs)).shape == (1, read.targets.outputs)
    assert_same_items(small, graphcond.load(small.save(tmp_path / "small.safetensors")))


def assert_same_items(one: Any, other: Any) -> None:
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert set(mine.keys()) == set(theirs.keys())
        assert all(same(value, theirs[key]) for key, value in mine)


@pytest.mark.parametrize("kind", KINDS)
def test_folded_graphs_keep_their_targets(task, tmp_path, kind):
    read = task(kind)
    small = graphcond.condense(read, method="wl_fold")
    assert same(small[0].y, read.train.labels)
    assert_same_items(small, graphcond.load(small.save(tmp_path / "small.safetensors")))


def test_patterns_say_one_thing_each(task):
    read = task("labels")
    small = graphcond.condense(read, size="6", method="mirage")
    said = torch.cat([item.y for item in small])
    assert (~said.isnan()).sum(dim=1).tolist() == [1] * len(small)
    facts = {(int((~row.isnan()).nonzero()), float(row[~row.isnan()])) for row in said}
    assert facts == {(label, value) for label in range(3) for value in (0.0, 1.0)}


def test_groups_have_the_mean_of_their_numbers(task):
    read = task("one number")
    small = graphcond.condense(read, size=5, method="histograms")
    for item, members in zip(small, small.members, strict=True):
        assert float(item.y) == pytest.approx(float(read.train.targets[members].mean()), rel=1e-5)


def test_chosen_graphs_are_what_they_were(task):
    read = task("labels")
    small = graphcond.condense(read, size=6, method="random")
    for item, (i,) in zip(small, small.members, strict=True):
        assert same(item.y, read.train.targets[i : i + 1])


# Files


def test_labels_take_a_bit_each():
    y = torch.randint(2, (5, 12)).float()
    packed = packed_labels(y)
    assert packed["y_bits"].shape == (5, 2)
    assert "y_known" not in packed
    y[2, 3] = math.nan
    packed = packed_labels(y)
    assert packed["y_known"].shape == (5, 2)
    assert same(unpacked_labels(packed), y)


@pytest.mark.parametrize(
    "y", [torch.arange(3), torch.rand(3), torch.tensor([[0.5], [math.nan], [2.0]]), torch.zeros(3)]
)
def test_other_labels_stay_as_they_are(y):
    assert packed_labels(y).keys() == {"y"}
    assert same(unpacked_labels(packed_labels(y)), y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("y_bits", torch.zeros(4, 2, dtype=torch.uint8)),
        ("y_bits", torch.zeros(4, dtype=torch.uint8)),
        ("y_known", torch.zeros(3, 1, dtype=torch.uint8)),
        ("y_columns", torch.tensor([0])),
        ("y_columns", torch.tensor([99])),
        ("y_columns", torch.tensor([3, 3])),
    ],
)
def test_bits_that_do_not_fit_are_refused(name, value):
    packed = packed_labels(torch.tensor([[0.0, 1.0, math.nan]] * 4)) | {name: value}
    with pytest.raises(ValueError, match=r"^(y_bits|y_known|y_columns) must"):
        unpacked_labels(packed)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_count_targets(task, kind):
    items = task(kind).train.take(torch.arange(10)).data()
    for item in items:
        item.edge_index = item.edge_index.sort(dim=1).values[:, :0]
    tensors, _ = pack(items)
    of_labels = sum(value.numel() * value.element_size() for name, value in tensors.items() if name.startswith("y"))
    assert of_labels == {"labels": 10 * 2 + 1, "one number": 40, "numbers": 80}[kind]
    for item, old in zip(from_tensors(to_tensors(items)), items, strict=True):
        assert same(item.y, old.y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": torch.tensor([[math.inf, 0.0, 1.0]])}, "y must be finite"),
        ({"y": torch.ones(1, 2)}, r"y must have the shape \(1, 3\)"),
        ({"y": torch.ones(1)}, r"y must have the shape \(1, 3\)"),
        ({"y_soft": torch.ones(1, 2)}, r"y_soft must have the shape \(1, 3\)"),
        ({"y_soft": torch.full((1, 3), math.nan)}, "y_soft must be finite"),
    ],
)
def test_files_are_not_written_of_what_does_not_fit(task, tmp_path, change, message):
    small = graphcond.condense(task("labels"), size=4, method="random_soft")
    items = [small.get(i) for i in range(4)]
    for item in items:
        for name, value in change.items():
            item[name] = value
    with pytest.raises(ValueError, match=message):
        graphcond.CondensedDataset(items, small.record).save(tmp_path / "small.safetensors")


# Evaluation


def error(answers: Tensor, labels: Tensor) -> float:
    """Return minus the mean absolute error of what is known."""
    known = ~labels.isnan()
    return -float((answers.double() - labels)[known].abs().mean())


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_of_all_controls(task, kind):
    read = task(kind)
    small = graphcond.condense(read, size=8, method="random_soft")
    protocol = dataclasses.replace(SHORT, runs=2, metric=error)
    report = graphcond.evaluate(small, read, ["gin"], protocol=protocol, controls=list(GRAPH_CONTROLS))
    for row in report.rows:
        assert len(row.scores) >= 1, row.data
        assert all(math.isfinite(score) for score in row.scores), row.data
    assert len(report.row("random_soft").own_scores) == 2
    prior = report.row("prior").scores[0]
    goal, mine = read.test.learned.double(), read.train.learned.double().nanmean(dim=0)
    constant = mine.logit() if kind == "labels" else mine
    assert prior == pytest.approx(error(constant.expand(len(goal), -1), goal), rel=1e-4)


def test_a_dataset_is_read_again_as_it_was_condensed(graphs, make_graphs):
    items = make_graphs(COUNT)
    read = read_graphs(items, target="regression")
    small = graphcond.condense(read, size=6, method="random")
    assert small.record.source["target"] == "regression"
    protocol = dataclasses.replace(SHORT, runs=1, metric=error)
    report = graphcond.evaluate(small, items, ["gin"], protocol=protocol, controls=["prior"])
    assert report.row("prior").scores[0] == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("labels", torch.tensor([1]), r"holds torch.int64 of the shape \(1,\), and the dataset has 3 labels"),
        ("labels", torch.ones(1, 2), r"holds torch.float32 of the shape \(1, 2\), and the dataset has 3 labels"),
        ("numbers", torch.tensor([[1.0, math.inf]]), "y of the condensed data holds NaN or infinity"),
    ],
)
def test_graphs_of_a_users_own_have_targets_of_the_dataset(task, kind, y, message):
    read = task(kind)
    own = read.train.take(torch.arange(4)).data()
    for item in own:
        item.y = y
    with pytest.raises(ValueError, match=message):
        graphcond.evaluate(own, read, ["gin"], protocol=dataclasses.replace(SHORT, metric=error), controls=False)


def test_controls_have_as_many_graphs(task):
    read = task("numbers")
    evaluation = graphcond.graphs.evaluation.value.GRAPH_EVALUATION
    small = evaluation.given(graphcond.condense(read, size=7, method="random"))[0]
    budget = evaluation.control_size(read, small)
    assert len(evaluation.condense(METHODS.resolve("random"), read)(budget)) == 7


def test_allocations_of_other_classes_do_not_apply():
    budget = GraphBudget(Size.count(6), (6,))
    assert budget.allocate(torch.tensor([10, 20])).tolist() == [2, 4]
    assert budget.allocate(torch.tensor([30])).tolist() == [6]


def test_copies_that_differ_in_a_target_conflict(graphs):
    items = graphs("numbers")[:6]
    twin = copy.deepcopy(items[1])
    assert find_duplicates([*items, twin]).conflicting == find_duplicates(items).conflicting
    twin.y = twin.y + 1
    assert find_duplicates([*items, twin]).conflicting > find_duplicates(items).conflicting


@pytest.mark.parametrize("parts", [{"test": range(30, 40)}, {"valid": range(30, 40)}, {}])
def test_parts_may_be_empty(parts):
    items = [
        Data(x=torch.rand(4, 3), edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]), y=(torch.rand(1, 2) > 0.5).float())
        for _ in range(40)
    ]
    task = graphcond.read(items, split={"train": range(30)} | parts)
    assert len(graphcond.condense(task, size=4)) == 4
