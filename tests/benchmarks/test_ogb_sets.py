"""The benchmark of OGB's sets, on tiny ones in OGB's own raw layout."""

import gzip
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ogb
import pytest
import torch

import graphcond
from graphcond.core.evaluation.metrics import METRICS

BENCHMARKS = Path(graphcond.__file__).parent.parent / "benchmarks"
NODES, CLASSES = 60, 3
MOLECULES = 24


@pytest.fixture
def ogb_sets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import ogb_sets

    return ogb_sets


def write(path: Path, rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(",".join(map(str, np.atleast_1d(row))) + "\n" for row in rows)


def write_nodes(folder: Path, split: str) -> None:
    """A ring through nodes of three classes, whose features tell the class."""
    random = np.random.default_rng(0)
    y = np.arange(NODES) % CLASSES
    write(folder / "raw" / "edge.csv.gz", [(i, (i + CLASSES) % NODES) for i in range(NODES)])
    write(folder / "raw" / "node-feat.csv.gz", (np.eye(CLASSES)[y] + random.normal(0, 0.3, (NODES, CLASSES))).round(3))
    write(folder / "raw" / "node-label.csv.gz", y)
    write(folder / "raw" / "node_year.csv.gz", [2010] * NODES)
    write(folder / "raw" / "num-node-list.csv.gz", [NODES])
    write(folder / "raw" / "num-edge-list.csv.gz", [NODES])
    for name, nodes in (("train", range(30)), ("valid", range(30, 45)), ("test", range(45, 60))):
        write(folder / "split" / split / f"{name}.csv.gz", nodes)
    (folder / "RELEASE_v1.txt").touch()


def write_molecules(folder: Path) -> None:
    """Paths of five or six atoms; the first atom tells the class."""
    sizes = [5 + i % 2 for i in range(MOLECULES)]
    y = [i // 2 % 2 for i in range(MOLECULES)]
    atoms = [(5 + 2 * label, *[0] * 8) for size, label in zip(sizes, y, strict=True) for _ in range(size)]
    write(folder / "raw" / "edge.csv.gz", [(i, i + 1) for size in sizes for i in range(size - 1)])
    write(folder / "raw" / "edge-feat.csv.gz", [(0, 0, 1) for size in sizes for _ in range(size - 1)])
    write(folder / "raw" / "node-feat.csv.gz", atoms)
    write(folder / "raw" / "graph-label.csv.gz", y)
    write(folder / "raw" / "num-node-list.csv.gz", sizes)
    write(folder / "raw" / "num-edge-list.csv.gz", [size - 1 for size in sizes])
    for part, graphs in (("train", range(12)), ("valid", range(12, 18)), ("test", range(18, 24))):
        write(folder / "split" / "scaffold" / f"{part}.csv.gz", graphs)
    (folder / "RELEASE_v1.txt").touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_nodes(tmp_path / "ogb" / "ogbn_arxiv", "time")
    write_nodes(tmp_path / "ogb" / "ogbn_products", "sales_ranking")
    for name in ("molbace", "molhiv"):
        write_molecules(tmp_path / "ogb" / f"ogbg_{name}")
    return tmp_path


@pytest.fixture
def call(ogb_sets, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the script in this process, and returns its exit code and what it printed."""

    def run(*arguments: object) -> tuple[int, str, str]:
        command = ["ogb_sets.py", *arguments, "--root", root, "--output", root / "rows.jsonl"]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        code = 0
        try:
            ogb_sets.main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def rows(root: Path) -> list[dict]:
    return [json.loads(line) for line in (root / "rows.jsonl").read_text().splitlines()]


def test_the_scores_of_ogb_are_ours(ogb_sets) -> None:
    generator = torch.Generator().manual_seed(0)
    for name, metric, classes in (
        ("ogbn-arxiv", "accuracy", 40), ("ogbn-products", "accuracy", 47), ("ogbg-molhiv", "roc_auc", 2),
        ("ogbg-molbace", "roc_auc", 2), ("ogbg-molbbbp", "roc_auc", 2),
    ):  # fmt: skip
        logits = torch.randn(200, classes, generator=generator).round(decimals=1)  # with ties
        labels = torch.randint(classes, (200,), generator=generator)
        assert ogb_sets.OGBScore(name)(logits, labels) == pytest.approx(METRICS[metric](logits, labels), abs=1e-12)


def test_the_scores_of_ogb_are_ours_for_labels_and_numbers(ogb_sets) -> None:
    generator = torch.Generator().manual_seed(0)
    for name, metric, columns in (
        ("ogbg-moltox21", "roc_auc", 12), ("ogbg-molpcba", "average_precision", 128), ("ogbg-molesol", "rmse", 1),
        ("ogbn-proteins", "roc_auc", 112),
    ):  # fmt: skip
        outputs = torch.randn(200, columns, generator=generator).round(decimals=1)
        targets = torch.randint(2, outputs.shape, generator=generator).float()
        targets[torch.rand(outputs.shape, generator=generator) < 0.2] = torch.nan
        score = ogb_sets.OGBScore(name)
        assert score(outputs, targets) == pytest.approx(METRICS[metric](outputs, targets), abs=1e-6)
        assert score.higher_is_better == (metric != "rmse")


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("ogbn-arxiv", "auto,class_mean,random,whole"),
        ("ogbn-products", "class_mean,random"),
    ],
)
def test_node_sets(call: Callable, name: str, methods: str, root: Path) -> None:
    command = (name, "--sizes", 0.2, "--seeds", 1, "--methods", methods, "--protocol", "standard(epochs=20)")
    code, out, err = call(*command)
    assert code == 0, err
    assert "failed" not in out
    assert {row["metric"] for row in rows(root)} == {"OGBScore"}
    assert {row["method"] for row in rows(root)} == set(methods.split(","))
    assert {row["nodes"] for row in rows(root) if row["size"] == "0.2"} == {12, 3}  # class_mean has one of each class
    before = (root / "rows.jsonl").read_bytes()
    assert call(*command)[0] == 0
    assert (root / "rows.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("ogbg-molhiv", "mirage,random,size,untrained,wl_linear,whole"),
        ("ogbg-molbace", "random,wl_linear"),
    ],
)
def test_graph_sets(call: Callable, name: str, methods: str, root: Path) -> None:
    code, out, err = call(
        name, "--sizes", "2/class", "--seeds", 1, "--methods", methods, "--protocol", "standard(steps=20)"
    )
    assert code == 0, err + out
    found = {row["method"]: row["scores"][0] for row in rows(root)}
    assert set(found) == set(methods.split(","))
    assert found["wl_linear"] == 1  # the class is written in the atoms


def test_the_table_of_coverage_has_all_sets_of_ogb(ogb_sets, capsys: pytest.CaptureFixture[str]) -> None:
    import ogb_coverage

    ogb_coverage.tables()
    found = re.findall(r"^\| `(ogb.-\w+)` \|.*\|$", printed := capsys.readouterr().out, re.MULTILINE)
    folder = Path(ogb.__file__).parent
    masters = [folder / f"{kind}proppred" / "master.csv" for kind in ("graph", "node", "link")]
    assert sorted(found) == sorted(name for file in masters for name in file.read_text().splitlines()[0].split(",")[1:])
    assert len(found) == 15 + 5 + 7
    assert set(re.findall(r"--root DATA ([\w-]+)`", printed)) <= set(ogb_sets.SIZES)


def test_every_method_of_the_defaults_exists(ogb_sets) -> None:
    assert set(ogb_sets.NODE_METHODS) <= {*graphcond.list_methods(), "whole"}
    assert set(ogb_sets.GRAPH_METHODS) <= {
        *graphcond.list_methods("graphs"), "whole", "size", "untrained", "wl_linear",
    }  # fmt: skip


def test_tables_set_published_rows_beside_ours(call: Callable) -> None:
    quick = ("--protocol", "standard(epochs=20)")
    assert call("ogbn-arxiv", "--sizes", 6, "--seeds", 1, "--methods", "class_mean,whole", *quick)[0] == 0
    row = {"dataset": "ogbn-arxiv", "method": "auto", "size": "90", "seed": 0, "model": "gcn", "protocol": "standard",
           "runs": 1, "metric": "OGBScore", "scores": [0.6, 0.7], "nodes": 90, "edges": 90, "bytes": 50_000,
           "condense_seconds": 1.0, "train_seconds": 2.0, "peak_memory": 0}  # fmt: skip
    output = Path(sys.argv[-1])
    with output.open("a") as file:
        file.write(json.dumps(row) + "\n")
    code, out, _ = call("--tables")
    assert code == 0
    assert "| 90 | auto | gcn | 65.0 ± 7.1 | 2 | 90 | 50.0 | 1.00 | 2.0 | - |" in out
    assert (
        "| 90 | *GEOM* | gcn | 65.5 ± 0.6 | *Zhang et al., ICML 2024, arXiv 2402.05011: scripts/evaluation.sh* |" in out
    )
    assert "| 90 | *SGDD* | gcn | 60.8 ± 1.3‡ |" in out
    assert "| 6 | class_mean | gcn |" in out
    assert "| any | whole | gcn |" in out
    assert "GCond-X" not in out  # of a dataset without rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ogbn-papers100M"], "datasets must be of ogbn-arxiv, .* got ogbn-papers100M"),
        ([], "got none"),
        (["ogbn-arxiv", "--methods", "gcondd"], "did you mean 'gcond"),
        (["ogbn-arxiv", "--sizes", "10kB", "--methods", "gcond"], "is not for method='gcond'"),
    ],
)
def test_bad_input(call: Callable, arguments: list[str], message: str, root: Path) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert not (root / "rows.jsonl").exists()


def test_without_files_nothing_is_begun(call: Callable, root: Path) -> None:
    (root / "ogb" / "ogbg_molhiv" / "raw").rename(root / "elsewhere")
    code, out, err = call("ogbn-arxiv", "ogbg-molhiv")
    assert (code, out) == (2, "")
    assert err.startswith(f"ogb_sets.py: the raw files of ogbg-molhiv are not in {root}")
    assert len(err.splitlines()) == 1
    assert not (root / "rows.jsonl").exists()
