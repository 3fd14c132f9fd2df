"""A condensed graph of the user's own making: checked as an original is, before anything is trained on it."""

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.target_reading import classes_and_columns, kind_of
from graphcond.core.targets import Kind
from graphcond.nodes import checks
from graphcond.nodes.sparse import dense
from graphcond.pyg.adjacency import check_weights, with_edges

ROUNDING = 1e-3


def read_own(data: Data, kind: Kind) -> Data:
    """Return a graph to train on with float32 features, checked targets and a ``train_mask`` of labelled nodes.

    Edges stay as they are, those that are there several times too: networks of the user's own see them so.

    Args:
        data: With ``x``, ``edge_index`` and ``y``; where it has a ``train_mask``, only those nodes are learned from. It
            is not changed.
        kind: What is learned of its nodes.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: a tensor with unusable values, or no node to learn from.
    """
    data = with_edges(data)
    try:
        x = dense(checks.check_features(data))
        edge_index = checks.check_ends(data, x.size(0))
        if (edge_weight := data.get("edge_weight")) is not None:
            edge_weight = check_weights(edge_weight, edge_index.size(1))
        y, known = read_own_labels(data, kind, x.size(0))
    except (TypeError, ValueError) as error:
        raise type(error)(f"the condensed data cannot be trained on: {error}") from error
    result = data.clone()
    result.x, result.edge_index, result.train_mask = x, edge_index, known
    result.y = y
    if edge_weight is not None:
        result.edge_weight = edge_weight
    return result


def read_own_labels(data: checks.Attributes, kind: Kind, count: int, where: str = "data") -> tuple[Tensor, Tensor]:
    """Return what nodes learn, ``(count,)`` int64 or ``(count, outputs)`` float32, and the mask of those that do.

    Args:
        data: With ``y`` and perhaps ``train_mask``, ``node_weight`` and ``y_soft``, which are checked.
        kind: What is learned.
        count: Number of nodes.
        where: What messages call ``data``.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: a tensor with unusable values, or no node to learn from.
    """
    given = checks.check_targets(data, count, where)
    y, targets = classes_and_columns(given, kind_of(given, kind, f"{where}.y"), f"; {checks.NUMBERS}", f"{where}.y")
    _check_own_column(data, count, probabilities=targets is None)
    known = y >= 0
    if data.get("train_mask") is not None:
        known = known & checks.check_mask(data, "train_mask", count, 0, required=True, where=where)
    if not known.any():
        raise ValueError("it has no labelled node in its train_mask; mark those to learn from")
    return y if targets is None else targets, known


def _check_own_column(data: checks.Attributes, count: int, *, probabilities: bool) -> None:
    """Raise unless weights and soft labels of nodes can be trained on."""
    weight, soft = data.get("node_weight"), data.get("y_soft")
    if weight is not None:
        if not isinstance(weight, Tensor) or tuple(weight.shape) != (count,):
            raise ValueError(
                f"node_weight must have the shape ({count},), a number for each node, got {_shape(weight)}"
            )
        if not (torch.isfinite(weight).all() and (weight >= 0).all() and (weight > 0).any()):
            raise ValueError("node_weight must hold finite numbers, none negative and not all 0; leave it out for ones")
    if soft is not None:
        if not isinstance(soft, Tensor) or soft.dim() != 2 or len(soft) != count:
            raise ValueError(f"y_soft must have the shape ({count}, classes), got {_shape(soft)}")
        if not (torch.isfinite(soft).all() and ((soft >= 0).all() or not probabilities)):
            raise ValueError("y_soft must hold probabilities, got negative or infinite ones; apply softmax to logits")
        if probabilities and ((total := soft.sum(dim=1)) - 1).abs().max() > ROUNDING:
            row = int((total - 1).abs().argmax())
            raise ValueError(
                f"rows of y_soft must sum to 1, row {row} sums to {float(total[row]):g}; apply softmax to logits"
            )


def _shape(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
