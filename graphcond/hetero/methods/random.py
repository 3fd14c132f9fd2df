"""Random selection of training nodes and of their neighbours, the control that every method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.cost_model import HeteroShape
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.methods.selection import real_nodes
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.cost_model import Work
from graphcond.nodes.methods.random import draw


@dataclass(frozen=True, kw_only=True)
class HeteroRandom(HeteroMethod):
    """Training nodes drawn at random from each class, random nodes around them, and all relations among these."""

    name: ClassVar[str] = "random"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        return real_nodes(task, draw(task, allocation))

    def work(self, shape: HeteroShape) -> Work:
        """See :meth:`HeteroMethod.work`: marks of nodes and edges, and nothing else."""
        return Work(products=0.0, dense=0.0, memory=2 * shape.num_edges)
