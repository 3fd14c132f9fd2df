"""How a condensed heterogeneous graph is evaluated: one fixed setting for all datasets, ratios and methods."""

from dataclasses import dataclass

from graphcond.core.evaluation.metrics import Metric
from graphcond.nodes.evaluation.protocol import check_training


@dataclass(frozen=True, kw_only=True)
class HeteroProtocol:
    """The training of a downstream model on a condensed heterogeneous graph.

    Adam; the learning rate drops to a tenth at half time, with a fresh optimiser; the weights of the best validation
    epoch are kept; the test split is read once, with those weights.

    Args:
        name: Shown in tables.
        hidden: Width of hidden layers.
        dropout: Dropout between layers.
        learning_rate: Adam's, until half time.
        weight_decay: L2 penalty on all weights.
        epochs: Full-batch steps.
        validate_every: Epochs between two validations.
        edge_threshold: Edges of the condensed graph with a lower weight are dropped where weights count.
        runs: Trainings of each condensation, with the seeds ``seed``, ``seed + 1``, ... of the call.
        metric: What a score is, by the names that :class:`graphcond.evaluation.Protocol` lists, such as ``"accuracy"``,
            ``"f1"``, ``"f1_micro"`` or ``"rmse"``, or a function; ``None``: the dataset's own.
    """

    name: str = "custom"
    hidden: int = 64
    dropout: float = 0.5
    learning_rate: float = 0.005
    weight_decay: float = 0.0
    epochs: int = 200
    validate_every: int = 10
    edge_threshold: float = 0.0
    runs: int = 3
    metric: str | Metric | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_training(self)
        if self.hidden % 4:
            raise ValueError(f"hidden must be a multiple of 4, for 4 heads of attention, got {self.hidden}")


STANDARD = HeteroProtocol(name="standard")
"""2 layers, hidden 64, dropout 0.5, Adam 0.005 without weight decay, 200 epochs with one drop, weights of the best
validation epoch, the validation split read at every tenth epoch.

Note:
    Published tables on heterogeneous graphs have a setting for each dataset. Weight decay is left out because it takes
    the attention of ``hgt`` on small sets to zero.
"""

HETERO_PROTOCOLS = {STANDARD.name: STANDARD}
