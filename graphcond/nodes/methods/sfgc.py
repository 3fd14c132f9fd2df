"""SFGC: nodes without edges by trajectory matching."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import ExpertPlan, Experts
from graphcond.core.matching.replay import Window
from graphcond.core.matching.surrogate import Surrogate
from graphcond.core.matching.training import Training, TrainingBatches
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.methods.trajectories import TrajectoryMethod
from graphcond.nodes.surrogate_models import GCNSurrogate
from graphcond.nodes.task import NodeTask
from graphcond.synthetic.learned_rows import HardLabels, Labels


@dataclass(frozen=True, kw_only=True)
class SFGC(TrajectoryMethod):
    r"""Trajectory matching without edges (SFGC: Zheng et al., NeurIPS 2023).

    Experts :math:`\theta^*` are GCNs trained on the labelled nodes of the real graph. From a checkpoint
    :math:`\theta^*_t` of one of them, a network is trained on the synthetic nodes alone for :math:`N` steps of size
    :math:`\beta`, which shall lead where the expert got :math:`M` checkpoints later:

    .. math:: \min_{X', \beta} \mathbb E_{t, \theta^*} \frac{\|\hat\theta_{t+N}(X', I, Y', \beta) -
              \theta^*_{t+M}\|^2}{\|\theta^*_t - \theta^*_{t+M}\|^2}

    The structure of the real graph is in the features then, and the step size :math:`\beta` is learned along.

    Args:
        surrogate: The network, ``GCNSurrogate()``.
        experts: How many experts are trained, how long, and what is kept of them.
        window: From which checkpoints trajectories start.
        expert_span: Checkpoints from the start of a trajectory to its goal, :math:`M`.
        unroll_steps: Steps of training on the synthetic nodes, :math:`N`.
        unroll_momentum: Of this training.
        step_size: Where the step size :math:`\beta` starts.
        steps: Matching steps.
        features_rate: Learning rate (Adam) of the features, relative to the average length of a row.
        step_size_rate: Learning rate (Adam) of the step size's logarithm; 0: it is not learned.

    Note:
        Where this departs from the published code (Amanda-Zheng/SFGC), and why:

        - Gradients pass through all steps exactly, in the space of the synthetic rows where they are fewer than the
          features (:mod:`graphcond.surrogates.row_space`).
        - Experts and students descend with momentum, so that a tenth of the steps suffice, and there are 8 experts
          instead of 200. On Cora, an expert of the paper is trained for 2500 epochs, a student for 400 to 500 steps.
        - Learning rates hold for features whose rows have length 1 on average; the published ones for row sums of 1.
          In ``record.choices``, ``learning_rate`` is the learned step size on features multiplied by ``scale``.
        - Nodes start as random training nodes, not as a core-set chosen by a network's embeddings.
        - What is kept is chosen on validation nodes by a short training of a GCN, out of twenty validations; the
          published code scores candidates by kernel regression with a graph neural tangent kernel.
        - Where ``max_seconds`` is over before all experts are trained, the nodes are those they start from.
        - Settings were chosen on the validation nodes of Cora with 35 and CiteSeer with 30 nodes.
    """

    name: ClassVar[str] = "sfgc"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    surrogate: GCNSurrogate = GCNSurrogate()
    experts: ExpertPlan = ExpertPlan(
        number=8, checkpoints=14, interval=10, training=Training(learning_rate=0.05, momentum=0.9)
    )
    window: Window = Window(max_start=4)
    expert_span: int = 10
    unroll_steps: int = 50
    unroll_momentum: float = 0.9
    step_size: float = 0.1
    steps: int = 400
    features_rate: float = 0.03
    step_size_rate: float = 0.01

    def training_batches(self, task: NodeTask, real: Batch) -> Callable[[], TrainingBatches]:
        """See :meth:`TrajectoryMethod.training_batches`: all training nodes, always."""
        return lambda: lambda step: real

    def labels(self, surrogate: Surrogate, experts: Experts, start: Batch) -> Labels:
        """See :meth:`TrajectoryMethod.labels`: their classes, fixed."""
        return HardLabels(start.y)
