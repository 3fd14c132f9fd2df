"""Raw files of tiny datasets, each in the layout of the loader that reads it."""

import gzip
import json
import pickle
import socket
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SIZES = (2, 3, 4, 5)  # nodes of the graphs of sets of graphs, each a path
NODES = 60 * 8  # of the sets of nodes, a ring; 60 of each class


def _write_csv(path, rows):
    """Write rows to a gzipped csv file, as OGB keeps them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(",".join(map(str, np.atleast_1d(row))) + "\n" for row in rows)


def write_tu(raw, *, labels):
    """Write paths of ``SIZES`` nodes in the text files of TU Dortmund; nodes and edges are numbered through, from 1."""
    starts = np.cumsum((1, *SIZES))
    steps = [(i, i + 1) for start, size in zip(starts, SIZES, strict=False) for i in range(start, start + size - 1)]
    edges = [edge for a, b in steps for edge in ((a, b), (b, a))]
    files = {
        "A": [f"{a}, {b}" for a, b in edges],
        "graph_indicator": np.repeat(np.arange(len(SIZES)) + 1, SIZES),
        "graph_labels": [(-1) ** i for i in range(len(SIZES))],
    }
    if labels:
        files |= {"node_labels": np.arange(sum(SIZES)) % 3, "edge_labels": [0] * len(edges)}
    raw.mkdir(parents=True)
    for kind, lines in files.items():
        (raw / f"{raw.parent.name}_{kind}.txt").write_text("".join(f"{line}\n" for line in lines))


def write_ogb_graphs(folder: Path):
    _write_csv(folder / "raw" / "edge.csv.gz", [(i, i + 1) for size in SIZES for i in range(size - 1)])
    _write_csv(folder / "raw" / "edge-feat.csv.gz", [(0, 0, 1) for size in SIZES for _ in range(size - 1)])
    _write_csv(folder / "raw" / "node-feat.csv.gz", [(i, *range(8)) for i in range(sum(SIZES))])
    _write_csv(folder / "raw" / "graph-label.csv.gz", [i % 2 for i in range(len(SIZES))])
    _write_csv(folder / "raw" / "num-node-list.csv.gz", SIZES)
    _write_csv(folder / "raw" / "num-edge-list.csv.gz", [size - 1 for size in SIZES])
    for part, graphs in {"train": [3, 0], "valid": [1], "test": [2]}.items():
        _write_csv(folder / "split" / "scaffold" / f"{part}.csv.gz", graphs)
    (folder / "RELEASE_v1.txt").touch()


def write_ogb_nodes(folder: Path):
    _write_csv(folder / "raw" / "edge.csv.gz", [(i, i + 1) for i in range(11)])
    _write_csv(folder / "raw" / "node-feat.csv.gz", np.random.default_rng(0).normal(size=(12, 4)).round(3))
    _write_csv(folder / "raw" / "node-label.csv.gz", [i % 2 for i in range(12)])
    _write_csv(folder / "raw" / "node_year.csv.gz", range(12))
    _write_csv(folder / "raw" / "num-node-list.csv.gz", [12])
    _write_csv(folder / "raw" / "num-edge-list.csv.gz", [11])
    for part, nodes in {"train": [5, 0, 2, 1], "valid": [3, 4, 6], "test": range(7, 12)}.items():
        _write_csv(folder / "split" / "time" / f"{part}.csv.gz", nodes)
    (folder / "RELEASE_v1.txt").touch()


def write_ogb_hetero(folder: Path):
    """Write 12 papers of 4 authors in 2 institutions on 3 fields, in the layout of ogbn-mag."""
    raw, split = folder / "raw", folder / "split" / "time"
    counts = {"author": 4, "field_of_study": 3, "institution": 2, "paper": 12}
    relations = {
        ("author", "affiliated_with", "institution"): [(i, i % 2) for i in range(4)],
        ("author", "writes", "paper"): [(i % 4, i) for i in range(12)],
        ("paper", "cites", "paper"): [(i, i - 1) for i in range(1, 12)],
        ("paper", "has_topic", "field_of_study"): [(i, i % 3) for i in range(12)],
    }
    _write_csv(raw / "num-node-dict.csv.gz", [list(counts), list(counts.values())])
    _write_csv(raw / "triplet-type-list.csv.gz", list(relations))
    for number, (relation, edges) in enumerate(relations.items()):
        home = raw / "relations" / "___".join(relation)
        _write_csv(home / "edge.csv.gz", edges)
        _write_csv(home / "num-edge-list.csv.gz", [len(edges)])
        _write_csv(home / "edge_reltype.csv.gz", [number] * len(edges))
    features = np.random.default_rng(0).normal(size=(12, 4)).round(3)
    _write_csv(raw / "node-feat" / "paper" / "node-feat.csv.gz", features)
    _write_csv(raw / "node-feat" / "paper" / "node_year.csv.gz", [2010 + i for i in range(12)])
    _write_csv(raw / "node-label" / "paper" / "node-label.csv.gz", [i % 2 for i in range(12)])
    labelled = [list(counts), [name == "paper" for name in counts]]
    _write_csv(raw / "nodetype-has-label.csv.gz", labelled)
    _write_csv(split / "nodetype-has-split.csv.gz", labelled)
    for part, nodes in {"train": [5, 0, 2, 1], "valid": [3, 4, 6], "test": range(7, 12)}.items():
        _write_csv(split / "paper" / f"{part}.csv.gz", nodes)
    (folder / "RELEASE_v2.txt").touch()


def planetoid_parts(num_nodes=600, num_test=20, num_features=4):
    """Return what the files of Planetoid hold: a ring, 2 classes in turn, 40 training nodes."""
    import scipy.sparse as sp  # which changes the filters of warnings, at its first import

    known = num_nodes - num_test
    x = sp.random(num_nodes, num_features, 0.5, "csr", dtype=np.float32, random_state=0)
    y = np.eye(2, dtype=np.int32)[np.arange(num_nodes) % 2]
    graph = defaultdict(list, {i: [(i + 1) % num_nodes, (i - 1) % num_nodes, i] for i in range(num_nodes)})
    return {
        "x": x[:40], "allx": x[:known], "tx": x[known:], "y": y[:40], "ally": y[:known], "ty": y[known:],
        "graph": graph,
    }  # fmt: skip


def write_planetoid(raw: Path, **changes):
    raw.mkdir(parents=True, exist_ok=True)
    for part, value in (planetoid_parts() | changes).items():
        (raw / f"ind.cora.{part}").write_bytes(pickle.dumps(value, protocol=4))
    (raw / "ind.cora.test.index").write_text("".join(f"{i}\n" for i in range(599, 579, -1)))


def ring(num_nodes=NODES):
    import scipy.sparse as sp  # which changes the filters of warnings, at its first import

    row = np.arange(num_nodes)
    return sp.csr_matrix((np.ones(num_nodes, np.float32), (row, (row + 1) % num_nodes)), (num_nodes, num_nodes))


def csr_parts(prefix, matrix):
    names = ("data", "indices", "indptr", "shape")
    return {f"{prefix}{name}": np.asarray(getattr(matrix, name)) for name in names}


def write_npz(path: Path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def shchur(**changes):
    """Return what a file of Amazon or Coauthor holds."""
    import scipy.sparse as sp  # which changes the filters of warnings, at its first import

    features = sp.random(NODES, 5, 0.5, "csr", dtype=np.float32, random_state=0)
    arrays = csr_parts("attr_", features) | csr_parts("adj_", ring()) | {"labels": np.arange(NODES) % 8}
    return arrays | changes


def write_wikics(path: Path):
    mask = [[i % 4 == part for i in range(30)] for part in range(4)]
    raw = {
        "features": np.random.default_rng(0).normal(size=(30, 5)).tolist(), "labels": [i % 2 for i in range(30)],
        "links": [[(i + 1) % 30] for i in range(30)], "test_mask": mask[0],
        "train_masks": [mask[1]], "val_masks": [mask[2]], "stopping_masks": [mask[3]],
    }  # fmt: skip
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(raw))


def write_flickr(raw: Path, **changes):
    write_npz(raw / "adj_full.npz", **(csr_parts("", ring(9)) | changes))
    np.save(raw / "feats.npy", np.random.default_rng(0).normal(5, 3, (9, 4)))
    (raw / "class_map.json").write_text(json.dumps({str(i): i % 2 for i in range(9)}))
    (raw / "role.json").write_text(json.dumps({"tr": [0, 1, 2, 3], "va": [4, 5], "te": [6, 7, 8]}))


def write_reddit(raw: Path):
    import scipy.sparse as sp  # which changes the filters of warnings, at its first import

    write_npz(
        raw / "reddit_data.npz", feature=np.random.default_rng(0).normal(size=(9, 4)), label=np.arange(9) % 2,
        node_types=1 + np.arange(9) % 3,
    )  # fmt: skip
    sp.save_npz(raw / "reddit_graph.npz", ring(9).tocoo())


def write_heterophilous(path: Path):
    masks = np.stack([np.arange(12) % 3 == part for part in range(3)])[:, None]
    write_npz(
        path, node_features=np.ones((12, 3), np.float32), node_labels=np.arange(12) % 2,
        edges=np.stack([np.arange(11), np.arange(1, 12)], axis=1),
        train_masks=masks[0], val_masks=masks[1], test_masks=masks[2],
    )  # fmt: skip


def write_idx(folder: Path):
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        head = b"\0\0\x08\x03" + np.array([20, 4, 4], ">u4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + bytes(20 * 16))
        head = b"\0\0\x08\x01" + np.array([20], ">u4").tobytes()
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(range(10)) * 2)


# Each kind of loader: a dataset's name, its folder under the root, and what writes its files there.
WRITERS = {
    "cora": ("Planetoid/Cora", lambda folder: write_planetoid(folder / "raw")),
    "photo": ("Amazon/Photo", lambda folder: write_npz(folder / "raw" / "amazon_electronics_photo.npz", **shchur())),
    "cs": ("Coauthor/CS", lambda folder: write_npz(folder / "raw" / "ms_academic_cs.npz", **shchur())),
    "wikics": ("WikiCS", lambda folder: write_wikics(folder / "raw" / "data.json")),
    "flickr": ("Flickr", lambda folder: write_flickr(folder / "raw")),
    "reddit": ("Reddit", lambda folder: write_reddit(folder / "raw")),
    "tolokers": (
        "HeterophilousGraphDataset/tolokers", lambda folder: write_heterophilous(folder / "raw" / "tolokers.npz"),
    ),
    "mutag": ("TUDataset/MUTAG", lambda folder: write_tu(folder / "raw", labels=True)),
    "imdb-binary": ("TUDataset/IMDB-BINARY", lambda folder: write_tu(folder / "raw", labels=False)),
    "ogbn-arxiv": ("ogb/ogbn_arxiv", write_ogb_nodes),
    "ogbn-mag": ("ogb/ogbn_mag", write_ogb_hetero),
    "ogbg-molbbbp": ("ogb/ogbg_molbbbp", write_ogb_graphs),
    "mnist": ("MNIST", lambda folder: write_idx(folder / "raw")),
}  # fmt: skip


@pytest.fixture
def no_network(monkeypatch):
    """Make every attempt to reach another machine fail at once."""

    def refuse(*_, **__):
        raise socket.gaierror("the network is not there")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


class NoTerminal:
    """Stands in for the terminal; nobody is there to answer."""

    def readline(self, *_):
        raise AssertionError("the terminal was asked")


@pytest.fixture
def no_terminal(monkeypatch):
    """Fail whoever asks the user a question."""
    monkeypatch.setattr(sys, "stdin", NoTerminal())


@pytest.fixture
def write_csv():
    """Write rows to a gzipped csv file, as OGB keeps them."""
    return _write_csv


@pytest.fixture
def tiny_sets() -> ModuleType:
    """Return what this file knows to write."""
    return sys.modules[__name__]
