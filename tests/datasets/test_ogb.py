import os
import pickle

import numpy as np
import pytest
import torch

from graphcond.datasets import load, ogb_loading
from graphcond.nodes.reading import read_nodes

NODES = 12


pytestmark = pytest.mark.usefixtures("no_terminal")


@pytest.fixture
def root(tmp_path, write_csv):
    """A root with a tiny ogbn-arxiv in OGB's own layout: a directed path through 12 nodes of 2 classes."""
    folder = tmp_path / "ogb" / "ogbn_arxiv"
    features = np.random.default_rng(0).normal(3, 2, (NODES, 4)).round(3)
    features[:, 3] = 7.1  # a feature that never changes
    write_csv(folder / "raw" / "edge.csv.gz", [(i, i + 1) for i in range(NODES - 1)])
    write_csv(folder / "raw" / "node-feat.csv.gz", features)
    write_csv(folder / "raw" / "node-label.csv.gz", [i % 2 for i in range(NODES)])
    write_csv(folder / "raw" / "node_year.csv.gz", [2010 + i for i in range(NODES)])
    write_csv(folder / "raw" / "num-node-list.csv.gz", [NODES])
    write_csv(folder / "raw" / "num-edge-list.csv.gz", [NODES - 1])
    for name, nodes in (("train", [5, 0, 2, 1]), ("valid", [3, 4, 6]), ("test", [7, 8, 9, 10, 11])):
        write_csv(folder / "split" / "time" / f"{name}.csv.gz", nodes)
    (folder / "RELEASE_v1.txt").touch()
    return tmp_path


def test_node_set_loads_with_masks_and_split(root):
    dataset = load("ogbn-arxiv", root=root)
    data = dataset[0]
    assert data.train_mask.nonzero().flatten().tolist() == [0, 1, 2, 5]
    assert dataset.get_idx_split()["train"].tolist() == [5, 0, 2, 1]
    assert data.num_edges == 2 * (NODES - 1)
    assert data.is_undirected()
    task = read_nodes(dataset)
    assert (len(task.train.nodes), len(task.val.nodes), len(task.test.nodes)) == (4, 3, 5)
    assert not task.notes


def test_features_are_standardised_over_training_nodes(root):
    data = load("ogbn-arxiv", root=root)[0]
    train = data.x[data.train_mask]
    assert data.x.dtype == torch.float32
    assert torch.allclose(train.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(train.std(0, correction=0), torch.tensor([1.0, 1, 1, 0]), atol=1e-5)
    raw = load("ogbn-arxiv", root=root, normalize=False)[0].x
    assert torch.allclose(raw[:, 3], torch.tensor(7.1))


def test_nothing_is_printed(root, capfd):
    load("ogbn-arxiv", root=root)
    assert capfd.readouterr() == ("", "")


def test_torch_load_is_left_as_it_was(root):
    before = set(torch.serialization.get_safe_globals())
    load("ogbn-arxiv", root=root)
    with ogb_loading(), ogb_loading():
        pass
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(root / "ogb" / "ogbn_arxiv" / "processed" / "geometric_data_processed.pt")


def test_code_in_a_file_is_not_executed(root):
    class Malice:
        def __reduce__(self):
            return os.mkdir, (str(root / "executed"),)

    load("ogbn-arxiv", root=root)
    torch.save((Malice(), None), root / "ogb" / "ogbn_arxiv" / "processed" / "geometric_data_processed.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        load("ogbn-arxiv", root=root)
    assert not (root / "executed").exists()


@pytest.mark.parametrize("as_stored", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_a_stored_split_is_read(root, as_stored):
    split = {"train": as_stored([0, 1]), "valid": as_stored([2]), "test": as_stored([3])}
    torch.save(split, root / "ogb" / "ogbn_arxiv" / "split" / "time" / "split_dict.pt")
    dataset = load("ogbn-arxiv", root=root)
    assert dataset[0].train_mask.nonzero().flatten().tolist() == [0, 1]
    assert list(dataset.get_idx_split()["test"]) == [3]


def test_files_of_an_unknown_release_are_an_error_not_a_question(root):
    (root / "ogb" / "ogbn_arxiv" / "RELEASE_v1.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"RELEASE_v1\.txt"):
        load("ogbn-arxiv", root=root)
    assert (root / "ogb" / "ogbn_arxiv" / "raw" / "edge.csv.gz").exists()


def test_processed_files_go_elsewhere_where_they_cannot_be_written(root):
    folder = root / "ogb" / "ogbn_arxiv"
    (folder / "processed").write_text("in the way")
    dataset = load("ogbn-arxiv", root=root)
    assert dataset[0].num_nodes == NODES
    assert dataset.get_idx_split()["valid"].tolist() == [3, 4, 6]
    assert dataset.root == str(folder)


def test_broken_file(root):
    (root / "ogb" / "ogbn_arxiv" / "raw" / "edge.csv.gz").write_bytes(b"not a gzip file")
    with pytest.raises(ValueError, match="cannot be read"):
        load("ogbn-arxiv", root=root)


def test_missing_files_without_a_network(tmp_path, no_network):
    for _ in range(2):  # a failed download must leave nothing that makes the next call ask
        with pytest.raises(FileNotFoundError, match=r"ogbn-products are not complete in .*ogbn_products"):
            load("ogbn-products", root=tmp_path)
    assert not (tmp_path / "ogb" / "ogbn_products").exists()


def test_users_own_ogb_code(real_data):
    from ogb.graphproppred import PygGraphPropPredDataset

    root = real_data("ogb/ogbg_molbace")
    with ogb_loading():
        dataset = PygGraphPropPredDataset("ogbg-molbace", root=str(root / "ogb"))
        split = dataset.get_idx_split()
    assert len(dataset) == 1513
    assert [len(split[key]) for key in ("train", "valid", "test")] == [1210, 151, 152]
