"""The contract of a graph method: a validated task and a budget in, synthetic graphs out."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch_geometric.data import Data

from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.task import GraphTask


@dataclass(frozen=True)
class SyntheticGraphs:
    """What a method gives back.

    Args:
        items: Ordinary PyG ``Data``: ``x``, ``edge_index``, ``y`` ``(1,)`` or ``(1, targets)``, as the original has it,
            and, where there are any, ``edge_attr``, ``edge_weight``, ``y_soft`` ``(1, outputs)``, ``graph_weight``
            ``(1,)``, ``root_mask``, ``root_weight``.
        choices: What was chosen on validation data, with scores, for the record.
        members: Which training graphs stand behind each item.
        notes: What a user should know of the result, one sentence each.
    """

    items: list[Data]
    choices: dict[str, Any] = field(default_factory=dict)
    members: Members | None = None
    notes: tuple[str, ...] = ()


class GraphMethod(Method):
    """A way to condense a set of graphs."""

    on_device: ClassVar[bool] = False  # trees are integers, which are counted on the CPU
    keeps_weights: ClassVar[bool] = False
    """Whether the result has the weights of edges where the original has them."""

    @abstractmethod
    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """Return synthetic graphs for ``task``.

        Args:
            task: The task; only ``train`` and (for choosing) ``val`` may be read.
            budget: The size that is asked for.
            run: Progress callback, time limit, checkpoint.
        """
