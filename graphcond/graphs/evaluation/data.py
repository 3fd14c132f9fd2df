"""What networks are validated and tested on, made once for all rows of a report."""

from graphcond.core.evaluation.setting import Setting
from graphcond.graphs.evaluation.models import FeatureSizes, GraphKind
from graphcond.graphs.evaluation.training import GraphEvaluationData
from graphcond.graphs.task import GraphSet, GraphTask


def features_of(setting: Setting) -> tuple[FeatureSizes, FeatureSizes | None]:
    """Return what the encoders of nodes and edges have to take, in any part of the task.

    How many codes a column has is a matter of the encoder, not of what a model learns.
    """

    def made() -> tuple[FeatureSizes, FeatureSizes | None]:
        task: GraphTask = setting.task
        parts = (task.train, task.val, task.test)
        edges = [part.edge_attr for part in parts if part.edge_attr is not None]
        return FeatureSizes.of(*(part.x for part in parts)), FeatureSizes.of(*edges) if edges else None

    return setting.once("features", made)


def evaluation_data(setting: Setting, kind: GraphKind, part: str) -> GraphEvaluationData:
    """Return the validation or test graphs (``"val"`` or ``"test"``) as a model takes them."""
    graphs: GraphSet = getattr(setting.task, part)
    protocol, device = setting.protocol, setting.device
    if kind.folds:
        return setting.once((part, protocol.layers), lambda: GraphEvaluationData.of(graphs, protocol.layers, device))
    return setting.once((part, None), lambda: GraphEvaluationData.unfolded(graphs, protocol.batch_size, device))
