"""How a condensed dataset is evaluated: one fixed setting for all datasets, ratios and methods."""

from dataclasses import dataclass
from typing import Any

from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.metrics import Metric, check_metric
from graphcond.core.fields import plain_fields, positive_integer


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The training of a downstream model on a condensed dataset.

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
        metric: What a score is; ``None``: the dataset's own, as OGB's sets and those of the catalogue
            (:func:`graphcond.datasets.list_datasets`) have one, else accuracy for classes, ROC-AUC for several labels
            and RMSE for numbers. By name, of classes: ``"accuracy"``, ``"f1"`` (mean over classes), ``"f1_micro"``,
            ``"mrr"`` and ``"hits@3"`` (of any length; of equal logits the true class comes last), for two classes
            ``"roc_auc"`` and ``"average_precision"``. Of several labels: ``"roc_auc"``, ``"average_precision"`` and
            ``"f1"`` (means over labels), ``"f1_micro"``, and ``"f1_micro_top"`` and ``"f1_macro_top"``, for which each
            item is given as many labels as it truly has. Of numbers: ``"rmse"``, ``"mae"`` and ``"r2"`` (means over
            targets). OGB's spellings work as well. Missing labels and numbers have no part in a score. Or a function
            of outputs and labels that returns a score, the more the better unless its attribute ``higher_is_better``
            is false: of logits ``(n, classes)`` and labels ``(n,)``, or of logits or numbers ``(n, targets)`` and
            targets with NaN where one is missing.
        probe: ``None``: what the model says is scored; a :class:`graphcond.evaluation.LinearProbe`: what a linear model
            makes of it that is trained on the labelled training nodes of the original, while the network stays fixed.
            So a network that was trained without labels is scored for any of them.
    """

    name: str = "custom"
    hidden: int = 256
    dropout: float = 0.5
    learning_rate: float = 0.01
    weight_decay: float = 5e-4
    epochs: int = 600
    validate_every: int = 10
    edge_threshold: float = 0.0
    runs: int = 3
    metric: str | Metric | None = None
    probe: LinearProbe | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_training(self)
        if not isinstance(self.probe, LinearProbe | None):
            raise TypeError(f"probe must be LinearProbe() or None, got {self.probe!r}")


def check_training(protocol: Any) -> None:  # noqa: ANN401 (a dataclass with these fields)
    """Raise if the settings of a training cannot be used.

    Raises:
        TypeError: one of the wrong type.
        ValueError: one with an unusable value.
    """
    plain_fields(protocol)
    for field in ("hidden", "epochs", "validate_every", "runs"):
        positive_integer(field, getattr(protocol, field))
    if not 0 <= protocol.dropout < 1:
        raise ValueError(f"dropout must be in [0, 1), got {protocol.dropout!r}")
    if protocol.learning_rate <= 0 or protocol.weight_decay < 0 or protocol.edge_threshold < 0:
        raise ValueError("learning_rate must be positive, weight_decay and edge_threshold not negative")
    check_metric(protocol.metric)


STANDARD = Protocol(name="standard")
"""The protocol of GCond's code (2 layers, hidden 256, dropout 0.5, weight decay 5e-4, Adam 0.01, 600 epochs with one
drop, weights of the best validation epoch), the validation split read at every tenth epoch."""

PUBLISHED = Protocol(name="published", dropout=0.0, validate_every=1, edge_threshold=0.05)
"""The protocol behind GCond's published table: no dropout, edges below 0.05 dropped, every epoch validated.

Note:
    GCond's code draws initial weights and biases within 1/sqrt(outputs of the layer); here PyG's initialisation is
    kept. On the graphs that its authors released, both give the same scores within their deviation.
"""

LINEAR_PROBE = Protocol(name="linear_probe", probe=LinearProbe())
"""The standard training, on whatever was learned when the dataset was condensed, then a linear probe for its labels.

Sets that were condensed without labels are evaluated so.
"""

PROTOCOLS = {protocol.name: protocol for protocol in (STANDARD, PUBLISHED, LINEAR_PROBE)}
