"""Random selection of training nodes, the control that every method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.base import (
    NodeMethod,
    SyntheticNodes,
    check_depth,
    class_rows,
    real_nodes,
    require_capacity,
)
from graphcond.nodes.task import LabelledTask, NodeTask


def draw(task: LabelledTask, allocation: Tensor) -> list[Tensor]:
    """Draw training nodes of each class without replacement."""
    require_capacity(task, allocation)
    groups = []
    for label, count in enumerate(allocation.tolist()):
        rows = class_rows(task, label)
        groups.append(rows[torch.randperm(len(rows))[:count].to(rows.device)])
    return groups


@dataclass(frozen=True, kw_only=True)
class Random(NodeMethod):
    """Training nodes drawn at random from each class, with their raw features and the edges among them."""

    name: ClassVar[str] = "random"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return real_nodes(task, draw(task, allocation))


@dataclass(frozen=True, kw_only=True)
class RandomPropagated(NodeMethod):
    r"""Random training nodes with propagated features and no edges.

    Features are :math:`\hat A^{depth} X`: what propagation alone is worth. Any method with propagated or learned
    features has to beat it.

    Args:
        depth: Hops of propagation; 2 is the depth of the field's standard two-layer GCN.
    """

    name: ClassVar[str] = "random_propagated"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    capped_by_class: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        return real_nodes(task, draw(task, allocation), self.depth)
