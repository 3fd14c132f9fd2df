from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond.core.matching import driver
from graphcond.core.run_context import RunContext
from graphcond.core.runtime import storage
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods import short_training
from graphcond.graphs.methods.base import SyntheticGraphs
from graphcond.graphs.methods.doscond import DosCondGraphs
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.task import GraphTask

STEPS = 12
QUICK: dict[str, Any] = {"steps": STEPS, "hidden": 8, "rate_drop": 8, "structure_rate": 0.1}
SPLIT = {"train": torch.arange(24), "valid": torch.arange(24, 36), "test": torch.arange(36, 48)}


def toy_graphs(count: int = 48, codes: bool = False, edge_attr: bool = False, classes: int = 2) -> list[Data]:
    """Return rings with so many chords as their class says, whose features lean to the class as well."""
    generator = torch.Generator().manual_seed(0)
    items = []
    for i in range(count):
        y, size = i % classes, int(torch.randint(4, 9, (), generator=generator))
        ring = torch.arange(size)
        chords = torch.stack([ring[: 2 * y], ring[: 2 * y].flip(0)])
        forth = torch.cat([torch.stack([ring, ring.roll(1)]), chords[:, chords[0] != chords[1]]], dim=1)
        edge_index = torch.unique(torch.cat([forth, forth.flip(0)], dim=1), dim=1)
        x = torch.randn(size, 3, generator=generator) + 2 * y
        if codes:
            x = torch.stack([10 * y + torch.randint(3, (size,), generator=generator), ring % 2], dim=1)
        item = Data(x=x, edge_index=edge_index, y=torch.tensor([y]))
        if edge_attr:
            item.edge_attr = torch.randint(2, (edge_index.size(1), 2), generator=generator) * torch.tensor([3, 0])
            item.edge_attr[: edge_index.size(1) // 2] = torch.tensor([3, 5])
        items.append(item)
    return items


def task_of(items: list[Data] | None = None, **parts: Tensor) -> GraphTask:
    return read_graphs(toy_graphs() if items is None else items, split=SPLIT | parts)


def condense(
    task: GraphTask, each: int = 2, run: RunContext = RunContext(), seed: int = 0, **fields: Any
) -> SyntheticGraphs:
    with seeded(seed):
        return DosCondGraphs(**(QUICK | fields)).condense(task, GraphBudget(Size.per_class(each)), run)


def assert_same(first: SyntheticGraphs, second: SyntheticGraphs) -> None:
    assert first.choices == second.choices
    for mine, theirs in zip(first.items, second.items, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in mine:
            assert value.dtype == theirs[name].dtype, name
            assert torch.equal(value, theirs[name]), name


def assert_ordinary(items: list[Data], width: int) -> None:
    for item in items:
        item.validate(raise_on_error=True)
        assert item.x.shape == (item.num_nodes, width)
        assert item.edge_index.dtype == torch.int64
        assert item.y.shape == (1,)
        assert item.is_undirected()
        assert not item.has_self_loops()
        assert item.is_coalesced()
        assert not any(value.requires_grad for _, value in item)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Report every step, and validate on few graphs."""
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)
    monkeypatch.setattr(short_training, "STEPS", 4)
    monkeypatch.setattr(short_training, "SCORE_EVERY", 2)


def test_result_is_ordinary_graphs_of_the_size_asked_for():
    task = task_of()
    result = condense(task, each=3)
    assert [int(item.y) for item in result.items] == [0, 0, 0, 1, 1, 1]
    assert_ordinary(result.items, 3)
    assert all(4 <= item.num_nodes <= 8 for item in result.items)
    assert all(item.x.dtype == torch.float32 for item in result.items)
    assert result.choices["steps"] == STEPS
    assert result.choices["complete"]
    scores = dict(result.choices["scores"])
    assert STEPS in scores
    assert scores[result.choices["kept_step"]] == max(scores.values())


@cache
def plain() -> SyntheticGraphs:
    return condense(task_of())


@pytest.mark.parametrize("fields", [{"sizes": "mean"}, {"readout": "sum"}, {"per_class": False}, {"networks": 3},
                                    {"depth": 1}, {"distance": "columns"}, {"real_per_class": 4}])  # fmt: skip
def test_variants(fields):
    result = condense(task_of(), **fields)
    assert_ordinary(result.items, 3)
    assert any(not torch.equal(a.x[:1], b.x[:1]) for a, b in zip(result.items, plain().items, strict=True))
    if fields == {"sizes": "mean"}:
        assert {item.num_nodes for item in result.items} == {round(task_of().train.sizes.double().mean().item())}


def test_size_by_number_of_graphs():
    task = task_of(train=torch.tensor([0, 2, 4, 6, 8, 10, 1, 3]))
    with seeded(0):
        items = DosCondGraphs(**QUICK).condense(task, GraphBudget(Size.count(4))).items
    assert [int(item.y) for item in items] == [0, 0, 0, 1]


def test_a_size_has_to_be_given():
    with pytest.raises(ValueError, match=r"^give exactly one of ratio= and size=, .*, got none$"):
        graphcond.condense(task_of(), method=DosCondGraphs())
    with pytest.raises(ValueError, match="size='everything' is for methods that keep everything; ask for size=35 or"):
        graphcond.condense(task_of(), size="everything", method=DosCondGraphs())


@pytest.mark.parametrize(("fields", "validated", "at"), [({"real_per_class": 4}, True, 9), ({"networks": 3}, False, 2)])
def test_an_interruption_leaves_no_trace(tmp_path, fields, validated, at):
    task = task_of() if validated else task_of(valid=torch.tensor([]))
    path = tmp_path / "state.safetensors"

    def interrupt(report: Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    def checkpointed(**conditions: Any) -> SyntheticGraphs:
        return condense(task, run=RunContext(checkpoint=Checkpoint(path, every_seconds=0), **conditions), **fields)

    with pytest.raises(KeyboardInterrupt):
        checkpointed(progress=interrupt)
    reports = []
    again = checkpointed(progress=reports.append)
    assert reports[0].done == at
    assert_same(again, condense(task, **fields))
    state, _ = storage.read(path, storage.CHECKPOINT)
    assert int(state["synthetic.draws"]) == STEPS


@pytest.mark.parametrize("valid", [[], [25, 27, 29]])
def test_without_validation_graphs_of_several_classes_the_last_step_is_kept(valid):
    result = condense(task_of(valid=torch.tensor(valid)))
    assert result.choices["kept_step"] == STEPS
    assert result.choices["scores"] == []


def test_codes_come_back_as_codes_that_occur():
    task = task_of(toy_graphs(codes=True))
    items = condense(task, features_rate=1.0, steps=40).items
    assert_ordinary(items, 2)
    for item in items:
        assert item.x.dtype == torch.int64
        assert set(item.x[:, 0].tolist()) <= {0, 1, 2, 10, 11, 12}
        assert set(item.x[:, 1].tolist()) <= {0, 1}


def test_codes_of_validation_graphs_that_were_never_trained_on():
    items = toy_graphs(codes=True)
    for item in items[24:]:
        item.x = item.x + 100
    assert len(condense(task_of(items)).items) == 4


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_every_edge_gets_the_commonest_row(dtype):
    items = toy_graphs(edge_attr=True)
    for item in items:
        item.edge_attr = item.edge_attr.to(dtype)
    for item in condense(task_of(items)).items:
        assert item.edge_attr.dtype == dtype
        assert item.edge_attr.tolist() == [[3, 5]] * item.num_edges


def test_graphs_without_edges_stay_without_features_of_edges():
    items = toy_graphs()
    for item in items:
        item.edge_index = torch.zeros(2, 0, dtype=torch.int64)
        item.edge_attr = torch.zeros(0, 2)
    made = condense(task_of(items)).items
    assert all(item.edge_attr.shape == (item.num_edges, 2) for item in made)
    assert_ordinary(made, 3)


def test_tiny_sets():
    bare = torch.zeros(2, 0, dtype=torch.int64)
    lonely = [Data(x=torch.randn(1, 2), edge_index=bare, y=torch.tensor([label])) for label in (0, 1)]
    items = condense(read_graphs(lonely, split={"train": [0, 1]}), each=3).items
    assert [item.num_nodes for item in items] == [1] * 6
    one_each = task_of(train=torch.tensor([0, 1]))
    assert_ordinary(condense(one_each, each=1).items, 3)


def test_one_graph_of_each_class_distinguishes_them(monkeypatch):
    monkeypatch.undo()
    result = condense(task_of(), each=1, hidden=16, steps=40)
    assert result.choices["scores"][-1][1] > 0.95


def test_more_than_two_classes_that_are_not_alike_in_size():
    items = toy_graphs(classes=3)
    task = task_of(items, train=torch.tensor([0, 3, 6, 9, 1, 4, 2]))
    result = condense(task)
    assert [int(item.y) for item in result.items] == [0, 0, 1, 1, 2, 2]


def test_validations_read_the_validation_graphs():
    task = task_of()
    flipped = replace(task, val=replace(task.val, y=1 - task.val.y))
    scores, others = (dict(condense(t).choices["scores"]) for t in (task, flipped))
    assert scores.keys() == others.keys()
    assert scores != others


@pytest.mark.parametrize("readout", ["mean", "sum"])
def test_recipe_follows_the_settings(readout):
    task = task_of()
    method = DosCondGraphs(readout=readout, features_rate=0.5, structure_rate=2.0, rate_drop=7)
    graphs = method.start(task.train, torch.tensor([1, 1]))
    recipe = method.recipe(task, graphs)
    assert recipe.schedule.at(6) == {"features": 0.5, "structure": 2.0}
    assert recipe.schedule.at(7) == pytest.approx({"features": 0.05, "structure": 0.2})
    for batch in (recipe.source(0), graphs.batch(), graphs.decided()):
        total = batch.gather(torch.ones(len(batch.x), 1)).flatten()
        sizes = batch.share.gt(0).float()
        sizes = torch.zeros(len(batch)).index_add(0, batch.graph, sizes)
        torch.testing.assert_close(total, torch.ones(len(batch)) if readout == "mean" else sizes)
    assert (recipe.surrogate.hidden, recipe.surrogate.depth, recipe.surrogate.num_classes) == (128, 3, 2)
    assert recipe.steps == 1000


def test_gradients_come_to_agree():
    task = task_of(valid=torch.tensor([]))
    method = DosCondGraphs(**(QUICK | {"hidden": 32, "steps": 150, "rate_drop": 100, "features_rate": 0.05}))
    with seeded(0):
        graphs = method.start(task.train, torch.tensor([2, 2]))
        recipe = method.recipe(task, graphs)

        def gap() -> float:
            losses = []
            with seeded(1):
                for step in range(10):
                    weights = recipe.surrogate.init()
                    target = recipe.objective.observe(recipe.surrogate, weights, recipe.source(step))
                    losses.append(float(recipe.objective.loss(recipe.surrogate, weights, target, graphs.decided())))
            return sum(losses) / len(losses)

        before = gap()
        driver.run(recipe, RunContext())
    assert gap() < 0.3 * before


def test_validations_tell_good_graphs_from_bad_ones(monkeypatch):
    monkeypatch.undo()
    task = task_of()
    method = DosCondGraphs(hidden=16)
    with seeded(0):
        graphs = method.start(task.train, torch.tensor([3, 3]))
        validation = method.recipe(task, graphs).validation
    scores = []
    for labels in (graphs.y.clone(), 1 - graphs.y):
        graphs.y.copy_(labels)
        with seeded(0):
            scores.append(validation.score())
    assert scores[0] > 0.9
    assert scores[1] < 0.5


def test_defaults_and_presets_are_the_papers():
    assert DosCondGraphs() == DosCondGraphs(
        steps=1000, features_rate=0.01, structure_rate=0.01, rate_drop=400, hidden=128, depth=3, readout="mean",
        sizes="drawn", temperature=0.01, annealing=200, sparsity=0.1, distance="normalized", per_class=True,
        networks=None, real_per_class=256,
    )  # fmt: skip
    rates = {"mutag": 0.1, "nci1": 1.0, "dd": 2.0, "ogbg-molhiv": 0.01, "ogbg-molbace": 0.01, "ogbg-molbbbp": 2.0}
    assert {name: DosCondGraphs.preset(name).structure_rate for name in rates} == rates
    assert DosCondGraphs.preset("ogbg-molhiv").readout == "sum"
    assert not DosCondGraphs.preset("ogbg-molbace").per_class
    with pytest.raises(ValueError, match=r"no preset 'nci2' of DosCondGraphs; did you mean 'nci1'\? \(all: mutag"):
        DosCondGraphs.preset("nci2")
    assert DosCondGraphs.resumable


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"readout": "max"}, ValueError, "readout must be one of sum, mean, got 'max'"),
        ({"sizes": 30}, ValueError, "sizes must be one of drawn, mean, got 30"),
        ({"distance": "cosine"}, ValueError, "distance must be one of"),
        ({"steps": 0}, ValueError, "steps must be positive, got 0"),
        ({"steps": 2.0}, TypeError, "steps must be a whole number"),
        ({"structure_rate": -1.0}, ValueError, "structure_rate must be positive"),
        ({"sparsity": -0.1}, ValueError, "sparsity must be at least 0"),
        ({"temperature": 0.0}, ValueError, "temperature must be positive"),
        ({"networks": 0}, ValueError, "networks must be positive"),
    ],
)
def test_bad_settings_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        DosCondGraphs(**fields)
