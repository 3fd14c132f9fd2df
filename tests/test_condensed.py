import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

import graphcond
from graphcond import CondensedDataset, Members, Record
from graphcond.graphs.storage.packing import canonical

SOURCE = {"name": "toy", "num_classes": 4, "num_features": 5}


def record(**changes: object) -> Record:
    values = {
        "method": "example",
        "settings": {"depth": 2, "rate": 0.1},
        "seed": 3,
        "device": "cpu",
        "source": SOURCE,
        "budget": {"asked": {"size": "4"}},
        "seconds": 0.25,
        "peak_memory": 1000,
        "choices": {"score": 0.5},
        "notes": ("one", "zwölf \u2192 \U0001f600"),
    }
    return Record(**(values | changes))


def graph(num_nodes: int, seed: int = 0) -> Data:
    generator = torch.Generator().manual_seed(seed)
    return Data(
        x=torch.randn(num_nodes, 5, generator=generator),
        edge_index=torch.randint(num_nodes, (2, 2 * num_nodes), generator=generator),
        edge_weight=torch.rand(2 * num_nodes, generator=generator),
        y=torch.randint(4, (num_nodes,), generator=generator),
        train_mask=torch.ones(num_nodes, dtype=torch.bool),
    )


def item(num_nodes: int) -> Data:
    """One of several graphs: with one class, and without the masks of nodes."""
    data = graph(num_nodes, seed=num_nodes)
    del data.train_mask
    data.y = data.y[:1]
    return data


def tensors(data: Data) -> dict[str, Tensor]:
    return {name: value for name, value in data if isinstance(value, Tensor)}


def assert_same_data(first: Data, second: Data) -> None:
    assert set(tensors(first)) == set(tensors(second))
    for name, value in tensors(first).items():
        assert second[name].dtype == value.dtype
        assert torch.equal(second[name], value), name


@pytest.fixture
def small() -> CondensedDataset:
    groups = [torch.tensor([4, 2]), torch.tensor([7]), torch.tensor([], dtype=torch.long), torch.tensor([0, 1, 9])]
    return CondensedDataset([graph(4)], record(), Members.from_groups(groups))


@pytest.fixture
def several() -> CondensedDataset:
    return CondensedDataset(canonical([item(n) for n in (3, 1, 6, 2)]), record())


def test_is_a_dataset(small):
    assert len(small) == 1
    assert (small.num_classes, small.num_features) == (4, 5)
    assert_same_data(small[0], graph(4))
    small[0].validate()


def test_several_items_are_graphs_and_one_is_by_its_record(small, several):
    assert several.modality == "graphs"
    assert small.modality != "graphs"
    assert CondensedDataset([item(3)], record(source=SOURCE | {"num_graphs": 9})).modality == "graphs"


def test_number_of_classes_is_the_original_one_even_if_labels_miss_some():
    data = graph(4)
    data.y = torch.zeros(4, dtype=torch.long)
    assert CondensedDataset([data], record()).num_classes == 4


def test_bytes_are_those_of_all_tensors(small):
    # x, edge_index, edge_weight, y, train_mask
    assert small.nbytes == 4 * 5 * 4 + 2 * 8 * 8 + 8 * 4 + 4 * 8 + 4


def test_round_trip(small, tmp_path):
    path = tmp_path / "small.safetensors"
    assert small.save(path) == path
    again = graphcond.load(path)
    assert len(again) == 1
    assert_same_data(again[0], small[0])
    assert again.record == small.record
    assert again.members is not None
    assert torch.equal(again.members.ptr, small.members.ptr)
    assert torch.equal(again.members.index, small.members.index)
    assert again.nbytes == small.nbytes
    assert repr(again) == repr(small)


def test_round_trip_without_members(several, tmp_path):
    assert graphcond.load(several.save(tmp_path / "s.safetensors")).members is None


def test_round_trip_of_several_graphs(several, tmp_path):
    again = graphcond.load(several.save(tmp_path / "s.safetensors"))
    assert len(again) == 4
    assert [data.num_nodes for data in again] == [3, 1, 6, 2]
    for first, second in zip(several, again, strict=True):
        assert_same_data(first, second)
    assert again.nbytes == several.nbytes


def test_digest_is_that_of_the_content(small, several, tmp_path):
    def digest(dataset: CondensedDataset) -> str:
        path = dataset.save(tmp_path / "s.safetensors", overwrite=True)
        with safe_open(path, framework="pt") as file:
            return file.metadata()["sha256"]

    for dataset in (small, several):
        assert digest(graphcond.load(dataset.save(tmp_path / "s.safetensors", overwrite=True))) == digest(dataset)
    assert digest(small) != digest(several)
    other = graph(4)
    other.x[0, 0] += 1
    assert digest(CondensedDataset([other], small.record, small.members)) != digest(small)
    assert digest(CondensedDataset([graph(4)], record(seed=4), small.members)) != digest(small)


def test_tensors_that_share_memory_or_are_not_contiguous(tmp_path):
    data = graph(4)
    data.x = data.x.T.contiguous().T
    data.y_soft = data.x.softmax(dim=1)[:, :4] / data.x.softmax(dim=1)[:, :4].sum(dim=1, keepdim=True)
    data.y_soft = data.y_soft.T.contiguous().T
    data.mirror = data.edge_weight
    again = graphcond.load(CondensedDataset([data], record()).save(tmp_path / "s.safetensors"))
    assert_same_data(again[0], data)


def test_path_may_be_a_string(small, tmp_path):
    again = CondensedDataset.load(str(small.save(str(tmp_path / "s.safetensors"))))
    assert_same_data(again[0], small[0])


def test_data_loader(several):
    batches = list(DataLoader(several, batch_size=2))
    assert [batch.num_nodes for batch in batches] == [4, 8]
    assert torch.equal(torch.cat([batch.x for batch in batches]), torch.cat([data.x for data in several]))
    assert torch.equal(batches[0].edge_index[:, 6:], several[1].edge_index + 3)


def test_data_loader_of_a_condensed_graph(toy):
    small = graphcond.condense(toy, size=6, method="herding")
    (batch,) = DataLoader(small, batch_size=1)
    assert torch.equal(batch.x, small[0].x)
    assert torch.equal(batch.edge_index, small[0].edge_index)


def test_indexing_and_copies(several):
    assert [data.num_nodes for data in several[1:3]] == [1, 6]
    assert [data.num_nodes for data in several.copy([2])] == [6]
    assert several[1:3].record is several.record


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))])
def test_copies_keep_record_and_members(small, clone):
    again = clone(small)
    assert again.record == small.record
    assert [group.tolist() for group in again.members] == [[4, 2], [7], [], [0, 1, 9]]
    assert_same_data(again[0], small[0])


def test_file_is_read_by_safetensors_alone(small, tmp_path):
    path = small.save(tmp_path / "small.safetensors")
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
        names = set(file.keys())
        x = file.get_tensor("x")
    assert set(metadata) == {"format", "record", "sha256"}
    assert metadata["format"] == "graphcond/1"
    assert len(bytes.fromhex(metadata["sha256"])) == 32
    assert json.loads(metadata["record"])["source"] == SOURCE
    assert names == {"x", "edge_index", "edge_weight", "y", "train_mask", "members.ptr", "members.index"}
    assert x.tolist() == small[0].x.tolist()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_file_mode_follows_the_umask(small, tmp_path, umask):
    before = os.umask(umask)
    try:
        path = small.save(tmp_path / "small.safetensors")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_only_the_file_itself_is_left(small, tmp_path):
    small.save(tmp_path / "small.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["small.safetensors"]


def test_relative_path(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small.save("small.safetensors")
    assert_same_data(graphcond.load("small.safetensors")[0], small[0])
    assert Path("small.safetensors").is_file()


def test_record_round_trip():
    assert Record.from_json(record().to_json()) == record()


def test_record_of_a_later_version_is_read():
    text = json.dumps(json.loads(record().to_json()) | {"mood": "sunny"})
    assert Record.from_json(text) == record()


def test_record_names_the_versions():
    assert {"python", "torch", "torch-geometric", "numpy"} <= set(record().versions)
    assert record().versions["torch"].split("+")[0] == torch.__version__.split("+")[0]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=8))
def test_members_are_the_groups(groups):
    members = Members.from_groups([torch.tensor(group, dtype=torch.long) for group in groups])
    assert [group.tolist() for group in members] == groups
    assert [members.of(i).tolist() for i in range(len(members))] == groups
    assert len(members) == len(groups)
    assert members.ptr.dtype == members.index.dtype == torch.int64
    assert int(members.ptr[-1]) == len(members.index) == sum(map(len, groups))


@pytest.mark.parametrize(
    ("method", "deep"), [("histograms", True), ("mirage", True), ("auto", False), ("random", False)]
)
def test_depth_is_that_of_the_trees(make_graphs: Callable[..., list[Data]], method: str, deep: bool) -> None:
    small = graphcond.condense(make_graphs(40), size=4, method=method)
    trees = small.record.choices.get("depth", small.record.settings.get("depth"))
    assert small.depth == (trees if deep else None)
    assert (small.depth is not None) == deep


def test_nodes_and_budgets_that_are_not_spent(toy: Data) -> None:
    small = graphcond.condense(toy, size=12, method="class_mean")
    assert small.depth is None
    assert small.record.notes[-1] == "class_mean made 3 nodes of the 12 asked; it never makes more."
    assert "class_mean" not in str(graphcond.condense(toy, size=3, method="class_mean").record.notes)


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        ((torch.rand(6, 64), torch.zeros(6)), r"must have the shape \(n, channels, height, width\), got \(6, 64\)"),
        (([torch.rand(1, 8, 8)], [0]), r"dataset\[0\] is a list, a dataset in itself"),
        (3, "got int"),
    ],
)
def test_what_stands_in_place_of_images_is_reported(instead: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        graphcond.condense(instead, size="1/class")
