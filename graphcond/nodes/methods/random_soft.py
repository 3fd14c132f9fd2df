"""Random selection with a teacher's soft labels: what good labels alone are worth."""

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.cost_model import Shape, Work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, check_depth, likely_rows
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.task import NodeTask
from graphcond.nodes.teacher import choose_teacher, for_choosing, posteriors
from graphcond.nodes.teacher_cost import taught_work


@dataclass(frozen=True, kw_only=True)
class RandomSoft(NodeMethod):
    r"""Random nodes, labelled or not, with propagated features and a closed-form teacher's labels.

    Features are :math:`\hat A^{depth} X`. Pruning at random and learning from a teacher is hard to beat (Ben-Baruch et
    al., ICML 2025), and rarely shown.

    Args:
        depth: Hops of propagation of the features.
    """

    name: ClassVar[str] = "random_soft"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    has_soft_labels: ClassVar[bool] = True
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        views = Views.of(task, self.depth, run.storage)
        teacher = choose_teacher(*for_choosing(task, views))
        probabilities = posteriors(task, views, teacher)
        groups = likely_rows(task.targets.likely(probabilities), allocation)
        pairs = zip(groups, allocation.tolist(), strict=True)
        chosen = torch.cat([rows[torch.randperm(len(rows))[:count].to(rows.device)] for rows, count in pairs])
        return SyntheticNodes(
            x=views.train.rows(chosen),
            y=task.targets.made(torch.repeat_interleave(allocation.to(chosen.device)), probabilities[chosen]),
            y_soft=probabilities[chosen],
            members=Members.from_groups(list(chosen.reshape(-1, 1).cpu())),
            choices={"teacher": asdict(teacher)},
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return taught_work(shape, self.depth)
