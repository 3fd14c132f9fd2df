"""The page on several labels and numbers, and the benchmark behind it."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import graphcond
from graphcond.core.evaluation.metrics import FITS, METRICS
from graphcond.core.targets import TARGETS

ROOT = Path(graphcond.__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "measurements" / "targets.md"
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
NODES, LABELS = 120, 3

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks come with the repository only")


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import targets

    return targets


@pytest.fixture
def target_sets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import target_sets

    return target_sets


@pytest.fixture(scope="module")
def snippets() -> dict[str, object]:
    """Return what the snippets of the page leave behind, one after the other."""
    found: dict[str, object] = {}
    for code in SNIPPET.findall(PAGE.read_text()):
        exec(compile(code, str(PAGE), "exec"), found)
    return found


def test_snippets_train_models_that_have_learned(snippets: dict[str, object]) -> None:
    labels, probability = snippets["data"].y, snippets["probability"]
    wanted = torch.stack([labels % 2 == 0, labels > 4, labels % 3 == 0], dim=1)
    assert METRICS["roc_auc"](probability.detach(), wanted.float()) > 0.8
    assert METRICS["r2"](snippets["predicted"].detach(), snippets["numbers"].y.unsqueeze(1)) > 0.3


def test_snippets_give_what_the_page_says(snippets: dict[str, object]) -> None:
    assert [row.data for row in snippets["report"].rows] == ["auto", "prior"]
    assert snippets["features"] == "eigenvectors(columns=32)"
    assert snippets["full"].x.shape == (1797, 32)
    soft = snippets["small"][0].y_soft
    assert soft.shape == (60, LABELS)
    assert soft.min() >= 0
    assert soft.max() <= 1


def test_page_names_all_kinds_and_their_metrics() -> None:
    text = PAGE.read_text()
    assert all(f'"{kind}"' in text for kind in TARGETS)
    assert all(f"`{name}`" in text for kind in ("multi_label", "regression") for name in FITS[kind])


def test_table_of_methods_is_what_methods_say(targets: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    targets.tables("methods")
    table = capsys.readouterr().out
    assert all(f"| nodes | `{name}` |" in table for name in graphcond.list_methods("nodes"))
    assert all(f"| graphs | `{name}` |" in table for name in graphcond.list_methods("graphs"))


def write_blog_catalog(root: Path) -> None:
    """Three overlapping groups of nodes; nodes of a group have edges with each other."""
    random = np.random.default_rng(0)
    y = np.zeros((NODES, LABELS), dtype=bool)
    y[np.arange(NODES), np.arange(NODES) % LABELS] = True
    y[::10] |= random.random((len(y[::10]), LABELS)) < 0.5
    first, second = np.triu_indices(NODES, 1)
    drawn = random.random(len(first)) < np.where((y[first] & y[second]).any(axis=1), 0.2, 0.01)
    part = np.arange(NODES) % 10
    masks = {"train_mask": part < 5, "val_mask": part == 5, "test_mask": part > 5}
    (root / "BlogCatalog").mkdir()
    edges = np.stack([first, second])[:, drawn].astype(np.int32)
    np.savez(root / "BlogCatalog" / "blogcatalog.npz", edges=edges, num_nodes=NODES, y=y, **masks)


def run(targets: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["targets.py", *map(str, arguments)])
    targets.main()


def test_rows_and_tables(
    targets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_blog_catalog(tmp_path)
    monkeypatch.setattr(targets, "ROWS", targets.RowFile(tmp_path / "targets.jsonl", targets.FIELDS))
    workload = targets.WORKLOADS["blogcatalog"]
    small = targets.replace(workload, sizes={"12": (12, None)}, methods=("auto", "random", "prior", "whole"))
    monkeypatch.setitem(targets.WORKLOADS, "blogcatalog", small)
    asked = ("blogcatalog", "--root", tmp_path, "--seeds", 2, "--splits", 0)
    run(targets, monkeypatch, *asked)
    rows = [json.loads(line) for line in (tmp_path / "targets.jsonl").read_text().splitlines()]
    assert [(row["size"], row["data"]) for row in rows] == [
        ("12", "auto"), ("12", "random"), ("any", "prior"), ("any", "whole"),
    ]  # fmt: skip
    for row in rows:
        assert len(row["scores"]) == len(row["beside"]) == 2
        assert len(row["own_scores"]) == len(row["own_beside"])
        assert row["metric"] == "f1_micro_top"
    assert rows[3]["mean"] > rows[2]["mean"]
    run(targets, monkeypatch, *asked)
    assert "already" in capsys.readouterr().out
    assert len((tmp_path / "targets.jsonl").read_text().splitlines()) == len(rows)
    run(targets, monkeypatch, "--tables")
    shown = capsys.readouterr().out
    assert "past random by 2 standard errors" in shown
    assert "### blogcatalog, gcn, test f1_micro_top in %" in shown


def test_what_is_missing_is_told(
    targets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(targets, "ROWS", targets.RowFile(tmp_path / "targets.jsonl", targets.FIELDS))
    with pytest.raises(SystemExit):
        run(targets, monkeypatch, "blogcatalog", "--root", tmp_path)
    assert "blogcatalog.npz is missing" in capsys.readouterr().err


def test_random_splits_are_parts_of_the_shares_told(target_sets: ModuleType) -> None:
    masks = target_sets.random_masks(1000, 1)
    assert [int(mask.sum()) for mask in masks.values()] == [500, 100, 400]
    assert torch.equal(sum(mask.int() for mask in masks.values()), torch.ones(1000, dtype=torch.int32))
    assert not torch.equal(masks["train_mask"], target_sets.random_masks(1000, 2)["train_mask"])


@pytest.mark.parametrize(
    ("mine", "other", "share", "reached"),
    [
        ([0.70, 0.72], [0.60, 0.61], None, "yes"),
        ([0.60, 0.70], [0.60, 0.61], None, "no"),
        ([0.70], [0.60], None, "too few seeds"),
        ([0.70, 0.70], [0.73, 0.73], 0.05, "yes"),
        ([0.70, 0.70], [0.76, 0.76], 0.05, "no"),
    ],
)
def test_goals(targets: ModuleType, mine: list[float], other: list[float], share: float | None, reached: str) -> None:
    rows = [{"scores": scores, "own_scores": [], "percent": True, "less_is_better": False} for scores in (mine, other)]
    assert targets.goal(*rows, share, "plain")[1] == reached
    assert targets.goal(*rows, share, "own")[1] == reached


def test_goals_of_errors_are_shares_of_the_whole(targets: ModuleType) -> None:
    scale = {"own_scores": [], "percent": False, "less_is_better": True}
    near, whole, far = ({"scores": [error, error]} | scale for error in (1.2, 1.0, 1.3))
    assert targets.goal(near, whole, 0.25, "plain") == ("+20.0 %", "yes")
    assert targets.goal(far, whole, 0.25, "plain") == ("+30.0 %", "no")
    assert targets.goal(near, far, None, "plain")[1] == "yes"
