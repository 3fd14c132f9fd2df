"""Who is told of progress: a function, a bar, or nobody."""

import io
import logging
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch.distributed as dist
from torch_geometric.data import Data

import graphcond
from graphcond.core.run import Run
from graphcond.core.runtime import progress as progress_module
from graphcond.core.runtime.progress import Progress, progress_bar, shows_progress


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@shows_progress("step")
def work(*, run=Run()):
    for done in range(1, 4):
        run.progress(Progress(done, 3, "working"))
    return run.max_seconds


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bars appear at once and be drawn at each report."""
    monkeypatch.setattr(progress_module, "DELAY", 0.0)
    monkeypatch.setattr(progress_module, "tqdm", lambda **given: real_tqdm(**given, mininterval=0))


real_tqdm = progress_module.tqdm


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("progress", "screen", "shown"),
    [
        (True, io.StringIO, True),
        (True, Screen, True),
        (None, io.StringIO, False),
        (None, Screen, True),
        (False, Screen, False),
    ],
)
def test_a_bar_is_shown_where_it_is_asked_for_or_somebody_watches(monkeypatch, progress, screen, shown) -> None:
    monkeypatch.setattr(sys, "stderr", screen())
    assert work(run=Run(progress=progress, max_seconds=7)) == 7
    assert ("working" in sys.stderr.getvalue()) is shown
    assert ("stops after 7 s" in sys.stderr.getvalue()) is shown


def test_short_work_shows_nothing_by_itself(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Screen())
    work()
    assert sys.stderr.getvalue() == ""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=object())])
def test_a_notebook_has_a_bar_and_a_plain_shell_behind_a_pipe_has_none(monkeypatch, shell) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    work()
    assert ("working" in sys.stderr.getvalue()) is hasattr(shell, "kernel")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_process_has_a_bar(monkeypatch, rank) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    monkeypatch.setattr(sys, "stderr", Screen())
    work(run=Run(progress=True))
    assert bool(sys.stderr.getvalue()) is (rank == 0)


def test_a_function_is_reported_and_its_errors_are_raised() -> None:
    reported: list[Progress] = []
    work(run=Run(progress=reported.append))
    assert [report.done for report in reported] == [1, 2, 3]

    def stop(report: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(run=Run(progress=stop))


@pytest.mark.usefixtures("quick")
def test_calls_show_a_bar_and_take_it_away(monkeypatch, toy: Data) -> None:
    monkeypatch.setattr(sys, "stderr", Screen())
    small = graphcond.condense(toy, size=6, method="random", run=Run(progress=True))
    assert sys.stderr.getvalue().endswith("\r")
    monkeypatch.setattr(sys, "stderr", Screen())
    protocol = graphcond.evaluation.Protocol(epochs=2)
    graphcond.evaluate(small, toy, ["sgc"], protocol=replace(protocol, runs=1), controls=False)
    assert "random / sgc" in sys.stderr.getvalue()


def test_plain_notes_have_lines_of_their_own(monkeypatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with progress_bar("step") as report:
        report(Progress(3, 10, "matching"))
        logging.getLogger("graphcond.some").warning("something")
    before = screen.getvalue()[: screen.getvalue().index("something")]
    assert "matching" not in before.rpartition("\r")[2]
