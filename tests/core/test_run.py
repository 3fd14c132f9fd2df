import time
from pathlib import Path

from graphcond.core.run import Run
from graphcond.core.runtime.checkpoint import Checkpoint


def test_time_is_over_when_no_more_is_left_than_is_reserved() -> None:
    run = Run(max_seconds=60.0, began=time.monotonic() - 20)
    assert 20 <= run.seconds() < 30
    assert not run.out_of_time()
    assert not run.out_of_time(reserve=20)
    assert run.out_of_time(reserve=41)
    assert Run(max_seconds=60.0, began=time.monotonic() - 61).out_of_time()


def test_without_a_limit_there_is_always_time() -> None:
    assert not Run(began=-1e9).out_of_time(reserve=1e9)


def test_seconds_count_from_when_a_run_was_made() -> None:
    assert Run().seconds() < 1


def test_a_limit_or_a_checkpoint_allows_long_work(tmp_path: Path) -> None:
    assert not Run().allows_long_work
    assert Run(max_seconds=1.0).allows_long_work
    assert Run(checkpoint=Checkpoint(tmp_path / "state")).allows_long_work
