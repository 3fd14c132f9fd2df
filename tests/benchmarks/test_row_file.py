"""Rows of benchmarks: none is overwritten without a reason, and what it was stays in the file."""

import argparse
import json
import sys
from pathlib import Path

import pytest
import torch

import graphcond
from graphcond.core.runtime.jsonl import RowFile

BENCHMARKS = Path(graphcond.__file__).parent.parent / "benchmarks"
READERS = {  # write no rows
    "bits", "choose", "claims", "condensed_sets", "cross_architecture", "earlier", "gallery", "other_methods", "pages",
    "picture", "published", "readme", "scale_goals", "verdicts",
}  # fmt: skip
SCRIPTS = sorted(
    path
    for path in BENCHMARKS.glob("*.py")
    if "argparse.ArgumentParser(" in path.read_text() and path.stem not in READERS
)


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def row_file():
    import row_file

    return row_file


@pytest.fixture
def rows(tmp_path: Path) -> RowFile:
    return RowFile(tmp_path / "rows.jsonl", ("dataset", "size"))


def lines(rows: RowFile) -> list[dict]:
    return [json.loads(line) for line in rows.path.read_text().splitlines()]


def test_rows_that_are_there_are_not_wanted(row_file, rows, capsys):
    row_file.write(rows, None, {"dataset": "toy", "size": 1, "mean": 0.5})
    assert row_file.wanted(rows, [("toy", 1), ("toy", 2)], None) == [("toy", 2)]
    assert capsys.readouterr().out == "toy, 1: is in rows.jsonl already; --retake REASON takes it again\n"
    assert row_file.wanted(rows, [("toy", 1), ("toy", 2)], "a bug") == [("toy", 1), ("toy", 2)]
    assert row_file.wanted(rows, [("toy", 2)], None) == [("toy", 2)]
    assert capsys.readouterr().out == ""


def test_many_rows_are_one_line(row_file, rows, capsys):
    row_file.write(rows, None, *({"dataset": "toy", "size": size} for size in range(5)))
    assert row_file.wanted(rows, [("toy", size) for size in range(5)], None) == []
    expected = "toy, 0; toy, 1; toy, 2 and 2 more: are in rows.jsonl already; --retake REASON takes them again\n"
    assert capsys.readouterr().out == expected


def test_without_a_reason_nothing_is_overwritten(row_file, rows):
    row_file.write(rows, None, {"dataset": "toy", "size": 1, "mean": 0.5})
    row_file.write(rows, None, {"dataset": "toy", "size": 1, "mean": 0.6}, {"dataset": "toy", "size": 2, "mean": 0.7})
    assert [(row["size"], row["mean"]) for row in lines(rows)] == [(1, 0.5), (2, 0.7)]


def test_a_retaken_row_counts_and_the_earlier_one_stays(row_file, rows):
    row_file.write(rows, None, {"dataset": "toy", "size": 1, "mean": 0.5})
    row_file.write(
        rows, "a bug", {"dataset": "toy", "size": 1, "mean": 0.6}, {"dataset": "toy", "size": 2, "mean": 0.7}
    )
    assert [row["mean"] for row in lines(rows)] == [0.5, 0.6, 0.7]
    assert [row.get("retaken") for row in lines(rows)] == [None, "a bug", None]  # the last is new
    assert rows.read()[("toy", 1)]["mean"] == 0.6
    assert all(len(row["date"]) == len("2026-01-01") for row in lines(rows))


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_empty_reason_is_refused(row_file, rows, reason, capsys):
    parser = argparse.ArgumentParser()
    row_file.add_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--retake", reason])
    assert "a reason is needed" in capsys.readouterr().err
    with pytest.raises(ValueError, match="reason is empty"):
        row_file.write(rows, reason, {"dataset": "toy", "size": 1})
    assert not rows.path.exists()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_has_the_option_and_writes_by_it_alone(script):
    source = script.read_text()
    assert "row_file.add_option(" in source
    assert "row_file.write(" in source or "costs.write(" in source
    assert '"--tables"' in source
    assert not any(writing in source for writing in ("ROWS.append", "ROWS.replace", "rows.replace", 'open("a")'))


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The script of nodes, with a file of its own and with scores 1, 2, ... in place of trainings."""
    import nodes

    scores = iter(range(1, 100))

    def measured(data: object, method: str, size: int, models: list[str], *_: object) -> list[graphcond.Row]:
        costs = {"edges": 0, "bytes": 1, "condense_seconds": 0.0, "train_seconds": 0.0, "peak_memory": 0}
        return [
            graphcond.Row(
                data=method, model=model, nodes=size, scores=(float(next(scores)),), val_scores=(0.5,), **costs
            )
            for model in models
        ]

    monkeypatch.setattr(nodes, "ROWS", RowFile(tmp_path / "results.jsonl", nodes.ROWS.fields))
    monkeypatch.setattr(nodes, "ITEMS", tmp_path / "results.npz")
    monkeypatch.setattr(nodes.workloads, "load", lambda name, root: torch.zeros(1))
    monkeypatch.setattr(nodes, "budget", lambda data, size: int(size))
    monkeypatch.setattr(nodes, "measured", measured)
    return nodes


def test_a_script_run_twice(nodes, monkeypatch, capsys):
    def run(*more: str) -> list[float]:
        command = ["nodes.py", "cora", "--sizes", "7", "--methods", "auto", "--models", "gcn,sage", *more]
        monkeypatch.setattr(sys, "argv", command)
        nodes.main()
        return [row["mean"] for row in lines(nodes.ROWS)]

    assert run() == [1.0, 2.0]
    capsys.readouterr()
    assert run() == [1.0, 2.0]
    reported = capsys.readouterr().out
    assert reported.count("\n") == 1
    assert "--retake REASON" in reported
    assert run("--retake", "a bug in auto") == [1.0, 2.0, 3.0, 4.0]
    assert [row.get("retaken") for row in lines(nodes.ROWS)] == [None, None, "a bug in auto", "a bug in auto"]
    assert [row["mean"] for row in nodes.ROWS.read().values()] == [3.0, 4.0]
    with pytest.raises(SystemExit):
        run("--retake", "")
    assert len(lines(nodes.ROWS)) == 4


def test_rows_through_bench_are_retaken(monkeypatch, tmp_path, capsys):
    import ogb_sets

    from graphcond.evaluation.bench import FIELDS
    from graphcond.evaluation.bench_report import BenchReport

    scores = iter(range(1, 100))

    def measure(name: str, options: argparse.Namespace, output: Path) -> BenchReport:
        file = RowFile(output, FIELDS)
        key = (name, "random", "90", 0, "gcn", "standard", 1, "OGBScore")
        costs = {"nodes": 90, "edges": 0, "bytes": 1, "condense_seconds": 0.0, "train_seconds": 0.0, "peak_memory": 0}
        new = {
            "scores": [float(next(scores))],
        } | costs
        file.append(dict(zip(FIELDS, key, strict=True)) | new)
        return BenchReport(tuple(file.read().values()))

    monkeypatch.setattr(ogb_sets, "measure", measure)
    monkeypatch.setattr(ogb_sets, "check_files", lambda names, root: None)
    output = tmp_path / "ogb.jsonl"

    def run(*more: str) -> list[float]:
        monkeypatch.setattr(sys, "argv", ["ogb_sets.py", "ogbn-arxiv", "--output", str(output), *more])
        ogb_sets.main()
        return [row["scores"][0] for row in lines(RowFile(output, FIELDS))]

    assert run() == [1.0]
    assert "already" not in capsys.readouterr().out
    assert run() == [1.0]
    assert "ogb.jsonl already; --retake REASON takes it again" in capsys.readouterr().out
    assert run("--retake", "OGB's split was wrong") == [1.0, 3.0]
    assert lines(RowFile(output, FIELDS))[-1]["retaken"] == "OGB's split was wrong"
    assert [path.name for path in tmp_path.iterdir()] == ["ogb.jsonl"]


def test_rows_of_costs(monkeypatch, rows, capsys):
    import costs
    import step_cost

    monkeypatch.setattr(costs, "ROWS", RowFile(rows.path, costs.ROWS.fields))
    measured = {"edges": 300, "before": 1.5, "step": 0.02, "steps": 9, "peak": 2**29}
    monkeypatch.setattr(costs, "alone", lambda function, *arguments: measured)

    def run(*more: str) -> None:
        monkeypatch.setattr(sys, "argv", ["step_cost.py", "--nodes", "30", "--methods", "gcond_x", *more])
        step_cost.main()

    run()
    run()
    assert len(lines(rows)) == 1
    run("--retake", "an idle machine")
    assert [row.get("retaken") for row in lines(rows)] == [None, "an idle machine"]
    assert lines(rows)[0]["load"] >= 0
    costs.write(costs.key("another", "row"), None, {})
    capsys.readouterr()
    run("--tables")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3  # rows of another script are not shown
    assert printed[-1].startswith(f"| gcond_x | 100 | 30 | 300 | {torch.get_num_threads()} |")
    assert printed[-1].endswith("| 1.5 | 20.0 | 512 |")


def test_what_bars_gain(monkeypatch, rows, capsys):
    import choice

    monkeypatch.setattr(choice, "ROWS", RowFile(rows.path, choice.ROWS.fields))
    found = [{"gain": 0.05, "error": 0.01, "worth": 0.04}, {"gain": 0.01, "error": 0.01, "worth": -0.02}]
    for seed, row in enumerate(found):
        choice.row_file.write(choice.ROWS, None, {"set": "toy:3", "seed": seed, "best": "spread"} | row)
    choice.tables()
    printed = capsys.readouterr().out
    assert printed.startswith("1 pairs of dataset and size, 2 condensations\n")
    assert "| mean gain on the other half, points | 1.00 | 2.00 | 2.00 | 2.00 | 2.00 |" in printed
    assert "| lowest | -2.00 | 0.00 | 0.00 | 0.00 | 0.00 |" in printed


def test_released_graphs_beside_published_scores(monkeypatch, rows, capsys):
    import released

    monkeypatch.setattr(released, "ROWS", RowFile(rows.path, released.ROWS.fields))
    monkeypatch.setattr(released, "measured", lambda name, ratio, root: [0.8, 0.82])
    monkeypatch.setattr(sys, "argv", ["released.py", "cora"])
    released.main()
    released.tables()
    assert "| cora | 50 % | 80.1‡ | 81.0 ± 1.4 | 2 |" in capsys.readouterr().out
