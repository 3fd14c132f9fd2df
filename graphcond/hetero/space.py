"""The labelled nodes as rows of numbers: what meta-paths bring to them, in few enough columns for ridge regressions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.hetero.metapaths import HOPS, MetaPath, blocks, metapaths, start_of
from graphcond.hetero.task import HeteroGraph
from graphcond.nodes.points import DensePoints, Points

COLUMNS = 128  # of each type's features that teachers, clusters and distances see
ALL_COLUMNS = 4096  # of all blocks together, about
SKETCH = 32  # random projections of wide features, by which the size of a whole block is told
SAMPLE = 20_000  # rows of a type among which its principal components are looked for
ROUNDS = 2  # of subspace iteration


@dataclass(frozen=True, eq=False)
class Reduction:
    """A type's features brought to fewer columns.

    Shapes:
        center: ``(features,)``; basis: ``(features, columns)`` with orthonormal columns, or ``None`` for the identity.
    """

    center: Tensor
    basis: Tensor | None

    @classmethod
    def of(cls, x: Tensor, columns: int) -> "Reduction":
        """Return that to about the leading principal components; where features are few, they are centred alone.

        Subspace iteration (Halko, Martinsson and Tropp, 2011).
        """
        center = x.mean(dim=0)
        if x.size(1) <= columns:
            return cls(center, None)
        rows = x if len(x) <= SAMPLE else x[torch.randperm(len(x))[:SAMPLE].to(x.device)]
        rows = rows - center
        found = torch.randn(x.size(1), columns).to(x)
        for _ in range(ROUNDS):
            found = torch.linalg.qr(rows.T @ (rows @ found)).Q
        return cls(center, found)

    def __call__(self, x: Tensor) -> Tensor:
        """Return features in fewer columns, centred."""
        return x - self.center if self.basis is None else torch.addmm(-(self.center @ self.basis), x, self.basis)

    def back(self, moved: Tensor) -> Tensor:
        """Return differences of reduced rows as differences of features."""
        return moved if self.basis is None else moved @ self.basis.T


class MetaPathSpace:
    """The labelled nodes by what meta-paths bring to them.

    A block's columns are scaled by one number, such that the mean square of a centred row of the whole block, before it
    was brought to fewer columns, is 1: no meta-path outweighs another because its features are larger, and one that is
    mostly noise in many columns does not become larger by losing them.

    Args:
        graph: The graph.
        hops: Relations of a meta-path at most.
        columns: Of each type's features at most.

    Attributes:
        space: All blocks side by side, ``(labelled nodes, columns)``.
    """

    def __init__(self, graph: HeteroGraph, hops: int = HOPS, columns: int = COLUMNS) -> None:
        self.graph = graph
        columns = max(1, min(columns, ALL_COLUMNS // len(metapaths(graph.edges, graph.node_type, hops))))
        self.reductions = {name: Reduction.of(graph.x[name], columns) for name in sorted(graph.x)}
        self.reduced = {name: self.reductions[name](x) for name, x in graph.x.items()}
        sketched = {name: torch.cat([self.reduced[name], self._sketch(name)], dim=1) for name in graph.x}
        found = blocks(HeteroGraph(sketched, graph.edges, graph.weights, graph.node_type, graph.y), hops)
        widths = {path: self.reduced[start_of(path, graph.node_type)].size(1) for path in found}
        self.scales = {path: _spread(_telling(part, widths[path])) for path, part in found.items()}
        self._widths = widths
        self.space = graph.x[graph.node_type].new_empty(graph.num_labelled, sum(widths.values()))
        for path, mine in self._split(self.space).items():  # in place: of a large graph these are many numbers
            torch.div(found.pop(path)[:, : widths[path]], self.scales[path], out=mine)

    def _sketch(self, name: str) -> Tensor:
        """Return random projections of a type's features, centred, where they were brought to fewer columns."""
        x, reduction = self.graph.x[name], self.reductions[name]
        if reduction.basis is None:
            return x[:, :0]
        signs = torch.randn(x.size(1), SKETCH).to(x) / SKETCH**0.5
        return torch.addmm(-(reduction.center @ signs), x, signs)

    @property
    def paths(self) -> list[MetaPath]:
        """The meta-paths, the shortest first."""
        return list(self._widths)

    def _split(self, rows: Tensor) -> dict[MetaPath, Tensor]:
        """Return views of rows by meta-path."""
        return dict(zip(self._widths, torch.split(rows, list(self._widths.values()), dim=1), strict=True))

    def points(self, nodes: Tensor) -> Points:
        """Return the rows of some labelled nodes as clustering asks for them."""
        return DensePoints(self.space[nodes])

    def rows(self, nodes: Tensor) -> Tensor:
        """Return the rows of some labelled nodes."""
        return self.space[nodes]

    def mean(self) -> Tensor:
        """Return the mean row."""
        return self.space.mean(dim=0)

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return sums over all labelled nodes, ``(k, columns)``, for ``(labelled nodes, k)`` weights."""
        return weights.T @ self.space

    def width(self, hops: int) -> int:
        """Return how many columns, the first ones, meta-paths of at most so many relations have."""
        return sum(width for path, width in self._widths.items() if len(path) <= hops)

    def parts(self, rows: Tensor) -> dict[MetaPath, Tensor]:
        """Return rows of the space by meta-path, in the units of the reduced features."""
        return {path: part * self.scales[path] for path, part in self._split(rows).items()}

    def reduction(self, path: MetaPath) -> Reduction:
        """Return how the features that a meta-path brings were reduced."""
        return self.reductions[start_of(path, self.graph.node_type)]


def _telling(part: Tensor, width: int) -> Tensor:
    """Return the columns of a block that tell its size: random projections of all, or where there are none, all."""
    return part if part.size(1) == width else part[:, width:]


def _spread(part: Tensor) -> Tensor:
    """Return the root mean square of centred rows, a scalar; 1 where they are all the same."""
    value = (part - part.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    return torch.where(value > 0, value, torch.ones_like(value))
