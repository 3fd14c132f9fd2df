"""A condensed graph of the user's own making: checked as an original is, before anything is trained on it."""

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.nodes import checks


def require_finite(data: Data) -> None:
    """Raise if condensed data hold a number that nothing can be trained on, whoever made them.

    Raises:
        ValueError: the message names the tensor.
    """
    for name, value in data.to_dict().items():
        if isinstance(value, Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(
                f"{name} of the condensed data holds NaN or infinity; condense again, or clean it, e.g. with "
                "torch.nan_to_num"
            )


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
    try:
        x = checks.check_features(data)
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
