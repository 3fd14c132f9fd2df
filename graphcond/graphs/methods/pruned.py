"""Training graphs that are left when those that a teacher finds too hard, or too easy, are pruned, with its labels."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from graphcond.core.data_pruning import KEEPS, Keep, el2n, kept, margin
from graphcond.core.members import Members
from graphcond.core.names import named
from graphcond.core.run_context import RunContext
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.selection import chosen_graphs, softened
from graphcond.graphs.task import GraphTask
from graphcond.graphs.teacher import teach

SCORES = {"el2n": el2n, "margin": margin}


@dataclass(frozen=True, kw_only=True)
class PrunedGraphs(GraphMethod):
    """Data pruning by a teacher's scores, with its labels (Ben-Baruch et al., ICML 2025).

    Training graphs are ordered by how hard the linear teacher on colour counts finds them, class by class.

    Args:
        score: ``"el2n"``: the length of the error of the probabilities (Paul et al., NeurIPS 2021); ``"margin"``: by
            how much another class is likelier than the true one.
        keep: The ``"easy"`` graphs of each class, the ``"hard"`` ones, which are harmful where they are few, or those
            in the ``"middle"``.
    """

    name: ClassVar[str] = "pruned"
    keeps_weights: ClassVar[bool] = True
    score: Literal["el2n", "margin"] = "el2n"
    keep: Keep = "easy"

    def __post_init__(self) -> None:
        """Check the fields."""
        named(self.score, SCORES, "score")
        named(self.keep, {name: name for name in KEEPS}, "keep")

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        teacher = teach(task)
        probabilities = torch.from_numpy(teacher.outputs(task.train)).softmax(dim=1)
        scores = SCORES[self.score](probabilities, task.train.y)

        def order(difficulty: Tensor, count: int) -> Tensor:
            return kept(difficulty, count, self.keep)

        dressed = softened(task, teacher)
        graphs = chosen_graphs(task, budget, scores, order, dressed)
        members = Members.from_groups(list(graphs.reshape(-1, 1)))
        return SyntheticGraphs(dressed(graphs), dict(teacher.choices), members)
