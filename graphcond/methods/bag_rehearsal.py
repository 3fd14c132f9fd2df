"""Rehearsal of bags of trees: train a small network on them and look at the validation graphs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch_geometric.data import Data

from graphcond.core.threads import limited_threads
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.packing import merged
from graphcond.graphs.pooling import Readout
from graphcond.graphs.refinement import refine
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import class_score
from graphcond.surrogates.graph_networks import GRAPH_MODELS, Features, GraphNetwork, View

STEPS = 300
LOOK_EVERY = 15
LEARNING_RATE = 0.01
DROP = 0.1  # of the learning rate at half time
MAX_GRAPHS = 5000  # validation graphs that are looked at
MAX_LAYERS = 3


@dataclass(frozen=True)
class Shape:
    """The network that rehearses."""

    layers: int
    hidden: int = 64
    readout: Readout = "sum"
    dropout: float = 0.0


class BagRehearsal:
    """Validation graphs on which bags of trees are compared by short trainings.

    Args:
        task: The task, with validation graphs.
        depth: How deep the trees are.
    """

    def __init__(self, task: GraphTask, depth: int) -> None:
        self._shape = Shape(min(depth, MAX_LAYERS))
        self._features = Features.of(task.train.x, task.val.x)
        self._num_classes = task.num_classes
        shown = task.val.take(torch.randperm(len(task.val))[:MAX_GRAPHS].sort().values)
        self._y = shown.y.numpy()
        self._seen = View(_folded(shown, self._shape.layers))

    @limited_threads(1)
    def score(self, items: Sequence[Data]) -> float:
        """Return the best look of a network that is trained on bags of trees, in [0, 1]."""
        view = View(merged(items))
        model = GraphNetwork(GRAPH_MODELS["gin"], self._features, None, self._num_classes, self._shape)
        model.scale = float(view.data.pool_weight.sum()) / len(items)
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
        best = 0.0
        for step in range(1, STEPS + 1):
            if step == STEPS // 2 + 1:
                optimizer.param_groups[0]["lr"] *= DROP
            optimizer.zero_grad()
            F.cross_entropy(model(view), view.data.y_soft).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % LOOK_EVERY == 0:
                with torch.no_grad():
                    best = max(best, class_score(model(self._seen).numpy(), self._y))
        return best


def _folded(graphs: GraphSet, layers: int) -> Data:
    return folded_graphs(graphs, refine(graphs, layers, edges=False), degrees=False)
