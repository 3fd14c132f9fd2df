"""RFAD: images by ridge regression on the features of random networks."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.objectives.losses import PlattError, squared_error
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh
from graphcond.core.run_context import RunContext
from graphcond.images.methods.matching import ImageMatchingMethod, rates_of, steps_after, surrogate_for
from graphcond.images.methods.targets import CentredTargets, free_targets
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.surrogates.network_kernel import random_features
from graphcond.synthetic.learned_rows import Labelled


@dataclass(frozen=True, kw_only=True)
class RFAD(ImageMatchingMethod):
    r"""Random feature approximation of the kernel of infinitely wide networks (RFAD: Loo et al., NeurIPS 2022).

    .. math:: \min_{X_S, Y_S} \mathbb E_{\theta_1, \ldots, \theta_k}\;
              \ell\big(e^{\tau} K_{TS} (K_{SS} + \lambda I)^{-1} Y_S,\; y_T\big), \qquad
              K = \tfrac{2}{h k} \sum_i \Phi_{\theta_i} \Phi_{\theta_i}^\top + 0.01

    KIP with the kernel of a convolutional network, estimated by networks that are drawn at each step, and with the
    cross-entropy after Platt scaling for a loss.

    Args:
        architecture: The network.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        scale: :math:`e^\tau`; 0: the squared error instead of the cross-entropy.
        networks: The number :math:`k` of networks of a step.
        images_rate: Learning rate (Adam) of the images.
        labels_rate: Learning rate (Adam) of the targets.
        rate_drops: Shares of the steps after which both are a tenth of what they were.
        real_batch_size: Real images of a step.
        parameterization, start, steps, validations: See :class:`ImageMatchingMethod`.

    Note:
        - In the published code :math:`\tau` is learned, from 0 at a rate of 0.01. Predictions are linear in the
          targets, which are learned here, so that it has nothing to add.
        - There, images also pass through a square matrix over all of their numbers, which is learned from the identity
          at a rate of 5e-5 and applied before they are saved: it changes the path of the descent, and nothing of it is
          kept.
        - A step there has eight networks and four times 1,280 real images.
        - Networks are not normalised, like the published ones, but have the initial weights of torch instead of
          Gaussian ones. The optimiser is Adam instead of AdaBelief.
    """

    name: ClassVar[str] = "rfad"
    learns_targets: ClassVar[bool] = True
    may_be_zero: ClassVar[tuple[str, ...]] = ("scale",)
    architecture: Architecture = ConvNet(width=32, normalized=False)
    ridge: float = 5e-3
    scale: float = 8.0
    networks: int = 4
    steps: int = 600
    images_rate: float = 0.02
    labels_rate: float = 0.01
    rate_drops: tuple[float, ...] = (0.7,)
    real_batch_size: int = 256

    def recipe(self, task: ImageTask, allocation: Tensor, run: RunContext) -> Recipe[Labelled]:
        """See :meth:`ImageMatchingMethod.recipe`."""
        images = self.images(task, allocation, free_targets(task))
        surrogate = surrogate_for(task, self.architecture)
        kernel = random_features(surrogate, self.networks)
        height = task.scale.mean.new_tensor(math.log(self.scale)) if self.scale else None
        error = squared_error if height is None else PlattError(log_scale=lambda: height)
        rates = rates_of(images, self.images_rate, labels=self.labels_rate)
        return Recipe(
            synthetic=images,
            surrogate=kernel,
            sampler=Fresh(kernel),
            objective=KernelRidge(ridge=self.ridge, error=error),
            source=CentredTargets(RandomBatches(task, self.real_batch_size), task.num_classes),
            schedule=Schedule(rates=rates, rate_drops=steps_after(self.rate_drops, self.steps)),
            steps=self.steps,
            validation=self.validation(task, images, surrogate),
        )
