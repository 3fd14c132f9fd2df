"""DD: images by back-propagation through the training on them."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.unrolled_loss import OutcomeMatching
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.matching.weight_samplers import Fresh
from graphcond.core.run import Run
from graphcond.images.augmentation import Operation
from graphcond.images.methods.matching import ImageMatching, ImageMatchingMethod, augmentation, hard_labels
from graphcond.images.methods.parameterizations import Form, Start, Stored
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import Architecture, ConvNet


@dataclass(frozen=True, kw_only=True)
class DD(ImageMatchingMethod):
    r"""The loss on real images of a network trained on the synthetic ones (Wang et al., 2018).

    .. math:: \min_{\mathcal S, \beta} \mathbb E_{\theta_0}\, \ell\big(\theta_N(\mathcal S, \beta);\; \mathcal T\big)

    through :math:`N` steps of gradient descent with momentum, differentiated exactly at one step of graph memory
    (:mod:`graphcond.core.matching.unrolled`). With momentum and many steps it is the learner of RTP, and with
    ``form=Memory()`` LinBa (both Deng and Russakovsky, NeurIPS 2022).

    Args:
        architecture: The network.
        form: What of the images is stored.
        start: Where images start, ``"real"`` or ``"noise"``.
        operations: How synthetic images are changed at each step of the training.
        unroll_steps: The number :math:`N`.
        unroll_momentum: Of the training.
        step_size: Where the learned step size :math:`\beta` starts.
        steps: Matching steps.
        images_rate: Learning rate (Adam) of the images.
        step_size_rate: Learning rate (Adam) of the step size's logarithm.
        real_rows: Real images of a step.
        looks: How often the images are judged on validation images.

    Note:
        The published code learns a step size for each step and trains on each class in turn; here one step size holds
        for all steps, which see all images. Which step is kept is chosen on validation images.
    """

    name: ClassVar[str] = "dd"
    architecture: Architecture = ConvNet(width=32)
    form: Form = Stored()
    start: Start = "real"
    operations: tuple[Operation, ...] = ()
    unroll_steps: int = 20
    unroll_momentum: float = 0.9
    step_size: float = 0.01
    steps: int = 400
    images_rate: float = 0.02
    step_size_rate: float = 0.01
    real_rows: int = 256
    looks: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        require_positive(self, but=("unroll_momentum",))

    def recipe(self, task: ImageTask, allocation: Tensor, run: Run) -> ImageMatching:
        """See :meth:`ImageMatchingMethod.recipe`."""
        made = self.form.build(task, allocation, self.start, hard_labels, self.step_size)
        eyes = self.surrogate(task)
        changes = augmentation(self.operations, task)
        unroll = Unroll(steps=self.unroll_steps, momentum=self.unroll_momentum, augment=changes)
        return self.matching(
            task,
            made,
            dict.fromkeys(made[0].parts(), self.images_rate) | {"step_size": self.step_size_rate},
            eyes,
            sampler=Fresh(eyes),
            objective=OutcomeMatching(unroll=unroll),
            source=RandomBatches(task, self.real_rows),
            rows_at_once=None,
        )
