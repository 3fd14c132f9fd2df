"""Short trainings: what small networks learn from candidate sets of graphs, evaluated on the validation graphs.

Ordinary graphs are trained on as any PyG user would, with all nodes pooled alike; bags of trees as deep as the network,
with the weights of their roots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.features import features_of
from graphcond.graphs.methods.networks import KINDS, Folded, Kind, ShortNetwork
from graphcond.graphs.storage.packing import union
from graphcond.graphs.task import GraphTask

LAYERS = 3
STEPS = 100
VALIDATIONS = 10
LEARNING_RATE = 0.01
WEIGHT_DECAY = 1e-3
MOST_GRAPHS = 2000  # validation graphs that are read
STANDARD_ERRORS = 2  # by which a candidate has to be better than the preferred one to be taken


@dataclass(frozen=True)
class TrainedNetwork:
    """What one network learned.

    Args:
        score: Of the best validation, at most 1 (:meth:`graphcond.core.targets.Targets.score`).
        contributions: Of each validation graph to the score, ``(m,)``.
        predicted: ``(num_classes,)`` bool, the classes that it predicted at any validation.
    """

    score: float
    contributions: Tensor
    predicted: Tensor


@dataclass(frozen=True)
class GraphValidationOutcome:
    """How a candidate did with each network."""

    networks: tuple[TrainedNetwork, ...]

    @property
    def score(self) -> float:
        """The mean score over networks."""
        return sum(one.score for one in self.networks) / len(self.networks)

    @property
    def contributions(self) -> Tensor:
        """The mean contributions of the validation graphs, ``(m,)``."""
        return torch.stack([one.contributions for one in self.networks]).mean(dim=0)


class GraphValidation:
    """The validation graphs, on which candidates are compared after short trainings from the same initial weights.

    Args:
        task: The task; its test graphs are not read.
    """

    def __init__(self, task: GraphTask) -> None:
        self.targets = task.targets
        self._features = features_of(task.train.x)
        self._graphs = task.val.take(task.targets.sample(task.val.learned, MOST_GRAPHS))
        self.y = self._graphs.learned
        self._folded: dict[int, Folded] = {}
        self._width = self._features.encode(task.train.x[:1]).size(1)
        self._seed = int(torch.randint(2**31 - 1, ()))

    def outcome(self, items: Sequence[Data], *, soft: bool = False) -> GraphValidationOutcome:
        """Return what networks learn from ordinary graphs.

        Args:
            items: The graphs.
            soft: Whether to train on ``y_soft`` instead of ``y``.
        """
        graphs = union(items)
        targets = torch.cat([item.y_soft for item in items]) if soft else graphs.labels
        return self._outcome(Folded.of(graphs, self._features, LAYERS), targets, KINDS)

    def outcome_of_trees(self, items: Sequence[Data], depth: int) -> GraphValidationOutcome:
        """Return what a network of as many layers learns from bags of trees, their soft labels and weights of roots."""
        count = torch.cat([item.root_weight for item in items])
        targets = torch.cat([item.y_soft for item in items])
        # Degrees, which a GCN needs, are not those of the graphs where trees end.
        return self._outcome(Folded.of(union(items), self._features, depth, count), targets, ("gin",))

    def _outcome(self, graphs: Folded, targets: Tensor, kinds: Sequence[Kind]) -> GraphValidationOutcome:
        layers = len(graphs.layers["gin"])
        if layers not in self._folded:
            self._folded[layers] = Folded.of(self._graphs, self._features, layers)
        return GraphValidationOutcome(
            tuple(self._trained(kind, graphs, targets, self._folded[layers]) for kind in kinds)
        )

    def _trained(self, kind: Kind, graphs: Folded, targets: Tensor, validation: Folded) -> TrainedNetwork:
        with seeded(self._seed):
            network = ShortNetwork(kind, len(graphs.layers[kind]), self._width, self.targets.outputs)
        network.scale = graphs.mean_size if kind == "gin" else 1.0
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
        best, best_outputs = float("-inf"), torch.empty(0)
        predicted = torch.zeros(self.targets.num_classes, dtype=torch.bool)
        for step in range(1, STEPS + 1):
            if step == STEPS // 2 + 1:
                optimizer.param_groups[0]["lr"] *= 0.1
            optimizer.zero_grad()
            self.targets.loss(network(graphs), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % (STEPS // VALIDATIONS) == 0:
                with torch.no_grad():
                    outputs = network(validation)
                predicted |= self.targets.predicted(outputs)
                value = self.targets.score(outputs, self.y)
                if value > best or not len(best_outputs):
                    best, best_outputs = value, outputs
        return TrainedNetwork(best, self.targets.contributions(best_outputs, self.y), predicted)

    def clearly_better(self, challenger: GraphValidationOutcome, incumbent: GraphValidationOutcome) -> bool:
        """Return whether one outcome beats another by more than some standard errors of their paired difference."""
        error = self.targets.standard_error(challenger.contributions, incumbent.contributions, self.y)
        return challenger.score > incumbent.score + STANDARD_ERRORS * error

    def doubts(self, outcome: GraphValidationOutcome) -> tuple[str, ...]:
        """Return what speaks against a candidate of this outcome, one sentence each."""
        best = max(outcome.networks, key=lambda one: one.score)
        predicted = torch.stack([one.predicted for one in outcome.networks]).any(dim=0)
        return self.targets.doubts(best.score, best.contributions, predicted, self.y, "graphs")
