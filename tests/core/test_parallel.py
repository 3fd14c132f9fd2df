import importlib.util
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from graphcond.core.runtime import parallel
from graphcond.core.runtime.parallel import TaskOutcome, outcomes

RAY = importlib.util.find_spec("ray") is not None
NEEDS_RAY = pytest.mark.skipif(not RAY, reason="Ray is not installed (pip install 'graphcond[ray]')")
PLACES = [
    pytest.param({"workers": 1}, id="here"),
    pytest.param({"workers": 2, "engine": "local"}, id="local"),
    pytest.param({"workers": 2, "engine": "ray"}, id="ray", marks=NEEDS_RAY),
]


class AwkwardError(Exception):
    """Cannot be unpickled: its constructor wants more than its message."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


def awkward(_: int) -> None:
    raise AwkwardError("too ", "bad")


@pytest.mark.parametrize("place", PLACES)
def test_every_task_comes_back_once_and_failures_are_outcomes(place: dict) -> None:
    """One call for all that is asked of a place: each starts processes that import torch."""
    before, elsewhere = torch.get_num_threads(), place["workers"] > 1
    busy = "[__import__('time').sleep(0.5), __import__('os').getpid()]"
    threads, root, lock = "__import__('torch').get_num_threads()", "__import__('math').sqrt(-1)", "open('/dev/null')"
    tasks = ["2 + 2", root, threads, *([lock, busy, busy, busy, busy] if elsewhere else [])]
    found = sorted(outcomes(eval, tasks, threads=before + 1, **place), key=lambda outcome: outcome.number)
    assert [outcome.task for outcome in found] == tasks
    assert [outcome.value for outcome in found[:3]] == [4, None, before + 1]
    assert isinstance(found[1].error, ValueError)
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        found[1].get()
    assert found[2].get() == before + 1
    assert torch.get_num_threads() == before
    if elsewhere:
        assert found[3].error is not None, "an open file cannot travel"
        assert len({outcome.get()[1] for outcome in found[4:]}) == 2, "two processes work at a time"


def test_an_error_that_cannot_travel_is_reported_in_words() -> None:
    (found,) = outcomes(awkward, [1])
    assert isinstance(found.error, RuntimeError)
    assert str(found.error) == "AwkwardError: too bad"


def test_tasks_are_read_as_they_are_needed() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    found = outcomes(math.sqrt, endless(), workers=2, engine="local")
    assert next(found).number in (0, 1)
    found.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(how: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, time, os\nfrom graphcond.core.runtime.parallel import outcomes\n"
        "def work(task):\n    pathlib.Path(f'{task}.pid').write_text(str(os.getpid()))\n    time.sleep(600)\n"
        "if __name__ == '__main__':\n"
        # A shell lets its background jobs ignore the signal, and what these start inherits that.
        "    import signal\n    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    list(outcomes(work, [1, 2], workers=2, engine='local'))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    running = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    files = [tmp_path / "1.pid", tmp_path / "2.pid"]
    _wait(lambda: all(file.exists() and file.read_text() for file in files))
    running.send_signal(how)
    try:
        running.wait(60)  # a tenth of what the tasks would take
    finally:
        running.kill()
        running.wait()
    pids = [int(file.read_text()) for file in files]
    _wait(lambda: not any(_lives(pid) for pid in pids))


def _wait(ready, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked how


def test_a_process_that_dies_is_reported() -> None:
    with pytest.raises(ChildProcessError, match="a worker process died"):
        list(outcomes(os._exit, [1], workers=2, engine="local"))


@NEEDS_RAY
def test_a_cluster_of_the_caller_goes_on_and_ours_does_not() -> None:
    import ray

    assert [outcome.get() for outcome in outcomes(math.sqrt, [4], engine="ray")] == [2]
    assert not ray.is_initialized()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    try:
        assert [outcome.get() for outcome in outcomes(math.sqrt, [4], engine="auto", workers=2)] == [2]
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_has_ray", lambda: False)
    with pytest.raises(ImportError, match=r"not installed; pip install 'graphcond\[ray\]'"):
        outcomes(math.sqrt, [1], engine="ray")
    assert next(outcomes(math.sqrt, [4], workers=2)) == TaskOutcome(0, 4, 2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers must be a whole number, 1 or more, got 0"),
        ({"workers": True}, "workers must be"),
        ({"threads": 0}, "threads must be"),
        ({"engine": "rya"}, "no engine 'rya'; did you mean 'ray'"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        outcomes(math.sqrt, [1], **arguments)


def test_what_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="function must be what can be pickled for workers=2"):
        outcomes(lambda task: task, [1], workers=2)
    with pytest.raises(TypeError, match="tasks must be what can be pickled for workers=2"):
        list(outcomes(math.sqrt, [lambda: 1], workers=2, engine="local"))
