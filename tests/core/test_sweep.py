import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.sweep import sweep

# A module of its own, because other processes must be able to import it.
MODULE = """
import pathlib, sys, time
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.runtime.sweep import sweep

FIELDS = ("task", "part")

def work(task, missing):
    if task == 3 and not pathlib.Path("mended").exists():
        raise ValueError("three is broken")
    time.sleep(0.05)
    with open("calls.txt", "a") as file:
        file.write(f"{task} {[part for _, part in missing]}\\n")
    return [{"task": task, "part": part, "square": task**2} for _, part in missing]

def tasks(parts="ab", number=6):
    return [(task, [(task, part) for part in parts]) for task in range(number)]

if __name__ == "__main__":
    sweep(work, tasks(number=20), RowFile(pathlib.Path("rows.jsonl"), FIELDS), workers=int(sys.argv[1]), engine="local")
"""
RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
PLACES = [
    pytest.param({"workers": 1}, id="here"),
    pytest.param({"workers": 2, "engine": "local"}, id="local"),
    pytest.param({"workers": 2, "engine": "ray"}, id="ray", marks=RAY),
]


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The module above, importable, with its folder as the current one."""
    (tmp_path / "sweeping.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sweeping", raising=False)
    import sweeping

    return sweeping


@pytest.fixture
def rows(tmp_path: Path) -> RowFile:
    return RowFile(tmp_path / "rows.jsonl", ("task", "part"))


@pytest.mark.parametrize("place", PLACES)
def test_the_same_rows_anywhere_and_the_rest_later(worker, rows: RowFile, place: dict, tmp_path: Path) -> None:
    reports: list[Progress] = []
    failed = sweep(worker.work, worker.tasks("a"), rows, progress=reports.append, **place)
    assert [(task, str(error)) for task, error in failed] == [(3, "three is broken")]
    assert sorted(rows.read()) == [(task, "a") for task in (0, 1, 2, 4, 5)]
    assert [report.done for report in reports] == [1, 2, 3, 4, 5, 6]
    (tmp_path / "mended").touch()
    (tmp_path / "calls.txt").unlink()
    assert sweep(worker.work, worker.tasks("ab"), rows) == []  # here, wherever the first ones were made
    lines = sorted((tmp_path / "calls.txt").read_text().splitlines())
    assert lines == sorted(f"{task} {['b'] if task != 3 else ['a', 'b']}" for task in range(6))
    assert {key: row["square"] for key, row in rows.read().items()} == {
        (task, part): task**2 for task in range(6) for part in "ab"
    }
    assert sweep(worker.work, worker.tasks("ab"), rows, **place) == []
    assert len((tmp_path / "calls.txt").read_text().splitlines()) == 6


def test_killed_in_the_middle_and_started_again(worker, rows: RowFile, tmp_path: Path) -> None:
    (tmp_path / "mended").touch()
    command = [sys.executable, "sweeping.py", "2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    running = subprocess.Popen(command, cwd=tmp_path, env=environment)
    while not rows.path.exists() or rows.path.read_bytes().count(b"\n") < 10:
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait(10)
    before = rows.read()
    assert 10 <= len(before) < 40
    with rows.path.open("ab") as file:
        file.write(b'{"task": 19, "pa')  # as if it had been killed while it wrote
    assert sweep(worker.work, worker.tasks(number=20), rows) == []
    assert sorted(rows.read()) == [(task, part) for task in range(20) for part in "ab"]
    assert len(rows.path.read_text().splitlines()) == 40
    assert list(rows.read().items())[: len(before)] == list(before.items())
    calls = [line.split()[0] for line in (tmp_path / "calls.txt").read_text().splitlines()]
    for task in {key[0] for key in before}:
        assert calls.count(str(task)) == 1


def test_rows_must_be_those_of_the_keys(rows: RowFile) -> None:
    with pytest.raises(ValueError, match="the rows of a task must be those of its keys"):
        sweep(lambda task, _: [{"task": task, "part": "z"}], [(1, [(1, "a")])], rows)
    assert rows.read() == {}
