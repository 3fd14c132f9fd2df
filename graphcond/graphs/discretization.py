"""Quantities as categories: colours need the latter, for each value of a quantity would be a colour of its own."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from graphcond.core.fields import is_whole
from graphcond.graphs.task import GraphSet

BINS = (8, 4, 2)
NODES_OF_A_KIND = 10


@dataclass(frozen=True, eq=False)
class Column:
    """A column of quantities that is cut into bins.

    Args:
        name: ``"x"`` or ``"edge_attr"``.
        column: Its number.
        cuts: Where bins begin, but for the first.
        means: ``(num_bins,)`` the means of the training values in each bin, which stand for them.
        error: Mean change of the training values, relative to their deviation.
    """

    name: str
    column: int
    cuts: Tensor
    means: Tensor
    error: float

    @classmethod
    def of(cls, name: str, column: int, values: Tensor, bins: int) -> "Column":
        """Return the column cut into bins of equally many values; equal values share a bin."""
        ordered = values.contiguous().sort().values
        cuts = torch.unique(ordered[torch.arange(1, bins) * len(values) // bins])
        number = torch.bucketize(values.contiguous(), cuts, right=True)
        total = values.new_zeros(len(cuts) + 1).index_add(0, number, values)
        means = total / torch.bincount(number, minlength=len(cuts) + 1).clamp(min=1)
        error = float((means[number] - values).abs().mean() / values.std(correction=0).clamp(min=1e-12))
        return cls(name, column, cuts, means, round(error, 4))

    def apply(self, values: Tensor) -> Tensor:
        """Return the mean of each value's bin."""
        return self.means[torch.bucketize(values.contiguous(), self.cuts, right=True)]


@dataclass(frozen=True)
class Quantizer:
    """Cuts columns of quantities into bins, as training graphs have them; columns of whole numbers stay as they are."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, graphs: GraphSet, bins: int) -> "Quantizer":
        """Return the quantizer of some graphs."""
        found = []
        for name, rows in (("x", graphs.x), ("edge_attr", graphs.edge_attr)):
            found += [Column.of(name, i, rows[:, i], bins) for i in quantities(rows)] if rows is not None else []
        return cls(tuple(found))

    def apply(self, graphs: GraphSet) -> GraphSet:
        """Return graphs with quantities replaced by the means of their bins."""
        if not self.columns:
            return graphs
        rows = {name: value.clone() for name in ("x", "edge_attr") if (value := getattr(graphs, name)) is not None}
        for column in self.columns:
            rows[column.name][:, column.column] = column.apply(rows[column.name][:, column.column])
        return replace(graphs, **rows)

    def errors(self) -> dict[str, float]:
        """Return by how much each column was changed, such as ``{"x[3]": 0.05}``."""
        return {f"{column.name}[{column.column}]": column.error for column in self.columns}


def quantities(rows: Tensor) -> list[int]:
    """Return the columns that hold anything but whole numbers."""
    if not rows.is_floating_point():
        return []
    found: list[int] = (rows != rows.round()).any(dim=0).nonzero().flatten().tolist()
    return found


def fitting_bins(graphs: GraphSet) -> int:
    """Return into how many bins quantities are cut by default: 8, or 4, or 2.

    The most with which a kind of node has ten nodes on average: with more, hardly two graphs would have a node in
    common where there are many columns.
    """
    if not _has_quantities(graphs):
        return BINS[0]
    for bins in BINS[:-1]:
        kinds = len(torch.unique(Quantizer.of(graphs, bins).apply(graphs).x, dim=0))
        if NODES_OF_A_KIND * kinds <= graphs.num_nodes:
            return bins
    return BINS[-1]


def as_categories(graphs: GraphSet, bins: int | None) -> tuple[GraphSet, dict[str, Any]]:
    """Return the graphs with quantities cut into bins, and what the record says of it: nothing where there are none.

    Args:
        graphs: The graphs.
        bins: Into how many bins each column of quantities is cut; ``None``: :func:`fitting_bins`.
    """
    if not _has_quantities(graphs):
        return graphs, {}
    bins = bins or fitting_bins(graphs)
    quantizer = Quantizer.of(graphs, bins)
    return quantizer.apply(graphs), {"bins": bins, "bin_errors": quantizer.errors()}


def _has_quantities(graphs: GraphSet) -> bool:
    return any(rows is not None and bool(quantities(rows)) for rows in (graphs.x, graphs.edge_attr))


def check_bins(bins: int | None) -> None:
    """Raise if a number of bins is not a whole number of at least 2."""
    if bins is not None and (not is_whole(bins) or bins < 2):
        raise ValueError(f"bins must be a whole number, 2 or more, got {bins!r}")
