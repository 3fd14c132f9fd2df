"""A dataset read once: the task stands for the dataset."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, HeteroData
from torch_geometric.transforms import ToUndirected

import graphcond
import recsys
from graphcond.graphs.task import GraphTask
from graphcond.hetero.task import HeteroTask
from graphcond.images.task import ImageTask
from graphcond.nodes.task import NodeTask
from graphcond.recognition import modality_of
from recsys.modality import Interactions

KINDS = pytest.mark.parametrize("kind", ["nodes", "hetero", "graphs", "images", "interactions"])
TASKS = {
    "nodes": NodeTask,
    "hetero": HeteroTask,
    "graphs": GraphTask,
    "images": ImageTask,
    "interactions": Interactions,
}
METHODS = dict.fromkeys(TASKS, "random") | {"interactions": "random_users"}


@pytest.fixture
def datasets(toy: Data, make_graphs: Callable[..., list[Data]]) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    return {
        "nodes": toy,
        "hetero": with_groups(toy),
        "graphs": make_graphs(),
        "images": (torch.rand(24, 1, 8, 8, generator=generator), torch.arange(24) % 2),
        "interactions": recsys.generate_interactions(60, 20, 500, seed=0),
    }


def with_groups(toy: Data) -> HeteroData:
    """Return a graph whose nodes are of groups, which have no features."""
    data = HeteroData()
    for name in ("x", "y", "train_mask", "val_mask", "test_mask"):
        data["item"][name] = toy[name]
    data["group"].num_nodes = 6
    data["item", "to", "item"].edge_index = toy.edge_index
    data["item", "in", "group"].edge_index = torch.stack([torch.arange(60), torch.arange(60) % 6])
    return ToUndirected()(data)


def condense(dataset: Any, kind: str, **options: Any) -> Any:
    return graphcond.condense(dataset, **({"size": 6, "method": METHODS[kind]} | options))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, recsys.CondensedInteractions):
        return not (one.user_items != other.user_items).nnz
    if isinstance(one[0], HeteroData):
        return all(
            set(mine.keys()) == set(theirs.keys()) and all(value.equal(theirs[name]) for name, value in mine.items())
            for mine, theirs in zip(one[0].stores, other[0].stores, strict=True)
        )
    return all(
        set(mine.keys()) == set(theirs.keys()) and all(value.equal(theirs[name]) for name, value in mine)
        for mine, theirs in zip(one, other, strict=True)
    )


@KINDS
def test_a_task_condenses_to_the_bits_of_its_dataset(datasets, kind):
    task = graphcond.read(datasets[kind])
    assert type(task) is TASKS[kind]
    assert modality_of(task).name == kind
    plain, read = condense(datasets[kind], kind, seed=3), condense(task, kind, seed=3)
    assert same(plain, read)
    assert read.record.source == plain.record.source
    assert read.record.source["modality"] == kind
    assert read.record.budget == plain.record.budget


@KINDS
def test_a_task_is_not_changed_by_what_is_made_of_it(datasets, kind):
    task = graphcond.read(datasets[kind])
    before = task.fingerprint()
    first, second = condense(task, kind), condense(task, kind)
    assert same(first, second)
    assert task.fingerprint() == before


@KINDS
def test_a_task_that_is_read_stays_itself(datasets, kind):
    task = graphcond.read(datasets[kind])
    assert graphcond.read(task) is task


@pytest.mark.parametrize(
    ("kind", "reading", "message"),
    [
        ("nodes", {"split": 1}, "split=1 is for a dataset, and this task was read already; read the dataset again"),
        ("nodes", {"inductive": False}, "inductive=False is for a dataset, and this task was read already; read"),
        ("hetero", {"node_type": "item"}, "node_type='item' is for a dataset, and this task was read already; read"),
        ("hetero", {"inductive": True}, "inductive=True makes no sense for heterogeneous graphs; leave it out"),
        ("nodes", {"node_type": "item"}, "node_type='item' makes no sense for nodes; leave it out"),
        ("graphs", {"split": 0}, "split=0 is for a dataset, and this task was read already; read the dataset again"),
        ("graphs", {"inductive": True}, "inductive=True makes no sense for graphs; leave it out"),
        ("images", {"split": 1}, "split=1 makes no sense for images; leave it out"),
        ("interactions", {"inductive": True}, "inductive=True makes no sense for interactions; leave it out"),
    ],
)
def test_a_task_is_not_read_otherwise_than_it_was(datasets, kind, reading, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        graphcond.read(graphcond.read(datasets[kind]), **reading)


@pytest.mark.parametrize(
    ("kind", "reading"),
    [("graphs", {"inductive": False}), ("images", {"split": 0}), ("images", {"inductive": True}),
     ("interactions", {"split": 0}), ("interactions", {"inductive": False})],
)  # fmt: skip
def test_what_a_kind_of_dataset_is_not_read_by(datasets, kind, reading):
    ((name, value),) = reading.items()
    with pytest.raises(ValueError, match=f"^{name}={value} makes no sense for {kind}; leave it out$"):
        graphcond.read(datasets[kind], **reading)


def test_the_split_of_nodes_is_a_column_of_their_masks(toy):
    shifted = toy.clone()
    for name in ("train_mask", "val_mask", "test_mask"):
        toy[name] = torch.stack([toy[name], toy[name].roll(3)], dim=1)
        shifted[name] = shifted[name].roll(3)
    first, second = graphcond.read(toy, split=np.int64(0)), graphcond.read(toy, split=1)
    assert graphcond.read(toy).fingerprint() == first.fingerprint() != second.fingerprint()
    small = condense(second, "nodes")
    assert same(small, condense(shifted, "nodes"))
    assert small.record.source["split"] == 1
    with pytest.raises(ValueError, match=r"split must be in \[0, 1\] .*got 2"):
        graphcond.read(toy, split=2)


def test_the_split_of_graphs_is_a_fold_or_their_numbers(make_graphs):
    graphs = make_graphs()
    parts = {"train": list(range(12)), "valid": list(range(12, 18)), "test": list(range(18, 24))}
    task = graphcond.read(graphs, split=parts)
    assert (len(task.train), len(task.val), len(task.test)) == (12, 6, 6)
    assert same(condense(task, "graphs"), condense(graphcond.read(graphs, split=parts), "graphs"))
    folds = {graphcond.read(graphs, split=fold).fingerprint() for fold in range(10)}
    assert len(folds) > 1
    assert graphcond.read(graphs).fingerprint() == graphcond.read(graphs, split=0).fingerprint()


def test_inductive_condenses_the_subgraph_of_the_training_nodes(toy):
    task, whole = graphcond.read(toy, inductive=True), graphcond.read(toy)
    assert task.train.graph.num_nodes == int(toy.train_mask.sum())
    assert whole.train.graph.num_nodes == toy.num_nodes
    small = condense(task, "nodes", size=None, ratio=0.5)
    assert small.record.source["inductive"] is True
    assert small[0].num_nodes == 10
    assert condense(toy, "nodes").record.source["inductive"] is False


def test_a_part_of_interactions_is_chosen_by_a_split_of_their_own(datasets):
    split = recsys.random_split(recsys.read_interactions(datasets["interactions"]), seed=0)
    task = graphcond.read(split)
    assert task.split is split
    assert same(condense(task, "interactions"), recsys.condense(split, users=6, method="random_users"))


def test_a_plan_takes_a_task(toy):
    task = graphcond.read(toy, inductive=True)
    assert graphcond.plan(task, size=6, method="random").num_nodes == 6
    with pytest.raises(ValueError, match="inductive=True is for a dataset, and this task was read already"):
        graphcond.plan(task, size=6, inductive=True)


@pytest.mark.parametrize("dataset", ["cora", None, 3])
def test_what_is_no_dataset(dataset):
    with pytest.raises(TypeError, match="dataset must be a PyG dataset"):
        graphcond.read(dataset)
