"""OGB's heterogeneous set, tiny and in OGB's own raw layout."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch_geometric.data import HeteroData

import graphcond
from graphcond.datasets import entry, load, ogb_loading
from graphcond.datasets.metric import own_metric

pytestmark = pytest.mark.usefixtures("no_terminal")
COUNTS = {"author": 4, "field_of_study": 3, "institution": 2, "paper": 12}


@pytest.fixture
def root(tmp_path: Path, tiny_sets: ModuleType) -> Path:
    folder, write = tiny_sets.WRITERS["ogbn-mag"]
    write(tmp_path / folder)
    return tmp_path


@pytest.mark.parametrize("writable", [True, False])
def test_one_graph_with_masks_and_reverse_relations(root: Path, writable: bool, capfd: Any) -> None:
    if not writable:
        (root / "ogb" / "ogbn_mag" / "processed").write_text("in the way")
    for _ in range(2):  # from the raw files, then from the processed ones
        dataset = load("ogbn-mag", root)
        assert len(dataset) == 1
        data = dataset[0]
        assert isinstance(data, HeteroData)
        assert {name: data[name].num_nodes for name in data.node_types} == COUNTS
        assert data["paper"].x.shape == (12, 4)
        assert data["paper"].y.tolist() == [i % 2 for i in range(12)]
        assert data["paper"].train_mask.nonzero().flatten().tolist() == [0, 1, 2, 5]
        assert data["paper"].test_mask.nonzero().flatten().tolist() == list(range(7, 12))
        sizes = {relation: data[relation].num_edges for relation in data.edge_types}
        assert sizes["paper", "cites", "paper"] == 22
        assert sizes["author", "writes", "paper"] == sizes["paper", "rev_writes", "author"] == 12
        assert len(sizes) == 7
        assert "edge_reltype" not in data["author", "writes", "paper"]
    assert dataset.get_idx_split()["valid"]["paper"].tolist() == [3, 4, 6]
    assert own_metric(dataset) == "accuracy"
    assert capfd.readouterr() == ("", "")


def test_it_is_read(root: Path) -> None:
    task = graphcond.read(load("ogbn-mag", root))
    assert (task.name, task.graph.node_type, task.metric) == ("ogbn-mag", "paper", "accuracy")
    assert (len(task.train.nodes), len(task.val.nodes), len(task.test.nodes)) == (4, 3, 5)
    assert set(task.made) == {"author", "field_of_study", "institution"}
    assert len(task.notes) == 1


def test_what_ogbs_own_class_gives_is_read_as_well(root: Path) -> None:
    from ogb.nodeproppred import PygNodePropPredDataset

    with ogb_loading():
        dataset = PygNodePropPredDataset("ogbn-mag", root=str(root / "ogb"))
        task = graphcond.read(dataset)
    assert task.train.nodes.tolist() == [0, 1, 2, 5]
    assert task.graph.counts == COUNTS
    assert task.graph.num_edges == 4 + 12 + 11 + 12
    assert any("ToUndirected() adds reverse relations" in note for note in task.notes)
    assert torch.equal(task.graph.x["paper"], load("ogbn-mag", root)[0]["paper"].x)


def test_another_release_is_an_error(root: Path) -> None:
    (root / "ogb" / "ogbn_mag" / "RELEASE_v2.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"RELEASE_v2\.txt"):
        load("ogbn-mag", root)


def test_the_entry_adds_up() -> None:
    known = entry("ogbn-mag")
    types, relations = dict(known.types), known.relations
    assert sum(types.values()) == known.num_nodes
    assert sum(count for *_, count in relations) == known.num_edges
    assert {name for source, _, target, _ in relations for name in (source, target)} == set(types)
    assert next(iter(types)) == "paper"
    assert list(graphcond.list_datasets("hetero")) == ["ogbn-mag"]
