"""Features of types of nodes that have none, made from relations: each rule is a value with a name.

What is made depends on the graph and on the value only, not on random states. Edges count in both directions,
whichever way messages flow.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.settings import built
from graphcond.hetero.checks import holder, named
from graphcond.hetero.task import EdgeType

SMALL = 1024  # nodes on the smaller side of an adjacency whose singular vectors are those of a dense matrix
ITERATIONS = 12  # of the power method, for larger ones
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Relations:
    """The relations of a graph some of whose types of nodes may have no features.

    Args:
        counts: Number of nodes of each type.
        edges: By edge type, ``(2, edges)`` int64 without duplicates.
        weights: By edge type, ``(edges,)`` float32, not negative.
    """

    counts: Mapping[str, int]
    edges: Mapping[EdgeType, Tensor]
    weights: Mapping[EdgeType, Tensor]

    def around(self, name: str) -> dict[str, sp.csr_array]:
        """Return the neighbours of the nodes of a type: by their type, ``(nodes, neighbours)`` sums of weights.

        Types that no edge of a weight above 0 joins with this one are left out.
        """
        found: dict[str, sp.csr_array] = {}
        for side, other, relation in self._ends(name):
            rows, columns = (self.edges[relation][end].cpu().numpy() for end in (side, 1 - side))
            weights = self.weights[relation].double().cpu().numpy()
            shape = (self.counts[name], self.counts[other])
            matrix = sp.csr_array((weights, (rows, columns)), shape=shape)
            found[other] = sp.csr_array(found[other] + matrix) if other in found else matrix
        return {other: matrix for other, matrix in found.items() if matrix.count_nonzero()}

    def degrees(self, name: str) -> Tensor:
        """Return the sums of the weights of the nodes' edges, ``(nodes, relations)`` float64, each direction apart."""
        columns = []
        for side, _, relation in self._ends(name):
            total = torch.zeros(self.counts[name], dtype=torch.float64)
            columns.append(total.index_add_(0, self.edges[relation][side].cpu(), self.weights[relation].double().cpu()))
        return torch.stack(columns, dim=1)

    def _ends(self, name: str) -> Iterator[tuple[int, str, EdgeType]]:
        """Yield the relations of a type, incoming and then outgoing: at which end it is, and the type at the other."""
        for side in (1, 0):
            for relation in self.edges:
                if relation[2 * side] == name:
                    yield side, relation[2 * (1 - side)], relation


class HeteroFeatures(Protocol):
    """A rule that makes features. Its text is :func:`graphcond.nodes.structural_features.features_text`."""

    name: ClassVar[str]

    def make(self, relations: Relations, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``(nodes, columns)`` float32 on the CPU for types without features, those that the rule can give some.

        Args:
            relations: Of the whole graph.
            x: The features of the types that have some.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class NeighbourMeans:
    """The weighted means of the neighbours' features, from types that have some to those around, and on from these.

    Of neighbours of several types, the means stand side by side. The means of each type are centred, and scaled so
    that the mean square of an entry is 1; nodes without such neighbours have zeros.
    """

    name: ClassVar[str] = "neighbour_means"

    def make(self, relations: Relations, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :class:`HeteroFeatures`."""
        known, made = {name: value.detach().cpu().numpy() for name, value in x.items()}, dict[str, Tensor]()
        while True:
            reached = {}
            for name in [one for one in relations.counts if one not in known]:
                parts = [
                    _means(matrix, known[other])
                    for other, matrix in sorted(relations.around(name).items())
                    if other in known
                ]
                if parts:
                    reached[name] = np.concatenate(parts, axis=1)
            if not reached:
                return made
            known |= reached
            made |= {name: torch.from_numpy(value) for name, value in reached.items()}


@dataclass(frozen=True, kw_only=True)
class RelationDegrees:
    """The logarithm of 1 + the weighted degree in each relation: of incoming edges, then of outgoing ones."""

    name: ClassVar[str] = "degrees"

    def make(self, relations: Relations, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :class:`HeteroFeatures`."""
        missing = [name for name in relations.counts if name not in x]
        return {name: torch.log1p(relations.degrees(name)).float() for name in missing}


@dataclass(frozen=True, kw_only=True)
class RelationFactors:
    r"""The leading left singular vectors of :math:`D^{-1/2} B D'^{-1/2}`, times the singular values.

    :math:`B` has a row for each node of a type and a column for each node of the types around it, and :math:`D` and
    :math:`D'` are the sums of its rows and columns. All are scaled by one factor, so that the mean square of an entry
    is 1; the sign of a vector is fixed.

    Args:
        columns: How many; fewer where the matrix has fewer rows or columns.
    """

    name: ClassVar[str] = "singular_vectors"
    columns: int = 64

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def make(self, relations: Relations, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :class:`HeteroFeatures`."""
        made = {}
        for name in relations.counts:
            around = relations.around(name)
            if name not in x and around:
                matrix = _normalised(sp.csr_array(sp.hstack([around[other] for other in sorted(around)])))
                made[name] = torch.from_numpy(_scaled(_factors(matrix, self.columns)))
        return made


KINDS: dict[str, Callable[..., HeteroFeatures]] = {
    one.name: one for one in (NeighbourMeans, RelationDegrees, RelationFactors)
}
USUAL = NeighbourMeans()
WITHOUT_ANY = RelationFactors()


def resolve_rule(features: object, some: bool = True) -> HeteroFeatures:
    """Return the rule of a text such as ``"singular_vectors(columns=32)"``, a value of this module itself.

    Args:
        features: The text or value; ``None``: the usual one.
        some: Whether any type has features; where none has, there is nothing to take means of.

    Raises:
        TypeError: neither; or a setting has the wrong type.
        ValueError: there is no rule of that name, or no such setting; the message names the nearest.

    >>> resolve_rule("singular_vectors(columns=32)")
    RelationFactors(columns=32)
    """
    if features is None:
        return USUAL if some else WITHOUT_ANY
    if isinstance(features, NeighbourMeans | RelationDegrees | RelationFactors):
        return features
    if not isinstance(features, str):
        raise TypeError(
            "features of a heterogeneous graph must be a text such as 'neighbour_means' or a value such as "
            f"NeighbourMeans(), got {type(features).__name__}"
        )
    return built(features, KINDS, {}, "features", " for heterogeneous graphs")


def made_for(relations: Relations, x: Mapping[str, Tensor], rule: HeteroFeatures) -> dict[str, Tensor]:
    """Return what a rule makes for all types without features, ``(nodes, columns)`` float32 on the CPU each.

    Raises:
        ValueError: it can give a type none; the message names such types.
    """
    made = rule.make(relations, x)
    without = [name for name in relations.counts if name not in x and name not in made]
    if without:
        several = len(without) > 1
        raise ValueError(
            f"node type{'s' * several} {named(without)} {'have' if several else 'has'} no features, and "
            f"features={rule.name!r} finds no neighbours that have some; pass features='degrees', or set "
            f"{', '.join(f'{holder(name)}.x' for name in without[:2])}"
        )
    return {name: made[name] for name in relations.counts if name in made}


def usual_widths(given: Mapping[str, int | None], relations: Iterable[EdgeType]) -> dict[str, int]:
    """Return how many features each type has once the usual rule has made those that are missing.

    Args:
        given: By type, how many there are; ``None`` where there are none.
        relations: Between which types there are edges.

    >>> usual_widths({"paper": 128, "author": None}, [("author", "writes", "paper")])
    {'paper': 128, 'author': 128}
    """
    pairs = {(source, target) for source, _, target in relations}
    widths = {name: width for name, width in given.items() if width is not None}
    while True:
        around = {
            name: sum(widths[other] for other in widths if {(name, other), (other, name)} & pairs)
            for name in given
            if name not in widths
        }
        reached = {name: width for name, width in around.items() if width}
        if not reached:
            rest = 1 if widths else WITHOUT_ANY.columns
            return {name: widths.get(name, rest) for name in given}
        widths |= reached


def _means(matrix: sp.csr_array, x: np.ndarray) -> np.ndarray:
    """Return the mean over neighbours ``(nodes, columns)``, centred and scaled; zeros for nodes without neighbours."""
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    shares = sp.csr_array(matrix.multiply(_inverse(totals)[:, None]))
    means = shares.astype(np.float32) @ x.astype(np.float32)
    joined = totals > 0
    means[joined] -= means[joined].mean(axis=0, dtype=np.float64).astype(np.float32)
    return _scaled(means)


def _scaled(x: np.ndarray) -> np.ndarray:
    """Return numbers times one factor, so that their mean square is 1; as float32."""
    size = np.sqrt(np.square(x, dtype=np.float64).mean()) if x.size else 0.0
    return (x / size if size > np.finfo(np.float32).tiny else x).astype(np.float32)


def _inverse(totals: Array) -> Array:
    """Return reciprocals; 0 for 0."""
    return np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0)


def _normalised(matrix: sp.csr_array) -> sp.csr_array:
    rows, columns = (np.sqrt(_inverse(np.asarray(matrix.sum(axis=axis)).ravel())) for axis in (1, 0))
    return sp.csr_array(matrix.multiply(rows[:, None]).multiply(columns[None, :]))


def _factors(matrix: sp.csr_array, columns: int) -> Array:
    """Return the leading left singular vectors times the singular values, the signs fixed."""
    count = min(columns, *matrix.shape)
    if min(matrix.shape) <= max(SMALL, 2 * columns):
        tall = matrix.shape[0] >= matrix.shape[1]
        squared = (matrix.T @ matrix if tall else matrix @ matrix.T).toarray()
        values, vectors = eigh(squared, subset_by_index=(len(squared) - count, len(squared) - 1))
        x = matrix @ vectors if tall else vectors * np.sqrt(np.maximum(values, 0))
        x = x[:, ::-1]
    else:
        # Singular values of several components are there several times, on which ARPACK fails; this does not.
        vectors, values, _ = randomized_svd(matrix, count, n_iter=ITERATIONS, random_state=0)
        x = vectors * values
    ends = x[np.abs(x).argmax(axis=0), np.arange(x.shape[1])]
    signed: Array = np.where(ends < 0, -x, x)
    return signed
