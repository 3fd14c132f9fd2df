"""Features of synthetic nodes: free numbers, or one category for each column."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

CONFIDENCE = 0.9  # of a category at first: near enough to the real one, and not too far from the others


class Features(Protocol):
    """How rows of features become parameters, numbers that a surrogate takes, and rows again."""

    @property
    def width(self) -> int:
        """Numbers of a row, and its parameters."""
        ...

    def encode(self, rows: Tensor) -> Tensor:
        """Return real rows as numbers, ``(n, width)``."""
        ...

    def start(self, rows: Tensor) -> Tensor:
        """Return the parameters that stand for real rows, ``(n, width)``."""
        ...

    def numbers(self, parameters: Tensor) -> Tensor:
        """Return parameters as numbers, ``(n, width)``, differentiable."""
        ...

    def decode(self, parameters: Tensor) -> Tensor:
        """Return parameters as rows of the kind that the real ones are of."""
        ...


@dataclass(frozen=True)
class Numbers:
    """Features that are numbers, and learned as such.

    Args:
        width: Features of a node.
    """

    width: int

    def encode(self, rows: Tensor) -> Tensor:
        """See :class:`Features`."""
        return rows

    def start(self, rows: Tensor) -> Tensor:
        """See :class:`Features`."""
        return rows

    def numbers(self, parameters: Tensor) -> Tensor:
        """See :class:`Features`."""
        return parameters

    def decode(self, parameters: Tensor) -> Tensor:
        """See :class:`Features`."""
        return parameters


@dataclass(frozen=True, eq=False)
class Categories:
    """Features that are codes of categories, one-hot for a surrogate and learned as the logits of a softmax per column.

    Args:
        codes: The codes that occur in each column, ascending.
    """

    codes: tuple[Tensor, ...]

    @classmethod
    def of(cls, rows: Tensor) -> "Categories":
        """Return the categories of ``(n, columns)`` int64 rows."""
        return cls(tuple(torch.unique(column) for column in rows.T))

    @property
    def width(self) -> int:
        """See :class:`Features`."""
        return sum(len(codes) for codes in self.codes)

    def encode(self, rows: Tensor) -> Tensor:
        """Return one-hot columns; a code that never occurred is none of them."""
        blocks = []
        for codes, column in zip(self.codes, rows.T, strict=True):
            blocks.append(column.unsqueeze(1) == codes)
        return torch.cat(blocks, dim=1).to(torch.get_default_dtype())

    def start(self, rows: Tensor) -> Tensor:
        """Return logits that give each code a probability of 0.9; the rest is shared by the others of its column."""
        odds = [codes.new_full((len(codes),), len(codes) - 1, dtype=torch.float64) for codes in self.codes]
        scale = torch.log(CONFIDENCE / (1 - CONFIDENCE) * torch.cat(odds).clamp(min=1))
        hot = self.encode(rows)
        return hot * scale.to(hot)

    def numbers(self, parameters: Tensor) -> Tensor:
        """See :class:`Features`."""
        return torch.cat([block.softmax(dim=1) for block in self._blocks(parameters)], dim=1)

    def decode(self, parameters: Tensor) -> Tensor:
        """Return the likeliest code of each column, int64."""
        likeliest = [block.argmax(dim=1) for block in self._blocks(parameters)]
        return torch.stack([codes[place] for codes, place in zip(self.codes, likeliest, strict=True)], dim=1)

    def _blocks(self, parameters: Tensor) -> tuple[Tensor, ...]:
        return torch.split_with_sizes(parameters, [len(codes) for codes in self.codes], dim=1)


def features_of(x: Tensor) -> Features:
    """Return the features of real nodes ``x``: categories where it holds integers."""
    return Numbers(x.size(1)) if x.is_floating_point() else Categories.of(x)
