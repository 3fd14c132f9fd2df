"""What the node methods that match something have in common: a synthetic graph, learned step by step."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from graphcond.core.matching import driver
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.matching.weight_samplers import Sampler
from graphcond.core.presets import settings_for
from graphcond.core.run import Run
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, class_rows
from graphcond.nodes.methods.structures import Structure
from graphcond.nodes.methods.trimming import MOST_NODES, trimmed
from graphcond.nodes.quick_validation import QuickValidation
from graphcond.nodes.source import NodeSource, relay_batch
from graphcond.nodes.surrogate_models import GCN, Relay
from graphcond.nodes.task import NodeTask
from graphcond.synthetic.graph import SyntheticGraph, normalize

JITTER = 0.01  # of a real node's features, relative to their deviation, where it has to serve twice


Method = TypeVar("Method", bound="MatchingMethod")


@dataclass(frozen=True, kw_only=True)
class Matching:
    """A node recipe: what differs between the methods.

    Args:
        relay: The surrogate.
        structure: Edges of the synthetic graph.
        objective: What must agree.
        sampler: Makes the source of the surrogate's weights.
        schedule: Which part moves when.
        steps: How many steps.
        real_per_class: Training nodes of each class in a step.
    """

    relay: Relay
    structure: Structure
    objective: Objective[Any, Any]
    sampler: Callable[[Surrogate], Sampler]
    schedule: Schedule
    steps: int
    real_per_class: int

    def condense(self, task: NodeTask, allocation: Tensor, run: Run) -> SyntheticNodes:
        """Return the synthetic nodes that looked best on the validation nodes."""
        x, y = initial_nodes(task, allocation)
        surrogate = self.relay.surrogate(x.size(1), task.num_classes, x)
        edges = self.structure.build(x.size(1))
        graph = SyntheticGraph(x, y, self.relay.hops, edges, self.relay.last_hop).to(x.device)
        recipe = driver.Recipe(
            synthetic=graph,
            surrogate=surrogate,
            sampler=self.sampler(surrogate),
            objective=self.objective,
            source=NodeSource(task.train, self.relay, self.real_per_class),
            schedule=self.schedule,
            steps=self.steps,
            look=judge(task, graph, self.structure.threshold) if len(task.val.nodes) else None,
        )
        outcome = driver.run(recipe, run)
        return self._result(task, graph, outcome)

    @torch.no_grad()
    def _result(self, task: NodeTask, graph: SyntheticGraph, outcome: driver.Outcome) -> SyntheticNodes:
        adjacency = graph.adjacency()
        edge_index = edge_weight = None
        scores: dict[str, float] = {}
        if adjacency is not None:
            kept = thresholded(adjacency, self.structure.threshold)
            if self.structure.trimmed and self.structure.threshold and len(task.val.nodes) and len(kept) <= MOST_NODES:
                with torch.enable_grad():
                    kept, scores = trimmed(graph.x.detach(), graph.y, kept, task)
            edge_index = kept.nonzero().T.contiguous()
            edge_weight = kept[edge_index[0], edge_index[1]]
        choices = outcome.choices() | ({"edges_per_node": scores} if scores else {})
        return SyntheticNodes(
            x=graph.x.detach(), y=graph.y, edge_index=edge_index, edge_weight=edge_weight, choices=choices
        )


class MatchingMethod(NodeMethod):
    """A method that learns its nodes by matching: a recipe, its settings by dataset, and a name with its structure."""

    stepwise: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    structure: Structure
    relay: Relay

    def __post_init__(self) -> None:
        """Check structure and relay; the methods check their other fields."""
        if not isinstance(self.structure, Structure):
            raise TypeError(f"structure must be LearnedEdges() or NoEdges(), got {self.structure!r}")
        if not isinstance(self.relay, Relay):
            raise TypeError(f"relay must be SGC() or GCN(), got {self.relay!r}")

    @property
    def label(self) -> str:
        """See :meth:`NodeMethod.label`."""
        return self.name + self.structure.suffix

    @classmethod
    def preset(cls: type[Method], dataset: str) -> Method:
        """Return the method with its paper's settings for a dataset, such as ``"cora"``.

        Raises:
            ValueError: the paper has none; the message names the nearest.
        """
        return cls(**settings_for(cls.__name__, cls.presets, dataset))

    @abstractmethod
    def recipe(self, task: NodeTask, allocation: Tensor) -> Matching:
        """Return what the method consists of, for a task and a budget."""

    def condense(self, task: NodeTask, allocation: Tensor, run: Run = Run()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return self.recipe(task, allocation).condense(task, allocation, run)


def thresholded(adjacency: Tensor, threshold: float) -> Tensor:
    """Return the adjacency without the edges below ``threshold``."""
    return torch.where(adjacency >= threshold, adjacency, 0.0)


def initial_nodes(task: NodeTask, allocation: Tensor) -> tuple[Tensor, Tensor]:
    """Return features and labels of randomly chosen training nodes, so many of each class.

    Where a class has too few, nodes serve more than once, jittered: equal ones would stay equal for ever.
    """
    features = task.train.graph.x
    chosen, repeated = [], []
    for label, count in enumerate(allocation.tolist()):
        rows = class_rows(task, label)
        turns = -(-count // len(rows))
        chosen.append(torch.cat([rows[torch.randperm(len(rows)).to(rows.device)] for _ in range(turns)])[:count])
        repeated.append(torch.arange(count, device=rows.device) >= len(rows))
    x = features[torch.cat(chosen)]
    noise = JITTER * torch.randn(x.shape).to(x) * x.std(dim=0, correction=0)
    return x + torch.cat(repeated).unsqueeze(1) * noise, torch.repeat_interleave(allocation.to(x.device))


def judge(task: NodeTask, graph: SyntheticGraph, threshold: float) -> Callable[[], float]:
    """Return what scores a synthetic graph: a GCN trained on it for a moment, looking at the validation nodes."""
    downstream = GCN()
    validation = QuickValidation(relay_batch(task.val, downstream), task.num_classes)

    def look() -> float:
        with torch.no_grad():
            adjacency, x = graph.adjacency(), graph.x.detach()
            operator = None if adjacency is None else normalize(thresholded(adjacency, threshold))
            x = x if operator is None else operator @ x
        return validation.score(x, graph.y, operator)

    return look
