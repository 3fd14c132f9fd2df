"""What is contracted, and at which cost: heavy edges, or neighbourhoods of low local variation."""

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, lobpcg

from graphcond.nodes.contraction import Edges, Floats, Integers, Weights, incidence, partition_matrix
from graphcond.nodes.spectral import row_sums

DENSE = 600  # nodes of a graph whose eigenvectors are those of a dense matrix
ITERATIONS = 60  # of LOBPCG: the subspace need not be exact
SPARE = 5  # vectors more than asked, so that the last of them converge
TOLERANCE = 1e-4
NEGLIGIBLE = 1e-9  # of the largest eigenvalue
ENTRIES = 1 << 22  # pairs of a set and an edge at its nodes that are looked at at a time


@dataclass(frozen=True)
class HeavyEdges:
    r"""Pairs of neighbours, those first whose edge is heavy in comparison to all edges of both.

    .. math:: \mathrm{cost}(\{i, j\}) = -\frac{w_{ij}}{\max(d_i, d_j)}
    """

    def candidates(self, weights: Weights) -> sp.csr_array:
        """Return the edges."""
        return sp.csr_array(incidence(Edges.of(weights), weights.shape[0]).T)

    def costs(self, weights: Weights, sets: sp.csr_array) -> Floats:
        """See :class:`graphcond.nodes.contraction.Family`."""
        source, target = sets.indices.reshape(-1, 2).T
        degree = row_sums(weights)
        shared: Floats = np.asarray(weights[source, target]).ravel()
        costs: Floats = -shared / np.maximum(degree[source], degree[target])
        return costs

    def contracted(self, owner: Integers, weights: Weights) -> "HeavyEdges":
        """See :class:`graphcond.nodes.contraction.Family`."""
        return self


@dataclass(frozen=True, eq=False)
class VariationNeighborhoods:
    r"""Closed neighbourhoods, by their local variation in a subspace :math:`A` of slowly varying signals.

    .. math:: \mathrm{cost}(C) = \frac{\|\Pi_C^\perp A\|_{L_C}^2}{|C| - 1}

    :math:`\Pi_C^\perp` takes the mean over :math:`C` off; :math:`L_C` is the Laplacian of the edges within :math:`C`,
    and of those between :math:`C` and the rest, at twice their weight. The norm is the spectral one.

    Args:
        signals: ``(num_nodes, k)``: eigenvectors of the first graph's Laplacian over the square roots of their
            eigenvalues; at the following levels, their means over coarse nodes.
        basis: ``(num_nodes, k)`` :math:`A`: the signals, orthonormal in the Laplacian of this level's graph.
    """

    signals: Floats
    basis: Floats

    @classmethod
    def of(cls, weights: Weights, k: int, draws: np.random.Generator) -> "VariationNeighborhoods":
        """Return the family of a graph that preserves the first ``k`` eigenvectors that vary within components."""
        values, vectors = slowest_eigenvectors(weights, k, draws)
        signals = vectors / np.sqrt(values)
        return cls(signals, signals)

    def candidates(self, weights: Weights) -> sp.csr_array:
        """Return the closed neighbourhoods of nodes that have neighbours."""
        closed = sp.csr_array((weights > 0).astype(np.float64) + sp.eye_array(weights.shape[0]))
        closed.sort_indices()
        return closed[np.diff(closed.indptr) > 1]

    def costs(self, weights: Weights, sets: sp.csr_array) -> Floats:
        """See :class:`graphcond.nodes.contraction.Family`."""
        if not self.basis.shape[1]:
            return np.zeros(sets.shape[0])
        edges = Edges.of(weights)
        ends = incidence(edges, weights.shape[0])
        entries = np.cumsum(sets @ np.diff(ends.indptr))
        cuts = np.searchsorted(entries, np.arange(ENTRIES, entries[-1], ENTRIES)).tolist()
        bounds = sorted({0, *cuts, sets.shape[0]})
        degree = row_sums(weights)
        parts = [sets[start:stop] for start, stop in pairwise(bounds)]
        squares = [_variation(part, self.basis, edges, ends, degree) for part in parts]
        largest = [np.linalg.eigvalsh(matrix)[:, -1] for matrix in squares]
        costs: Floats = np.concatenate(largest) / (np.diff(sets.indptr) - 1)
        return costs

    def contracted(self, owner: Integers, weights: Weights) -> "VariationNeighborhoods":
        """See :class:`graphcond.nodes.contraction.Family`."""
        partition = partition_matrix(owner, weights.shape[0])
        signals = (partition.T @ self.signals) / np.bincount(owner)[:, None]
        return VariationNeighborhoods(signals, orthonormal(signals, weights))


def _variation(sets: sp.csr_array, basis: Floats, edges: Edges, ends: sp.csr_array, degree: Floats) -> Floats:
    r"""Return :math:`(\Pi_C^\perp A)^\top L_C\, \Pi_C^\perp A` of each set, ``(num_sets, k, k)``."""
    within = sets @ ends
    within.data = (within.data == 2).astype(np.float64)  # both ends are in the set
    within.eliminate_zeros()
    inner = within @ sp.diags_array(edges.weight) @ ends.T  # what each node has within the set
    outer = 2 * (sets @ sp.diags_array(degree) - inner)
    difference = basis[edges.source] - basis[edges.target]
    sizes = np.diff(sets.indptr)
    mean, total = (sets @ basis) / sizes[:, None], np.asarray(outer.sum(axis=1)).ravel()
    sums = outer @ basis
    columns = basis.shape[1]
    found = np.empty((sets.shape[0], columns, columns))
    for i in range(columns):
        found[:, i] = within @ (edges.weight[:, None] * difference[:, i : i + 1] * difference)
        found[:, i] += outer @ (basis[:, i : i + 1] * basis)
    cross = mean[:, :, None] * sums[:, None, :]
    found += total[:, None, None] * mean[:, :, None] * mean[:, None, :] - cross - cross.transpose(0, 2, 1)
    return found


def orthonormal(signals: Floats, weights: Weights) -> Floats:
    r"""Return :math:`B (B^\top L B)^{+1/2}` of signals :math:`B` on a graph with the Laplacian :math:`L`."""
    laplacian = sp.diags_array(row_sums(weights)) - weights
    values, vectors = np.linalg.eigh(signals.T @ (laplacian @ signals))
    kept = values > NEGLIGIBLE * max(values.max(initial=0.0), np.finfo(np.float64).tiny)
    found: Floats = signals @ (vectors[:, kept] / np.sqrt(values[kept]))
    return found


def slowest_eigenvectors(weights: Weights, k: int, draws: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the ``k`` smallest positive eigenvalues of a graph's Laplacian, ascending, and their eigenvectors.

    The others are known: the indicators of the components have eigenvalue 0. There are fewer in a graph of few nodes.

    Shapes:
        values: ``(k,)``; vectors: ``(num_nodes, k)``.
    """
    count, degree = weights.shape[0], row_sums(weights)
    components, component = connected_components(weights, directed=False)
    wanted = min(k, count - components)
    laplacian = sp.csr_array(sp.diags_array(degree) - weights)
    if count <= max(DENSE, 5 * (wanted + SPARE)) or not wanted:
        values, vectors = eigh(laplacian.toarray())
        return values[components : components + wanted], vectors[:, components : components + wanted]
    constants = partition_matrix(component, components) / np.sqrt(np.bincount(component))
    constants = sp.csr_array(constants)
    lift, inverse = degree.max(), 1 / np.where(degree > 0, degree, 1.0)[:, None]

    def times(signals: Floats) -> Floats:
        columns = signals.reshape(count, -1)
        product: Floats = laplacian @ columns + lift * (constants @ (constants.T @ columns))
        return product

    def preconditioned(signals: Floats) -> Floats:
        product: Floats = inverse * signals.reshape(count, -1)
        return product

    operators = [LinearOperator((count, count), matvec=one, matmat=one, dtype=float) for one in (times, preconditioned)]
    start = draws.standard_normal((count, wanted + SPARE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that iterations ended before the tolerance was met
        values, vectors = lobpcg(
            operators[0], start, M=operators[1], largest=False, maxiter=ITERATIONS, tol=TOLERANCE * degree.mean()
        )
    order = np.argsort(values)[:wanted]
    return values[order], vectors[:, order]
