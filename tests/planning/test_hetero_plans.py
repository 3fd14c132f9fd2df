"""What condensing a heterogeneous graph will take: counted against what it does, and against the clock."""

import copy
import json
import time

import pytest
import torch
from torch_geometric.data import HeteroData
from typer.testing import CliRunner

import graphcond
from graphcond.cli import app
from graphcond.datasets import entry
from graphcond.hetero import metapaths
from graphcond.hetero.cost_model import HeteroShape, chains, propagation_work, taught_work
from graphcond.planning import plan
from graphcond.planning.kinds import PLANNED, READ, known_of
from graphcond.planning.machine import random_hetero

SHAPE = HeteroShape(
    nodes={"author": 3000, "paper": 5000, "venue": 30},
    features={"author": 20, "paper": 64, "venue": 5},
    edges={
        ("author", "writes", "paper"): 12_000,
        ("paper", "by", "author"): 12_000,
        ("paper", "at", "venue"): 5000,
        ("venue", "holds", "paper"): 5000,
    },
    node_type="author",
    num_classes=4,
    num_train=600,
)


@pytest.fixture(scope="module")
def large() -> HeteroData:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return random_hetero(SHAPE)


def test_the_size_of_a_dataset_is_that_of_its_task(large: HeteroData) -> None:
    planned, known = known_of(large)
    task = graphcond.read(large)
    shape = HeteroShape.of(task)
    assert planned is PLANNED["hetero"]
    assert (known.loaded, known.kind) == (READ * SHAPE.num_edges, "single_label")
    assert known_of(task)[1].shape == shape
    assert known.shape.nodes == shape.nodes == SHAPE.nodes
    assert known.shape.features == shape.features == SHAPE.features
    assert known.shape.num_edges == pytest.approx(shape.num_edges, rel=0.05)  # less those that are there twice
    assert (shape.num_labelled, shape.num_nodes, shape.num_train) == (3000, 8030, 600)


def test_features_that_will_be_made_are_counted(large: HeteroData) -> None:
    given = HeteroData()
    for name in large.node_types:
        given[name].num_nodes = large[name].num_nodes
    for relation in large.edge_types:
        given[relation].edge_index = large[relation].edge_index
    given["paper"].x = large["paper"].x
    given["author"].y, given["author"].train_mask = large["author"].y, large["author"].train_mask
    known = known_of(given)[1]
    made = graphcond.read(given).graph
    assert known.shape.features == {name: x.size(1) for name, x in made.x.items()}
    assert known.loaded - READ * SHAPE.num_edges == sum(made.x[name].nbytes for name in ("author", "venue"))


def test_products_and_memory_are_those_of_blocks(large: HeteroData, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graphcond.read(large).graph
    shape, done = HeteroShape.of(graphcond.read(large)), []

    class Counted:
        def __init__(self, matrix: torch.Tensor) -> None:
            self.matrix = matrix

        def __matmul__(self, x: torch.Tensor) -> torch.Tensor:
            made = self.matrix @ x
            done.append((len(self.matrix.values()) * x.size(1), made.nbytes))
            return made

    plain = metapaths.as_tensor
    monkeypatch.setattr(metapaths, "as_tensor", lambda *given: Counted(plain(*given)))
    metapaths.blocks(graph)
    work = propagation_work(shape)
    assert len(done) == len(chains(shape))
    assert work.products == sum(count for count, _ in done)
    assert work.memory == shape.operators_bytes + sum(size for _, size in done)


def test_wide_features_are_reduced_first() -> None:
    wide = HeteroShape(**{**vars(SHAPE), "features": dict.fromkeys(SHAPE.nodes, 5000)})
    assert taught_work(wide).products < propagation_work(wide).products / 10
    assert taught_work(wide).dense > taught_work(SHAPE).dense


def test_of_the_catalogue_nothing_is_loaded() -> None:
    known, published = known_of("ogbn-mag")[1], entry("ogbn-mag")
    assert known.shape.num_nodes == published.num_nodes
    assert known.shape.num_edges == 2 * published.num_edges
    assert known.shape.features == dict.fromkeys(dict(published.types), 128)
    assert 1e9 < known.loaded < 4e9
    expected = plan("ogbn-mag", size=736, method="random")
    assert expected.memory > known.loaded
    assert (expected.num_nodes, expected.disk, expected.steps) == (736, 0, 0)


def test_the_callers_random_state_is_left_alone(large: HeteroData) -> None:
    before = torch.get_rng_state()
    assert plan(large, ratio=0.01, method="random").num_nodes == 30
    assert torch.equal(torch.get_rng_state(), before)
    assert plan(graphcond.read(large), size=12, method="random").num_nodes == 12


def test_several_labels_are_planned(large: HeteroData) -> None:
    several = copy.copy(large)
    several["author"].y = (torch.rand(3000, 3, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    assert plan(several, size=10, method="random").num_nodes == 10


def test_what_makes_no_sense(large: HeteroData) -> None:
    with pytest.raises(ValueError, match="inductive=True makes no sense for heterogeneous graphs; leave it out"):
        plan(large, size=10, method="random", inductive=True)
    with pytest.raises(ValueError, match="memory='1GB' makes no sense for heterogeneous graphs; leave it out"):
        plan(large, size=10, method="random", run=graphcond.Run(memory="1GB"))
    with pytest.raises(ValueError, match="size='10kB' makes no sense for heterogeneous graphs"):
        plan(large, size="10kB", method="random")
    with pytest.raises(ValueError, match="there is no method 'gcond' for heterogeneous graphs"):
        plan(large, size=10, method="gcond")
    alone = HeteroData()
    alone["author"].x, alone["author"].y = torch.ones(4, 1), torch.arange(4)
    with pytest.raises(ValueError, match="node type 'author' has no edges"):
        plan(alone, size=4, method="random")


def test_command() -> None:
    done = CliRunner().invoke(app, ["plan", "ogbn-mag", "--size", "368", "--method", "random"])
    assert done.exit_code == 0, done.output
    assert "random, 368 nodes: about" in done.stdout
    done = CliRunner().invoke(app, ["plan", "ogbn-mag", "--method", "random", "--json"])
    assert json.loads(done.stdout)["num_nodes"] == 7364


@pytest.mark.slow
def test_expected_time_of_the_default_is_of_the_right_order(large: HeteroData) -> None:
    expected = plan(large, size=40)
    start = time.perf_counter()
    graphcond.condense(large, size=40)
    measured = time.perf_counter() - start
    assert measured / 5 < expected.seconds < 5 * measured + 0.5
