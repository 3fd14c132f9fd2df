"""A refinement stage: synthetic nodes moved by kernel matching, from where a closed form put them."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.ranges import root_mean_square
from graphcond.core.run_context import RunContext
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.methods.candidates import RowsOf
from graphcond.nodes.quick_validation import THOROUGH, QuickValidation
from graphcond.nodes.task import NodeTask
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.synthetic.learned_rows import HardLabels, LearnedRows


@dataclass(frozen=True, kw_only=True)
class Refinement:
    r"""Kernel matching from a start that is good already, kept only if networks trained on it do better.

    .. math:: \min_{X'} \tfrac 1 2 \big\| K(H_B, X') \big(K(X', X') + \lambda \bar k I\big)^{-1} Y' - Y_B \big\|^2

    with the tangent kernel of an infinitely wide network (KIP: Nguyen et al., ICLR 2021), a fresh batch :math:`B` of
    labelled nodes at each step, their propagated features :math:`H`, and classes as targets :math:`Y'`. The features of
    the synthetic nodes move; their labels, weights and members (those they started from) stay. A step costs the same
    however large the graph is.

    Networks decide: some score the validation nodes, to choose a step, and others, with initial weights of
    their own and, where there are many, other validation nodes, compare that step with the start.

    Args:
        depth: Hidden layers of the kernel's network.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        rate: Learning rate (Adam) of the features, relative to their root mean square.
        real_batch_size: Labelled nodes of a step.
        steps: Most steps.
        validations: Number of validations.
        standard_errors: By how many standard errors of their difference the chosen step has to beat the start on the
            validation nodes. It is one comparison, and choosing the step among ``validations`` on these nodes is worth
            about one error.
    """

    depth: int = 1
    ridge: float = 0.03
    rate: float = 0.01
    real_batch_size: int = 512
    steps: int = 1000
    validations: int = 8
    standard_errors: float = 3.0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def refine(
        self, start: SyntheticNodes, task: NodeTask, rows_of: RowsOf, seen: Batch, run: RunContext
    ) -> SyntheticNodes:
        """Return the nodes moved, or the start itself unless that is clearly worse on the validation nodes.

        Args:
            start: Nodes without edges.
            task: Whose labelled nodes are matched.
            rows_of: The propagated features of some nodes; a step asks for those of its nodes.
            seen: The validation nodes and their propagated features.
            run: Under which conditions.
        """
        if not len(seen):
            return _noted(start, {"steps": 0, "kept": False, "note": "there are no nodes to choose on"})
        unit = root_mean_square(start.x)
        nodes = LearnedRows(start.x / unit, HardLabels(task.targets.centred(start.y).nan_to_num(0.0).to(start.x)))

        def moved() -> Tensor:
            return unit * nodes.decoded()[0]

        on_the_way, at_the_end = (QuickValidation(seen, task.targets, THOROUGH) for _ in range(2))
        recipe = Recipe(
            synthetic=nodes,
            surrogate=InfiniteWidth(depth=self.depth),
            sampler=Weightless(),
            objective=KernelRidge(ridge=self.ridge),
            source=LabelledRows(task, rows_of, self.real_batch_size, unit),
            schedule=Schedule(rates={"features": self.rate}),
            steps=self.steps,
            validation=Validation(
                score=lambda: on_the_way.score(moved(), start.y),
                times=self.validations,
                times_after=2,  # the comparison
            ),
        )
        outcome = driver.run(recipe, run)
        if not outcome.complete and run.out_of_time():  # none to compare in
            return _noted(start, outcome.choices() | {"kept": False, "kept_step": 0})
        (before,), (after,) = at_the_end.run(torch.stack([start.x, moved()]), torch.stack([start.y, start.y]))
        kept = after.score > before.score + self.standard_errors * at_the_end.standard_error(after, before)
        note = outcome.choices() | {
            "kept": kept,
            "kept_step": outcome.kept_step if kept else 0,
            "before": before.score,
            "after": after.score,
        }
        return _noted(replace(start, x=moved()) if kept else start, note)


class LabelledRows:
    """Labelled nodes by their propagated features, with targets that add up to 0.

    They are drawn afresh if they are more than a step sees.

    Args:
        task: Whose labelled nodes they are.
        rows_of: The propagated features of some nodes, ``(m, num_features)``.
        count: How many a step sees.
        unit: In which features are measured, a scalar.
    """

    def __init__(self, task: NodeTask, rows_of: RowsOf, count: int, unit: Tensor) -> None:
        self._nodes = task.train.nodes
        self._targets = task.targets
        self._y = task.train.learned
        self._rows_of = rows_of
        self._count = count
        self._unit = unit
        self.constant = len(self._nodes) <= count

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        if self.constant:
            return self._batch(slice(None))
        # With replacement: a permutation of many nodes would cost more than the step.
        return self._batch(torch.randint(len(self._nodes), (self._count,)).to(self._nodes.device))

    def _batch(self, picks: Tensor | slice) -> Batch:
        x = self._rows_of(self._nodes[picks]) / self._unit
        return Batch(x, self._targets.centred(self._y[picks]).to(x))


def _noted(nodes: SyntheticNodes, note: dict[str, Any]) -> SyntheticNodes:
    return replace(nodes, choices=nodes.choices | {"refinement": note})
