import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.core.evaluation.protocols import protocol_text
from graphcond.evaluation import IMAGE_PROTOCOLS, PROTOCOLS, GraphProtocol, ImageProtocol, Protocol, Workers, bench
from graphcond.evaluation.evaluations import row_protocol

QUICK = Protocol(epochs=20, hidden=16, runs=1)
COSTS = ("condense_seconds", "train_seconds", "peak_memory")


AS_IT_IS = ImageProtocol(augment=SimpleNamespace(draw=lambda: lambda batch: batch, memory=object()))


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
    small = graphcond.condense(digits, size=20, method="random", seed=1)
    expected = graphcond.evaluate(small, digits, ["mlp"], controls=["whole"], seed=1, protocol=replace(QUICK, runs=1))
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


@pytest.mark.slow
def test_the_same_rows_by_one_worker_and_by_two(tmp_path: Path) -> None:
    for workers in (1, 2):
        bench(
            ["digits"], tmp_path / f"{workers}.jsonl", methods=["auto(candidate='spread 2')", "random_soft"],
            sizes=[10], seeds=2, models=["mlp", "sgc"], workers=Workers(number=workers, engine="local"), protocol=QUICK,
        )  # fmt: skip
    assert without_costs(tmp_path / "1.jsonl") == without_costs(tmp_path / "2.jsonl")
    assert len(without_costs(tmp_path / "1.jsonl")) == 8


def test_a_method_that_fails_is_reported_and_does_not_end_the_others(tmp_path: Path) -> None:
    report = bench(["digits"], tmp_path / "rows.jsonl", methods=["random"], sizes=[5, 10], seeds=1, models=["sgc"],
                   protocol=QUICK)  # fmt: skip
    assert [row["size"] for row in report.rows] == ["10"]
    ((what, why),) = report.failures
    assert what == "digits, 5, random, seed 0"
    assert "fewer than the 10 classes" in why
    assert "digits, 5, random, seed 0 failed" in str(report)


def test_the_table_has_means_over_seeds(tmp_path: Path) -> None:
    report = bench(["digits"], tmp_path / "rows.jsonl", methods=["random"], sizes=[20], seeds=2, models=["sgc"],
                   protocol=replace(QUICK, runs=2))  # fmt: skip
    (row,) = report.means()
    scores = [score for each in report.rows for score in each["scores"]]
    assert len(scores) == 4
    assert row["mean"] == pytest.approx(sum(scores) / 4)
    assert f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["means"][0]["seeds"] == 2


def test_graphs(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    report = bench(
        ["mutag"], tmp_path / "rows.jsonl", methods=["random", "mirage", "size", "wl_fold"], sizes=["2kB"], seeds=2,
        workers=Workers(root=real_data("TUDataset/MUTAG")), models=["gcn"], protocol=GraphProtocol(steps=20, runs=1),
    )  # fmt: skip
    assert not report.failures
    assert [row["split"] for row in report.rows] == [0, 1] * 4
    assert all(row["bytes"] <= 2000 for row in report.rows if row["size"] == "2kB")
    assert [row["size"] for row in report.rows][4:] == ["any"] * 4


def test_images(tmp_path: Path) -> None:
    report = bench(
        ["digit-images"], tmp_path / "rows.jsonl", methods=["random"], sizes=["1/class"], seeds=1, models=["mlp"],
        protocol=ImageProtocol(epochs=20, runs=1),
    )  # fmt: skip
    assert [row["nodes"] for row in report.rows] == [10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"datasets": ["digit"]}, "did you mean 'digits'"),
        ({"methods": ["randm"]}, "did you mean 'random'"),
        ({"methods": ["mirage"]}, "no method 'mirage'"),
        ({"methods": []}, "methods is empty"),
        ({"sizes": ["many"]}, "size must be such as 35.* got 'many'"),
        ({"sizes": [0]}, "size must be a positive integer"),
        ({"sizes": ["10kB"]}, "size='10kB' is not for method='random', whose edges are not known"),
        ({"sizes": ["everything"]}, "size='everything' is for methods that take no size"),
        ({"datasets": ["digit-images"], "sizes": ["10kB"]}, "size='10kB' makes no sense for images"),
        ({"models": ["gni"]}, "no model 'gni'"),
        ({"protocol": "standrad"}, "did you mean 'standard'"),
        ({"datasets": ["digit-images"], "protocol": AS_IT_IS}, "must have settings that can be written down"),
        ({"protocol": "moved_digits"}, "there is no protocol"),
        ({"seeds": 0}, "seeds must be a positive integer, got 0"),
        ({"protocol": "standard(runs=0)"}, "runs must be a positive integer, got 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_bad_input_before_any_work(arguments: dict, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with pytest.raises(ValueError, match=message):
        bench(**({"datasets": ["digits"], "output": file} | arguments))
    assert not file.exists()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"number": 0}, "workers must be a whole number, 1 or more"),
        ({"engine": "dask"}, "no engine 'dask'"),
        ({"device": "abacus"}, "device='abacus' cannot be used"),
    ],
    ids=str,
)
def test_workers_that_cannot_be(where: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Workers(**where)


@pytest.mark.parametrize("given", [{"workers": 2}, {"datasets": "digits"}], ids=str)
def test_values_of_the_wrong_type(given: dict, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="must be a"):
        bench(**({"datasets": ["digits"], "output": tmp_path / "rows.jsonl"} | given))


@pytest.mark.parametrize("word", ["runs", "metric", "engine", "root", "progress"])
def test_words_are_answered(word: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=rf"bench\(\) takes no {word}=; write (protocol|workers)="):
        bench(["digits"], tmp_path / "rows.jsonl", **{word: 1})


def test_datasets_and_tasks_of_ones_own(toy: Data, make_graphs: Callable[..., list[Data]], tmp_path: Path) -> None:
    file, own = tmp_path / "rows.jsonl", {"mine": toy, "induced": graphcond.read(toy, inductive=True)}
    report = bench(own, file, methods=["random", "whole"], sizes=[6], seeds=1, models=["sgc"], protocol=QUICK)
    assert [(row["dataset"], row["method"]) for row in report.rows] == [
        ("mine", "random"), ("mine", "whole"), ("induced", "random"), ("induced", "whole"),
    ]  # fmt: skip
    assert not report.failures
    before = file.read_bytes()
    bench(own, file, methods=["random", "whole"], sizes=[6], seeds=1, models=["sgc"], protocol=QUICK)
    assert file.read_bytes() == before
    pictures = {"corners": (torch.rand(20, 1, 8, 8), torch.arange(20) % 2)}
    with pytest.raises(ValueError, match="there is no method 'gcond' for images"):
        bench(pictures, file, methods=["gcond"])


def test_missing_files_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(FileNotFoundError, match="raw files of cora are not complete"):
        bench(["digits", "cora"], tmp_path / "rows.jsonl", workers=Workers(root=tmp_path))
    assert not (tmp_path / "rows.jsonl").exists()


def test_methods_with_settings_are_rows_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    methods = ["random_soft(depth=1)", "random_soft( depth = 1 )", "random_soft"]
    report = bench(["digits"], file, methods=methods, sizes=[20], seeds=1, models=["mlp"], protocol=QUICK)
    assert [row["method"] for row in report.rows] == ["random_soft(depth=1)", "random_soft"]
    with pytest.raises(ValueError, match="there is no setting 'dept' of auto; did you mean 'depth'"):
        bench(["digits"], file, methods=["auto(dept=1)"], seeds=1)


def test_rows_have_protocols_by_their_names_or_all_their_settings(tmp_path: Path) -> None:
    assert row_protocol("nodes", "published(runs=5)") == row_protocol("nodes", PROTOCOLS["published"]) == "published"
    assert row_protocol("images", IMAGE_PROTOCOLS["moved_digits"]) == "moved_digits"
    file, like_standard = tmp_path / "rows.jsonl", replace(QUICK, name="standard", metric="f1", runs=1)
    texts = []
    for protocol in (QUICK, replace(QUICK, epochs=21), like_standard):
        given = {"methods": ["random"], "sizes": [20], "seeds": 1, "models": ["sgc"], "protocol": protocol}
        (row,) = bench(["digits"], file, **given).rows
        assert row["protocol"] == protocol_text(replace(protocol, metric=None))
        assert row["runs"] == protocol.runs
        texts.append(row["protocol"])
    assert len(set(texts)) == 3
    assert [json.loads(line)["protocol"] for line in file.read_text().splitlines()] == texts
    assert row["metric"] == "f1"
