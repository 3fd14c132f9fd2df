"""Published numbers: every line of the file, how it is looked up, and that no benchmark has numbers of its own."""

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest

import graphcond

BENCHMARKS = Path(graphcond.__file__).parent.parent / "benchmarks"
LINES = (BENCHMARKS / "published.jsonl").read_text(encoding="utf-8").splitlines()
PERCENT = {"accuracy", "roc_auc", "ndcg@10", "hr@10"}
ROW = json.loads(LINES[0])


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import published

    return published


@pytest.fixture
def made(published, monkeypatch: pytest.MonkeyPatch):
    """Sets what the module finds in its file."""

    def put(*changes: dict) -> None:
        rows = tuple(published.Published(**(ROW | {"table": str(i)} | change)) for i, change in enumerate(changes))
        monkeypatch.setattr(published, "load", lambda: rows)

    return put


def test_every_line_is_well_formed_and_keys_are_unique(published) -> None:
    rows = published.load()
    assert len(rows) == len(LINES)
    assert all(one.source or one.read == "recalled" for one in rows)
    assert all(line == json.dumps(json.loads(line), ensure_ascii=False) for line in LINES)  # one spelling, for diffs


@pytest.mark.parametrize("line", LINES, ids=lambda line: ",".join(map(str, list(json.loads(line).values())[:5])))
def test_values_are_plausible(line: str) -> None:
    row = json.loads(line)
    if row["metric"] in PERCENT:
        assert (1 if row["metric"] in ("ndcg@10", "hr@10") else 30) < row["value"] < 100
        assert row["deviation"] is None or 0 <= row["deviation"] < 6
        assert row["model"] != "none"
    else:
        assert row["metric"] in ("seconds", "distinct trees") or row["metric"].startswith("support of set ")
        assert row["value"] > 0
        assert row["model"] == "none"
    assert row["runs"] is None or 1 < row["runs"] <= 100


def test_recalled_numbers_have_no_source_and_say_so(published) -> None:
    recalled = [one for one in published.load() if one.read == "recalled"]
    assert recalled
    assert not [one for one in recalled if one.source or not one.note]


def test_numbers_at_sizes_of_our_tables(published) -> None:
    assert published.find("cora", 35, "gcond")[0].value == 79.8  # of its own paper first
    assert published.find("cora", 35.0, "GCond", "gcn")[1].value == 73.8  # then GCondenser's
    assert published.find("cora", "35", "gcond_x", "gcn")[0].read == "recalled"
    assert published.find("mnist", 1, "kip", "convnet") == ()
    assert [one.value for one in published.of("ogbg-molbace", "10kB")] == [74.3, 75.3]
    assert published.of("ogbg-molbace", "10/class") == published.of("ogbg-molbace", "10 per class")
    assert published.of("cora", 7) == ()


def test_pregc_was_evaluated_by_sgc_except_in_its_table_of_networks(published) -> None:
    assert [one.model for one in published.find("pubmed", 15, "pregc")] == ["sgc"]
    assert published.best("pubmed", 15, "sgc").method == "PreGC"
    assert published.best("pubmed", 15).method != "PreGC"
    assert (published.best("pubmed", 30).value, published.best("pubmed", 30).table) == (80.3, "Table 3")
    assert published.best("pubmed", 3) is None


def test_best_is_the_highest_score_by_one_model(published, made) -> None:
    made({"value": 70.0}, {"value": 71.0, "read": "recalled", "source": ""}, {"value": 99.0, "model": "sgc"},
         {"value": 900, "metric": "seconds"}, {"value": 98.0, "size": "70"})  # fmt: skip
    assert published.best("cora", 35).cell() == "71.0?"
    assert published.best("cora", 35, "sgc").value == 99.0
    assert published.best("citeseer", 35) is None


@pytest.mark.parametrize(
    ("change", "plain", "spread"),
    [
        ({"value": 79.8, "deviation": 1.3}, "79.8", "79.8 ± 1.3"),
        ({"value": 32.52, "deviation": None}, "32.52", "32.52"),
        ({"value": 73.0, "deviation": 0.0, "read": "secondary"}, "73.0‡", "73.0 ± 0.0‡"),
        ({"value": 7442, "deviation": None, "read": "recalled"}, "7442?", "7442?"),
    ],
)
def test_cells(published, change: dict, plain: str, spread: str) -> None:
    one = published.Published(**(ROW | change))
    assert (one.cell(), one.cell(deviation=True)) == (plain, spread)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.value = 80.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Expecting"),
        ("[]", "line 2: a line must be a JSON object"),
        (json.dumps({key: ROW[key] for key in ROW if key != "read"}), "line 2: lacks read"),
        (json.dumps(ROW | {"where": ""}), "line 2: has unknown where"),
        (
            json.dumps(ROW | {"read": "guessed"}),
            "line 2: read must be one of checked, secondary, recalled, got 'guessed'",
        ),
        (json.dumps(ROW | {"selection": "train"}), "line 2: selection must be one of validation, test, not said"),
        (json.dumps(ROW | {"tuned": "yes"}), "line 2: tuned must be one of per dataset and size"),
        (json.dumps(ROW | {"value": "79.8"}), "line 2: value must be a number, got '79.8'"),
        (json.dumps(ROW | {"value": None}), "line 2: value must be a number, got None"),
        (json.dumps(ROW | {"value": float("nan")}), "line 2: value must be a number, got nan"),
        (json.dumps(ROW | {"runs": True}), "line 2: runs must be a number, got True"),
        (json.dumps(ROW | {"paper": ""}), "line 2: paper must be a text, got ''"),
        (json.dumps(ROW | {"source": ""}), "line 2: a number that is checked needs a source"),
        (json.dumps(ROW | {"value": 1.0}), "line 2: cora, 35, GCond, .* is there already"),
    ],
)
def test_malformed_lines_are_named(published, tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text(f"{LINES[0]}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"numbers.jsonl, {message}"):
        published.load(path)


def test_tables_print_sources(published, capsys: pytest.CaptureFixture) -> None:
    published.tables("mnist", "ml-1m")
    out = capsys.readouterr().out
    assert "### mnist" in out
    assert "### cora" not in out
    assert "| 1 | DM | convnet | accuracy | 89.7? |" in out
    assert "Read off a figure" in out
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    with pytest.raises(ValueError, match="no published number of minst; there are cora, "):
        published.tables("minst")


def numbers_given_to(source: str) -> list[str]:
    """Return names and arguments that speak of published numbers and are given literal ones, and texts with a score."""
    methods = "|".join({re.escape(json.loads(line)["method"]) for line in LINES})
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and re.search(rf"({methods}) \.?\d", str(node.value)):
            found.append(str(node.value))
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.keyword) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            names = [getattr(target, "id", getattr(target, "arg", None)) or "" for target in targets]
            values = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            scores = [value for value in values if isinstance(value, float) or re.search(r"\d*\.\d|\{\d", str(value))]
            found += [name for name in names if "published" in name.lower() and scores]
    return found


SCRIPTS = sorted(set(BENCHMARKS.glob("*.py")) - {BENCHMARKS / "published.py"})


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_other_script_has_published_numbers(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert numbers_given_to(source) == []
    assert "PUBLISHED" not in source


@pytest.mark.parametrize(
    "source",
    [
        "PUBLISHED = {'cora': 79.8}",
        "published: dict[int, str] = {35: '84.1'}",
        "Size(10, published='HR@10 22.7')",
        "PUBLISHED_SUPPORTS = '{7442, 2208}'",
        "Workload('roc_auc', sizes, {'10 per class': 'DosCond .674, Mirage .753'})",
    ],
)
def test_published_numbers_in_scripts_are_seen(source: str) -> None:
    assert len(numbers_given_to(source)) == 1
