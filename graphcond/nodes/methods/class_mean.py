"""One node per class: the mean of its propagated features. The control that most published methods do not beat."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.matching.statistic import class_sums
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.core.targets.base import ITEMS_OF_A_STRATUM
from graphcond.nodes.cost_model import Shape, Work, propagation_work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, class_rows
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.task import NodeTask


@dataclass(frozen=True, kw_only=True)
class ClassMean(NodeMethod):
    r"""One node per class: the mean of its training nodes' propagated features, without edges.

    .. math:: x_c = \frac{1}{|V_c|} \sum_{i \in V_c} (\hat A^{depth} X)_i

    It always makes one node per class and leaves the rest of the budget unspent. ``node_weight`` is the share of the
    class among the training nodes.

    Args:
        depth: Hops of propagation; 2 is the depth of the field's standard two-layer GCN.
    """

    name: ClassVar[str] = "class_mean"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        task = task.stratified(ITEMS_OF_A_STRATUM * int(allocation.sum()))  # here a node for each is enough
        nodes, labels, counts = task.train.nodes, task.train.labels, task.class_counts.float()
        goals = class_sums(task.targets.regressands(task.train.learned), labels, task.num_classes)
        rows = [class_rows(task, label) for label in range(task.num_classes)]
        sums = PropagatedFeatures(task.train.graph, self.depth).class_sums(nodes, labels, task.num_classes)
        return SyntheticNodes(
            x=sums / counts.unsqueeze(1),
            y=task.targets.made(
                torch.arange(task.num_classes, device=nodes.device), task.targets.soft(goals / counts.unsqueeze(1))
            ),
            node_weight=counts,
            members=Members.from_groups([r.cpu() for r in rows]),
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        if shape.num_classes >= shape.num_features:
            return propagation_work(shape, self.depth)
        hops = propagation_work(replace(shape, num_features=shape.num_classes), self.depth)
        return replace(hops, dense=shape.num_nodes * shape.num_classes * shape.num_features, movable=0)
