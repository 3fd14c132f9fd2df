"""A synthetic graph that remembers its last epochs, and is kept as their average (MSGC)."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.recipe import Synthetic
from graphcond.core.matching.surrogate import Weights
from graphcond.synthetic.graph import SyntheticGraph

SurrogateKind = TypeVar("SurrogateKind", contravariant=True)
Observed = TypeVar("Observed")


class AveragedGraph(Synthetic):
    """A synthetic graph with what it was at the end of each of its last epochs, and the losses of these.

    Everything is part of the state, so that a run that goes on from a checkpoint remembers it as well.

    Args:
        graph: The graph that is learned.
        window: Epochs that are remembered.
    """

    loss: Tensor
    count: Tensor
    epochs: Tensor
    losses: Tensor
    features: Tensor
    adjacencies: Tensor

    def __init__(self, graph: SyntheticGraph, window: int) -> None:
        super().__init__()
        self.graph = graph
        x, adjacency = graph.x.detach(), graph.adjacency()
        nothing = x.new_zeros(0) if adjacency is None else adjacency.detach()
        self.register_buffer("loss", x.new_zeros((), dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.long, device=x.device))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.long, device=x.device))
        self.register_buffer("losses", x.new_zeros(window, dtype=torch.float64))
        self.register_buffer("features", x.new_zeros(window, *x.shape))
        self.register_buffer("adjacencies", nothing.new_zeros(window, *nothing.shape))

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return self.graph.batch()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return self.graph.parts()

    def penalty(self) -> Tensor | None:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return self.graph.penalty()

    def record(self, loss: Tensor) -> None:
        """Add the loss of a step to those of the epoch."""
        self.loss += loss.detach()
        self.count += 1

    @torch.no_grad()
    def end_epoch(self) -> float:
        """Remember the graph as it stands; return the mean loss of the epochs that are remembered."""
        place = int(self.epochs) % len(self.losses)
        self.losses[place] = self.loss / self.count.clamp(min=1)
        self.features[place] = self.graph.x
        if (adjacency := self.graph.adjacency()) is not None:
            self.adjacencies[place] = adjacency
        self.epochs += 1
        self.loss.zero_()
        self.count.zero_()
        return float(self.losses[: int(self.epochs)].mean())

    @torch.no_grad()
    def average(self) -> tuple[Tensor, Tensor | None]:
        """Return the mean features and adjacency of the epochs that are remembered; as they stand, before any ended."""
        if not int(self.epochs):
            return self.graph.x.detach(), self.graph.adjacency()
        seen = slice(int(self.epochs))
        adjacency = self.adjacencies[seen].mean(dim=0)
        return self.features[seen].mean(dim=0), None if adjacency.dim() < 2 else adjacency


@dataclass(frozen=True, eq=False)
class RecordedLoss(Generic[SurrogateKind, Observed]):
    """An objective whose losses a graph records.

    Args:
        objective: The objective.
        graph: The graph.
    """

    objective: Objective[SurrogateKind, Observed]
    graph: AveragedGraph

    @property
    def adds(self) -> bool:
        """See :class:`graphcond.core.matching.objectives.base.Objective`."""
        return self.objective.adds

    def observe(self, surrogate: SurrogateKind, weights: Weights, real: Batch) -> Observed:
        """See :class:`graphcond.core.matching.objectives.base.Objective`."""
        return self.objective.observe(surrogate, weights, real)

    def loss(self, surrogate: SurrogateKind, weights: Weights, statistic: Observed, synthetic: Batch) -> Tensor:
        """See :class:`graphcond.core.matching.objectives.base.Objective`."""
        loss = self.objective.loss(surrogate, weights, statistic, synthetic)
        self.graph.record(loss)
        return loss
