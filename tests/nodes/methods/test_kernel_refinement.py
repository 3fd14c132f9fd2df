import dataclasses

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import Auto, Checkpoint, CondensedDataset, Refinement, Run
from graphcond.core.matching.batch import Batch
from graphcond.core.run_context import RunContext
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.methods.kernel_refinement import LabelledRows
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import NodeTask

STEPS = 12
QUICK = Auto(refinement=Refinement(steps=STEPS, validations=3, real_batch_size=8))


def condense(data: Data | NodeTask, **options) -> CondensedDataset:
    return graphcond.condense(data, **({"size": 6, "method": QUICK} | options))


def assert_same(first: CondensedDataset, second: CondensedDataset) -> None:
    assert first[0].keys() == second[0].keys()
    for name, value in first[0]:
        assert torch.equal(value, second[0][name]), name
    assert first.record.choices == second.record.choices


class Touched(torch.Tensor):
    """A tensor that counts the rows that are taken from it."""

    rows = 0

    def __getitem__(self, picks):
        taken = super().__getitem__(picks)
        Touched.rows += len(taken)
        return taken.as_subclass(Tensor)


def refined(data: Data, x: Tensor, refinement: Refinement) -> tuple[SyntheticNodes, dict]:
    """Refine one node per class from given features."""
    task = read_nodes(data)
    rows = Views.of(task, 2).train.rows
    seen = Batch(rows(task.val.nodes), task.val.labels)
    start = SyntheticNodes(x, torch.arange(len(x)), node_weight=torch.ones(len(x)), choices={"teacher": {}})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        result = refinement.refine(start, task, rows, seen, RunContext())
    assert result.choices.keys() == {"teacher", "refinement"}
    return result, result.choices["refinement"]


def class_means(data: Data) -> Tensor:
    task = read_nodes(data)
    known = Views.of(task, 2).train.rows(task.train.nodes)
    return torch.stack([known[task.train.labels == label].mean(dim=0) for label in range(task.num_classes)])


def test_a_start_at_the_mean_of_all_is_left(make_toy):
    data = make_toy(num_nodes=240)
    generator = torch.Generator().manual_seed(0)
    x = class_means(data).mean(dim=0) + 1e-3 * torch.randn(3, data.num_features, generator=generator)
    result, note = refined(data, x, Refinement(steps=60, validations=3, rate=0.1))
    assert note["kept"]
    assert note["before"] < 0.9 < 0.95 < note["after"]  # trainings long enough tell even such nodes apart, but worse
    assert note["kept_step"] in dict(note["scores"])
    assert not torch.equal(result.x, x)


def test_a_start_that_cannot_be_beaten_stays_as_it_is(make_toy):
    data = make_toy(num_nodes=240)
    x = class_means(data)
    result, note = refined(data, x, Refinement(steps=12, validations=3))
    assert note["before"] > 0.95
    assert not note["kept"]
    assert note["steps"] == 12
    assert note["kept_step"] == 0
    assert torch.equal(result.x, x)


def test_labels_and_weights_stay(make_toy):
    data = make_toy(num_nodes=240)
    result, note = refined(
        data, class_means(data).mean(dim=0).repeat(3, 1), Refinement(steps=60, validations=1, rate=0.1)
    )
    assert note["kept"] == (not torch.equal(result.x, class_means(data).mean(dim=0).repeat(3, 1)))
    assert result.y.tolist() == [0, 1, 2]
    assert torch.equal(result.node_weight, torch.ones(3))


@pytest.mark.usefixtures("quick")
def test_what_is_not_kept_is_the_closed_form_to_the_bit(toy):
    never = Auto(refinement=Refinement(steps=STEPS, standard_errors=1e9))
    plain, long = condense(toy, method="auto"), condense(toy, method=never, run=Run(max_seconds=600))
    for name, value in plain[0]:
        assert torch.equal(value, long[0][name]), name
    assert torch.equal(plain.members.index, long.members.index)
    note = long.record.choices.pop("refinement")
    assert long.record.choices == plain.record.choices
    assert (note["steps"], note["complete"], note["kept"]) == (STEPS, True, False)


@pytest.mark.usefixtures("quick")
def test_only_long_work_refines(toy, path):
    assert "refinement" not in condense(toy).record.choices
    for run in (Run(max_seconds=600), Run(checkpoint=path)):
        assert condense(toy, run=run).record.choices["refinement"]["complete"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("inductive", [False, True])
@pytest.mark.parametrize("validated", [False, True])
def test_a_run_in_pieces_of_no_time_ends_on_the_same_bits(toy, path, inductive, validated):
    toy.val_mask &= validated  # without validation nodes some training nodes are held out
    task = graphcond.read(toy, inductive=inductive)
    for step in range(1, STEPS):
        pieces = condense(task, run=Run(checkpoint=Checkpoint(path, every_seconds=0), max_seconds=1e-9))
        note = pieces.record.choices["refinement"]
        assert (note["steps"], note["complete"]) == (step, False)
    last = condense(task, run=Run(checkpoint=path, max_seconds=1e-9))
    assert last.record.choices["refinement"]["complete"]
    assert_same(last, condense(task, run=Run(max_seconds=600)))


@pytest.mark.usefixtures("quick")
def test_an_interrupted_run_ends_on_the_same_bits(toy, path):
    def interrupting(report):
        if (report.what, report.done) == ("matching", 5):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        condense(toy, run=Run(checkpoint=Checkpoint(path, every_seconds=0), progress=interrupting))
    reports = []
    again = condense(toy, run=Run(checkpoint=path, progress=reports.append))
    assert next(report.done for report in reports if report.what == "matching") == 5
    assert_same(again, condense(toy, run=Run(max_seconds=600)))


@pytest.mark.usefixtures("quick")
def test_test_nodes_are_never_read(toy):
    first = condense(graphcond.read(toy, inductive=True), run=Run(max_seconds=600))
    toy.x[toy.test_mask] = 7
    toy.y[toy.test_mask] = 0
    assert_same(condense(graphcond.read(toy, inductive=True), run=Run(max_seconds=600)), first)


@pytest.mark.usefixtures("quick")
def test_without_nodes_to_choose_on_nothing_is_refined(toy):
    toy.val_mask[:] = False
    for label in range(3):  # of so few none is held out
        toy.train_mask[(toy.train_mask & (toy.y == label)).nonzero()[4:]] = False
    small = condense(toy, size=3, run=Run(max_seconds=600))
    assert small.record.choices["refinement"] == {
        "steps": 0, "kept": False, "note": "there are no nodes to choose on",
    }  # fmt: skip
    assert torch.equal(small[0].x, condense(toy, size=3)[0].x)


@pytest.mark.parametrize("num_nodes", [300, 3000])
def test_a_step_touches_as_many_rows_however_large_the_graph(make_toy, num_nodes):
    task = read_nodes(make_toy(num_nodes=num_nodes))
    source = LabelledRows(task, task.train.graph.x.as_subclass(Touched).__getitem__, 16, torch.tensor(2.0))
    Touched.rows = 0
    batch = source(0)
    assert Touched.rows == len(batch) == 16
    assert not source.constant
    assert torch.allclose(batch.y.sum(dim=1), torch.zeros(16), atol=1e-6)
    rows = (2 * batch.x).unsqueeze(1) == task.train.graph.x[task.train.nodes]
    assert torch.equal(task.train.labels[rows.all(dim=2).float().argmax(dim=1)], batch.classes)


def test_few_labelled_nodes_are_all_seen_at_every_step(toy):
    task = read_nodes(toy)
    source = LabelledRows(task, task.train.graph.x.__getitem__, 512, torch.tensor(1.0))
    assert source.constant
    assert torch.equal(source(0).x, task.train.graph.x[task.train.nodes])


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Refinement)])
@pytest.mark.parametrize("value", [-1, float("nan"), "many"])
def test_settings_are_checked(field, value):
    with pytest.raises((ValueError, TypeError), match=f"{field} must be"):
        Refinement(**{field: value})


def test_a_refinement_is_asked_for():
    with pytest.raises(TypeError, match=r"refinement must be a Refinement\(\), got 'kernel'"):
        Auto(refinement="kernel")
