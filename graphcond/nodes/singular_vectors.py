"""Targets of nodes without labels: the leading singular vectors of their propagated features."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.settings import built
from graphcond.core.target_reading import check_kind
from graphcond.core.targets import Kind, Regression
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.sparse import is_sparse, maybe_sparse
from graphcond.nodes.task import Graph, NodePart, NodeTask

SWEEPS = 6  # of the subspace iteration: a sweep raises what separates directions to the second power
SPARE = 16  # columns more than twice as many as are asked for
ROWS_AT_ONCE = 1 << 14
# Vectors are multiples of it, where their largest is of size 1: what rounding adds on another machine disappears.
GRID = 2.0**-16
NEGLIGIBLE = 1e-6  # of the largest singular value
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class SingularVectors:
    r"""The leading left singular vectors of :math:`\hat A^{hops} X - 1 \mu^\top`, times their singular values.

    They are what is best kept of the propagated features in so many numbers a node, so that a network that predicts
    them knows what a linear probe needs, whatever the labels. All columns have one scale: divided by their singular
    values, they would serve probes worse on the validation nodes of CiteSeer and PubMed.

    Args:
        columns: Vectors; there are fewer where the features have a lower rank.
        hops: Hops of propagation.
    """

    name: ClassVar[str] = "singular_vectors"
    columns: int = 64
    hops: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("hops",))

    def __str__(self) -> str:
        settings = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
        return f"{self.name}({settings})"


def resolve_target(target: object) -> Kind | SingularVectors | None:
    """Return what nodes are to learn: a kind of targets that are read, vectors that are made, or ``None``.

    Raises:
        TypeError: it is something else, or a setting has the wrong type.
        ValueError: there is nothing of that name, or no such setting.

    >>> resolve_target("singular_vectors(columns=16)"), resolve_target("regression")
    (SingularVectors(columns=16, hops=2), 'regression')
    """
    if isinstance(target, SingularVectors):
        return target
    name = SingularVectors.name
    if isinstance(target, str) and target.partition("(")[0].strip() == name:
        return built(target, {name: SingularVectors}, {}, "target")
    return check_kind(target, others=(name,))


def made_by(target: object) -> SingularVectors | None:
    """Return what made the targets that a record names; ``None``: they were read."""
    found = resolve_target(target)
    return found if isinstance(found, SingularVectors) else None


def without_labels(task: NodeTask, made: SingularVectors, probed: NodeTask | None = None) -> NodeTask:
    """Return a task whose nodes learn the vectors; labels of the given one are not read.

    All nodes of the graph that is condensed learn, whether they have a label or not. In the inductive setting
    validation and test nodes have the coordinates of their own features in the directions of that graph.

    Args:
        task: The task.
        made: The vectors.
        probed: The same dataset with labels, on which a linear probe is trained and scored; ``None``: there are none.
    """
    basis = _basis(task.train.graph, made)
    free = task.with_graphs(lambda graph: replace(graph, targets=_coordinates(graph, made, basis)))
    graph = free.train.graph
    assert graph.targets is not None
    targets = Regression.made_of_items(graph.targets, str(made))
    train = NodePart(graph, torch.arange(graph.num_nodes, device=graph.y.device))
    with_strata = replace(free, train=train, targets=targets, metric=targets.metric, probed=probed)
    return with_strata.with_graphs(lambda one: one.stratified(targets))


class _Basis(NamedTuple):
    """Directions of features. ``directions``: ``(num_features, columns)``; ``mean``: ``(num_features,)``."""

    directions: Array
    mean: Array
    unit: float


class _Propagated:
    """Propagated features in float64, which are only ever multiplied."""

    def __init__(self, graph: Graph, hops: int) -> None:
        adjacency = normalized_adjacency(graph).cpu()
        entries = (adjacency.values().double().numpy(), adjacency.col_indices().numpy())
        self.adjacency = sp.csr_array((*entries, adjacency.crow_indices().numpy()), shape=tuple(adjacency.shape))
        self.x, self.hops = maybe_sparse(graph.x.cpu()), hops
        if is_sparse(self.x):
            parts = (self.x.values().double().numpy(), self.x.col_indices().numpy(), self.x.crow_indices().numpy())
            self.sparse: sp.csr_array | None = sp.csr_array(parts, shape=tuple(self.x.shape))
        else:
            self.sparse = None

    def times(self, v: Array) -> Array:
        """Return the product with ``(num_features, columns)``."""
        if self.sparse is not None:
            image: Array = self.sparse @ v
        else:
            image = np.concatenate([part.double().numpy() @ v for part in torch.split(self.x, ROWS_AT_ONCE)])
        for _ in range(self.hops):
            image = self.adjacency @ image
        return image

    def transposed_times(self, u: Array) -> Array:
        """Return the product of the transpose with ``(num_nodes, columns)``."""
        for _ in range(self.hops):
            u = self.adjacency.T @ u
        if self.sparse is not None:
            product: Array = self.sparse.T @ u
            return product
        parts = zip(torch.split(self.x, ROWS_AT_ONCE), np.array_split(u, _ends(len(u))), strict=True)
        total = np.zeros((self.x.size(1), u.shape[1]))
        for part, rows in parts:
            total += part.double().numpy().T @ rows
        return total


def _ends(count: int) -> list[int]:
    return list(range(ROWS_AT_ONCE, count, ROWS_AT_ONCE))


def _basis(graph: Graph, made: SingularVectors) -> _Basis:
    """Return the leading directions by subspace iteration, the same at every call.

    Raises:
        ValueError: all nodes have the same propagated features.
    """
    rows = _Propagated(graph, made.hops)
    count, features = graph.x.shape
    mean = rows.transposed_times(np.ones((count, 1)))[:, 0] / count
    generator = torch.Generator().manual_seed(0)
    width = min(2 * made.columns + SPARE, features, count)
    directions: Array = torch.randn(features, width, generator=generator, dtype=torch.float64).numpy()
    for _ in range(SWEEPS):
        directions = np.linalg.qr(directions)[0]
        image = rows.times(directions) - mean @ directions
        directions = rows.transposed_times(image) - np.outer(mean, image.sum(axis=0))
    directions = np.linalg.qr(directions)[0]
    image = rows.times(directions) - mean @ directions
    squares, turned = np.linalg.eigh(image.T @ image)
    order = np.argsort(-squares, kind="stable")[: made.columns]
    length = np.sqrt(np.clip(squares[order], 0, None))
    kept = length > NEGLIGIBLE * max(length[0], np.sqrt(count) * NEGLIGIBLE * (np.abs(mean).max() + 1e-30))
    if not kept.any():
        raise ValueError("all nodes have the same propagated features, so there is nothing to learn without labels")
    directions = directions @ turned[:, order[kept]]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return _Basis(directions * np.sign(largest), mean, float(length[0] / np.sqrt(count)))


def _coordinates(graph: Graph, made: SingularVectors, basis: _Basis) -> Tensor:
    """Return what the nodes of a graph learn, ``(num_nodes, columns)`` float32; the first column has variance 1."""
    image = _Propagated(graph, made.hops).times(basis.directions) - basis.mean @ basis.directions
    rounded = np.round(image / (basis.unit * GRID)) * GRID
    return torch.from_numpy((rounded + 0.0).astype(np.float32)).to(graph.y.device)
