"""Quick validation: small networks are trained on synthetic graphs for a few steps and scored on validation graphs."""

from dataclasses import replace

import torch

from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.recipe import Validation
from graphcond.core.matching.training import Student, Training
from graphcond.graphs.methods.bernoulli import BernoulliGraphs
from graphcond.graphs.methods.convolutions import Convolutions
from graphcond.graphs.pooling import Readout
from graphcond.graphs.source import union
from graphcond.graphs.task import GraphSet

STEPS = 60
SCORE_EVERY = 20
LEARNING_RATE = 0.01
NETWORKS = 2
MAX_GRAPHS = 500  # validation graphs that are read


def validation(graphs: BernoulliGraphs, surrogate: Convolutions, val: GraphSet, readout: Readout) -> Validation | None:
    """Return the validation by networks that are trained for a few steps on the synthetic graphs, their edges decided.

    The score is the mean over networks of their best score on the validation graphs, of which a random subset is taken
    where there are many. ``None``: these are all of one class, so that there is nothing to tell apart.
    """
    if len(torch.unique(val.learned, dim=0)) < 2:
        return None
    shown = val.take(torch.randperm(len(val))[:MAX_GRAPHS].sort().values.to(val.y.device))
    seen = union(shown, readout)
    seen = replace(seen, x=graphs.features.encode(seen.x))

    def score_now() -> float:
        batch = graphs.decided()
        return sum(_best_score(surrogate, batch, seen) for _ in range(NETWORKS)) / NETWORKS

    return Validation(score=score_now)


@torch.no_grad()
def _best_score(surrogate: Convolutions, batch: GraphBatch, seen: GraphBatch) -> float:
    student = Student(surrogate.init(), Training(learning_rate=LEARNING_RATE))
    best = float("-inf")
    for _ in range(STEPS // SCORE_EVERY):
        student.train(surrogate, batch, SCORE_EVERY)
        best = max(best, surrogate.targets.score(surrogate.logits(student.weights, seen), seen.y))
    return best
