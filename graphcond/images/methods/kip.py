"""KIP: images by kernel ridge regression in the limit of infinite width."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.run import Run
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.kernels import CentredTargets, deliver_targets, free_targets, kernel_judge
from graphcond.images.methods.matching import ImageMatching, rows_looked_at
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.infinite_width import InfiniteWidth


@dataclass(frozen=True, kw_only=True)
class KIP(ImageMethod):
    r"""Kernel inducing points, with labels (KIP: Nguyen et al., ICLR and NeurIPS 2021).

    .. math:: \min_{X_S, Y_S} \tfrac 1 2 \big\| Y_T - K_{TS} (K_{SS} + \lambda I)^{-1} Y_S \big\|^2

    with the tangent kernel of an infinitely wide network, here a fully connected one. Nothing is trained: a step is a
    product of matrices and a small system of equations. It is what Distill-CF does with users.

    Args:
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        depth: Hidden layers of the network.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        learn_labels: Whether targets are learned along with the images.
        steps: Matching steps.
        images_rate: Learning rate (Adam) of the images.
        labels_rate: Learning rate (Adam) of the targets.
        drops: Shares of the steps after which both are a tenth of what they were.
        real_rows: Real images of a step.
        looks: How often the images are judged on validation images, by the kernel itself.

    Note:
        The paper's best numbers use the kernel of a convolutional network, which costs some thousand times as much;
        this is its fully connected kernel ("FC"). Networks of finite width train on ``y_soft``, the targets as
        probabilities; the regression on ``target`` is what the paper's tables judge by.
    """

    name: ClassVar[str] = "kip"
    stepwise: ClassVar[bool] = True
    form: Form = Stored()
    start: Start = "real"
    depth: int = 2
    ridge: float = 1e-6
    learn_labels: bool = True
    steps: int = 1000
    images_rate: float = 0.04
    labels_rate: float = 0.01
    drops: tuple[float, ...] = (0.6, 0.85)
    real_rows: int = 1000
    looks: int = 10

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.form, Form):
            raise TypeError(f"form must be Stored(), Formations(), Memory() or Hallucinations(), got {self.form!r}")
        require_positive(self)

    def condense(self, task: ImageTask, allocation: Tensor, run: Run = Run()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        kernel = InfiniteWidth(depth=self.depth)
        synthetic, y = self.form.build(
            task, allocation, self.start, free_targets(task, learned=self.learn_labels), None
        )
        rates = dict.fromkeys(synthetic.parts(), self.images_rate) | {"labels": self.labels_rate}
        objective = KernelRidge(ridge=self.ridge)
        recipe = ImageMatching(
            synthetic=synthetic.to(y.device),
            y=y,
            form=self.form,
            surrogate=kernel,
            sampler=Weightless(),
            objective=objective,
            source=CentredTargets(RandomBatches(task, self.real_rows), task.num_classes),
            schedule=Schedule(rates=rates, drops=[round(share * self.steps) for share in self.drops]),
            steps=self.steps,
            look=kernel_judge(task, synthetic, objective, kernel),
            looks=self.looks,
            look_rows=rows_looked_at(task),
            rows_at_once=None,
            deliver=deliver_targets,
        )
        return recipe.condense(run)
