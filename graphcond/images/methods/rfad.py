"""RFAD: images by ridge regression on the features of random networks."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.objectives.losses import PlattError, squared_error
from graphcond.core.matching.weight_samplers import Fresh
from graphcond.core.run import Run
from graphcond.images.methods.kernels import CentredTargets, deliver_targets, free_targets, probabilities
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.surrogates.network_kernel import random_features


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
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        scale: :math:`e^\tau`; 0: the squared error instead of the cross-entropy.
        networks: The number :math:`k` of networks of a step.
        steps: Matching steps.
        images_rate: Learning rate (Adam) of the images.
        labels_rate: Learning rate (Adam) of the targets.
        drops: Shares of the steps after which both are a tenth of what they were.
        real_rows: Real images of a step.
        looks: How often the images are judged on validation images.

    Note:
        The published scale is learned. Predictions are linear in the targets, which are learned here, so that it has
        nothing to add. Networks are not normalised, like the published ones, but have the initial weights of torch
        instead of Gaussian ones. The optimiser is Adam instead of AdaBelief.
    """

    name: ClassVar[str] = "rfad"
    architecture: Architecture = ConvNet(width=32, normalized=False)
    form: Form = Stored()
    start: Start = "real"
    ridge: float = 5e-3
    scale: float = 8.0
    networks: int = 4
    steps: int = 600
    images_rate: float = 0.02
    labels_rate: float = 0.01
    drops: tuple[float, ...] = (0.7,)
    real_rows: int = 256
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self, but=("scale",))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, free_targets(task, learned=True), None)
        eyes = self.surrogate(task)
        kernel = random_features(eyes, self.networks)
        height = task.scale.mean.new_tensor(math.log(self.scale)) if self.scale else None
        error = squared_error if height is None else PlattError(log_scale=lambda: height)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate) | {"labels": self.labels_rate},
            eyes,
            labels=probabilities,
            drops=[round(share * self.steps) for share in self.drops],
            surrogate=kernel,
            sampler=Fresh(kernel),
            objective=KernelRidge(ridge=self.ridge, error=error),
            source=CentredTargets(RandomBatches(task, self.real_rows), task.num_classes),
            rows_at_once=None,
            deliver=deliver_targets,
        )
