"""K-Center: greedy selection that leaves no point far from a chosen one."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.run_context import RunContext
from graphcond.core.selection import farthest_first
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, pick_per_class
from graphcond.nodes.task import NodeTask


@dataclass(frozen=True, kw_only=True)
class KCenter(NodeMethod):
    r"""Training nodes that cover each class in propagated features (Sener and Savarese, ICLR 2018).

    Distances are taken in the space :math:`\hat A^{depth} X`; the nodes keep their raw features and common edges.

    Args:
        depth: Hops of propagation of the space in which distances are taken.

    Note:
        As in :class:`Herding`, distances are taken between propagated features, not in a trained network.
    """

    name: ClassVar[str] = "k_center"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return pick_per_class(task, allocation, self.depth, run.storage, farthest_first)
