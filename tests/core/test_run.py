import time
from pathlib import Path

from graphcond.core.checkpoint import Checkpoint
from graphcond.core.run import Run


def test_time_that_is_spent_is_no_longer_left() -> None:
    run = Run(max_seconds=60.0, identity={"seed": "0"})
    left = run.left_since(time.monotonic() - 20)
    assert 39 < left.max_seconds <= 40
    assert left.identity == run.identity


def test_without_a_limit_none_is_left_either() -> None:
    assert Run().left_since(0.0) == Run()


def test_a_limit_or_a_checkpoint_allows_long_work(tmp_path: Path) -> None:
    assert not Run().allows_long_work
    assert Run(max_seconds=1.0).allows_long_work
    assert Run(checkpoint=Checkpoint(tmp_path / "state")).allows_long_work
