"""KIP: images by kernel ridge regression in the limit of infinite width."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.run_context import RunContext
from graphcond.images.methods.matching import ImageMatchingMethod, rates_of, steps_after
from graphcond.images.methods.targets import CentredTargets, free_targets
from graphcond.images.quick_validation import Classifier, validation
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class KIP(ImageMatchingMethod):
    r"""Kernel inducing points, with labels (KIP: Nguyen et al., ICLR and NeurIPS 2021).

    .. math:: \min_{X_S, Y_S} \tfrac 1 2 \big\| Y_T - K_{TS} (K_{SS} + \lambda I)^{-1} Y_S \big\|^2

    with the tangent kernel of an infinitely wide network, here a fully connected one. Nothing is trained: a step is a
    product of matrices and a small system of equations. It is what Distill-CF does with users.

    Args:
        depth: Hidden layers of the network.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        learn_labels: Whether targets are learned along with the images.
        images_rate: Learning rate (Adam) of the images.
        labels_rate: Learning rate (Adam) of the targets.
        rate_drops: Shares of the steps after which both are a tenth of what they were.
        real_batch_size: Real images of a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`; the kernel itself classifies
            validation images.

    Note:
        The paper's best numbers use the kernel of a convolutional network, which costs some thousand times as much;
        this is its fully connected kernel ("FC"). Networks of finite width train on ``y_soft``, the targets as
        probabilities; the regression on ``target`` is what the paper's tables report.
    """

    name: ClassVar[str] = "kip"
    learns_targets: ClassVar[bool] = True
    depth: int = 2
    ridge: float = 1e-6
    learn_labels: bool = True
    steps: int = 1000
    images_rate: float = 0.04
    labels_rate: float = 0.01
    rate_drops: tuple[float, ...] = (0.6, 0.85)
    real_batch_size: int = 1000
    validations: int = 10

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation, free_targets(task, learned=self.learn_labels))
        kernel, objective = InfiniteWidth(depth=self.depth), KernelRidge(ridge=self.ridge)
        rates = rates_of(images, self.images_rate, labels=self.labels_rate)

        def regression() -> Classifier:
            made = Batch(*images.decoded())
            return lambda batch: objective.predict(kernel, (), batch, made)

        return Recipe(
            synthetic=images,
            surrogate=kernel,
            sampler=Weightless(),
            objective=objective,
            source=CentredTargets(RandomBatches(task, self.real_batch_size), task.num_classes),
            schedule=Schedule(rates=rates, rate_drops=steps_after(self.rate_drops, self.steps)),
            steps=self.steps,
            validation=validation(task, self.validations, regression),
        )
