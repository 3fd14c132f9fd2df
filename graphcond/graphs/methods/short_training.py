"""Rehearsal: train a small network on synthetic graphs for a moment and look at the validation graphs."""

from collections.abc import Callable
from dataclasses import replace

import torch

from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.training import Student, Training
from graphcond.core.validation_score import score
from graphcond.graphs.methods.bernoulli import BernoulliGraphs
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.pooling import Readout
from graphcond.graphs.source import union
from graphcond.graphs.task import GraphSet

STEPS = 60
LOOK_EVERY = 20
LEARNING_RATE = 0.01
NETWORKS = 2
MAX_GRAPHS = 500  # validation graphs that are looked at


def judge(graphs: BernoulliGraphs, surrogate: Convolutions, val: GraphSet, readout: Readout) -> Callable[[], float]:
    """Return what scores synthetic graphs, decided, by networks that are trained on them for a moment.

    The score is the mean over networks of their best look at the validation graphs, of which a random subset is taken
    where there are many.
    """
    shown = val.take(torch.randperm(len(val))[:MAX_GRAPHS].sort().values.to(val.y.device))
    seen = union(shown, readout)
    seen = replace(seen, x=graphs.features.encode(seen.x))

    def look() -> float:
        batch = graphs.decided()
        return sum(_best_look(surrogate, batch, seen) for _ in range(NETWORKS)) / NETWORKS

    return look


@torch.no_grad()
def _best_look(surrogate: Convolutions, batch: GraphBatch, seen: GraphBatch) -> float:
    student = Student(surrogate.init(), Training(learning_rate=LEARNING_RATE))
    best = 0.0
    for _ in range(STEPS // LOOK_EVERY):
        student.train(surrogate, batch, LOOK_EVERY)
        best = max(best, score(surrogate.logits(student.weights, seen), seen.y))
    return best
