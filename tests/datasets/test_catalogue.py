import json
import logging
import socket
from fnmatch import fnmatch

import numpy as np
import pytest
import torch

from graphcond.core.evaluation.metrics import FITS, metric_name
from graphcond.datasets import Entry, entry, list_datasets, load
from graphcond.datasets.files import PATIENCE
from graphcond.datasets.pyg import PyG
from graphcond.datasets.splits import balanced_split
from graphcond.nodes.reading import read_nodes

FOLDERS = {
    "cora": "Planetoid/Cora",
    "pubmed": "Planetoid/PubMed",
    "photo": "Amazon/Photo",
    "tolokers": "HeterophilousGraphDataset/tolokers",
}
HERE = ("citeseer", "digits")


@pytest.fixture
def loaded(real_data):
    """Load a dataset from a fresh copy of its raw files."""
    return lambda name, **options: load(name, real_data(FOLDERS[name]) if name in FOLDERS else None, **options)


@pytest.mark.parametrize("name", [*HERE, *FOLDERS])
def test_loaded_as_described(name, loaded):
    dataset, described = loaded(name), entry(name)
    data = dataset[0]
    assert len(dataset) == 1
    assert data.num_nodes == described.num_nodes
    assert data.num_edges == described.num_edges
    assert data.num_features == described.num_features
    assert dataset.num_classes == described.num_classes
    task = read_nodes(dataset)
    assert task.num_classes == described.num_classes
    assert len(task.test.nodes) > len(task.train.nodes) or name == "tolokers"


def test_rows_are_normalised_on_access_only(loaded):
    dataset = loaded("cora")
    sums = dataset[0].x.sum(1)
    assert torch.allclose(sums[sums > 0], torch.ones(()))
    assert set(dataset.get(0).x.unique().tolist()) == {0, 1}
    dataset.transform = None
    assert set(dataset[0].x.unique().tolist()) == {0, 1}


def test_amazon_keeps_its_bags_of_words_as_published(loaded):
    assert set(loaded("photo")[0].x.unique().tolist()) == {0, 1}


def test_drawn_split(loaded):
    first, again, other = (load("digits", seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first.train_mask, again.train_mask)
    assert not torch.equal(first.train_mask, other.train_mask)
    for data in (first, loaded("photo")[0]):
        assert (torch.bincount(data.y[data.train_mask]) == 20).all()
        assert (torch.bincount(data.y[data.val_mask]) == 30).all()
        assert (data.train_mask.int() + data.val_mask.int() + data.test_mask.int() == 1).all()


def test_split_leaves_the_random_state_alone():
    before = torch.random.get_rng_state()
    load("digits", seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_split_of_a_small_class():
    with pytest.raises(ValueError, match="class 1 has 50 nodes; the split needs more than 50"):
        balanced_split(torch.tensor([0] * 60 + [1] * 50), seed=0)


def test_wikics_keeps_its_columns(tmp_path):
    generator = np.random.default_rng(0)
    part = generator.integers(0, 4, (2, 30))
    part[:, :10] = 4  # the test nodes are the same in all splits
    part[:, 10:12] = 0
    raw = {
        "features": generator.normal(size=(30, 5)).tolist(),
        "labels": [i % 2 for i in range(30)],
        "links": [[(i + 1) % 30] for i in range(30)],
        "test_mask": (part[0] == 4).tolist(),
        **{f"{kind}_masks": (part == code).tolist() for code, kind in enumerate(("train", "val", "stopping"))},
    }
    (tmp_path / "WikiCS" / "raw").mkdir(parents=True)
    (tmp_path / "WikiCS" / "raw" / "data.json").write_text(json.dumps(raw))
    dataset = load("wikics", tmp_path)
    for split in (0, 1):
        task = read_nodes(dataset, split=split)
        assert len(task.test.nodes) == 10
        assert len(task.val.nodes) == (part[split] == 1).sum()


def test_inductive_set_is_standardised(tmp_path):
    raw = tmp_path / "Flickr" / "raw"
    raw.mkdir(parents=True)
    generator = np.random.default_rng(0)
    np.save(raw / "feats.npy", generator.normal(5, 3, (9, 4)))
    row = np.arange(9)
    np.savez(raw / "adj_full.npz", data=np.ones(9), indices=(row + 1) % 9, indptr=np.arange(10), shape=(9, 9))
    (raw / "class_map.json").write_text(json.dumps({str(i): i % 2 for i in range(9)}))
    (raw / "role.json").write_text(json.dumps({"tr": [0, 1, 2, 3], "va": [4, 5], "te": [6, 7, 8]}))
    x = load("flickr", tmp_path)[0].x
    assert torch.allclose(x[:4].mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(x[:4].std(0, correction=0), torch.ones(4), atol=1e-5)
    assert entry("flickr").inductive


def test_processed_files_go_elsewhere_where_they_cannot_be_written(real_data, caplog):
    root = real_data(FOLDERS["cora"])
    (root / "Planetoid" / "Cora" / "processed").write_text("in the way")
    with caplog.at_level(logging.INFO, logger="graphcond"):
        dataset = load("cora", root)
    assert dataset[0].num_nodes == 2708
    assert dataset.root == str(root / "Planetoid")
    assert "temporary folder" in caplog.text


def test_nothing_is_printed(real_data, capfd):
    load("cora", real_data(FOLDERS["cora"]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cora", "https://github.com/kimiyoung/planetoid/raw/master/data/ind.cora.*"),
        ("photo", "https://github.com/shchur/gnn-benchmark/raw/master/data/npz/amazon_electronics_photo.npz"),
        ("physics", "https://github.com/shchur/gnn-benchmark/raw/master/data/npz/ms_academic_phy.npz"),
        ("wikics", "https://github.com/pmernyei/wiki-cs-dataset/raw/master/dataset/data.json"),
        ("tolokers", "https://github.com/yandex-research/heterophilous-graphs/raw/main/data/tolokers.npz"),
        ("reddit", "https://data.dgl.ai/dataset/reddit.zip"),
        ("flickr", "https://drive.usercontent.google.com/download?id="),
        ("mutag", "https://www.chrsmrrs.com/graphkerneldatasets/MUTAG.zip"),
        ("ogbn-arxiv", "http://snap.stanford.edu/ogb/data/nodeproppred/arxiv.zip"),
        ("ogbn-mag", "http://snap.stanford.edu/ogb/data/nodeproppred/mag.zip"),
        ("ogbg-molhiv", "http://snap.stanford.edu/ogb/data/graphproppred/csv_mol_download/hiv.zip"),
    ],
)
def test_missing_files_without_a_network(name, url, tmp_path, no_network):
    with pytest.raises(
        FileNotFoundError, match=f"raw files of {name} .* could not be downloaded .*GRAPHCOND_DATA"
    ) as caught:
        load(name, tmp_path / "new" / "root")
    assert f"put what {url}" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert not list(tmp_path.iterdir())  # nor a folder


def test_a_class_names_the_files_that_it_downloads(tmp_path, monkeypatch):
    """What the catalogue says of their names is what PyG's classes ask for."""
    asked = []
    for home, name in (("urllib.request", "urlopen"), ("torch_geometric.io.fs", "cp")):
        monkeypatch.setattr(f"{home}.{name}", lambda url, *_, **__: asked.append(str(url)) or refuse())
    named = [item for item in list_datasets() if isinstance(item.loader, PyG) and item.loader.file]
    for item in named:
        with pytest.raises(FileNotFoundError, match="could not be downloaded"):
            load(item.name, tmp_path)
        assert fnmatch(asked[-1], item.loader.url), item.name
    assert len(asked) == len(named) >= 21


def refuse():
    raise OSError("the network is not there")


def test_what_loaders_say_of_a_download_is_shown_to_who_watches(tmp_path, no_network, monkeypatch, capsys):
    monkeypatch.setattr("graphcond.core.runtime.progress.watched", lambda: True)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # PyG is silent in tests
    with pytest.raises(FileNotFoundError):
        load("photo", tmp_path)
    assert "Downloading https://github.com/shchur" in capsys.readouterr().err


def test_loaders_do_not_wait_for_ever(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: seen.append(socket.getdefaulttimeout()) or refuse())
    with pytest.raises(FileNotFoundError):
        load("photo", tmp_path)
    assert (seen, socket.getdefaulttimeout()) == ([PATIENCE], None)


def test_root_that_is_a_file(tmp_path, no_network):
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="file"):
        load("photo", tmp_path / "file")


def test_broken_file(tmp_path, no_network):
    raw = tmp_path / "Amazon" / "Photo" / "raw"
    raw.mkdir(parents=True)
    (raw / "amazon_electronics_photo.npz").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"cannot be read .*delete that folder"):
        load("photo", tmp_path)


def test_root_by_environment_variable(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("GRAPHCOND_DATA", str(tmp_path / "somewhere"))
    with pytest.raises(FileNotFoundError, match="somewhere"):
        load("photo")


def test_catalogue():
    entries = list_datasets()
    assert all(isinstance(item, Entry) for item in entries)
    assert len({item.name for item in entries}) == len(set(entries)) == len(entries) == 49
    classes = [item for item in entries if item.target == "single_label"]
    assert all(item.num_classes == 2 for item in classes if item.metric == "roc_auc")
    assert all((item.num_graphs == 1) == (item.task in ("nodes", "hetero")) for item in entries)
    assert all((item.num_classes > 1) == (item in classes) for item in entries)
    assert all(metric_name(item.metric) in FITS[item.target] for item in entries)
    told = {item.name: item.learned for item in entries}
    assert [told[f"ogbg-{name}"] for name in ("ppa", "molmuv", "molesol")] == ["37", "17 labels", "1 number"]
    assert not any(item.inductive for item in entries if item.task == "graphs")
    entries.clear()
    assert list_datasets()


def test_names():
    assert entry("Roman_Empire").name == "roman-empire"
    with pytest.raises(ValueError, match="no dataset 'citeser'; did you mean 'citeseer'"):
        load("citeser")
    with pytest.raises(TypeError, match="name must be"):
        load(1)
    with pytest.raises(ValueError, match="seed must be"):
        load("digits", seed=-1)
