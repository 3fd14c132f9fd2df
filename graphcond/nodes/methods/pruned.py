"""Training nodes that are left when those that a teacher finds too hard, or too easy, are pruned, with its labels."""

from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from graphcond.core.data_pruning import KEEPS, Keep, el2n, kept, margin
from graphcond.core.fields import plain_fields
from graphcond.core.names import named
from graphcond.core.run_context import RunContext
from graphcond.nodes.cost_model import Shape, Work
from graphcond.nodes.methods.base import (
    NodeMethod,
    SyntheticNodes,
    check_depth,
    class_rows,
    real_nodes,
    require_capacity,
)
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.task import NodeTask
from graphcond.nodes.teacher import choose_teacher, fitted, for_choosing, scores_of_all
from graphcond.nodes.teacher_cost import taught_work

SCORES = {"el2n": el2n, "margin": margin}


@dataclass(frozen=True, kw_only=True)
class Pruned(NodeMethod):
    r"""Data pruning by a teacher's scores, with its labels (Ben-Baruch et al., ICML 2025).

    Training nodes are ordered by how hard a closed-form teacher finds them, class by class. They have propagated
    features :math:`\hat A^{depth} X` and no edges.

    Args:
        score: ``"el2n"``: the length of the error of the probabilities (Paul et al., NeurIPS 2021); ``"margin"``: by
            how much another class is likelier than the true one.
        keep: The ``"easy"`` nodes of each class, the ``"hard"`` ones, which are harmful where they are few, or those in
            the ``"middle"``.
        depth: Hops of propagation of the features.
    """

    name: ClassVar[str] = "pruned"
    reads_sparse: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    has_soft_labels: ClassVar[bool] = True
    capped_by_class: ClassVar[bool] = True
    score: Literal["el2n", "margin"] = "el2n"
    keep: Keep = "easy"
    depth: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        check_depth(self.depth)
        named(self.score, SCORES, "score")
        named(self.keep, {name: name for name in KEEPS}, "keep")

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        require_capacity(task, allocation)
        views = Views.of(task, self.depth, run.storage)
        choice = choose_teacher(*for_choosing(task, views))
        scores = scores_of_all(views.train, choice, fitted(task, views.train, choice))
        rows = [class_rows(task, label) for label in range(task.num_classes)]
        probabilities = task.targets.soft(scores[torch.cat(rows)], choice.temperature)
        labels = torch.cat([torch.full_like(r, label) for label, r in enumerate(rows)])
        difficulty = torch.split(SCORES[self.score](probabilities, labels), [len(r) for r in rows])
        places = [kept(d, n, self.keep) for d, n in zip(difficulty, allocation.tolist(), strict=True)]
        chosen = [r[place] for r, place in zip(rows, places, strict=True)]
        soft = torch.split(probabilities, [len(r) for r in rows])
        return replace(
            real_nodes(task, chosen, self.depth),
            y_soft=torch.cat([s[place] for s, place in zip(soft, places, strict=True)]),
            choices={"teacher": asdict(choice)},
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        return taught_work(shape, self.depth)
