"""KRR-ST: nodes without labels, by ridge regression on the features of networks in training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.ranges import root_mean_square
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.clustering import cluster
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes, require_capacity
from graphcond.nodes.points import group_means
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.quick_validation import QuickValidation
from graphcond.nodes.source import surrogate_batch
from graphcond.nodes.surrogate_models import GCNSurrogate
from graphcond.nodes.task import NodePart, NodeTask
from graphcond.surrogates.network_kernel import NetworkKernel
from graphcond.surrogates.two_layer import TwoLayer
from graphcond.synthetic.learned_rows import FreeTargets, LearnedRows

HOPS = 2  # of the network: a node that has no neighbours starts where they have been seen
VALIDATIONS = 6  # a quick training takes as long as many steps


@dataclass(frozen=True, kw_only=True)
class KRRST(NodeMethod):
    r"""Kernel ridge regression on self-supervised targets, without labels (KRR-ST: Lee et al., ICLR 2024).

    .. math:: \min_{X', Y'} \mathbb E_{\theta}\; \tfrac 1 2 \big\| Y - \Phi \Phi'^\top
              (\Phi' \Phi'^\top + \lambda I)^{-1} Y' \big\|^2

    with :math:`\Phi` what goes into the last layer of a GCN from a pool, in which each is trained on the synthetic
    nodes by the squared error of :math:`Y'` after its use and replaced by a fresh one at some age; and :math:`Y`
    vectors that stand in place of labels (:class:`graphcond.nodes.singular_vectors.SingularVectors`). Labels are not
    read, so that one condensed graph, without edges, serves any of them: ``y`` holds the learned :math:`Y'`.

    Args:
        hidden: Hidden units of the networks.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        networks: Networks in the pool.
        train_steps: Steps of training after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate (Adam) of the training.
        weight_decay: L2 penalty of the training.
        steps: Steps of Adam.
        features_rate: Learning rate of the features, relative to their root mean square.
        labels_rate: Learning rate of the vectors, whose root mean square is 1.
        real_batch_size: Real nodes of a step, whatever their class.

    Note:
        - The paper condenses images; that nodes are condensed so, with singular vectors as what is learned, is ours.
          Its teacher is a network that was trained by self-supervision (:class:`graphcond.images.methods.krr_st` has
          that); the vectors are a closed form.
        - Networks are trained by Adam, the paper's by stochastic gradient descent (rate 0.1, momentum 0.9) for up to
          1,000 steps; nodes and vectors move by Adam, the paper's by AdamW with a rate that falls to a thousandth.
        - Nodes start at the means of clusters (k-means) of the features, propagated twice since synthetic nodes have no
          edges, and with the mean vectors of these; the paper's images start as random ones.
        - Which step is kept is chosen on validation nodes by how well a GCN predicts their vectors; the published code
          keeps the last.
    """

    name: ClassVar[str] = "krr_st"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    label_free: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = True
    capped_by_class: ClassVar[bool] = True
    resumable: ClassVar[bool] = True
    quick_settings: ClassVar[Mapping[str, Any]] = {"hidden": 8, "steps": 3, "networks": 2, "real_batch_size": 16}
    hidden: int = 128
    ridge: float = 0.1
    networks: int = 10
    train_steps: int = 5
    max_age: int = 20
    inner_rate: float = 0.01
    weight_decay: float = 5e-4
    steps: int = 300
    features_rate: float = 0.1
    labels_rate: float = 0.01
    real_batch_size: int = 512

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("labels_rate", "weight_decay"))

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        recipe = self.recipe(task, allocation)
        outcome = driver.run(recipe, run)
        x, goals = recipe.synthetic.decoded()
        return SyntheticNodes(x=x, y=task.targets.from_goals(goals, goals), choices=outcome.choices())

    def recipe(self, task: NodeTask, allocation: Tensor) -> Recipe[LearnedRows]:
        """Return what the method consists of, for a task and a budget."""
        require_capacity(task, allocation)
        x, goals = _centers(task, int(allocation.sum()))
        nodes = LearnedRows(x, FreeTargets(goals)).to(x.device)
        kernel = NetworkKernel(TwoLayer(x.size(1), self.hidden, task.targets, x, gathered=True))
        training = Training(learning_rate=self.inner_rate, weight_decay=self.weight_decay)
        rates = {"features": self.features_rate * float(root_mean_square(x)), "labels": self.labels_rate}
        return Recipe(
            synthetic=nodes,
            surrogate=kernel,
            sampler=Pool(kernel, self.networks, self.train_steps, self.max_age, training),
            objective=KernelRidge(ridge=self.ridge),
            source=RandomNodes(task.train, task.targets, self.real_batch_size),
            schedule=Schedule(rates=rates),
            steps=self.steps,
            validation=_validation(task, nodes),
        )


def _centers(task: NodeTask, count: int) -> tuple[Tensor, Tensor]:
    """Return the mean features and the mean targets of clusters of training nodes, by their propagated features."""
    part = task.train
    points = PropagatedFeatures(part.graph, HOPS).points(part.nodes)
    found = cluster(points, count, int(torch.randint(2**31 - 1, ())))
    x = points.group_means(found, count)
    return x, group_means(task.targets.regressands(part.learned).to(x), found, count)


class RandomNodes:
    """Training nodes at random, whatever their classes, with what a regression shall predict of them.

    Args:
        part: The nodes.
        targets: What they learn.
        rows: Nodes of a batch, drawn with replacement; where there are no more, all of them.
    """

    def __init__(self, part: NodePart, targets: Targets, rows: int) -> None:
        whole = surrogate_batch(part, GCNSurrogate())
        self._whole = replace(whole, y=targets.regressands(whole.y).to(whole.x))
        self._rows = rows
        self.constant = len(whole) <= rows

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        if self.constant:
            return self._whole
        return self._whole.take(torch.randint(len(self._whole), (self._rows,)).to(self._whole.y.device))


def _validation(task: NodeTask, nodes: LearnedRows) -> Validation | None:
    """Return the validation by a GCN that is trained on the nodes and vectors as they stand for a few steps."""
    if not len(task.val.nodes):
        return None
    quick = QuickValidation(surrogate_batch(task.val, GCNSurrogate()), task.targets)

    def score() -> float:
        x, goals = nodes.decoded()
        return quick.score(x, task.targets.from_goals(goals, goals))

    return Validation(score=score, times=VALIDATIONS)
