"""A condensed graph of the user's own making: checked as an original is, before anything is trained on it."""

from torch_geometric.data import Data

from graphcond.graphs.adjacency import with_edges
from graphcond.nodes import checks
from graphcond.nodes.sparse import dense


def read_own(data: Data) -> Data:
    """Return a graph to train on with float32 features, integer labels and a ``train_mask`` of labelled nodes.

    Args:
        data: With ``x``, ``edge_index`` and ``y``; where it has a ``train_mask``, only those nodes are learned from. It
            is not changed.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: a tensor with unusable values, or no node to learn from.
    """
    notes: list[str] = []
    data = with_edges(data)
    try:
        x = dense(checks.check_features(data))
        edge_index, edge_weight, _ = checks.check_edges(data, x.size(0), notes)
        y = checks.check_labels(data, x.size(0))
        known = y >= 0
        if data.get("train_mask") is not None:
            known = known & checks.check_mask(data, "train_mask", x.size(0), 0, required=True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"the condensed data cannot be trained on: {error}") from error
    if not known.any():
        raise ValueError("the condensed data has no labelled node in its train_mask; mark those to learn from")
    result = data.clone()
    result.x, result.y, result.edge_index, result.train_mask = x, y, edge_index, known
    if data.edge_weight is not None:
        result.edge_weight = edge_weight
    return result
