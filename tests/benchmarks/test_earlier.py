"""Which cells were measured on the test set more than once."""

import json
from pathlib import Path

import pytest

import graphcond
from graphcond.core.runtime.jsonl import RowFile

BENCHMARKS = Path(graphcond.__file__).parent.parent / "benchmarks"


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import earlier

    return earlier


@pytest.fixture
def write(earlier, monkeypatch, tmp_path: Path):
    """Writes rows to a file that stands in for that of a script, and returns what is printed about it."""

    def written(name: str, *rows: dict) -> None:
        script = __import__(earlier.FILES[name].script)
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        monkeypatch.setattr(script, "ROWS", RowFile(path, script.ROWS.fields))
        monkeypatch.setattr(earlier, "WITHDRAWN", tmp_path / "withdrawn.jsonl")

    return written


def row(seed: int, *scores: float, **more: object) -> dict:
    """A row of OGB's sets."""
    key = {"dataset": "ogbg-molbace", "method": "auto", "size": "10kB", "seed": seed, "model": "gin"}
    return key | {"protocol": "standard", "runs": 1, "scores": list(scores)} | more


def test_a_cell_that_was_measured_again(earlier, write, capsys):
    write(
        "images",
        *(
            {"dataset": "mnist", "per_class": 1, "data": data, "model": "ntk", "protocol": "standard"} | values
            for data, values in (
                ("kip", {"scores": [80.0, 82.0], "replaced": True, "replaced_for": "a bug"}),
                ("kip", {"scores": [80.0, 82.0], "replaced": True}),  # printed again
                ("dm", {"scores": [70.0]}),
                ("kip", {"scores": [90.0, 92.0]}),
                ("kip", {"scores": [93.0, 95.0], "retaken": "more steps"}),
            )
        ),
    )
    earlier.tables("images")
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 2 cells were measured on the test set more than once, up to 3 times.\n")
    assert "| mnist, 1 per class, kip, ntk, standard | 81.0 ± 1.4, 91.0 ± 1.4 | 94.0 ± 1.4 | more steps |" in printed
    assert "no row any more" not in printed


def test_seeds_of_one_cell_are_taken_together(earlier, write, tmp_path, capsys):
    write("ogb", row(0, 0.5, replaced_for="a penalty"), row(0, 0.7), row(1, 0.6, replaced_for="a penalty"), row(1, 0.9))
    (tmp_path / "withdrawn.jsonl").write_text(json.dumps(row(0, 0.4) | {"file": "ogb", "method": "mirage"}) + "\n")
    earlier.tables("ogb")
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 1 cells were measured on the test set more than once, up to 2 times.\n")
    assert "| ogbg-molbace, auto, 10kB, gin, standard | 55.0 ± 7.1 | 80.0 ± 14.1 | a penalty |" in printed
    assert "1 further cells were measured and have no row any more" in printed
    assert "| ogbg-molbace, mirage, 10kB, gin, standard | 40.0 |" in printed


def test_a_cell_that_was_withdrawn_and_has_a_row_again(earlier, write, tmp_path, capsys):
    write("ogb", row(0, 0.5))
    (tmp_path / "withdrawn.jsonl").write_text(json.dumps(row(0, 0.4) | {"file": "ogb"}) + "\n")
    earlier.tables("ogb")
    printed = capsys.readouterr().out
    assert "1 of 1 cells" in printed
    assert "| ogbg-molbace, auto, 10kB, gin, standard | 40.0 | 50.0 | not known |" in printed
    assert "no row any more" not in printed


def test_nothing_was_measured_again(earlier, write, capsys):
    write("ogb", row(0, 0.5), row(1, 0.6))
    earlier.tables("ogb")
    assert capsys.readouterr().out == "0 of 1 cells were measured on the test set more than once.\n\n"


@pytest.mark.parametrize("name", ["images", "results", "graphs", "interactions", "matching", "ogb", "refinement"])
def test_every_file_of_rows_can_be_read(earlier, name, capsys):
    earlier.tables(name)
    assert " cells were measured on the test set more than once" in capsys.readouterr().out


def test_the_images_that_were_measured_again_by_november_2026(earlier, capsys):
    earlier.tables("images")
    again, of, cells, *_ = capsys.readouterr().out.split()
    assert of == "of"
    assert int(again) >= 14
    assert int(cells) >= 27
