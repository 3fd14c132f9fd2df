"""GC-SNTK: graph condensation by ridge regression with the kernel of an infinitely wide GCN."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.ranges import root_mean_square
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.methods.matching import initial_nodes, validation
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.task import NodePart, NodeTask
from graphcond.surrogates.structured_width import Neighbourhood, StructuredWidth
from graphcond.synthetic.learned_rows import FreeTargets, LearnedRows


@dataclass(frozen=True, kw_only=True)
class GCSNTK(NodeMethod):
    r"""Kernel ridge regression on synthetic nodes shall predict the labelled ones (GC-SNTK: Wang et al., WWW 2024).

    .. math:: \min_{X', Y'} \tfrac{1}{2} \big\| K(Z, X') \big(K(X', X') + \lambda \bar k I\big)^{-1} Y' - Y \big\|^2,
              \qquad Z = \hat A^{hops} X

    with the structure-based neural tangent kernel (:class:`graphcond.surrogates.structured_width.StructuredWidth`),
    which sees the neighbours of a real node; synthetic nodes have none. ``y_soft`` holds the learned targets
    :math:`Y'`, as probabilities; :meth:`regression` and :meth:`seen` are the regression itself, for nodes of any split.

    Args:
        hops: Hops of propagation of the real nodes' features, before those of the kernel.
        depth: Hidden layers of the kernel.
        hops_per_layer: Hops before each of them.
        weight_variance: Of the kernel's layers.
        bias_variance: Of the kernel's layers, where features have a mean square of 1.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        steps: Steps of Adam.
        features_rate: Learning rate of the features, relative to their root mean square.
        labels_rate: Learning rate of the targets; 0: they stay what they are at first, the classes.
        real_per_class: Labelled nodes of each class in a step.

    Note:
        - The kernel is not the published one, which has another number of nonlinear layers, averages over the binary
          adjacency, takes the subgraph that the training nodes induce, and has no biases. Rows of this method are no
          reproduction of the paper's.
        - The published code has no validation: the regression on the last step's nodes is the classifier. Here those
          nodes are kept on which a GCN does best on the validation nodes, out of twenty validations, for networks are
          what condensed nodes are there to train; the regression would choose otherwise.
        - It takes the softmax of predictions before their squared error; here the error is the paper's.
        - It multiplies by a Kronecker product of adjacencies, one entry for each pair of edges; here are two sparse
          products, to the same effect.
        - It starts at uniform noise, which for features as small as those of citation graphs are another scale; here
          they are chosen labelled nodes, as in the other methods.
        - Learning rates and the scale of the kernel follow the features', so that units do not matter.
    """

    name: ClassVar[str] = "gc_sntk"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 3}
    resumable: ClassVar[bool] = True
    hops: int = 2
    depth: int = 2
    hops_per_layer: int = 1
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    ridge: float = 1.0
    steps: int = 200
    features_rate: float = 0.2
    labels_rate: float = 0.01
    real_per_class: int = 256

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("hops", "hops_per_layer", "bias_variance", "labels_rate"))

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        unit = root_mean_square(task.train.graph.x)
        x, y, _ = initial_nodes(task, allocation)
        nodes = LearnedRows(x / unit, FreeTargets(task.targets.regressands(y).to(x)))
        outcome = driver.run(self.recipe(task, nodes, y, unit), run)
        x, targets = nodes.decoded()
        return SyntheticNodes(x=unit * x, y=y, y_soft=task.targets.from_goals(targets, y), choices=outcome.choices())

    def recipe(self, task: NodeTask, nodes: LearnedRows, y: Tensor, unit: Tensor) -> Recipe[LearnedRows]:
        """Return what the method consists of, for nodes of some classes with features in a unit."""
        return Recipe(
            synthetic=nodes,
            surrogate=self.kernel(),
            sampler=Weightless(),
            objective=self.regression(),
            source=LabelledNodes(self.seen(task.train, task.targets, unit), self.real_per_class),
            schedule=Schedule(rates={"features": self.features_rate, "labels": self.labels_rate}),
            steps=self.steps,
            validation=validation(task, y, lambda: (unit * nodes.decoded()[0], None)),
        )

    def kernel(self) -> StructuredWidth:
        """Return the kernel."""
        return StructuredWidth(
            hops_per_layer=self.hops_per_layer,
            depth=self.depth,
            weight_variance=self.weight_variance,
            bias_variance=self.bias_variance,
        )

    def regression(self) -> KernelRidge:
        """Return the regression, an objective as well."""
        return KernelRidge(ridge=self.ridge)

    def seen(self, split: NodePart, targets: Targets, unit: Tensor) -> Neighbourhood:
        """Return the nodes of a split, their features in a unit, as the kernel sees them, with what is regressed on."""
        adjacency = normalized_adjacency(split.graph)
        x = propagate(adjacency, split.graph.x / unit, self.hops)
        goals = targets.goals(split.learned).to(x)
        return self.kernel().seen(Batch(x, goals, adjacency, split.nodes, strata=split.strata))


class LabelledNodes:
    """Labelled nodes with targets, at most ``per_class`` of each class at a step, drawn afresh where a class has more.

    Args:
        nodes: All of them.
        per_class: Nodes of each class in a batch.
    """

    def __init__(self, nodes: Neighbourhood, per_class: int) -> None:
        self._nodes = nodes
        self._per_class = per_class
        self._classes = [(nodes.classes == label).nonzero().flatten() for label in torch.unique(nodes.classes)]
        self.constant = all(len(rows) <= per_class for rows in self._classes)

    def __call__(self, step: int) -> Neighbourhood:
        """Return the batch of a step."""
        if self.constant:
            return self._nodes
        picks = [torch.randperm(len(rows))[: self._per_class].to(rows.device) for rows in self._classes]
        return self._nodes.take(torch.cat([rows[some] for rows, some in zip(self._classes, picks, strict=True)]))
