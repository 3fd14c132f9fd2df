"""DD: images by back-propagation through the training on them."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.unrolled_loss import OutcomeMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.matching.weight_samplers import Fresh
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import (
    ImageMatchingMethod,
    augmentation,
    hard_labels,
    rates_of,
    surrogate_for,
)
from graphcond.images.methods.targets import soft_classes
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class DD(ImageMatchingMethod):
    r"""The loss on real images of a network trained on the synthetic ones (Wang et al., 2018).

    .. math:: \min_{\mathcal S, \beta} \mathbb E_{\theta_0}\, \ell\big(\theta_N(\mathcal S, \beta);\; \mathcal T\big)

    through :math:`N` steps of gradient descent with momentum, differentiated exactly at one step of graph memory
    (:mod:`graphcond.core.matching.unrolled`). With momentum and many steps it is the learner of RTP, and with
    ``parameterization=SharedBases()`` LinBa (both Deng and Russakovsky, NeurIPS 2022). With ``soft_labels=True`` it is
    SLDD (Sucholutsky and Schonlau, IJCNN 2021), which distills texts as well: a sentence is an image with one
    channel, whose rows are its words and whose columns are the numbers of their embedding (``examples/text.py``).

    Args:
        architecture: The network.
        operations: How synthetic images are changed at each step of the training.
        unroll_steps: The number :math:`N`.
        unroll_momentum: Of the training.
        soft_labels: Whether labels are learned as well, from the classes.
        step_size: Where the learned step size :math:`\beta` starts.
        images_rate: Learning rate (Adam) of the images.
        labels_rate: Learning rate (Adam) of the labels' logits.
        step_size_rate: Learning rate (Adam) of the step size's logarithm.
        real_batch_size: Real images of a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        - The published code learns a step size for each step and trains on each class in turn; here one step size holds
          for all steps, which see all images. Which step is kept is chosen on validation images.
        - SLDD's labels are any numbers, learned with the squared error or, in its code, as they are; here they are
          probabilities, whose logits are learned. Its best published numbers are of networks that start at known
          weights; here every step draws new ones.
    """

    name: ClassVar[str] = "dd"
    may_be_zero: ClassVar[tuple[str, ...]] = ("unroll_momentum",)
    architecture: Architecture = ConvNet(width=32)
    operations: tuple[Operation, ...] = ()
    unroll_steps: int = 20
    unroll_momentum: float = 0.9
    soft_labels: bool = False
    step_size: float = 0.01
    steps: int = 400
    images_rate: float = 0.02
    labels_rate: float = 0.03
    step_size_rate: float = 0.01
    real_batch_size: int = 256

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        labels = soft_classes(task) if self.soft_labels else hard_labels
        images = self.images(task, allocation, labels, self.step_size)
        surrogate = surrogate_for(task, self.architecture)
        changes = augmentation(self.operations, task)
        unroll = Unroll(steps=self.unroll_steps, momentum=self.unroll_momentum, augment=changes)
        return Recipe(
            synthetic=images,
            surrogate=surrogate,
            sampler=Fresh(surrogate),
            objective=OutcomeMatching(unroll=unroll),
            source=RandomBatches(task, self.real_batch_size),
            schedule=Schedule(
                rates=rates_of(images, self.images_rate, labels=self.labels_rate, step_size=self.step_size_rate)
            ),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
        )
