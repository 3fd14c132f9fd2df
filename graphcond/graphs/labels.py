"""From what graphs have as ``y`` to classes, labels or numbers: each failure is one sentence with the remedy."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.target_reading import classes_and_columns, kind_of
from graphcond.core.targets import Kind


class GraphLabels(NamedTuple):
    """What graphs have as targets.

    Shapes:
        y: ``(num_graphs,)`` int64 classes, or 0; -1 where nothing is known. targets: see
        :class:`graphcond.graphs.task.GraphSet`.
    """

    kind: Kind
    y: Tensor
    targets: Tensor | None


def with_label(item: Data, what: str) -> Data:
    """Return a graph whose label is a tensor, made from a number of Python or NumPy; the given graph is not changed.

    Raises:
        TypeError: the label is no number.
    """
    y = item.get("y")
    if y is None or isinstance(y, Tensor):
        return item
    label = np.asarray(y)
    if label.dtype.kind not in "biuf":
        raise TypeError(f"{what}.y must be the number of its class, got {type(y).__name__}; number the classes from 0")
    made = copy.copy(item)
    made.y = torch.from_numpy(label.reshape(-1).astype(np.float64 if label.dtype.kind == "f" else np.int64))
    return made


def stacked_labels(items: Sequence[Data]) -> Tensor:
    """Return the labels of all graphs, ``(num_graphs,)`` if each has one value in a flat tensor, else a row for each.

    Raises:
        ValueError: graphs have none, or differ in how many they have.
    """
    for i, item in enumerate(items):
        if item.y.dim() > 1 and item.y.size(0) != 1:
            raise ValueError(
                f"dataset[{i}].y has the shape {tuple(item.y.shape)}, but a graph has one class, shape (1,), or one "
                "row of targets, shape (1, targets)"
            )
    check_widths([item.y.numel() for item in items])
    rows = torch.cat([item.y.reshape(1, -1) for item in items])
    flat = rows.size(1) == 1 and all(item.y.dim() <= 1 for item in items)
    return rows.flatten() if flat else rows


def stored_labels(y: Tensor, slices: Mapping[str, Any], num_graphs: int) -> Tensor:
    """Return the labels that an in-memory dataset keeps, as :func:`stacked_labels` does."""
    if y.dim() != 1 or "y" not in slices:
        return y
    ends = torch.as_tensor(slices["y"]).long()
    if len(ends) != num_graphs + 1 or int(ends[-1]) != len(y):
        return y
    check_widths(ends.diff().tolist())
    return y if len(y) == num_graphs else y.reshape(num_graphs, -1)


def check_widths(widths: Sequence[int]) -> None:
    """Raise unless all graphs have as many targets, one or more."""
    usual = max(set(widths), key=lambda width: (widths.count(width), -width))
    for i, width in enumerate(widths):
        if width == 0:
            raise ValueError(f"dataset[{i}].y holds 0 values, but a graph has one class: pass shape (1,)")
        if width != usual:
            raise ValueError(
                f"dataset[{i}].y holds {width} values, but others hold {usual}: all graphs need as many targets; pass "
                "NaN where one is missing"
            )


def labels_of(y: Tensor, num_graphs: int, asked: Kind | None) -> GraphLabels:
    """Return classes, labels or numbers of graphs.

    Args:
        y: ``(num_graphs,)`` or ``(num_graphs, targets)``.
        num_graphs: Number of graphs.
        asked: The kind that the user or the dataset names; ``None``: what the values look like.

    Raises:
        TypeError: not numbers.
        ValueError: not a row for each graph, or values that make no sense.
    """
    if y.dim() == 0 or len(y) != num_graphs:
        raise ValueError(f"data.y must hold one row per graph ({num_graphs}), got {len(y) if y.dim() else 1}")
    kind = kind_of(y, asked)
    classes, columns = classes_and_columns(y, kind)
    if columns is not None and y.dim() == 1 and kind == "regression":
        columns = columns.flatten()
    return GraphLabels(kind, classes, columns)


def check_classes(y: Tensor, train: Tensor) -> int:
    """Return the number of classes, all of which have training graphs."""
    present = torch.unique(y[y >= 0])
    if len(present) < 2:
        hint = "; -1 stands for unlabelled: make classes -1 and 1 into 0 and 1" if bool((y < 0).any()) else ""
        raise ValueError(f"data.y holds {len(present)} class(es), but classification needs at least two{hint}")
    num_classes = int(present.max()) + 1
    if num_classes > len(y):
        raise ValueError(
            f"data.y reaches {num_classes - 1}, but there are only {len(y)} graphs and each class needs one; renumber "
            "the classes from 0, or read them as numbers: target='regression'"
        )
    missing = (torch.bincount(train, minlength=num_classes) == 0).nonzero().flatten().tolist()
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {num_classes} classes have no training graph (class {shown}); add one to the training "
            "split, or drop the class and renumber data.y"
        )
    return num_classes
