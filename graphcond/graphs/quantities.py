"""Quantities as categories: colours need the latter, for each value of a quantity would be a colour of its own."""

import torch
from torch import Tensor

from graphcond.graphs.task import GraphSet


def as_categories(graphs: GraphSet, bins: int | None, method: str) -> tuple[GraphSet, dict[str, float]]:
    """Return the graphs with quantities replaced by the means of their bins, and by how much that changed them.

    Args:
        graphs: The graphs. Columns of whole numbers are categories and stay as they are.
        bins: Into how many bins, of equally many values, each column of quantities is cut; ``None``: into none.
        method: Who asks, for the message.

    Returns:
        The graphs, and for each column that was cut (``"x[3]"``) the mean change relative to its deviation.

    Raises:
        ValueError: there are quantities and ``bins`` is ``None``.
    """
    errors: dict[str, float] = {}
    x = _binned("x", graphs.x, bins, method, errors)
    attr = None if graphs.edge_attr is None else _binned("edge_attr", graphs.edge_attr, bins, method, errors)
    return (GraphSet(x, graphs.edge_index, attr, graphs.ptr, graphs.y) if errors else graphs), errors


def check_bins(bins: int | None) -> None:
    """Raise if a number of bins is not a whole number of at least 2."""
    if bins is not None and (isinstance(bins, bool) or not isinstance(bins, int) or bins < 2):
        raise ValueError(f"bins must be a whole number, 2 or more, got {bins!r}")


def _binned(name: str, rows: Tensor, bins: int | None, method: str, errors: dict[str, float]) -> Tensor:
    if not rows.is_floating_point():
        return rows
    columns = (rows != rows.round()).any(dim=0).nonzero().flatten().tolist()
    if columns and bins is None:
        distinct = len(torch.unique(rows[:, columns[0]]))
        raise ValueError(
            f"data.{name} holds quantities (column {columns[0]} has {distinct} values), but method={method!r} needs "
            "categories; give the method bins=, such as bins=8, to cut quantities into that many"
        )
    rows = rows.clone() if columns else rows
    for column in columns:
        values = rows[:, column]
        means = _bin_means(values, bins or 2)
        errors[f"{name}[{column}]"] = round(float((means - values).abs().mean() / values.std().clamp(min=1e-12)), 4)
        rows[:, column] = means
    return rows


def _bin_means(values: Tensor, bins: int) -> Tensor:
    """Return each value's bin mean; equal values share a bin."""
    ordered = values.sort().values
    cuts = torch.unique(ordered[torch.arange(1, bins) * len(values) // bins])
    number = torch.bucketize(values, cuts, right=True)
    total = values.new_zeros(bins).index_add(0, number, values)
    return (total / torch.bincount(number, minlength=bins).clamp(min=1))[number]
