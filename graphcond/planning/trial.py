"""A trial of a method on a small random graph: what does not depend on the size of the original."""

import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from graphcond.core.allocation import largest_remainder
from graphcond.core.progress import Progress
from graphcond.core.run import Run
from graphcond.methods.base import NodeMethod
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.work import Shape
from graphcond.planning.machine import random_graph

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

    shape: Shape
    seconds: float
    step_seconds: float
    steps: int


@dataclass
class _Watch:
    """Notes when steps were done."""

    seen: list[tuple[float, Progress]] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        self.seen.append((time.perf_counter(), progress))


def attempt(method: NodeMethod, shape: Shape, allocation: Tensor) -> Trial:
    """Condense a random graph with as many features and classes to as many nodes, for a moment."""
    share = min(1.0, max(NODES, 4 * int(allocation.sum())) / shape.num_nodes)
    edges = min(shape.num_edges, DEGREE * round(share * shape.num_nodes))
    small = replace(shape.among(share), num_edges=edges)
    known = min(shape.num_train, small.num_nodes // 2)
    task = read_nodes(random_graph(replace(small, num_train=known)))
    watch = _Watch()
    run = Run(progress=watch, max_seconds=SECONDS if method.stepwise else None)
    start = time.perf_counter()
    method.condense(task, _fitting(allocation, task.class_counts), run)
    seconds = time.perf_counter() - start
    shape = Shape.of(task)
    if not method.stepwise or not watch.seen:
        return Trial(shape, seconds, 0.0, 0)
    last = watch.seen[-1][1]
    first_time, first = next(
        ((moment, progress) for moment, progress in watch.seen if progress.what == last.what), watch.seen[-1]
    )
    spent = watch.seen[-1][0] - first_time
    each = spent / (last.done - first.done) if last.done > first.done else seconds / max(last.done, 1)
    return Trial(shape, max(seconds - each * last.done, 0.0), each, last.total)


def _fitting(allocation: Tensor, available: Tensor) -> Tensor:
    """Return the allocation, or one of as many nodes that real nodes of the small graph suffice for."""
    if bool((allocation <= available).all()):
        return allocation
    total = min(int(allocation.sum()), int(available.sum()))
    return largest_remainder(total, torch.ones(len(available)), available)
