"""How a condensed set of graphs is evaluated: one fixed setting for all datasets, sizes and methods."""

from dataclasses import dataclass

from graphcond.core.evaluation.metrics import Metric, check_metric
from graphcond.core.fields import plain_fields, positive_integer
from graphcond.graphs.pooling import Readout


@dataclass(frozen=True, kw_only=True)
class GraphProtocol:
    """The training of a downstream model on a set of graphs.

    Adam; the learning rate drops to a tenth at half time. The weights of the best validation epoch are kept, and those
    of the last step are evaluated as well. The test split is read once, at the end.

    Args:
        name: Shown in tables.
        layers: Convolutions.
        hidden: Width of layers.
        readout: ``"sum"`` or ``"mean"`` of the nodes' embeddings.
        dropout: Dropout between layers.
        learning_rate: Adam's, until half time.
        weight_decay: L2 penalty on all weights.
        steps: Optimiser steps, at the least.
        passes: Passes over the training set, at the least.
        batch_size: Graphs of a step.
        validations: Number of validations.
        runs: Trainings of each condensation, with the seeds ``seed``, ``seed + 1``, ... of the call.
        metric: What a score is, by the names that :class:`graphcond.evaluation.Protocol` lists, such as ``"accuracy"``,
            ``"roc_auc"``, ``"average_precision"``, ``"f1"`` or ``"rmse"``, or a function; ``None``: the dataset's own.
    """

    name: str = "graphs"
    layers: int = 3
    hidden: int = 64
    readout: Readout = "sum"
    dropout: float = 0.0
    learning_rate: float = 0.01
    weight_decay: float = 1e-3
    steps: int = 500
    passes: int = 20
    batch_size: int = 256
    validations: int = 50
    runs: int = 3
    metric: str | Metric | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        for field in ("layers", "hidden", "steps", "passes", "batch_size", "validations", "runs"):
            positive_integer(field, getattr(self, field))
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError("learning_rate must be positive, weight_decay not negative")
        if self.readout not in ("sum", "mean"):
            raise ValueError(f"readout must be 'sum' or 'mean', got {self.readout!r}")
        check_metric(self.metric)


STANDARD_GRAPHS = GraphProtocol(name="standard")
"""Three layers of width 64, sum readout, 500 steps of Adam at 0.01, then 0.001, an L2 penalty of 0.001; weights of the
best validation.

The learning rate was chosen on validation graphs of NCI1 and molbace, for random graphs and histograms alike; the
penalty on those of NCI1, molbace, molhiv and MUTAG, for histograms, random graphs and herding."""

PUBLISHED_GRAPHS = GraphProtocol(
    name="published", hidden=128, readout="mean", learning_rate=1e-3, weight_decay=0.0, validations=100
)
"""DosCond's table: 3 layers of width 128, mean readout, 500 steps of Adam at 1e-3, then 1e-4; best by validation.

Note:
    DosCond validates after each epoch; here after each fifth step.
"""

GRAPH_PROTOCOLS = {protocol.name: protocol for protocol in (STANDARD_GRAPHS, PUBLISHED_GRAPHS)}
