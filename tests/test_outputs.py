"""What becomes of results on the command line when they cannot be written."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

import graphcond
import recsys
from graphcond.core.runtime import storage

CONDENSE = ("condense", "digits", "--size", 20)
FULL = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_result_that_a_full_disk_does_not_take_is_kept(run: Callable, full: Path, kept: Path) -> None:
    with (full / "filler").open("wb") as file:
        file.write(bytes(60_000))
    code, out, err = run(*CONDENSE, "-o", full / "small.safetensors")
    assert (code, out) == (1, "")
    (message,) = err.splitlines()
    assert message.startswith(f"graphcond: {full}/small.safetensors could not be written (No space left on device)")
    (file,) = kept.rglob("*.safetensors")
    assert message.endswith(f"the result was kept as {file}")
    assert graphcond.load(file)[0].num_nodes == 20
    assert [path.name for path in full.iterdir()] == ["filler"]


@pytest.mark.parametrize("option", ["-o", "--checkpoint"])
def test_a_disk_that_is_full_from_the_start(
    run: Callable, full: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(graphcond.datasets, "load", lambda *_: pytest.fail("work was begun"))
    with (full / "filler").open("wb") as file:
        file.write(bytes(65_536))
    code, _, err = run(*CONDENSE, "--method", "gcond", option, full / "small.safetensors")
    assert code == 1
    assert "small.safetensors could not be written (No space left on device)" in err


def test_no_folder_takes_the_result(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FULL

    monkeypatch.setattr(storage, "save_file", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*CONDENSE, "-o", tmp_path / "small.safetensors")
    assert code == 1
    assert "No space left on device" in err
    assert err.strip().endswith("no other folder takes the result")
    assert list(tmp_path.iterdir()) == []


def test_the_slower_writer_is_reported_and_its_result_is_kept(
    run: Callable, tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.safetensors"
    condense = graphcond.condense

    def slow(*arguments: object, **options: object) -> object:
        path.write_text("first")
        return condense(*arguments, **options)

    monkeypatch.setattr(graphcond, "condense", slow)
    code, _, err = run(*CONDENSE, "-o", path)
    assert code == 2
    assert f"{path} exists already" in err
    assert path.read_text() == "first"
    assert len(list(kept.rglob("small.safetensors"))) == 1


@pytest.mark.parametrize("command", ["nodes", "interactions"])
def test_one_file_for_checkpoint_and_output(run: Callable, tmp_path: Path, command: str) -> None:
    arguments = CONDENSE if command == "nodes" else ("recsys", "condense", tmp_path / "absent.csv")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    code, _, err = run(*arguments, "--checkpoint", tmp_path / "link", "-o", tmp_path / "file")
    assert code == 2
    assert "--output and --checkpoint are the same file" in err


@pytest.mark.skipif(os.name != "posix", reason="devices are POSIX's")
def test_devices(run: Callable) -> None:
    assert run(*CONDENSE, "-o", "/dev/null")[0] == 0
    assert Path("/dev/null").is_char_device()
    code, _, err = run(*CONDENSE, "-o", "/dev/stdout")
    assert code == 2
    assert "is where messages go" in err
    code, _, err = run("bench", "digits", "-o", "/dev/null")
    assert code == 2
    assert "from which nothing can be read again" in err


def test_outputs_are_checked_before_the_work(run: Callable, tmp_path: Path) -> None:
    taken = tmp_path / "taken.png"
    taken.touch()
    for arguments in (("show", "absent", "-o", taken), ("recsys", "export", "absent", taken)):
        code, _, err = run(*arguments)
        assert code == 2
        assert f"{taken} exists already" in err


def test_a_record_without_what_is_printed(run: Callable, tmp_path: Path) -> None:
    small = graphcond.condense(graphcond.datasets.load("digits"), size=20)
    users = recsys.condense(recsys.generate_interactions(60, 20, 500, seed=0), users=6, method="random_users")
    for one, command in ((small, ("info",)), (users, ("recsys", "info"))):
        path = one.save(tmp_path / f"{command[0]}.safetensors")
        tensors, text = storage.read(path)
        record = json.loads(text)
        del record["source"]["name"]
        storage.write(path, tensors, json.dumps(record))
        code, _, err = run(*command, path)
        assert code == 2
        assert f"{path} holds what does not fit together (KeyError: 'name')" in err


CUT_OFF = """
import faulthandler, sys
import graphcond.cli
graphcond.cli.app = lambda: None
graphcond.cli.main()
assert faulthandler.is_enabled()
"""


def test_a_process_that_the_system_ends_leaves_a_word() -> None:
    subprocess.run([sys.executable, "-c", CUT_OFF], check=True, timeout=300)
