import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

import graphcond
from graphcond.evaluation import IMAGE_PROTOCOLS, PROTOCOLS, GraphProtocol, ImageProtocol, Protocol, bench
from graphcond.evaluation.bench_protocols import protocol_text
from graphcond.evaluation.bench_sizes import read_size

QUICK = Protocol(epochs=20, hidden=16)
COSTS = ("condense_seconds", "train_seconds", "peak_memory")


def max_accuracy(logits: Tensor, y: Tensor) -> float:
    return 1.0


def without_costs(file: Path) -> list[str]:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return sorted(json.dumps({key: value for key, value in row.items() if key not in COSTS}) for row in rows)


def test_rows_are_those_of_condense_and_evaluate_and_are_not_made_twice(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    report = bench(["digits"], file, methods=["random", "whole"], sizes=["20", "1/class"], seeds=2, models=["mlp"],
                   protocol=QUICK)  # fmt: skip
    assert [(row["method"], row["size"], row["seed"]) for row in report.rows] == [
        *(("random", size, seed) for size in ("20", "1/class") for seed in (0, 1)),
        *(("whole", "any", seed) for seed in (0, 1)),
    ]
    assert [row["nodes"] for row in report.rows] == [20, 20, 10, 10, 1797, 1797]
    digits = graphcond.datasets.load("digits")
    small = graphcond.condense(digits, num_nodes=20, method="random", seed=1)
    expected = graphcond.evaluate(small, digits, ["mlp"], runs=1, controls=["whole"], seed=1, protocol=QUICK)
    assert tuple(report.rows[1]["scores"]) == expected.best.scores
    assert tuple(report.rows[5]["scores"]) == expected.row("whole").scores
    before = file.read_bytes()
    again = bench(["digits"], file, methods=["random", "whole"], sizes=[20, "1/class"], seeds=2, models=["mlp"],
                  protocol=QUICK)  # fmt: skip
    assert file.read_bytes() == before
    assert again == report
    more = bench(["digits"], file, methods=["random"], sizes=[20], seeds=2, models=["sgc", "mlp"], protocol=QUICK)
    assert file.read_bytes().startswith(before)
    assert [(row["seed"], row["model"]) for row in more.rows] == [(0, "sgc"), (0, "mlp"), (1, "sgc"), (1, "mlp")]
    assert len(file.read_text().splitlines()) == 8


def test_the_same_rows_by_one_worker_and_by_two(tmp_path: Path) -> None:
    for workers in (1, 2):
        bench(
            ["digits"], tmp_path / f"{workers}.jsonl", methods=["auto(candidate='spread 2')", "random_soft"],
            sizes=[10], seeds=2, models=["mlp", "sgc"], workers=workers, engine="local", protocol=QUICK,
        )  # fmt: skip
    assert without_costs(tmp_path / "1.jsonl") == without_costs(tmp_path / "2.jsonl")
    assert len(without_costs(tmp_path / "1.jsonl")) == 8


def test_a_method_that_fails_is_told_and_does_not_end_the_others(tmp_path: Path) -> None:
    report = bench(["digits"], tmp_path / "rows.jsonl", methods=["random"], sizes=[5, 10], seeds=1, models=["sgc"],
                   protocol=QUICK)  # fmt: skip
    assert [row["size"] for row in report.rows] == ["10"]
    ((what, why),) = report.failures
    assert what == "digits, 5, random, seed 0"
    assert "fewer than the 10 classes" in why
    assert "digits, 5, random, seed 0 failed" in str(report)


def test_the_table_has_means_over_seeds(tmp_path: Path) -> None:
    report = bench(["digits"], tmp_path / "rows.jsonl", methods=["random"], sizes=[20], seeds=2, runs=2, models=["sgc"],
                   protocol=QUICK)  # fmt: skip
    (row,) = report.means()
    scores = [score for each in report.rows for score in each["scores"]]
    assert len(scores) == 4
    assert row["mean"] == pytest.approx(sum(scores) / 4)
    assert f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["means"][0]["seeds"] == 2


def test_graphs(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    report = bench(
        ["mutag"], tmp_path / "rows.jsonl", methods=["random", "mirage", "size", "wl_fold"], sizes=["2kB"], seeds=2,
        root=real_data("TUDataset/MUTAG"), models=["gcn"], protocol=GraphProtocol(steps=20),
    )  # fmt: skip
    assert not report.failures
    assert [row["split"] for row in report.rows] == [0, 1] * 4
    assert all(row["bytes"] <= 2000 for row in report.rows if row["size"] == "2kB")
    assert [row["size"] for row in report.rows][4:] == ["any"] * 4


def test_images(tmp_path: Path) -> None:
    report = bench(
        ["digit-images"], tmp_path / "rows.jsonl", methods=["random"], sizes=["1/class"], seeds=1, models=["mlp"],
        protocol=ImageProtocol(epochs=20),
    )  # fmt: skip
    assert [row["nodes"] for row in report.rows] == [10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"datasets": ["digit"]}, "did you mean 'digits'"),
        ({"methods": ["randm"]}, "did you mean 'random'"),
        ({"methods": ["mirage"]}, "no method 'mirage'"),
        ({"methods": []}, "methods is empty"),
        ({"sizes": ["many"]}, "sizes must be such as 35 .* got 'many'"),
        ({"sizes": [0]}, "sizes must be such as 35"),
        ({"sizes": ["10kB"]}, "size '10kB' makes no sense for nodes"),
        ({"models": ["gni"]}, "no model 'gni'"),
        ({"protocol": "standrad"}, "did you mean 'standard'"),
        ({"protocol": Protocol(metric=max_accuracy)}, "must have settings that can be written down"),
        ({"protocol": ImageProtocol()}, "there is no protocol"),
        ({"seeds": 0}, "seeds must be a positive integer, got 0"),
        ({"runs": 0}, "runs must be a positive integer, got 0"),
        ({"workers": 0}, "workers must be a whole number, 1 or more"),
        ({"engine": "dask"}, "no engine 'dask'"),
        ({"device": "abacus"}, "device='abacus' cannot be used"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_bad_input_before_any_work(arguments: dict, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with pytest.raises(ValueError, match=message):
        bench(**({"datasets": ["digits"], "output": file} | arguments))
    assert not file.exists()


def test_missing_files_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(FileNotFoundError, match="raw files of cora are not complete"):
        bench(["digits", "cora"], tmp_path / "rows.jsonl", root=tmp_path)
    assert not (tmp_path / "rows.jsonl").exists()


def test_sizes_in_words() -> None:
    assert read_size("0.5kB").argument("graphs") == {"max_bytes": 500}
    assert read_size(7).argument("images") == {"num_images": 7}
    assert read_size("1.0").argument("nodes") == {"ratio": 1.0}


def test_methods_with_settings_are_rows_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    methods = ["random_soft(depth=1)", "random_soft( depth = 1 )", "random_soft"]
    report = bench(["digits"], file, methods=methods, sizes=[20], seeds=1, models=["mlp"], protocol=QUICK)
    assert [row["method"] for row in report.rows] == ["random_soft(depth=1)", "random_soft"]
    with pytest.raises(ValueError, match="there is no setting 'dept' of auto; did you mean 'depth'"):
        bench(["digits"], file, methods=["auto(dept=1)"], seeds=1)


def test_rows_have_protocols_by_their_names_or_all_their_settings(tmp_path: Path) -> None:
    assert protocol_text("nodes", "published") == protocol_text("nodes", PROTOCOLS["published"]) == "published"
    assert protocol_text("images", IMAGE_PROTOCOLS["moved_digits"]) == "moved_digits"
    file, like_standard = tmp_path / "rows.jsonl", replace(QUICK, name="standard", metric="f1")
    texts = []
    for protocol in (QUICK, replace(QUICK, epochs=21), like_standard):
        given = {"methods": ["random"], "sizes": [20], "seeds": 1, "models": ["sgc"], "protocol": protocol}
        (row,) = bench(["digits"], file, **given).rows
        assert row["protocol"] == repr(protocol)
        texts.append(row["protocol"])
    assert len(set(texts)) == 3
    assert [json.loads(line)["protocol"] for line in file.read_text().splitlines()] == texts
    assert row["metric"] == "f1"
