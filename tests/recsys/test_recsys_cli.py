"""``graphcond recsys``, from files to files."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import recsys
import recsys.cli
from graphcond import CondensedDataset, Record

REAL = recsys.generate_interactions(120, 40, 1500)
CONDENSE = ("recsys", "condense")
QUICK = ("--users", 6, "--method", "random_users")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of ratings at times, ids being strings."""
    entries = REAL.tocoo()
    rng = np.random.default_rng(0)
    path = tmp_path / "shop.csv"
    pd.DataFrame({
        "user_id": [f"u{i}" for i in entries.row],
        "item_id": [f"i{i}" for i in entries.col],
        "weight": rng.integers(1, 6, entries.nnz),
        "datetime": rng.permutation(entries.nnz),
    }).to_csv(path, index=False)  # fmt: skip
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    entries = REAL.tocoo()
    folder = tmp_path / "magazine"
    folder.mkdir()
    index = np.random.default_rng(0).choice([0, 0, 0, 0, 1, 2], entries.nnz)
    np.savez(folder / "interactions.npz", user=entries.row, item=entries.col * 10, index=index)
    return folder


@pytest.fixture
def small(run: Callable, table: Path, tmp_path: Path) -> Path:
    """Condensed interactions of that file."""
    path = tmp_path / "small.safetensors"
    assert run(*CONDENSE, table, *QUICK, "-o", path)[0] == 0
    return path


def test_condense_evaluate_info_and_export(run: Callable, table: Path, tmp_path: Path, caplog) -> None:
    file, out_file = tmp_path / "small.safetensors", tmp_path / "small.inter"
    code, out, err = run(*CONDENSE, table, *QUICK, "-o", file)
    assert code == 0, err
    assert caplog.messages == ["Weights were not kept: each interaction counts as 1."]
    assert out.startswith("shop: 120 users, ")
    assert "40 items -> 6 users, " in out
    assert f"written to {file}; evaluate it with: graphcond recsys evaluate {file} {table}\n" in out
    code, out, err = run("recsys", "evaluate", file, table, "--no-controls", "--json")
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert (row["data"], row["model"], row["users"]) == ("random_users", "infinite_ae", 6)
    assert 0 < row["scores"]["ndcg@10"][0] < 1
    code, out, err = run("recsys", "info", file)
    assert code == 0, err
    assert "fingerprint" in out
    assert run("info", file)[1] == out
    assert json.loads(run("recsys", "info", file, "--json")[1])["budget"]["asked"] == {"size": "6"}
    code, out, err = run("recsys", "export", file, out_file)
    assert (code, out) == (0, f"written to {out_file}\n"), err
    log = recsys.read_interactions(out_file)
    assert (log.user_items() != recsys.load(file).user_items).nnz == 0
    assert log.item_ids.tolist() == recsys.load(file).item_ids.tolist()


def test_evaluate_prints_a_table_with_controls(run: Callable, table: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    code, out, err = run(*CONDENSE, table, "--users", 6, "--method", "distill_cf(steps=10)", "-o", file)
    assert code == 0, err
    assert "weighted interactions" in out
    code, out, err = run("recsys", "evaluate", file, table, "--models", "ease, infinite_ae")
    assert code == 0, err
    names = ("distill_cf", "random_users", "stratified_users", "head_users", "k_means_users", "forgetting", "whole",
             "popularity", "ease", "infinite_ae", "ndcg@10", "auc")  # fmt: skip
    assert [name for name in names if name not in out] == []
    assert "not possible" not in out


def test_the_command_gives_the_bits_of_the_call(run: Callable, table: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    options = ("--interactions", 40, "--split-seed", 3, "--seed", 2, "--min-weight", 3, "-o", file)
    assert run(*CONDENSE, table, *QUICK, *options)[0] == 0
    split = recsys.random_split(recsys.read_interactions(table, min_weight=3), seed=3)
    expected = recsys.condense(split, users=6, interactions=40, method="random_users", seed=2)
    assert (recsys.load(file).user_items != expected.user_items).nnz == 0
    assert recsys.load(file).record.source == expected.record.source


def test_json_is_all_that_is_printed(run: Callable, table: Path) -> None:
    reported = json.loads(run(*CONDENSE, table, *QUICK, "--json")[1])
    assert reported.keys() == {"record"}
    assert reported["record"]["method"] == "random_users"
    assert reported["record"]["source"]["modality"] == "interactions"


def test_sizes_may_be_a_ratio_or_interactions_and_have_a_default(run: Callable, tmp_path: Path) -> None:
    recsys.write_interactions(recsys.read_interactions(recsys.generate_interactions(600, 30, 4000)), tmp_path / "a.csv")
    common = (*CONDENSE, tmp_path / "a.csv", "--json", "--method", "head_users")
    asked = {(): {"size": "500"}, ("--ratio", 0.1): {"size": "0.1"}, ("--interactions", 80): {"interactions": 80}}
    for options, expected in asked.items():
        assert json.loads(run(*common, *options)[1])["record"]["budget"]["asked"] == expected


@pytest.mark.parametrize("name", ["random", "leave_one_out", "temporal", "strong"])
def test_every_split_goes_all_the_way(run: Callable, table: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "small.safetensors"
    code, out, err = run(*CONDENSE, table, *QUICK, "-o", file, "--split", name)
    assert code == 0, err
    assert recsys.load(file).record.source["split"] == name
    command = shlex.split(out.partition("evaluate it with: ")[2])[1:]
    assert command == ["recsys", "evaluate", str(file), str(table), "--split", name]
    code, out, err = run(*command, "--no-controls", "--models", "ease", "--json")
    assert code == 0, err
    assert json.loads(out)["split"] == name
    code, out, err = run("recsys", "audit", table, "--split", name)
    assert code == 0, err
    assert out.startswith(f"shop, split: {name}")


def test_a_file_may_be_condensed_whole(run: Callable, table: Path) -> None:
    code, out, err = run(*CONDENSE, table, *QUICK, "--split", "whole", "--json")
    assert code == 0, err
    # All but what the held-out users that choices are made by have.
    assert json.loads(out)["record"]["source"]["num_interactions"] > 0.85 * REAL.nnz


def test_an_archive_goes_all_the_way(run: Callable, archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    code, out, err = run(*CONDENSE, archive, *QUICK, "-o", file)
    assert code == 0, err
    assert out.startswith("magazine: 120 users")
    code, out, err = run("recsys", "evaluate", file, archive, "--no-controls", "--convention", "recbole")
    assert code == 0, err
    assert "archive split" in out
    assert "hit@10" in out
    assert recsys.load(file).item_ids.tolist() == [10 * i for i in range(40)]
    code, out, err = run("recsys", "evaluate", file, archive, "--no-controls", "--models", "ease,popularity")
    assert code == 0, err
    assert "popularity" in out
    code, out, err = run("recsys", "audit", archive)
    assert code == 0, err
    assert out.startswith("magazine, split: archive")


@pytest.mark.parametrize("option", [("--split", "temporal"), ("--min-weight", 3), ("--columns", "user=a,item=b")])
@pytest.mark.parametrize("command", [("condense",), ("audit",)])
def test_what_an_archive_cannot_follow_is_not_ignored(run: Callable, archive: Path, command: tuple, option: tuple):
    code, out, err = run("recsys", *command, archive, *option)
    assert (code, out) == (2, "")
    assert f"{option[0]}={float(option[1]) if option[1] == 3 else option[1]} makes no sense for an archive" in err


def test_long_work_is_stopped_and_goes_on(run: Callable, table: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.ckpt"
    command = (*CONDENSE, table, "--users", 6, "--json", "--checkpoint", file)
    steps = []
    for _ in range(2):
        code, out, err = run(*command, "--max-seconds", 1e-6)
        assert code == 0, err
        steps.append(json.loads(out)["record"]["choices"]["steps"])
    assert steps == [1, 2]
    code, _, err = run(*command, "--max-seconds", 1e-6, "--seed", 1)
    assert code == 2
    assert "belongs to another run" in err


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".inter", ".parquet"])
def test_every_format_is_exported(run: Callable, small: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    target = tmp_path / f"out{suffix}"
    assert run("recsys", "export", small, target)[0] == 0
    log = recsys.read_interactions(target)
    assert log.user_ids.tolist() == recsys.load(small).user_ids.tolist()
    before = target.read_bytes()
    code, _, err = run("recsys", "export", small, target)
    assert code == 2
    assert "exists already" in err
    assert target.read_bytes() == before
    assert run("recsys", "export", small, target, "--overwrite")[0] == 0


def refused(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    assert code == 2, (out, err)
    assert out == ""
    assert message in err
    (line,) = [line for line in err.splitlines() if not line.startswith(("note: ", "      "))]
    assert line.startswith("graphcond: ")


def never(*_: object, **__: object) -> None:
    raise AssertionError("work was done")


WRONG = [
    (("--ratio", 1.5), "ratio must be in (0, 1]"),
    (
        ("--ratio", 0.1, "--users", 20),
        "give exactly one of --users and --ratio (--interactions may stand alone), got both",
    ),
    (("--users", 0), "users must be a positive integer, got 0"),
    (("--users", 5, "--interactions", 2), "interactions=2 cannot be shared by 5 users"),
    (("--users", 121, "--method", "head_users"), "users must be in [1, 120]"),
    (("--method", "random"), "did you mean 'random_users'"),
    (("--method", "random_users", "--max-seconds", 5), "leave it out"),
    (("--max-seconds", -1), "--max-seconds must be positive"),
    (("--split", "rand"), "split must be one of random, leave_one_out, temporal, strong, whole, got 'rand'"),
    (("--min-weight", 9), "--min-weight=9.0 leaves none of 1500 interactions"),
    (("--seed", -1), "seed must be an integer in [0, "),
    (("--device", "tpu"), "device='tpu' cannot be used here"),
    (("-o", "/nowhere/at/all.safetensors"), "does not exist"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(map(str, case[0])) for case in WRONG])
def test_wrong_input_is_one_sentence_and_exit_code_2(run, table, monkeypatch, arguments, message):
    monkeypatch.setattr(recsys, "evaluate", never)
    monkeypatch.setattr(recsys.DistillCF, "condense", never)
    refused(run(*CONDENSE, table, *arguments), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--models", "eas"), "there is no model 'eas'; did you mean 'ease'"),
        (("--models", ","), "models must name at least one downstream model, such as 'infinite_ae'"),
        (("--convention", "recbol"), "did you mean 'recbole'"),
    ],
)
def test_wrong_names_of_an_evaluation(run, small, table, options, message):
    refused(run("recsys", "evaluate", small, table, *options), message)


def test_names_are_looked_up_before_files_are_read(run, table, monkeypatch):
    monkeypatch.setattr(recsys, "read_interactions", never)
    refused(run(*CONDENSE, table, "--split", "nonsense"), "nonsense")


def test_sources_that_are_none(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.csv").write_text("who,what\n1,2\n")
    refused(run(*CONDENSE, tmp_path / "missing.csv"), "there is no file")
    refused(run(*CONDENSE, tmp_path / "data.json"), "the path must end in .csv")
    refused(run(*CONDENSE, tmp_path / "empty"), "holds neither interactions.npz nor")
    refused(run(*CONDENSE, tmp_path / "broken.csv"), "on the command line --columns user=a,item=b")
    refused(run("recsys", "audit", tmp_path / "missing.csv"), "there is no file")


def test_files_that_are_none(run: Callable, small: Path, table: Path, tmp_path: Path) -> None:
    graph = tmp_path / "graph.safetensors"
    record = Record("example", {}, 0, "cpu", {"name": "toy", "num_classes": 2}, {}, 0.0, 0)
    item = Data(x=torch.eye(2), edge_index=torch.arange(2).repeat(2, 1), y=torch.arange(2))
    CondensedDataset([item], record).save(graph)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(small.read_bytes()[:-5])
    for command in (("info",), ("evaluate", table), ("export", tmp_path / "out.csv")):
        first, rest = command[0], command[1:]
        refused(run("recsys", first, tmp_path / "missing", *rest), "there is no file")
        refused(run("recsys", first, graph, *rest), "read it with graphcond.load")
        refused(run("recsys", first, broken, *rest), "is not a whole safetensors file")
    refused(run("recsys", "export", small, tmp_path / "out.json"), "the path must end in .csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_result_of_another_split_is_not_evaluated(run: Callable, small: Path, table: Path) -> None:
    for option in (("--split-seed", 1), ("--split", "strong"), ("--min-weight", 3)):
        refused(run("recsys", "evaluate", small, table, *option), "condense the split itself")


def test_an_existing_file_is_not_overwritten(run: Callable, table: Path, tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "small.safetensors"
    file.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(recsys, "read_interactions", never)
        refused(run(*CONDENSE, table, *QUICK, "-o", file), "exists already")
    assert file.read_text() == "mine"
    assert run(*CONDENSE, table, *QUICK, "-o", file, "--overwrite")[0] == 0
    assert recsys.load(file).user_items.shape == (6, 40)


def test_unknown_options_and_no_command_are_exit_code_2(run: Callable, table: Path) -> None:
    assert run(*CONDENSE, table, "--nonsense")[0] == 2
    assert run(*CONDENSE)[0] == 2
    code, out, err = run("recsys")
    assert code in (0, 2)
    assert all(name in out + err for name in ("condense", "evaluate", "audit", "info", "export"))


def test_an_interruption_is_exit_code_130(run: Callable, table: Path, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recsys, "condense", interrupted)
    code, out, err = run(*CONDENSE, table, *QUICK)
    assert (code, out) == (130, "")
    assert (
        "graphcond: interrupted; nothing was kept, --checkpoint FILE would; start again with: graphcond recsys" in err
    )


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    rows = [f"{u},{(u * 7 + k * 3) % 30},{1 + (u + k) % 5},{1000 + u * 50 + k}" for u in range(60) for k in range(8)]
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    return path


@pytest.mark.parametrize("options", [(), ("--min-weight", 2), ("--columns", "user=movieId,item=userId,time=timestamp")])
def test_a_file_with_usual_names_is_used_as_it_is(run, movielens, options):
    code, out, err = run("recsys", "audit", movielens, "--split", "temporal", *options)
    assert code == 0, err
    assert ("Column rating was not used" in out) is ("--min-weight" not in options)


def test_columns_by_place(run, tmp_path):
    path = tmp_path / "u.data"
    path.write_text("".join(f"{i}\t{u}\t{u + i}\n" for u in range(40) for i in range(6)))
    file = tmp_path / "small.safetensors"
    reported = ("--columns", "user=1,item=0")
    assert run(*CONDENSE, path, *QUICK, *reported, "-o", file)[0] == 0
    assert recsys.load(file).item_ids.tolist() == list(range(6))
    code, _, err = run("recsys", "evaluate", file, path, *reported, "--no-controls", "--models", "popularity")
    assert code == 0, err


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("user", "--columns must be such as user=userId,item=movieId, got 'user'"),
        ("", "--columns must be such as"),
        ("user=who,item=movieId", "there is no column 'who' for user_id; there are userId, movieId, rating, timestamp"),
        ("time=when,user=userId", "there is no column 'when'"),
    ],
)
def test_wrong_columns_are_reported(run, movielens, columns, message):
    code, _, err = run("recsys", "audit", movielens, "--columns", columns)
    assert code == 2
    assert message in " ".join(err.split())
