"""A trial of a method on a small random graph: what does not depend on the size of the original."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.matching.driver import MATCHING
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.progress import Progress
from graphcond.planning.kinds import Plannable
from graphcond.planning.machine import AnyShape

NODES, DEGREE = 5000, 10
SECONDS = 3.0  # of steps that are tried


@dataclass(frozen=True)
class Trial:
    """How a trial went.

    Args:
        shape: The graph on which it was made.
        seconds: What all but the steps took.
        step_seconds: Of one step; 0 where a method has none.
        steps: Steps of the whole run.
    """

    shape: AnyShape
    seconds: float
    step_seconds: float
    steps: int


class _Enough(Exception):  # noqa: N818 (no error)
    """Ends a trial: its steps have been seen for long enough."""


@dataclass
class _Watch:
    """Notes when steps of one kind were done, the first and the last of them, and ends the trial after a while."""

    began: tuple[float, Progress] | None = None
    latest: tuple[float, Progress] | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        if self.began is None or self.began[1].what != progress.what:
            self.began = (now, progress)
        self.latest = (now, progress)
        if now - self.began[0] > SECONDS and progress.done < progress.total:
            raise _Enough

    def steps(self, resumable: bool) -> tuple[float, int, int]:
        """Return the seconds of a step, the steps that were done, and those of the whole run."""
        if self.began is None or self.latest is None or not resumable:
            return 0.0, 0, 0
        done = self.latest[1].done - self.began[1].done
        if not done:  # one report or none: a closed form, or over in no time
            return 0.0, 0, 0
        return (self.latest[0] - self.began[0]) / done, self.latest[1].done, self.latest[1].total


def attempt(planned: Plannable, method: Method, shape: AnyShape, allocation: Tensor) -> Trial:
    """Condense a random graph with as many features and classes to as many nodes, for a few steps.

    Raises:
        ValueError: long work comes before the method's steps, so that these are not reached.
    """
    share = min(1.0, max(NODES, 4 * int(allocation.sum())) / shape.num_labelled)
    task = planned.modality.read(planned.sample(shape.sampled(share, DEGREE)))
    watch = _Watch()
    start = time.perf_counter()
    try:
        method.condense(task, _fitting(allocation, task.class_counts), RunContext(progress=watch))  # type: ignore[attr-defined]
    except _Enough:
        if watch.began is not None and watch.began[1].what != MATCHING:
            name, work = planned.modality.methods.name_of(method), watch.began[1].what
            raise ValueError(
                f"plan cannot foresee {name!r}, which has long work ({work}) before its steps; condense with "
                "max_seconds= and checkpoint= instead, and go on while it pays"
            ) from None
    seconds = time.perf_counter() - start
    each, done, total = watch.steps(method.resumable)
    return Trial(planned.of_task(task), max(seconds - each * done, 0.0), each, total)


def _fitting(allocation: Tensor, available: Tensor) -> Tensor:
    """Return the allocation, or one of as many nodes that real nodes of the small graph suffice for."""
    if bool((allocation <= available).all()):
        return allocation
    total = min(int(allocation.sum()), int(available.sum()))
    return largest_remainder(total, torch.ones(len(available)), available)
