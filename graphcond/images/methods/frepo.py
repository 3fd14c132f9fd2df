"""FRePO: images by ridge regression on the features of networks in training."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Pool
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.methods.kernels import CentredTargets, deliver_targets, free_targets, probabilities
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, rate_of_images
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet
from graphcond.surrogates.network_kernel import NetworkKernel


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
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        operations: How both sides are changed alike.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel.
        networks: Networks in the pool.
        train_steps: Steps of training after each use.
        max_age: Uses after which a network is replaced.
        inner_rate: Learning rate (Adam) of the training, on the squared error of the targets.
        steps: Matching steps.
        images_rate: Learning rate (Adam) of the images; ``None``: 0.3 over the root of their number per class.
        labels_rate: Learning rate (Adam) of the targets.
        drops: Shares of the steps after which both are a tenth of what they were.
        real_rows: Real images of a step.
        looks: How often the images are judged on validation images.

    Note:
        The published network has batch normalisation and doubles its width from block to block, and its optimiser is
        LAMB; here they are those of all methods. Networks judge by ``y_soft``, the targets as probabilities. Which step
        is kept is chosen on validation images.
    """

    name: ClassVar[str] = "frepo"
    architecture: Architecture = ConvNet(width=32)
    form: Form = Stored()
    start: Start = "real"
    operations: tuple[Operation, ...] = ()
    ridge: float = 1e-6
    networks: int = 10
    train_steps: int = 1
    max_age: int = 100
    inner_rate: float = 0.001
    steps: int = 1500
    images_rate: float | None = None
    labels_rate: float = 0.001
    drops: tuple[float, ...] = (0.7,)
    real_rows: int = 256
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self)

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, free_targets(task, learned=True), None)
        eyes = self.surrogate(task)
        kernel = NetworkKernel(eyes)
        training = Training(learning_rate=self.inner_rate)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), rate_of_images(self.images_rate, allocation)) | {"labels": self.labels_rate},
            eyes,
            labels=probabilities,
            drops=[round(share * self.steps) for share in self.drops],
            surrogate=kernel,
            sampler=Pool(kernel, self.networks, self.train_steps, self.max_age, training),
            objective=KernelRidge(ridge=self.ridge),
            source=CentredTargets(RandomBatches(task, self.real_rows), task.num_classes),
            augment=augmentation(self.operations, task),
            rows_at_once=None,
            deliver=deliver_targets,
        )
