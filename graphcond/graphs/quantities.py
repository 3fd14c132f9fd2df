"""Quantities as categories: colours need the latter, for each value of a quantity would be a colour of its own."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphcond.core.fields import is_whole
from graphcond.graphs.task import GraphSet


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


def as_categories(graphs: GraphSet, bins: int | None, method: str) -> tuple[GraphSet, dict[str, float]]:
    """Return the graphs with quantities cut into bins, and by how much that changed them.

    Raises:
        ValueError: there are quantities and ``bins`` is ``None``.
    """
    for name, rows in (("x", graphs.x), ("edge_attr", graphs.edge_attr)):
        if bins is None and rows is not None and (columns := quantities(rows)):
            distinct = len(torch.unique(rows[:, columns[0]]))
            raise ValueError(
                f"data.{name} holds quantities (column {columns[0]} has {distinct} values), but method={method!r} "
                "needs categories; give the method bins=, such as bins=8, to cut quantities into that many"
            )
    if bins is None:
        return graphs, {}
    quantizer = Quantizer.of(graphs, bins)
    return quantizer.apply(graphs), quantizer.errors()


def check_bins(bins: int | None) -> None:
    """Raise if a number of bins is not a whole number of at least 2."""
    if bins is not None and (not is_whole(bins) or bins < 2):
        raise ValueError(f"bins must be a whole number, 2 or more, got {bins!r}")
