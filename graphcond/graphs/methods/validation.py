"""Short trainings: what small networks learn from candidate sets of graphs, evaluated on the validation graphs.

Ordinary graphs are trained on as any PyG user would, with all nodes pooled alike; bags of trees as deep as the network,
with the weights of their roots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.randomness import seeded
from graphcond.core.validation_score import contributions, doubts, score, standard_error_of_difference
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
        score: Accuracy, or the area under the ROC curve for two classes, of the best validation, in [0, 1].
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
        self.num_classes = task.num_classes
        self._features = features_of(task.train.x)
        self._graphs = task.val.take(_subset(task.val.y, task.num_classes))
        self.y = self._graphs.y
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
        targets = torch.cat([item.y_soft for item in items]) if soft else graphs.y
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
            network = ShortNetwork(kind, len(graphs.layers[kind]), self._width, self.num_classes)
        network.scale = graphs.mean_size if kind == "gin" else 1.0
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
        best, best_logits, predicted = -1.0, torch.empty(0), torch.zeros(self.num_classes, dtype=torch.bool)
        for step in range(1, STEPS + 1):
            if step == STEPS // 2 + 1:
                optimizer.param_groups[0]["lr"] *= 0.1
            optimizer.zero_grad()
            F.cross_entropy(network(graphs), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % (STEPS // VALIDATIONS) == 0:
                with torch.no_grad():
                    logits = network(validation)
                predicted[logits.argmax(dim=1)] = True
                if (value := score(logits, self.y)) > best:
                    best, best_logits = value, logits
        return TrainedNetwork(best, contributions(best_logits, self.y), predicted)

    def clearly_better(self, challenger: GraphValidationOutcome, incumbent: GraphValidationOutcome) -> bool:
        """Return whether one outcome beats another by more than some standard errors of their paired difference."""
        error = standard_error_of_difference(
            challenger.contributions, incumbent.contributions, self.y, self.num_classes
        )
        return challenger.score > incumbent.score + STANDARD_ERRORS * error

    def doubts(self, outcome: GraphValidationOutcome) -> tuple[str, ...]:
        """Return what speaks against a candidate of this outcome, one sentence each."""
        best = max(outcome.networks, key=lambda one: one.score)
        predicted = torch.stack([one.predicted for one in outcome.networks]).any(dim=0)
        return doubts(best.score, best.contributions, predicted, self.y, "graphs")


def _subset(y: Tensor, num_classes: int) -> Tensor:
    """Return the validation graphs that are read: at random, or half of each of two classes, whose ranking counts."""
    order = torch.randperm(len(y))
    if len(y) <= MOST_GRAPHS:
        return torch.arange(len(y))
    if num_classes > 2:
        return order[:MOST_GRAPHS].sort().values
    return torch.cat([order[y[order] == label][: MOST_GRAPHS // 2] for label in range(2)]).sort().values
