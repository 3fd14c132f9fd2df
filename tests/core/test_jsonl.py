import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcond.core.runtime.jsonl import RowFile


@pytest.fixture
def rows(tmp_path: Path) -> RowFile:
    return RowFile(tmp_path / "rows.jsonl", ("name", "size"))


def row(name: str, size: float, **values: object) -> dict:
    return {"name": name, "size": size} | values


def test_rows_come_back_by_their_keys_in_order(rows: RowFile) -> None:
    assert rows.read() == {}
    rows.append(row("b", 2, score=0.5), row("a", 1, score=None))
    rows.append(row("a", 2.0))
    assert list(rows.read()) == [("b", 2), ("a", 1), ("a", 2)]
    assert rows.read()["b", 2]["score"] == 0.5
    assert rows.missing([("a", 1), ("c", 1)]) == [("c", 1)]
    assert [json.loads(line)["name"] for line in rows.path.read_text().splitlines()] == ["b", "a", "a"]


def test_a_key_is_written_once(rows: RowFile) -> None:
    rows.append(row("a", 1, score=1))
    rows.append(row("a", 1, score=2), row("b", 1))
    assert [one.get("score") for one in rows.read().values()] == [1, None]


@given(cut=st.integers(1, 60))
def test_wherever_a_line_breaks_off(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = RowFile(tmp_path_factory.mktemp("rows") / "rows.jsonl", ("name", "size"))
    rows.append(row("a", 1))
    first = rows.path.stat().st_size
    rows.append(row("b", 2, note="x" * 60))
    whole = rows.path.read_bytes()
    rows.path.write_bytes(whole[:-cut])
    kept = rows.read()
    assert kept == ({("a", 1): row("a", 1)} if cut > 1 else rows.read())
    rows.append(row("c", 3))
    names = [json.loads(line)["name"] for line in rows.path.read_text().splitlines()]
    assert names == (["a", "b", "c"] if cut == 1 else ["a", "c"])  # only the end of the line was missing
    assert rows.path.read_bytes()[:first] == whole[:first]


def test_a_broken_line_is_reported(rows: RowFile, caplog: pytest.LogCaptureFixture) -> None:
    rows.path.write_text(json.dumps(row("a", 1)) + '\n{"name": "b"')
    with caplog.at_level(logging.WARNING):
        assert list(rows.read()) == [("a", 1)]
    assert "line 2 broke off" in caplog.text


@pytest.mark.parametrize("content", ["a letter", "# a page\n", '{"name": 1}\n', "[1]\n", '{"nam\n{"name": 1}\n', "5"])
def test_other_files_are_refused_and_left_alone(content: str, rows: RowFile) -> None:
    rows.path.write_text(content)
    for call in (rows.check, lambda: rows.append(row("a", 1))):
        with pytest.raises(ValueError, match=r"line 1 of .*rows\.jsonl is no row with the fields name, size"):
            call()
    assert rows.path.read_text() == content


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RowFile(tmp_path / "none" / "rows.jsonl", ("name",)).check()
    with pytest.raises(IsADirectoryError):
        RowFile(tmp_path, ("name",)).check()


def test_several_processes_append(rows: RowFile) -> None:
    code = (
        "import sys, pathlib\nfrom graphcond.core.runtime.jsonl import RowFile\n"
        "rows = RowFile(pathlib.Path(sys.argv[1]), ('name', 'size'))\n"
        "for size in range(40):\n"
        "    rows.append({'name': sys.argv[2], 'size': size, 'note': 'x' * 5000}, {'name': 'both', 'size': size})\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, rows.path, name]) for name in ("a", "b")]
    assert [one.wait(120) for one in running] == [0, 0]
    assert len(rows.path.read_text().splitlines()) == len(rows.read()) == 120


def test_a_row_is_replaced_where_it_stands(tmp_path):
    rows = RowFile(tmp_path / "rows.jsonl", ("name",))
    rows.append({"name": "a", "value": 1}, {"name": "b", "value": 2})
    rows.replace({"name": "a", "value": 3}, {"name": "c", "value": 4})
    assert list(rows.read().values()) == [
        {"name": "a", "value": 3}, {"name": "b", "value": 2}, {"name": "c", "value": 4},
    ]  # fmt: skip
