"""Herding: greedy selection whose running mean follows the class mean."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.run_context import RunContext
from graphcond.core.selection import herd
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, pick_per_class
from graphcond.nodes.task import NodeTask


@dataclass(frozen=True, kw_only=True)
class Herding(NodeMethod):
    r"""Training nodes whose mean follows the class mean of propagated features (Welling, ICML 2009).

    Distances are taken in the space :math:`\hat A^{depth} X`; the nodes keep their raw features and common edges.

    Args:
        depth: Hops of propagation of the space in which distances are taken.

    Note:
        GCond's baseline measures distances in the embedding of a GCN trained on the whole graph. Propagated features
        need no training and keep the control cheap and deterministic.
    """

    name: ClassVar[str] = "herding"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return pick_per_class(task, allocation, self.depth, run.storage, herd)
