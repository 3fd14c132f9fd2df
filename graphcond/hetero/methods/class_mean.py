"""One node per class with the mean neighbourhood of its training nodes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.matching.statistic import class_sums
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.core.targets.base import ITEMS_OF_A_STRATUM
from graphcond.hetero.layout import neighbourhoods
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.methods.selection import PathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.methods.base import class_rows


@dataclass(frozen=True, kw_only=True)
class HeteroClassMean(PathSpace, HeteroMethod):
    """One node per class: the mean of its training nodes, with the mean of their neighbours in each relation.

    It always makes one node per class and leaves the rest of the budget unspent. ``node_weight`` is the share of the
    class among the training nodes.

    Args:
        hops: Relations of a meta-path at most, whose neighbours the nodes have.
    """

    name: ClassVar[str] = "class_mean"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        task = task.stratified(ITEMS_OF_A_STRATUM * int(allocation.sum()))  # here a node for each is enough
        labels, counts = task.train.labels, task.class_counts.float()
        goals = class_sums(task.targets.regressands(task.train.learned), labels, task.num_classes)
        members = Members.from_groups([class_rows(task, label).cpu() for label in range(task.num_classes)])
        made = neighbourhoods(task.graph, members, {}, self.hops)
        classes = torch.arange(task.num_classes, device=labels.device)
        y = task.targets.made(classes, task.targets.soft(goals / counts.unsqueeze(1)))
        return SyntheticHetero(x=made.x, y=y, edges=made.edges, node_weight=counts, members=members)
