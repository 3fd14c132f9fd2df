"""Random selection with a teacher's soft labels: what good labels alone are worth."""

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.layout import neighbourhoods
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.methods.selection import PathSpace
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.hetero.teacher import choose_teacher, posteriors
from graphcond.nodes.methods.base import likely_rows
from graphcond.nodes.methods.candidates import drawn
from graphcond.nodes.teacher import with_validation


@dataclass(frozen=True, kw_only=True)
class HeteroRandomSoft(PathSpace, HeteroMethod):
    """Random labelled nodes with the mean of their neighbours in each relation, and a closed-form teacher's labels.

    Pruning at random and learning from a teacher is hard to beat (Ben-Baruch et al., ICML 2025), and rarely shown.

    Args:
        hops: Relations of a meta-path at most.
    """

    name: ClassVar[str] = "random_soft"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        propagated = MetaPathSpace(task.graph, self.hops)
        teacher = choose_teacher(with_validation(task), propagated)
        soft = posteriors(task, propagated, teacher)
        groups = likely_rows(task.targets.likely(soft), allocation)
        chosen = torch.cat([drawn(rows, count) for rows, count in zip(groups, allocation.tolist(), strict=True)])
        members = Members.from_groups(list(chosen.reshape(-1, 1).cpu()))
        made = neighbourhoods(task.graph, members, {}, self.hops)
        classes = torch.repeat_interleave(allocation.to(chosen.device))
        return SyntheticHetero(
            x=made.x,
            y=task.targets.made(classes, soft[chosen]),
            edges=made.edges,
            y_soft=soft[chosen],
            members=members,
            choices={"teacher": asdict(teacher)},
        )
