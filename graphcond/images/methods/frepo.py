"""FRePO: images by ridge regression on the features of networks in training."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import (
    ImageMatchingMethod,
    augmentation,
    rate_of_images,
    rates_of,
    steps_after,
    surrogate_for,
)
from graphcond.images.methods.targets import CentredTargets, free_targets
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.surrogates.network_kernel import NetworkKernel
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class FRePO(ImageMatchingMethod):
    r"""Neural feature regression with pooling (FRePO: Zhou et al., NeurIPS 2022).

    .. math:: \min_{X_S, Y_S} \mathbb E_{\theta}\; \tfrac 1 2 \big\| Y_T - \Phi_T \Phi_S^\top
              (\Phi_S \Phi_S^\top + \lambda I)^{-1} Y_S \big\|^2

    with :math:`\Phi` what goes into the last layer of a network from a pool, in which each is trained on the synthetic
    images after its use and replaced by a fresh one at some age. The last layer is trained to the end by the
    regression, the others are held fixed while images move: no training is unrolled.

    Args:
        architecture: The network.
        operations: How both sides are changed alike.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        networks: Networks in the pool.
        train_steps: Steps of training after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate (Adam) of the training, on the squared error of the targets.
        images_rate: Learning rate (Adam) of the images; ``None``: 0.3 over the root of their number per class.
        labels_rate: Learning rate (Adam) of the targets.
        rate_drops: Shares of the steps after which both are a tenth of what they were.
        real_batch_size: Real images of a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        The published network has batch normalisation and doubles its width from block to block, and its optimiser is
        LAMB; here they are those of all methods. Networks are trained on ``y_soft``, the targets as probabilities.
        Which step is kept is chosen on validation images.
    """

    name: ClassVar[str] = "frepo"
    learns_targets: ClassVar[bool] = True
    architecture: Architecture = ConvNet(width=32)
    operations: tuple[Operation, ...] = ()
    ridge: float = 1e-6
    networks: int = 10
    train_steps: int = 1
    max_age: int = 100
    inner_rate: float = 0.001
    steps: int = 1500
    images_rate: float | None = None
    labels_rate: float = 0.001
    rate_drops: tuple[float, ...] = (0.7,)
    real_batch_size: int = 256

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation, free_targets(task))
        surrogate = surrogate_for(task, self.architecture)
        kernel = NetworkKernel(surrogate)
        training = Training(learning_rate=self.inner_rate)
        rate = rate_of_images(self.images_rate, allocation)
        return Recipe(
            synthetic=images,
            surrogate=kernel,
            sampler=Pool(kernel, self.networks, self.train_steps, self.max_age, training),
            objective=KernelRidge(ridge=self.ridge),
            source=CentredTargets(RandomBatches(task, self.real_batch_size), task.num_classes),
            schedule=Schedule(
                rates=rates_of(images, rate, labels=self.labels_rate),
                rate_drops=steps_after(self.rate_drops, self.steps),
            ),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
            augment=augmentation(self.operations, task),
        )
