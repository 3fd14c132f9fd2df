"""GCond's recipe, which methods with other edges share: gradients along trainings, features and edges in turns."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.objectives.distances import DistanceName
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Trained
from graphcond.nodes.methods.matching import MatchingMethod
from graphcond.nodes.methods.structures import LearnedEdges, Structure
from graphcond.nodes.source import NodeSource
from graphcond.nodes.surrogate_models import SGCSurrogate, SurrogateModel
from graphcond.nodes.task import NodeTask
from graphcond.synthetic.graph import SyntheticGraph


@dataclass(frozen=True, kw_only=True)
class GradientMethod(MatchingMethod):
    """A method that matches gradients along trainings on the synthetic graph, as :class:`GCond` explains."""

    structure: Structure = LearnedEdges()
    surrogate: SurrogateModel = SGCSurrogate()
    distance: DistanceName = "columns"
    epochs: int = 600
    outer_steps: int = 20
    inner_steps: int = 15
    inner_rate: float = 0.01
    features_rate: float = 1e-4
    structure_rate: float = 1e-4
    structure_epochs: int = 10
    features_epochs: int = 40
    real_per_class: int = 256

    may_be_zero: ClassVar[tuple[str, ...]] = ("inner_steps",)

    def __post_init__(self) -> None:
        """Check the fields."""
        GradientMatching(distance=self.distance)
        super().__post_init__()
        require_positive(self, but=self.may_be_zero)

    def recipe(self, task: NodeTask, allocation: Tensor) -> Recipe[SyntheticGraph]:
        """See :meth:`MatchingMethod.recipe`."""
        graph, surrogate = self.start(task, allocation)
        share = allocation.to(task.train.graph.x) / int(allocation.max())
        training = Training(learning_rate=self.inner_rate)
        rates = {"features": self.features_rate, "structure": self.structure_rate}
        turns = (("structure", self.structure_epochs * self.outer_steps),
                 ("features", self.features_epochs * self.outer_steps))  # fmt: skip
        return Recipe(
            synthetic=graph,
            surrogate=surrogate,
            sampler=Trained(surrogate, self.outer_steps, self.inner_steps, training),
            objective=GradientMatching(distance=self.distance, class_weight=share),
            source=NodeSource(task.train, self.surrogate, self.real_per_class),
            schedule=Schedule(rates=rates, turns=turns),
            steps=self.epochs * self.outer_steps,
            validation=self.validation(task, graph),
        )
