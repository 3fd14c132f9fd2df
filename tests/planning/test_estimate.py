import json
import time

import pytest
import torch
from typer.testing import CliRunner

import graphcond
from graphcond.cli import app
from graphcond.core.runtime.memory import parse_memory
from graphcond.datasets import save_folder
from graphcond.nodes import quick_validation
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.reading import read_nodes
from graphcond.planning import plan, trial
from graphcond.planning.machine import random_graph

SHAPE = Shape(num_nodes=30_000, num_edges=300_000, num_features=64, num_classes=5, num_train=3_000)


@pytest.fixture(scope="module")
def large():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return random_graph(SHAPE)


@pytest.fixture
def quick(monkeypatch):
    """Let ``auto`` choose after a few steps, where no time is compared."""
    monkeypatch.setattr(quick_validation, "STEPS", 20)
    monkeypatch.setattr(trial, "SECONDS", 0.5)


def test_shape_of_a_task(large):
    task = read_nodes(large)
    shape = Shape.of(task)
    adjacency = normalized_adjacency(task.train.graph)
    assert (shape.num_nodes, shape.num_features, shape.num_classes, shape.num_train) == (30_000, 64, 5, 3_000)
    assert shape.entries == pytest.approx(len(adjacency.values()), rel=1e-3)  # less what were self-loops already
    parts = (adjacency.values(), adjacency.col_indices(), adjacency.crow_indices())
    assert shape.adjacency_bytes == pytest.approx(sum(part.numel() * part.element_size() for part in parts), rel=1e-3)


@pytest.mark.parametrize("method", ["auto", "class_mean", "herding", "random_soft"])
@pytest.mark.slow
def test_expected_time_is_of_the_right_order(large, method):
    expected = plan(large, size=50, method=method)
    start = time.perf_counter()
    graphcond.condense(large, size=50, method=method)
    measured = time.perf_counter() - start
    assert measured / 5 < expected.seconds < 5 * measured + 0.5
    assert expected.num_nodes == 50
    assert expected.steps == 0


@pytest.mark.slow
def test_steps_are_counted_and_timed(toy, monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    method = graphcond.GCond(epochs=40, outer_steps=2, inner_steps=1)
    expected = plan(toy, size=6, method=method)
    start = time.perf_counter()
    graphcond.condense(toy, size=6, method=method)
    assert expected.steps == 80
    assert expected.seconds < 5 * (time.perf_counter() - start) + 0.5


def test_long_work_before_the_steps_is_not_foreseen(large, quick):
    with pytest.raises(ValueError, match=r"plan cannot foresee 'sfgc', which has long work \(experts\)"):
        plan(large, size=50, method="sfgc")


def test_of_the_catalogue_nothing_is_loaded(quick):
    small, large = (plan("ogbn-products", size=612, method=name) for name in ("class_mean", "auto"))
    assert large.memory > small.memory > 2_000_000_000  # features and edges alone
    assert (small.disk, large.disk) == (0, 0)


def nothing_held(monkeypatch):
    """What the process holds differs from moment to moment, and its peak by what was run before."""
    monkeypatch.setattr("graphcond.planning.estimate.peak_memory", lambda device: 0)
    monkeypatch.setattr("graphcond.planning.estimate.held_memory", lambda: 0)
    monkeypatch.setattr("graphcond.nodes.modality.held_memory", lambda: 0)


def test_memory_moves_features_to_a_file(large, monkeypatch, quick):
    nothing_held(monkeypatch)
    kept = 4 * SHAPE.num_nodes * SHAPE.num_features
    free = plan(large, size=50, method="auto")
    tight = plan(large, size=50, method="auto", run=graphcond.Run(memory=free.memory - kept // 2))
    assert free.disk == 0
    assert tight.disk == kept
    assert tight.memory < free.memory
    with pytest.raises(ValueError, match="memory=2 MB is too little: 'auto' needs about"):
        plan(large, size=50, method="auto", run=graphcond.Run(memory="2 MB"))


def test_condense_gives_the_same_bits_from_a_file(large, monkeypatch, quick):
    nothing_held(monkeypatch)
    usual = graphcond.condense(large, size=50)
    limit = NODE_METHODS.resolve("auto").work(Shape.of(read_nodes(large))).memory
    written = []
    storage = graphcond.nodes.modality.OnDisk

    class Watched(storage):
        def __call__(self, like):
            written.append(like.numel())
            return super().__call__(like)

    monkeypatch.setattr(graphcond.nodes.modality, "OnDisk", Watched)
    tight = graphcond.condense(large, size=50, run=graphcond.Run(memory=limit - 4_000_000))
    assert written == [large.x.numel()]
    assert torch.equal(usual[0].x, tight[0].x)
    with pytest.raises(ValueError, match=r"memory=1 MB is too little.*load_folder"):
        graphcond.condense(large, size=50, run=graphcond.Run(memory="1MB"))


def test_the_callers_random_state_is_left_alone(toy):
    before = torch.get_rng_state()
    plan(toy, size=6, method="random")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_folder_is_read_no_further_than_its_masks_and_labels(toy, tmp_path):
    save_folder(toy, tmp_path / "graph")
    assert plan(tmp_path / "graph", size=6, method="random").num_nodes == 6


@pytest.mark.parametrize(
    ("memory", "expected"), [(1000, 1000), ("2KB", 2000), ("1.5 GiB", 3 * 2**29), ("4gb", 4 * 10**9), ("7", 7)]
)
def test_amounts_of_memory(memory, expected):
    assert parse_memory(memory) == expected


@pytest.mark.parametrize("memory", ["4 apples", "GB", "", "-1GB", 0, -5, float("nan"), float("inf")])
def test_bad_amounts(memory, toy):
    with pytest.raises(ValueError, match="memory must be"):
        graphcond.condense(toy, size=6, run=graphcond.Run(memory=memory))


@pytest.mark.parametrize("memory", [True, [4]])
def test_bad_types(memory, toy):
    with pytest.raises(TypeError, match="memory must be a number of bytes or a text"):
        plan(toy, size=6, run=graphcond.Run(memory=memory))


def test_memory_is_for_nodes_only(make_graphs):
    with pytest.raises(ValueError, match=r"^memory='4GB' makes no sense for graphs; leave it out$"):
        graphcond.condense(make_graphs(), size=4, run=graphcond.Run(memory="4GB"))


def test_other_datasets(make_graphs):
    with pytest.raises(TypeError, match="plan is for datasets with classified nodes so far, and 'nci1' holds graphs"):
        plan("nci1", ratio=0.1)
    with pytest.raises(TypeError, match="one graph that has edge_index and y, got list"):
        plan(make_graphs(), ratio=0.1)


def test_command():
    runner = CliRunner()
    done = runner.invoke(app, ["plan", "citeseer", "--size", "30", "--method", "class_mean"])
    assert done.exit_code == 0
    assert "class_mean, 30 nodes: about" in done.stdout
    done = runner.invoke(app, ["plan", "citeseer", "--method", "class_mean", "--json"])
    assert json.loads(done.stdout)["num_nodes"] == 33
