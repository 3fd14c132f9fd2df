import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.datasets import entry, load, load_folder, save_folder

NAMES = ("x", "edge_index", "y", "train_mask", "val_mask", "test_mask")


@pytest.fixture
def folder(toy, tmp_path):
    save_folder(toy, tmp_path / "toy")
    return tmp_path / "toy"


@pytest.mark.parametrize("mapped", [True, False])
def test_what_was_saved_is_loaded(toy, folder, mapped):
    data = load_folder(folder, mapped)
    assert sorted(data.keys()) == sorted(NAMES)
    assert all(torch.equal(data[name], toy[name]) for name in NAMES)


def test_optional_arrays(toy, tmp_path):
    toy.edge_weight = torch.rand(toy.num_edges)
    del toy.val_mask
    del toy.test_mask
    save_folder(toy, str(tmp_path / "toy"))
    data = load_folder(str(tmp_path / "toy"))
    assert torch.equal(data.edge_weight, toy.edge_weight)
    assert "val_mask" not in data


def test_a_graph_without_edges(toy, tmp_path):
    toy.edge_index = torch.empty(2, 0, dtype=torch.int64)
    save_folder(toy, tmp_path / "toy")
    assert load_folder(tmp_path / "toy").edge_index.shape == (2, 0)
    assert load_folder(tmp_path / "toy", mapped=False).edge_index.shape == (2, 0)


def test_changes_never_reach_the_files(folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load_folder(folder)
    data.x.add_(1)
    data.y[0] = 2
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_features_stay_on_disk(tmp_path):
    size = 1 << 16
    data = Data(x=torch.zeros(size, 64), y=torch.arange(size) % 2, edge_index=torch.empty(2, 0, dtype=torch.int64),
                train_mask=torch.ones(size, dtype=torch.bool))  # fmt: skip
    save_folder(data, tmp_path / "large")
    loaded = load(tmp_path / "large")[0]
    areas = [area for area in mapped_areas() if area[0].endswith("large/x.npy")]
    assert areas
    assert sum(resident for _, resident in areas) < 1024  # kB, of 16 MB
    assert loaded.x.shape == (size, 64)


def mapped_areas():
    """Return the file and the resident kB of each memory mapping."""
    smaps = Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("memory mappings are told by Linux alone")
    areas = []
    for line in smaps.read_text().splitlines():
        parts = line.split()
        if "-" in parts[0]:
            areas.append([parts[-1], 0])
        elif parts[0] == "Rss:":
            areas[-1][1] = int(parts[1])
    return areas


def test_a_mapped_graph_is_condensed_to_the_same_bits(toy, folder):
    first, second = (graphcond.condense(data, size=6)[0] for data in (toy, load_folder(folder)))
    assert torch.equal(first.x, second.x)


def test_the_catalogue_takes_folders(toy, folder, monkeypatch):
    described = entry(folder)
    assert (described.task, described.metric, described.inductive) == ("nodes", "accuracy", False)
    assert (described.num_nodes, described.num_edges, described.num_features, described.num_classes) == (
        toy.num_nodes, toy.num_edges, toy.num_features, 3,
    )  # fmt: skip
    monkeypatch.chdir(folder.parent)
    for name in (folder, str(folder), "toy", "./toy"):
        dataset = load(name)
        assert dataset.name == "toy"
        assert dataset.num_classes == 3
        assert torch.equal(dataset[0].x, toy.x)


def test_a_known_name_comes_before_a_folder(toy, tmp_path, monkeypatch):
    save_folder(toy, tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert load("digits")[0].num_nodes == 1797
    assert load("./digits")[0].num_nodes == toy.num_nodes


def test_odd_names_of_folders(toy, tmp_path):
    save_folder(toy, tmp_path / "{a} b%s")
    assert load(tmp_path / "{a} b%s")[0].num_nodes == 60
    np.save(tmp_path / "{a} b%s" / "y.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"y\.npy must hold int64"):
        load(tmp_path / "{a} b%s")


def test_what_is_not_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load(str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        load("digitz")
    with pytest.raises(TypeError, match="or a folder"):
        entry(3)


@pytest.mark.parametrize("name", NAMES)
def test_missing_file(folder, name):
    (folder / f"{name}.npy").unlink()
    if name in ("x", "val_mask", "test_mask"):
        assert name not in load_folder(folder)
        return
    with pytest.raises(FileNotFoundError, match=f"has no {name}.npy"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("x", np.zeros((60, 8)), r"toy/x.npy must hold float32, got float64"),
        ("x", np.zeros(60, np.float32), r"x.npy must have the shape \(nodes, features\), got \(60,\)"),
        ("edge_index", np.zeros((3, 4), np.int64), r"must have the shape \(2, edges\), got \(3, 4\)"),
        ("edge_index", np.zeros((2, 4), ">i8"), "must hold int64, got >i8"),
        ("y", np.zeros(59, np.int64), r"y.npy must have the shape \(60,\), got \(59,\)"),
        ("y", np.zeros((60, 1), np.int64), r"y.npy must have the shape \(60,\), got \(60, 1\)"),
        ("train_mask", np.zeros(60, np.uint8), "must hold bool, got uint8"),
    ],
)
@pytest.mark.parametrize("mapped", [True, False])
def test_wrong_type_or_shape(folder, name, array, message, mapped):
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(ValueError, match=message):
        load_folder(folder, mapped)


@pytest.mark.parametrize("mapped", [True, False])
def test_nothing_is_unpickled(folder, mapped):
    np.save(folder / "y.npy", np.array([{}] * 60, dtype=object))
    with pytest.raises(ValueError, match=r"y.npy cannot be read \(.*bject"):
        load_folder(folder, mapped)


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("length", [0, 5, 100, -4])
def test_truncated_file(folder, mapped, length):
    file = folder / "x.npy"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"x.npy cannot be read \(.+\); write it again"):
        load_folder(folder, mapped)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_that_goes_on_after_its_array(folder, mapped):
    with (folder / "x.npy").open("ab") as file:
        file.write(bytes(8))
    with pytest.raises(ValueError, match=r"x.npy cannot be read \(it .+\); write it again"):
        load_folder(folder, mapped)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train_mask": None}, ValueError, "data has no train_mask"),
        ({"x": torch.zeros(60, 8, dtype=torch.float64)}, ValueError, "data.x must hold float32, got float64"),
        (
            {"train_mask": torch.ones(60, 2, dtype=torch.bool)},
            ValueError,
            r"must have the shape \(60,\), got \(60, 2\)",
        ),
        ({"y": [0] * 60}, TypeError, "data.y must be a dense tensor, got list"),
    ],
)
def test_what_cannot_be_saved(toy, tmp_path, changes, error, message):
    for name, value in changes.items():
        toy[name] = value
    with pytest.raises(error, match=message):
        save_folder(toy, tmp_path / "toy")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_replaced_on_request_only(toy, folder):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_folder(toy, folder)
    data = load_folder(folder)
    data.x = data.x + 1
    del data.test_mask
    save_folder(data, folder, overwrite=True)  # though its other tensors are views of what is replaced
    again = load_folder(folder)
    assert torch.equal(again.x, toy.x + 1)
    assert torch.equal(again.y, toy.y)
    assert "test_mask" not in again
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        save_folder(toy, folder, overwrite=True)
    assert (folder / "notes.txt").exists()


def test_where_no_folder_can_be_made(toy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        save_folder(toy, tmp_path / "file", overwrite=True)
    with pytest.raises(FileNotFoundError, match="create it first"):
        save_folder(toy, tmp_path / "nowhere" / "toy")


@pytest.mark.parametrize("where", ["writing", "renaming"])
def test_a_failure_leaves_the_old_folder(toy, folder, monkeypatch, where):
    rename = Path.rename

    def fail(path, *rest, **_):
        if where == "renaming" and path.name != "new":
            return rename(path, *rest)
        raise OSError("disk full")

    monkeypatch.setattr(*((np, "save") if where == "writing" else (Path, "rename")), fail)
    with pytest.raises(OSError, match="disk full"):
        save_folder(toy, folder, overwrite=True)
    assert torch.equal(load_folder(folder).x, toy.x)
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]
