"""What the node methods that match something have in common: a synthetic graph, learned step by step."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from graphcond.core.matching import driver
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, class_rows
from graphcond.nodes.methods.structures import STRUCTURES, NoEdges, Structure
from graphcond.nodes.methods.trimming import MOST_NODES, trimmed
from graphcond.nodes.quick_validation import QuickValidation
from graphcond.nodes.source import surrogate_batch
from graphcond.nodes.surrogate_models import GCNSurrogate, SurrogateModel
from graphcond.nodes.task import NodePart, NodeTask
from graphcond.synthetic.graph import SyntheticGraph, normalize

JITTER = 0.01  # of a real node's features, relative to their deviation, where it has to serve twice

M = TypeVar("M", bound="MatchingMethod")
Candidate = tuple[Tensor, Tensor | None]
"""Features, after the first hop, and what is applied before the second layer; ``None``: the identity."""


class MatchingMethod(NodeMethod):
    """A method that learns its nodes by matching: a recipe, and its settings by dataset."""

    resumable: ClassVar[bool] = True
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    structure: Structure
    surrogate: SurrogateModel

    def __post_init__(self) -> None:
        """Check structure and surrogate; the methods check their other fields."""
        if not isinstance(self.structure, Structure):
            *others, last = (f"{one.__name__}()" for one in STRUCTURES)
            raise TypeError(f"structure must be {', '.join(others)} or {last}, got {self.structure!r}")
        if not isinstance(self.surrogate, SurrogateModel):
            raise TypeError(f"surrogate must be SGCSurrogate() or GCNSurrogate(), got {self.surrogate!r}")

    @property
    def takes_bytes(self) -> bool:  # type: ignore[override]  # of the structure
        """See :class:`NodeMethod`."""
        return isinstance(self.structure, NoEdges)

    @abstractmethod
    def recipe(self, task: NodeTask, allocation: Tensor) -> Recipe[SyntheticGraph]:
        """Return what the method consists of, for a task and a budget."""

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        recipe = self.recipe(task, allocation)
        return self.result(task, recipe.synthetic, driver.run(recipe, run))

    def start(self, task: NodeTask, allocation: Tensor) -> tuple[SyntheticGraph, Surrogate]:
        """Return the synthetic graph before the first step, and the surrogate for it."""
        x, y, strata = self.initial(task, allocation)
        surrogate = self.surrogate.build(x.size(1), task.targets, x)
        edges = self.structure.build(x.size(1), y if strata is None else strata)
        terms = None if edges is None else self.terms(task, len(x))
        graph = SyntheticGraph(x, y, self.surrogate.hops, edges, self.surrogate.last_hop, strata, terms)
        return graph.to(x.device), surrogate

    def initial(self, task: NodeTask, allocation: Tensor) -> "InitialNodes":
        """Return the nodes before the first step, sorted by class: training nodes drawn at random."""
        return initial_nodes(task, allocation)

    def terms(self, task: NodeTask, nodes: int) -> nn.Module | None:
        """Return what is added to the objective for the sake of the edges among some synthetic nodes, if anything."""
        return None

    def validation(self, task: NodeTask, graph: SyntheticGraph) -> Validation | None:
        """Return the validation by a GCN that is trained for a few steps on the graph as it would be returned."""

        @torch.no_grad()
        def candidate() -> Candidate:
            adjacency, x = graph.adjacency(), graph.features()
            operator = None if adjacency is None else normalize(thresholded(adjacency, self.structure.threshold))
            return x if operator is None else operator @ x, operator

        return validation(task, graph.y, candidate)

    def result(self, task: NodeTask, graph: SyntheticGraph, outcome: driver.Outcome) -> SyntheticNodes:
        """Return a learned graph as the result of the method."""
        return self.nodes(task, graph.features(), graph.y, graph.adjacency(), outcome.choices())

    @torch.no_grad()
    def nodes(
        self, task: NodeTask, x: Tensor, y: Tensor, adjacency: Tensor | None, choices: dict[str, Any]
    ) -> SyntheticNodes:
        """Return learned nodes as the result of the method, with as many of their edges as serve networks best."""
        edge_index = edge_weight = None
        scores: dict[str, float] = {}
        if adjacency is not None:
            kept = thresholded(adjacency, self.structure.threshold)
            if self.structure.trimmed and self.structure.threshold and len(task.val.nodes) and len(kept) <= MOST_NODES:
                with torch.enable_grad():
                    kept, scores = trimmed(x, y, kept, task)
            edge_index = kept.nonzero().T.contiguous()
            edge_weight = kept[edge_index[0], edge_index[1]]
        choices = choices | ({"edges_per_node": scores} if scores else {})
        return SyntheticNodes(x=x, y=y, edge_index=edge_index, edge_weight=edge_weight, choices=choices)


def thresholded(adjacency: Tensor, threshold: float) -> Tensor:
    """Return the adjacency without the edges below ``threshold``."""
    return torch.where(adjacency >= threshold, adjacency, 0.0)


class InitialNodes(NamedTuple):
    """Nodes to start from.

    Shapes:
        x: ``(n, num_features)``; y: ``(n,)`` int64 classes or ``(n, outputs)`` other targets; strata: ``(n,)`` int64
        what stands for classes where targets are none.
    """

    x: Tensor
    y: Tensor
    strata: Tensor | None


def initial_nodes(task: NodeTask, allocation: Tensor) -> InitialNodes:
    """Return randomly chosen training nodes, ``allocation`` of each class.

    Where a class has too few, nodes serve more than once, jittered: equal ones would stay equal for ever.
    """
    features = task.train.graph.x
    chosen, repeated = [], []
    for label, count in enumerate(allocation.tolist()):
        rows = class_rows(task, label)
        turns = -(-count // len(rows))
        chosen.append(torch.cat([rows[torch.randperm(len(rows)).to(rows.device)] for _ in range(turns)])[:count])
        repeated.append(torch.arange(count, device=rows.device) >= len(rows))
    start = NodePart(task.train.graph, torch.cat(chosen))
    x = features[start.nodes]
    noise = JITTER * torch.randn(x.shape).to(x) * x.std(dim=0, correction=0)
    return InitialNodes(x + torch.cat(repeated).unsqueeze(1) * noise, start.learned, start.strata)


def validation(task: NodeTask, y: Tensor, candidate: Callable[[], Candidate]) -> Validation | None:
    """Return the validation by a GCN that is trained on synthetic nodes for a few steps; ``None``: there are no nodes.

    Args:
        task: The task.
        y: The labels of the synthetic nodes.
        candidate: Returns these nodes as they stand.
    """
    if not len(task.val.nodes):
        return None
    quick = QuickValidation(surrogate_batch(task.val, GCNSurrogate()), task.targets)

    def score() -> float:
        x, operator = candidate()
        return quick.score(x, y, operator)

    return Validation(score=score)
