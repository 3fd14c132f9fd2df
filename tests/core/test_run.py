import re
import time
from pathlib import Path

import numpy as np
import pytest

from graphcond.core.run import Run, check_run
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.checkpoint import Checkpoint


def test_time_is_over_when_no_more_is_left_than_is_reserved() -> None:
    run = RunContext(max_seconds=60.0, began=time.monotonic() - 20)
    assert 20 <= run.seconds() < 30
    assert not run.out_of_time()
    assert not run.out_of_time(reserve=20)
    assert run.out_of_time(reserve=41)
    assert RunContext(max_seconds=60.0, began=time.monotonic() - 61).out_of_time()


def test_without_a_limit_there_is_always_time() -> None:
    assert not RunContext(began=-1e9).out_of_time(reserve=1e9)


def test_seconds_count_from_when_a_run_was_made() -> None:
    assert RunContext().seconds() < 1


def test_a_limit_or_a_checkpoint_allows_long_work(tmp_path: Path) -> None:
    assert not RunContext().allows_long_work
    assert RunContext(max_seconds=1.0).allows_long_work
    assert RunContext(checkpoint=Checkpoint(tmp_path / "state")).allows_long_work


def test_a_run_is_nothing_special_by_default() -> None:
    run = Run()
    assert (run.progress, run.checkpoint, run.max_seconds, run.memory, run.memory_limit) == (None,) * 5
    assert run == Run()


def test_a_run_keeps_what_it_was_given(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state")
    run = Run(progress=print, checkpoint=checkpoint, max_seconds=np.int64(60), memory="4GB")
    assert run.progress is print
    assert run.checkpoint is checkpoint
    assert run.max_seconds == 60.0
    assert type(run.max_seconds) is float
    assert (run.memory, run.memory_limit) == ("4GB", 4 * 10**9)
    assert Run(memory=10**9).memory_limit == 10**9
    assert Run(checkpoint=tmp_path / "state").checkpoint == tmp_path / "state"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"progress": "bar"}, TypeError, "progress must be True, False, None or a function of a graphcond.Progress, "
                                         "got 'bar'"),
        ({"progress": 1}, TypeError, "progress must be True, False, None or a function of a graphcond.Progress, got 1"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path or a Checkpoint, got int"),
        ({"checkpoint": True}, TypeError, "checkpoint must be a path or a Checkpoint, got bool"),
        ({"max_seconds": "60"}, TypeError, "max_seconds must be a number of seconds, got '60'"),
        ({"max_seconds": True}, TypeError, "max_seconds must be a number of seconds, got True"),
        ({"max_seconds": 0}, ValueError, "max_seconds must be positive, got 0"),
        ({"max_seconds": -1.5}, ValueError, "max_seconds must be positive, got -1.5"),
        ({"max_seconds": float("nan")}, ValueError, "max_seconds must be positive, got nan"),
        ({"memory": "much"}, ValueError, "memory must be a number and a unit"),
        ({"memory": ""}, ValueError, "memory must be a number and a unit"),
        ({"memory": 0}, ValueError, "memory must be"),
    ],
)  # fmt: skip
def test_a_run_refuses_what_makes_no_sense(given: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        Run(**given)


def test_the_values_of_a_run_have_names() -> None:
    with pytest.raises(TypeError, match=r"Run\(\) takes nothing without a name, got 1"):
        Run(True)  # type: ignore[misc]
    with pytest.raises(TypeError, match=r"Run\(\) takes no seed=; its arguments are progress"):
        Run(seed=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("run", [None, True, 60, {"max_seconds": 60}, Run, RunContext()])
def test_a_run_is_a_run(run: object) -> None:
    message = "run must be a Run, such as graphcond.Run(max_seconds=60), got "
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        check_run(run)


def test_a_function_may_use_only_some_values_of_a_run() -> None:
    run = Run(progress=False, memory="1GB")
    assert check_run(run) is run
    assert check_run(run, only=("progress", "memory"), of="plan") is run
    for only, name in ((("memory",), "progress"), ((), "progress"), (("progress",), "memory")):
        message = f"Run({name}=...) makes no sense for plan; leave it out"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            check_run(run, only=only, of="plan")
