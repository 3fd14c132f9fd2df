import io
import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from torch_geometric.data import Data

import graphcond
from graphcond import cli
from graphcond.core.runtime.progress import progress_bar
from graphcond.evaluation import GRAPH_PROTOCOLS, PROTOCOLS, GraphProtocol, LinearProbe, Protocol
from graphcond.terminal import NoteHandler

QUICK = ("--protocol", "quick")


@pytest.fixture
def run(run: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    # The tests of evaluation hold the protocols to what they are; here a few epochs do.
    monkeypatch.setitem(PROTOCOLS, "quick", Protocol(name="quick", epochs=80, hidden=32))
    monkeypatch.setitem(GRAPH_PROTOCOLS, "quick", GraphProtocol(name="quick", steps=20))
    return run


def test_condense_info_evaluate_and_show(run: Callable, tmp_path: Path) -> None:
    file, picture = tmp_path / "small.safetensors", tmp_path / "small.png"
    code, out, err = run("condense", "digits", "--size", 20, "-o", file)
    assert code == 0, err
    summary, written = out.splitlines()
    assert summary.startswith("digits: ")
    assert "20 nodes" in summary
    assert written == f"written to {file}; evaluate it with: graphcond evaluate {file} digits"
    code, out, _ = run("info", file, "--json")
    assert json.loads(out)["budget"]["asked"] == {"size": "20"}
    assert "fingerprint" in run("info", file)[1]
    code, out, _ = run("evaluate", file, "digits", "--runs", 1, "--no-controls", "--json", "--models", "mlp", *QUICK)
    assert code == 0
    assert json.loads(out)["rows"][0]["mean"] > 0.8
    code, out, err = run("show", file, "-o", picture)
    assert code == 0, err
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_images_are_condensed_and_shown(run: Callable, tmp_path: Path) -> None:
    file, picture = tmp_path / "images.safetensors", tmp_path / "images.png"
    code, out, err = run("condense", "digit-images", "--size", "1/class", "--method", "random", "-o", file)
    assert code == 0, err
    assert "10 images" in out
    code, out, err = run("show", file, "-o", picture)
    assert (code, out) == (0, f"written to {picture}\n"), err
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("asked", [(), ("--runs", 1)])
def test_what_was_condensed_without_labels_is_probed(
    asked: tuple[object, ...], run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Protocol(name="linear_probe", epochs=10, hidden=8, runs=2, probe=LinearProbe())
    monkeypatch.setitem(PROTOCOLS, "linear_probe", quick)
    file = tmp_path / "small.safetensors"
    method = "krr_st(hidden=8, steps=3, networks=2, real_batch_size=32)"
    code, _, err = run("condense", "digits", "--size", 20, "--method", method, "-o", file)
    assert code == 0, err
    code, out, err = run("evaluate", file, "digits", "--no-controls", "--json", "--models", "mlp", *asked)
    assert code == 0, err
    report = json.loads(out)
    assert report["protocol"] == "linear_probe"
    assert len(report["rows"][0]["scores"]) == (1 if asked else 2)


def test_evaluate_prints_a_table_with_controls(run: Callable, tmp_path: Path) -> None:
    file = graphcond.condense(graphcond.datasets.load("digits"), size="1/class").save(tmp_path / "small.safetensors")
    code, out, err = run("evaluate", file, "digits", "--runs", 1, *QUICK)
    assert code == 0, err
    assert all(name in out for name in ("auto", "class_mean", "random_soft", "whole"))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ((), "0.01"),
        (("--ratio", 0.02), "0.02"),
        (("--size", 20), "20"),
        (("--size", "0.02"), "0.02"),
        (("--size", "2%"), "0.02"),
        (("--size", "50%train"), "50%train"),
        (("--size", "2/class"), "2/class"),
    ],
)
def test_sizes_as_text(run: Callable, options: tuple, asked: str) -> None:
    code, out, err = run("condense", "digits", "--method", "class_mean", "--json", *options)
    assert code == 0, err
    assert json.loads(out)["record"]["budget"]["asked"] == {"size": asked}


def test_json_is_all_that_is_printed(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    code, out, err = run("condense", "digits", "--size", 20, "--method", "random", "--json", "-o", file)
    assert code == 0, err
    assert json.loads(out).keys() == {"record"}
    assert json.loads(out)["record"]["source"]["modality"] == "nodes"
    assert graphcond.load(file)[0].num_nodes == 20


def test_a_folder_stands_for_a_name(run: Callable, toy: Data, tmp_path: Path) -> None:
    folder, file = tmp_path / "toy", tmp_path / "small.safetensors"
    graphcond.datasets.save_folder(toy, folder)
    code, out, err = run("condense", folder, "--size", 6, "-o", file)
    assert code == 0, err
    assert out.startswith("toy: 60 nodes")
    code, out, err = run("evaluate", file, folder, "--runs", 1, "--no-controls", "--json", *QUICK)
    assert code == 0, err
    assert json.loads(out)["rows"][0]["mean"] > 0.5
    code, _, err = run("condense", tmp_path / "other", "--size", 6)
    assert code == 2
    assert "there is no folder" in err


def test_graph_sets(run: Callable, real_data: Callable[[str], Path], tmp_path: Path) -> None:
    file, root = tmp_path / "small.safetensors", real_data("TUDataset/MUTAG")
    command = ("condense", "mutag", "--root", root, "--size", "2kB", "-o", file)
    code, out, err = run(*command)
    assert code == 0, err
    assert "150 training graphs" in out
    code, out, err = run("evaluate", file, "mutag", "--root", root, "--runs", 1, "--no-controls", "--json", *QUICK)
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["model"] == "gin"
    assert row["bytes"] <= 2000
    code, _, err = run("show", file, "-o", tmp_path / "small.png", "--root", root)
    assert code == 0, err
    assert (tmp_path / "small.png").read_bytes().startswith(b"\x89PNG")
    assert run("condense", "mutag", "--root", root, "--method", "wl_fold")[0] == 0


def test_long_work_is_stopped_and_goes_on(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "run.ckpt"
    command = ("condense", "digits", "--size", 20, "--method", "gcond_x", "--json")
    steps = []
    for _ in range(2):
        code, out, err = run(*command, "--max-seconds", 0.5, "--checkpoint", file)
        assert code == 0, err
        steps.append(json.loads(out)["record"]["choices"]["steps"])
    assert 0 < steps[0] < steps[1]
    code, _, err = run(*command, "--max-seconds", 0.5, "--checkpoint", file, "--seed", 1)
    assert code == 2
    assert "belongs to another run" in err


def test_bench_prints_a_table_and_goes_on(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    command = ("bench", "digits", "--methods", "class_mean,random", "--sizes", "10", "--models", "sgc", "-o", file,
               *QUICK)  # fmt: skip
    code, out, err = run(*command, "--seeds", 1)
    assert code == 0, err
    assert "class_mean" in out
    before = file.read_text()
    code, out, err = run(*command, "--seeds", 2, "--json")
    assert code == 0, err
    assert file.read_text().startswith(before)
    assert [row["seeds"] for row in json.loads(out)["means"]] == [2, 2]
    code, out, err = run("bench", "digits", "--sizes", 5, "--seeds", 1, "--methods", "random", "-o", file)
    assert code == 1
    assert "fewer than the 10 classes" in out


def test_list_names_datasets_and_methods(run: Callable) -> None:
    out = run("list")[1]
    assert "ogbn-arxiv" in out
    assert "1 x 28 x 28" in out
    assert "herding" in out
    listed = json.loads(run("list", "--json")[1])
    assert {"citeseer", "digits", "mnist"} <= {entry["name"] for entry in listed["datasets"]}
    assert list(listed["methods"]) == ["nodes", "hetero", "graphs", "images", "interactions"]
    for modality, lines in listed["methods"].items():
        assert lines == graphcond.list_methods(modality)
    assert {"mirage", "wl_fold"} <= set(listed["methods"]["graphs"])
    assert {entry["task"] for entry in listed["datasets"]} == {"nodes", "hetero", "graphs", "images"}
    for modality, lines in listed["models"].items():
        assert lines == graphcond.list_models(modality)


@pytest.mark.parametrize("columns", [None, 80, 120])
def test_lists_fit_the_terminal(run: Callable, columns: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", str(columns))
    out = run("list")[1]
    assert max(map(len, out.splitlines())) <= (columns or 80)
    names = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert {*graphcond.list_datasets(), *graphcond.list_models("images")} <= names  # no name is broken
    assert "114.6M" in out
    assert "1,310 labels" in out


def test_one_list_alone(run: Callable) -> None:
    out = run("list", "models")[1]
    assert "models for interactions" in out
    assert "datasets of" not in out
    assert list(json.loads(run("list", "methods", "--json")[1])) == ["methods"]
    code, _, err = run("list", "modls")
    assert code == 2
    assert "there is no list 'modls'; did you mean 'models'?" in err


def test_the_version(run: Callable) -> None:
    assert run("--version") == (0, f"graphcond {graphcond.__version__}\n", "")


def commands(group: typer.core.TyperGroup, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield before
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


@pytest.mark.parametrize("words", list(commands(typer.main.get_command(cli.app))), ids=" ".join)
def test_short_help(run: Callable, words: tuple[str, ...]) -> None:
    code, out, _ = run(*words, "-h")
    assert code == 0
    assert out == run(*words, "--help")[1]
    assert "Usage" in out


@pytest.mark.parametrize(
    ("words", "known"),
    [(("graphcond", "con"), ["condense"]), (("graphcond", "condense", "cora"), ["cora"]),
     (("graphcond", "recsys", "ex"), ["export"]), (("graphcond", "list", "mo"), ["models"])],
)  # fmt: skip
def test_a_shell_completes_words(words: tuple[str, ...], known: list[str]) -> None:
    asked = {"_GRAPHCOND_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; sys.argv = ['graphcond']; from graphcond.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == known, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("condense", "digit"), "digits"),
        (("condense", "digits", "--ratio", 1.5), "ratio must be in (0, 1]"),
        (("condense", "digits", "--ratio", 0.1, "--size", 20), "give exactly one of --ratio and --size"),
        (("condense", "digits", "--method", "herdin"), "did you mean 'herding'"),
        (("bench", "digits", "--sizes", "some", "-o", "rows.jsonl"), "size must be such as 35"),
        (("bench", "digits", "-o", "/nowhere/at/all.jsonl"), "does not exist"),
        (("condense", "digits", "--method", "herding", "--max-seconds", 5), "leave it out"),
        (("info", "missing.safetensors"), "no file"),
        (("condense", "digits", "--size", 0), "--size must be a positive integer for a number of items, got 0"),
        (
            ("condense", "digits", "--size", "0/class"),
            "--size must be a positive integer for a number of items of each",
        ),
        (
            ("condense", "digits", "--size", "few"),
            "--size must be such as 35, 0.01, '1%', '5%train', '10/class', '10kB'",
        ),
        (("condense", "digits", "--size", ""), "--size must be such as 35"),
        (
            ("condense", "digits", "--size", "2kB"),
            "--size='2kB' is too little for one node of each of 10 classes, which",
        ),
        (
            ("condense", "digits", "--size", "10kB", "--method", "random"),
            "--size='10kB' is not for --method='random', whose",
        ),
        (("condense", "digits", "--size", "everything"), "--size='everything' is for methods that take no size"),
        (
            ("condense", "digits", "--size", 9),
            "--size=9 gives 9 nodes, fewer than the 10 classes; ask for at least one",
        ),
        (
            ("condense", "digits", "--ratio", 0),
            "--ratio must be in (0, 1], got 0.0; a number of items is whole, such as --size=35",
        ),
        (("condense", "digits", "--max-seconds", 0, "--method", "gcond"), "--max-seconds must be positive, got 0"),
        (("condense", "digits", "--memory", ""), "memory must be a number and a unit"),
        (("condense", "digits", "--method", ""), "there is no method ''"),
        (("condense", "digit-images", "--size", 0), "--size must be a positive integer for a number of items, got 0"),
        (("condense", "digit-images", "--size", "4kB"), "--size='4kB' makes no sense for images; use one of --ratio"),
        (("condense", "digit-images", "--memory", "4GB"), "--memory='4GB' makes no sense for images; leave it out"),
        (("condense", "digit-images", "--inductive"), "--inductive=True makes no sense for images; leave it out"),
        (("condense", "digit-images", "--no-inductive"), "--inductive=False makes no sense for images; leave it out"),
        (("condense", "digit-images", "--split", 0), "--split=0 makes no sense for images; leave it out"),
        (("condense", "mutag", "--inductive"), "--inductive=True makes no sense for graphs; leave it out"),
        (("plan", "digits", "--size", 0), "--size must be a positive integer for a number of items, got 0"),
        (("plan", "digits", "--size", "10kB", "--method", "gcond"), "--size='10kB' is not for --method='gcond', whose"),
        (("plan", "digits", "--size", "2kB"), "--size='2kB' is too little for one node of each of 10 classes, which"),
        (("bench", "digits", "-o", "rows.jsonl", "--models", ""), "--models is empty"),
        (("bench", "digits", "-o", "rows.jsonl", "--methods", ""), "--methods is empty"),
        (
            ("bench", "digits", "-o", "rows.jsonl", "--sizes", "0"),
            "size must be a positive integer for a number of items, got 0",
        ),
        (("bench", "digits", "-o", "rows.jsonl", "--seeds", 0), "--seeds must be a positive integer, got 0"),
        (("bench", "digits", "-o", "rows.jsonl", "--runs", 0), "--runs must be a positive integer, got 0"),
        (("bench", "digits", "-o", "rows.jsonl", "--workers", 0), "--workers must be a whole number, 1 or more, got 0"),
        (("bench", "digits", "-o", "rows.jsonl", "--threads", 0), "--threads must be a whole number, 1 or more, got 0"),
        (("condense", "digits", "-o", "/nowhere/at/all.safetensors"), "does not exist"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(run: Callable, arguments: tuple, message: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("option", "written"), [("--num-nodes", "--size N"), ("--ipc", "--size N/class"), ("--random-state", "--seed N")]
)
def test_an_option_of_another_library_is_answered(run: Callable, option: str, written: str) -> None:
    code, _, err = run("condense", "toy", option, "3")
    assert code == 2
    assert f"No such option: {option} (Possible options: {written})" in err


def test_an_existing_file_is_not_overwritten(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    file.write_text("mine")
    code, _, err = run("condense", "digits", "--size", 10, "-o", file)
    assert code == 2
    assert "exists already" in err
    assert file.read_text() == "mine"


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


GO_ON = "go on with: graphcond"


@pytest.mark.parametrize(
    ("call", "arguments", "words"),
    [
        ("graphcond.condense", ("condense", "digits", "--size", 20), "--checkpoint FILE would; start again with"),
        ("graphcond.condense", ("condense", "digits", "--checkpoint", "state"), f"{GO_ON} condense digits --check"),
        ("graphcond.condense", ("condense", "digits", "--checkpoint", "new"), "nothing was kept yet, start again with"),
        ("graphcond.condense", ("condense", "digit-images"), "start again with: graphcond condense digit-images"),
        ("graphcond.evaluation.bench", ("bench", "digits", "-o", "rows"), f"{GO_ON} bench digits -o rows"),
        ("graphcond.load", ("evaluate", "file", "digits"), "start again with: graphcond evaluate file digits"),
    ],
)
def test_ctrl_c_says_how_to_go_on(
    run: Callable, tmp_path, monkeypatch, call: str, arguments: tuple, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").write_text("")
    monkeypatch.setattr(call, interrupted)
    code, out, err = run(*arguments)
    assert (code, out) == (130, "")
    assert err.startswith("graphcond: interrupted; ")
    assert words in err


def test_what_was_out_of_time_says_where_it_stopped_and_how_to_go_on(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    command = ("condense", "digits", "--size", 20, "--method", "gcond_x", "--max-seconds", 1e-9)
    code, out, err = run(*command)
    assert code == 0, err
    ending = "stopped at step 1 of 12,000: --max-seconds=1e-09 was over; "
    assert out.strip().splitlines()[-1] == f"{ending}--checkpoint FILE lets the same command go on later"
    code, out, _ = run(*command, "--checkpoint", tmp_path / "state", "-o", file)
    last = out.strip().splitlines()[-1]
    assert last.startswith(f"{ending}go on with: graphcond condense digits ")
    again = shlex.split(last.partition("go on with: ")[2])[1:]
    code, out, err = run(*again)
    assert code == 0, err
    assert "stopped at step 2 of 12,000" in out
    assert "no, stopped at step 2 of 12,000" in run("info", file)[1]


def test_info_prints_what_the_run_was_like(run: Callable, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    run("condense", "digits", "--size", 20, "-o", file, "--seed", 3)
    rows = [line.split(maxsplit=2) for line in run("info", file)[1].splitlines() if line.startswith(" run")]
    found = {what.strip(): value.strip() for _, what, value in rows if what != "peak"}
    assert found["seed"] == "3"
    assert found["device"] == "cpu"
    assert found["complete"] == "yes"
    assert any("peak memory" in " ".join(row) for row in rows)


def test_notes_do_not_share_a_line_with_the_bar(monkeypatch, capsys) -> None:
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_bar("step", limit=60) as report:
        report(graphcond.Progress(3, 10, "matching"))
        NoteHandler().handle(logging.makeLogRecord({"msg": "note: something", "levelno": logging.WARNING}))
        report(graphcond.Progress(4, 10, "matching"))
    text = screen.getvalue()
    assert "stops after 60 s" in text
    before = text[: text.index("note: something")].rpartition("\r")[2]
    assert "matching" not in before


def test_methods_without_a_size_are_planned_and_condensed_without_one(run: Callable) -> None:
    for command in ("plan", "condense"):
        assert run(command, "digits", "--method", "receptive_field")[0] == 0
        code, _, err = run(command, "digits", "--method", "receptive_field", "--size", "5")
        assert code == 2
        assert "--method='receptive_field' takes no size, got --size=5; leave it out" in " ".join(err.split())


def test_settings_of_methods_are_typed(run: Callable, tmp_path: Path) -> None:
    file, rows = tmp_path / "small.safetensors", tmp_path / "rows.jsonl"
    code, _, err = run("condense", "digits", "--method", "auto(depth=1, penalty=1)", "-o", file)
    assert code == 0, err
    assert graphcond.load(file).record.settings["depth"] == 1
    code, out, err = run("bench", "digits", "-o", rows, "--methods", "auto(depth=1, penalty=1), random", "--seeds", 1,
                         "--sizes", 20, "--models", "mlp", "--json", *QUICK)  # fmt: skip
    assert code == 0, err
    assert [row["method"] for row in json.loads(out)["rows"]] == ["auto(depth=1, penalty=1)", "random"]
    code, _, err = run("condense", "digits", "--method", "auto(dept=1)")
    assert code == 2
    assert "there is no setting 'dept' of auto; did you mean 'depth'?" in err
    code, _, err = run("plan", "cora", "--method", "gcond(epochs=x)")
    assert code == 2
    assert "epochs of gcond must be a whole number, got x" in err
