import logging
import sys

import numpy as np
import pytest
import torch

from graphcond.datasets import entry, list_datasets, load

pytestmark = pytest.mark.usefixtures("no_terminal")

TU_FOLDERS = {
    "mutag": "TUDataset/MUTAG",
    "nci1": "TUDataset/NCI1",
    "proteins": "TUDataset/PROTEINS",
    "dd": "TUDataset/DD",
    "imdb-binary": "TUDataset/IMDB-BINARY",
}
OGB_FOLDERS = {f"ogbg-{name}": f"ogb/ogbg_{name}" for name in ("molbace", "molhiv", "molesol")}
FOLDERS = TU_FOLDERS | OGB_FOLDERS
SPLITS = {"ogbg-molbace": (1210, 151, 152), "ogbg-molhiv": (32901, 4113, 4113), "ogbg-molesol": (902, 113, 113)}
SIZES = (2, 3, 4, 5)  # nodes of the tiny sets' graphs, each a path
TINY = {"mutag": "TUDataset/MUTAG", "imdb-binary": "TUDataset/IMDB-BINARY", "ogbg-molbbbp": "ogb/ogbg_molbbbp"}
PARTS = {"train": [3, 0], "valid": [1], "test": [2]}


@pytest.fixture
def root(tmp_path, tiny_sets):
    """A root with a tiny set of each kind: with labels of nodes and edges, without any, and of OGB."""
    tiny_sets.write_tu(tmp_path / TINY["mutag"] / "raw", labels=True)
    tiny_sets.write_tu(tmp_path / TINY["imdb-binary"] / "raw", labels=False)
    tiny_sets.write_ogb_graphs(tmp_path / TINY["ogbg-molbbbp"])
    return tmp_path


@pytest.mark.parametrize("name", FOLDERS)
def test_loaded_as_described(name, real_data):
    dataset, described = load(name, real_data(FOLDERS[name])), entry(name)
    assert described.task == "graphs"
    assert len(dataset) == described.num_graphs
    assert dataset._data.num_nodes == described.num_nodes
    assert dataset._data.num_edges == described.num_edges
    assert dataset.num_features == described.num_features
    if described.target == "single_label":
        assert dataset.num_classes == described.num_classes
        assert dataset._data.y.unique().tolist() == list(range(described.num_classes))
    else:
        assert dataset._data.y.shape == (described.num_graphs, described.num_targets)
    if name in OGB_FOLDERS:
        split = dataset.get_idx_split()
        assert tuple(len(split[part]) for part in PARTS) == SPLITS[name]


@pytest.mark.parametrize("name", TINY)
def test_each_kind_loads_twice_without_masks(name, root, capfd):
    for _ in range(2):  # from the raw files, then from the processed ones
        dataset = load(name, root)
        assert [data.num_nodes for data in dataset] == list(SIZES)
        assert [data.num_edges for data in dataset] == [2 * (size - 1) for size in SIZES]
        assert (dataset._data.y.flatten() == 1).sum() == 2
        assert not [key for key in dataset[0].keys() if key.endswith("mask")]  # noqa: SIM118 (a method of Data)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", TINY)
def test_features_stay_as_published_whatever_is_asked(name, root):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    plain, other = load(name, root, normalize=False), load(name, root, normalize=True, seed=7)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(plain, other, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(torch.as_tensor(a[key]), torch.as_tensor(b[key])) for key in a.keys())  # noqa: SIM118


def test_labels_become_features(root):
    mutag, imdb, molecules = (load(name, root) for name in TINY)
    assert mutag[1].x.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert mutag[1].edge_attr.shape == (4, 1)
    assert "x" not in imdb[0]
    assert molecules[1].x[:, 0].tolist() == [2, 3, 4]
    assert molecules[1].x.dtype == molecules[1].edge_attr.dtype == torch.int64


def test_split_of_ogb(root):
    dataset = load("ogbg-molbbbp", root)
    assert {part: graphs.tolist() for part, graphs in dataset.get_idx_split().items()} == PARTS
    assert [data.num_nodes for data in dataset[dataset.get_idx_split()["train"]]] == [5, 2]


@pytest.mark.parametrize("as_stored", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_a_stored_split_of_ogb_is_read(root, as_stored):
    stored = {part: as_stored(graphs[::-1]) for part, graphs in PARTS.items()}
    torch.save(stored, root / TINY["ogbg-molbbbp"] / "split" / "scaffold" / "split_dict.pt")
    assert load("ogbg-molbbbp", root).get_idx_split()["train"].tolist() == [0, 3]


@pytest.mark.parametrize("name", TINY)
def test_processed_files_go_elsewhere_where_they_cannot_be_written(name, root, caplog):
    (root / TINY[name] / "processed").write_text("in the way")
    with caplog.at_level(logging.INFO, logger="graphcond"):
        dataset = load(name, root)
    assert "temporary folder" in caplog.text
    assert len(dataset) == len(SIZES)
    assert str(root) in dataset.root
    if "ogb" in name:
        assert dataset.get_idx_split()["valid"].tolist() == [1]


@pytest.mark.parametrize(
    "name", [item.name for item in list_datasets() if item.task == "graphs" and item.name != "ogbg-molbace"]
)
def test_missing_files_without_a_network(name, tmp_path, no_network):
    for _ in range(2):  # a failed download must leave nothing that makes the next call ask
        with pytest.raises(FileNotFoundError, match=f"raw files of {name} .* could not be downloaded .*GRAPHCOND_DATA"):
            load(name, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["graph", "node", "edge"])
def test_files_that_pyg_would_do_without(kind, root):
    missing = f"MUTAG_{kind}_labels.txt"
    (root / TINY["mutag"] / "raw" / missing).unlink()
    with pytest.raises(FileNotFoundError, match=rf"mutag are not complete .*{missing} is missing"):
        load("mutag", root)
    assert not (root / TINY["mutag"] / "processed").exists()


@pytest.mark.parametrize("kind", ["A", "graph_indicator", "graph_labels", "node_labels", "edge_labels"])
@pytest.mark.parametrize("content", ["half a file\n", "1\n", ""], ids=["text", "short", "empty"])
def test_broken_files_of_tu(kind, content, root):
    (root / TINY["mutag"] / "raw" / f"MUTAG_{kind}.txt").write_text(content)
    with pytest.raises(ValueError, match=r"files of mutag .*cannot be read .*delete that folder"):
        load("mutag", root)


@pytest.mark.parametrize("kind", ["edge", "node-feat", "graph-label", "num-node-list", "num-edge-list"])
def test_broken_files_of_ogb(kind, root, write_csv):
    file = root / TINY["ogbg-molbbbp"] / "raw" / f"{kind}.csv.gz"
    whole = file.read_bytes()
    for content in (b"not a gzip file", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"files of ogbg-molbbbp .*cannot be read .*delete that folder"):
            load("ogbg-molbbbp", root)


@pytest.mark.parametrize("kind", ["node-feat", "graph-label"])
def test_rows_that_do_not_fit_the_graphs_of_ogb(kind, root, write_csv):
    write_csv(root / TINY["ogbg-molbbbp"] / "raw" / f"{kind}.csv.gz", [[1] * 9, [2] * 9])
    with pytest.raises(ValueError, match=r"files of ogbg-molbbbp .*cannot be read"):
        load("ogbg-molbbbp", root)


def test_files_of_an_unknown_release_are_an_error_not_a_question(root):
    (root / TINY["ogbg-molbbbp"] / "RELEASE_v1.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"RELEASE_v1\.txt"):
        load("ogbg-molbbbp", root)


def test_other_sets_do_not_import_ogb(root, monkeypatch):
    for module in [module for module in sys.modules if module.split(".")[0] == "ogb"]:
        monkeypatch.delitem(sys.modules, module)
    load("mutag", root)
    assert "ogb" not in sys.modules
