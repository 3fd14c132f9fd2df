"""Each kind of OGB's datasets, tiny and in OGB's own raw layout, and those real ones that are at hand."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from graphcond.datasets import entry, list_datasets, load
from graphcond.datasets.metric import own_metric

pytestmark = pytest.mark.usefixtures("no_terminal")

SIZES = (2, 3, 4, 5)  # nodes of the graphs, each a path
PARTS = {"train": [3, 0], "valid": [1], "test": [2]}
MOLECULES = [item.name for item in list_datasets() if item.name.startswith("ogbg-mol")]
NODES = 12


def write(path: Path, rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(",".join(map(str, np.atleast_1d(row))) + "\n" for row in rows)


def write_graphs(folder: Path, labels: list[list[str]], *, molecules: bool = True) -> None:
    """Write paths; molecules have 9 features of nodes and 3 of edges, others 7 of edges alone."""
    raw, edges = folder / "raw", sum(SIZES) - len(SIZES)
    write(raw / "edge.csv.gz", [(i, i + 1) for size in SIZES for i in range(size - 1)])
    write(raw / "num-node-list.csv.gz", SIZES)
    write(raw / "num-edge-list.csv.gz", [size - 1 for size in SIZES])
    write(raw / "graph-label.csv.gz", labels)
    if molecules:
        write(raw / "node-feat.csv.gz", [(i, *range(8)) for i in range(sum(SIZES))])
    write(raw / "edge-feat.csv.gz", [(i % 2, 0, 1) if molecules else (i / 8,) * 7 for i in range(edges)])
    for part, graphs in PARTS.items():
        write(folder / "split" / ("scaffold" if molecules else "species") / f"{part}.csv.gz", graphs)
    (folder / "RELEASE_v1.txt").touch()


def write_proteins(folder: Path, labels: np.ndarray) -> None:
    """Write a path of nodes without features, with 8 features of edges and a species of each node."""
    raw = folder / "raw"
    write(raw / "edge.csv.gz", [(i, i + 1) for i in range(NODES - 1)])
    write(raw / "edge-feat.csv.gz", [(i / 16,) * 8 for i in range(NODES - 1)])
    write(raw / "num-node-list.csv.gz", [NODES])
    write(raw / "num-edge-list.csv.gz", [NODES - 1])
    write(raw / "node-label.csv.gz", labels)
    write(raw / "species.csv.gz", [3702 + i // 4 for i in range(NODES)])  # as published; OGB renames it
    for part, nodes in {"train": range(4), "valid": range(4, 8), "test": range(8, NODES)}.items():
        write(folder / "split" / "species" / f"{part}.csv.gz", nodes)
    (folder / "RELEASE_v1.txt").touch()


def same(found: Tensor, expected: np.ndarray) -> bool:
    return torch.equal(found.nan_to_num(-9.0), torch.from_numpy(expected).float().nan_to_num(-9.0))


@pytest.mark.parametrize("name", MOLECULES)
def test_molecules_have_a_row_of_targets_with_nan_where_one_is_missing(name: str, tmp_path: Path) -> None:
    known, generator = entry(name), np.random.default_rng(0)
    if known.target == "regression":
        y = generator.normal(size=(len(SIZES), 1)).round(3)
    else:
        y = generator.integers(0, 2, (len(SIZES), known.num_targets)).astype(float)
    if known.target == "multi_label":
        y[generator.random(y.shape) < 0.3] = np.nan
        y[0] = np.nan  # a graph of which nothing is known: a line of commas
    cells = [["" if np.isnan(value) else f"{value:g}" for value in row] for row in y]
    write_graphs(tmp_path / "ogb" / name.replace("-", "_"), cells)
    for _ in range(2):  # from the raw files, then from the processed ones
        dataset = load(name, tmp_path)
        assert same(torch.cat([data.y for data in dataset]), y)
        assert dataset[0].y.is_floating_point() == (known.target != "single_label")
        assert dataset.num_features == known.num_features
        assert [data.edge_attr.shape for data in dataset] == [(2 * (size - 1), 3) for size in SIZES]
    assert {part: graphs.tolist() for part, graphs in dataset.get_idx_split().items()} == PARTS
    assert own_metric(dataset) == known.metric


def test_ppa_has_features_of_edges_only(tmp_path: Path, capfd) -> None:
    write_graphs(tmp_path / "ogb" / "ogbg_ppa", [["3"], ["36"], ["0"], ["7"]], molecules=False)
    for _ in range(2):
        dataset = load("ogbg-ppa", tmp_path)
        assert [data.num_nodes for data in dataset] == list(SIZES)
        assert all("x" not in data for data in dataset)
        assert dataset[3].edge_attr[:4].tolist() == [[6 / 8] * 7] * 2 + [[7 / 8] * 7] * 2  # both directions
        assert dataset._data.y.tolist() == [[3], [36], [0], [7]]
        assert dataset.num_classes == entry("ogbg-ppa").num_classes
    assert {part: graphs.tolist() for part, graphs in dataset.get_idx_split().items()} == PARTS
    assert own_metric(dataset) == "accuracy"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("writable", [True, False])
def test_proteins_have_features_of_edges_and_many_labels(writable: bool, tmp_path: Path) -> None:
    folder, y = tmp_path / "ogb" / "ogbn_proteins", np.random.default_rng(0).integers(0, 2, (NODES, 112))
    write_proteins(folder, y)
    if not writable:
        (folder / "processed").write_text("in the way")
    for _ in range(2):
        dataset = load("ogbn-proteins", tmp_path)
        data = dataset[0]
        assert (data.num_nodes, data.num_edges, data.num_features) == (NODES, 2 * (NODES - 1), 0)
        assert "x" not in data
        assert data.edge_attr.shape == (2 * (NODES - 1), 8)
        assert same(data.y, y)
        assert data.node_species.flatten().tolist() == [3702 + i // 4 for i in range(NODES)]
        assert data.val_mask.nonzero().flatten().tolist() == [4, 5, 6, 7]
    assert own_metric(dataset) == "roc_auc"
    assert dataset.get_idx_split()["test"].tolist() == [8, 9, 10, 11]


def test_raw_files_that_nobody_may_change_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ogb" / "ogbn_proteins"
    write_proteins(folder, np.random.default_rng(0).integers(0, 2, (NODES, 112)))
    rename = __import__("os").rename

    def refuse(source: str, target: str, **options: object) -> None:
        if Path(source).resolve().is_relative_to(folder) and not Path(source).is_symlink():
            raise PermissionError(13, "Permission denied", str(source))
        rename(source, target, **options)

    monkeypatch.setattr("os.rename", refuse)
    before = {path.name for path in (folder / "raw").iterdir()}
    assert load("ogbn-proteins", tmp_path)[0].num_nodes == NODES
    assert {path.name for path in (folder / "raw").iterdir()} == before


def test_real_molecules_with_several_labels(real_data) -> None:
    dataset = load("ogbg-moltox21", real_data("ogb/ogbg_moltox21"))
    y = dataset._data.y
    assert y.shape == (len(dataset), 12)
    assert set(y[~y.isnan()].tolist()) == {0.0, 1.0}
    assert 0.1 < float(y.isnan().double().mean()) < 0.25
    assert own_metric(dataset) == "roc_auc"


def test_real_molecules_with_a_number(real_data) -> None:
    dataset = load("ogbg-molesol", real_data("ogb/ogbg_molesol"))
    assert dataset._data.y.shape == (1128, 1)
    assert not bool(dataset._data.y.isnan().any())
    assert own_metric(dataset) == "rmse"
