"""Outputs: whole or not at all, behind links, into devices, against other writers and on full disks."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from graphcond.core.runtime import files, storage
from graphcond.core.runtime.checkpoint import Checkpoint, CheckpointFile, check_checkpoint
from graphcond.core.runtime.files import check_target, replacing, replacing_folder, same_file
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.runtime.out_of_core import OnDisk

POSIX = pytest.mark.skipif(os.name != "posix", reason="devices, links and locks are POSIX's")


def write(path: Path, text: str = "new", **options: bool) -> None:
    with replacing(path, **options) as temporary:
        temporary.write_text(text)


def write_folder(path: Path, text: str = "new", **options: bool) -> None:
    with replacing_folder(path, **options) as folder:
        (folder / "file").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(place: Path, left: int = 0) -> None:
    with suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(place / "filler", (place / "filler").stat().st_size - left)


@POSIX
def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, folder = tmp_path / "link", tmp_path / "folder"
    link.symlink_to(tmp_path / "there" / "file")
    folder.symlink_to(tmp_path / "there" / "folder")
    write(link)
    write(link, "newer", overwrite=True)
    write_folder(folder)
    write_folder(folder, "newer", overwrite=True)
    assert link.is_symlink()
    assert folder.is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "newer"
    assert (tmp_path / "there" / "folder" / "file").read_text() == "newer"
    assert names(tmp_path / "there") == ["file", "folder"]
    with pytest.raises(FileExistsError, match="there/file exists already"):
        write(link)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(FileNotFoundError, match="leads nowhere"):
        write(circle)
    assert same_file(link, tmp_path / "there" / ".." / "there" / "file")


@POSIX
def test_devices_are_written_to_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    check_target(pipe)
    write(pipe, "through the pipe")
    assert reader.communicate(timeout=10)[0] == b"through the pipe"
    write(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]
    for path in ("/dev/stdout", "/dev/fd/1", "/dev/stderr"):
        with pytest.raises(ValueError, match="is where messages go or come from"):
            write(Path(path), overwrite=True)
    for refused in (lambda: check_checkpoint("/dev/null"), RowFile(Path("/dev/null"), ("a",)).check):
        with pytest.raises(ValueError, match="from which nothing can be read again"):
            refused()
    if Path("/dev/full").is_char_device():
        with pytest.raises(OSError, match=r"/dev/full could not be written \(No space left"):
            write(Path("/dev/full"))


@pytest.mark.parametrize("made", [write, write_folder])
def test_the_slower_of_two_writers_is_reported(tmp_path: Path, made: Callable[..., None]) -> None:
    path = tmp_path / "out"

    def slower() -> None:
        with (replacing if made is write else replacing_folder)(path) as mine:
            made(path, "first")
            (mine if made is write else mine / "file").write_text("second")

    with pytest.raises(FileExistsError, match="out exists already; choose another name"):
        slower()
    assert (path if made is write else path / "file").read_text() == "first"
    assert names(tmp_path) == ["out"]


def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", refuse)
    path = tmp_path / "out"

    def slower() -> None:
        with replacing(path) as mine:
            write(path, "first")
            mine.write_text("second")

    with pytest.raises(FileExistsError, match="exists already"):
        slower()
    assert path.read_text() == "first"


def test_folders_that_replace_one_another(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_folder(path, "oldest")
    with replacing_folder(path, overwrite=True) as mine:
        write_folder(path, "older", overwrite=True)
        (mine / "file").write_text("last")
    assert (path / "file").read_text() == "last"
    assert names(tmp_path) == ["out"]


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[4])  # without the package, which takes long to import
from files import replacing, replacing_folder
with (replacing if sys.argv[2] == "file" else replacing_folder)(sys.argv[1]) as new:
    (new if sys.argv[2] == "file" else new / "file").write_text("half")
    print("ready", flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[3] == "killed" else sys.stdin.read()
"""


@POSIX
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_left_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path, kind: str) -> None:
    path, made = tmp_path / "out", write if kind == "file" else write_folder
    where, command = str(Path(files.__file__).parent), [sys.executable, "-c", KILLED, str(path), kind]
    with subprocess.Popen([*command, "alive", where], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == b"ready\n"
        killed = subprocess.run([*command, "killed", where], check=False, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        (tmp_path / ".out.12345678.part").write_text("of an older version")
        (tmp_path / ".other.12345678.part").write_text("of somebody else")
        assert len(names(tmp_path)) == 4
        check_target(path)
        left = [name for name in names(tmp_path) if name.startswith(".out.")]
        assert len(left) == 1
        living.communicate(b"go on", timeout=30)
        assert living.returncode == 0
    made(path, overwrite=True)
    assert names(tmp_path) == [".other.12345678.part", "out"]


def test_a_full_disk_is_reported_before_and_after_the_work(full: Path) -> None:
    path = full / "out.safetensors"
    with pytest.raises(OSError, match=r"out\.safetensors could not be written \(.* at least 1,000,000 are needed"):
        check_target(path, nbytes=1_000_000)
    check_target(path)
    tensors = {"x": torch.zeros(100_000)}
    with (
        pytest.raises(OSError, match=r"out\.safetensors could not be written \(No space left on device\) and is as"),
        replacing(path) as temporary,
    ):
        storage.write(temporary, tensors, "{}")
    with pytest.raises(OSError, match="folder could not be written"), replacing_folder(full / "folder") as folder:
        np.save(folder / "x.npy", np.zeros(100_000))
    assert names(full) == []
    fill(full)
    for checked in (path, full / "rows"):
        with pytest.raises(OSError, match="No space left"):
            check_target(checked)
    assert names(full) == ["filler"]


def test_a_checkpoint_on_a_full_disk(full: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = CheckpointFile(Checkpoint(full / "state"), {"seed": "0"})
    with pytest.raises(OSError, match="at least 400,000 are needed"):
        file.require_space({"x": torch.zeros(100_000)})
    file.write({"x": torch.ones(2)}, {"step": 1})
    file.write({"x": torch.zeros(100_000)}, {"step": 2})
    assert "the work goes on" in caplog.text
    assert "state could not be written (No space left on device) and is as it was" in caplog.text
    found = file.read()
    assert found is not None
    assert found[1] == {"step": 1}


def test_rows_on_a_full_disk_are_whole(full: Path) -> None:
    rows = RowFile(full / "rows.jsonl", ("name",))
    rows.append({"name": "first"})
    fill(full, left=4096)
    before = rows.path.read_text()
    with pytest.raises(OSError, match="No space left"):
        rows.append({"name": "second", "text": "x" * 10_000})
    assert rows.path.read_text() == before
    rows.append({"name": "third"})
    assert list(rows.read()) == [("first",), ("third",)]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="space cannot be reserved here")
def test_what_is_on_disk_has_its_space(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(full))
    with OnDisk() as storage:
        storage(torch.zeros(1000)).fill_(3)
        with pytest.raises(OSError, match=r"has no space for 400,000 bytes .*\(No space left on device\).* TMPDIR"):
            storage(torch.zeros(100_000))
