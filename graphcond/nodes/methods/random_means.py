"""Means of random nodes: what averaging alone is worth, between drawing nodes and taking whole classes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.cost_model import Shape, Work, propagation_work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, class_rows
from graphcond.nodes.methods.groups import group_targets
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.task import NodePart, NodeTask


@dataclass(frozen=True, kw_only=True)
class RandomMeans(NodeMethod):
    r"""Means of random training nodes of a class, propagated (after GCPA: Li et al., ICML 2025).

    .. math:: x_j = \frac{1}{|S_j|} \sum_{i \in S_j} (\hat A^{depth} X)_i, \qquad |S_j| = \min(M, |V_c|)

    with :math:`S_j` random training nodes of the class :math:`c` of node :math:`j`. This is the first stage of GCPA.
    With one member it is ``random_propagated``, with as many as the class has it is ``class_mean``: what a clustering
    adds to averaging shows beside it.

    Args:
        num_members: How many training nodes each is the mean of, :math:`M`; where a class has fewer, all of them.
        depth: Hops of propagation; 2 is the depth of the field's standard two-layer GCN.

    Note:
        - The method's second stage, which moves the nodes by a contrast between classes, is left out: this is a
          control. So are its weighted hops; features are propagated as all our controls propagate them.
        - Nodes of a class share no member until all training nodes of the class are used, then these are shuffled anew.
        - How many members the paper takes for which dataset could not be read. The default was not tuned.
    """

    name: ClassVar[str] = "random_means"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    num_members: int = 10
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        check_depth(self.depth)
        require_positive(self, but=("depth",))

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        groups = [
            rows
            for label, count in enumerate(allocation.tolist())
            for rows in random_groups(class_rows(task, label), count, self.num_members)
        ]
        members = torch.cat(groups)
        sizes = torch.tensor([len(rows) for rows in groups], device=members.device)
        owner, count = torch.repeat_interleave(sizes), len(groups)
        graph = task.train.graph
        points = PropagatedFeatures(graph, self.depth, run.storage).points(members)
        goals = task.targets.regressands(NodePart(graph, members).learned)
        return SyntheticNodes(
            x=points.group_means(owner, count),
            y=group_targets(task.targets, goals, owner, allocation),
            members=Members.from_groups([rows.cpu() for rows in groups]),
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return propagation_work(shape, self.depth)


def random_groups(rows: Tensor, count: int, size: int) -> list[Tensor]:
    """Return ``count`` random groups of ``size`` distinct rows, or of all rows where these are fewer.

    Rows are shuffled and split; only when too few are left for a group, all are shuffled again.
    """
    size = min(size, len(rows))
    each = len(rows) // size  # groups of a shuffle
    shuffles = [rows[torch.randperm(len(rows)).to(rows.device)][: each * size] for _ in range(-(-count // each))]
    return list(torch.split(torch.cat(shuffles), size)[:count])
