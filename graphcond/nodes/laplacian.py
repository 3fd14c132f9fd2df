r"""Eigenpairs of the normalised Laplacian :math:`I - \hat A` of a graph, at both ends of its spectrum."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from graphcond.nodes.spectral import SMALL, Array, degrees, extreme_eigenpairs, normalized
from graphcond.nodes.task import Graph

DEFLATED = 3.0  # taken from the eigenvalues 1 of the normalised adjacency, which then lie below all others
SAME = 1e-6  # eigenvalues that differ by less are one: tolerances are about a hundredth of it


class Eigenpairs(NamedTuple):
    """Eigenvalues of the Laplacian, ascending, and their eigenvectors.

    Shapes:
        values: ``(k,)`` float32 in [0, 2); vectors: ``(num_nodes, k)`` float32, orthonormal.
    """

    values: Tensor
    vectors: Tensor


def laplacian_eigenpairs(graph: Graph, low: int, high: int) -> Eigenpairs:
    r"""Return the ``low`` smallest and the ``high`` largest eigenpairs of a graph's normalised Laplacian.

    The eigenvalue 0 has one dimension for each connected component, and a graph of many small ones would fill all
    pairs with it. So its space has a share of the small eigenpairs: one, and of the others as much as the components
    but the largest have of the nodes. Of the space these are the directions :math:`u` with the largest
    :math:`\|X^\top u\|`, which do not depend on the basis that a solver finds.

    Args:
        graph: A graph on the CPU, with dense features.
        low: How many of the smallest.
        high: How many of the largest; both together at most as many as there are nodes.
    """
    adjacency = normalized(graph)
    count, total = adjacency.shape[0], low + high
    number, labels = connected_components(adjacency, directed=False)
    others = 1 - np.bincount(labels).max() / count
    kept = max(1, round(others * low), total - (count - number))
    kept = min(kept, number, total)
    high = min(high, total - kept)
    null = _null_space(graph, labels)
    parts = [(np.ones(kept), null @ _strongest(null, graph.x.numpy().astype(np.float64), kept))]
    parts += _others(adjacency, null, total - kept - high, high)
    values, vectors = (np.concatenate([part[i] for part in parts], axis=-1) for i in range(2))
    order = np.argsort(-values, kind="stable")
    return Eigenpairs(
        torch.from_numpy((1 - values[order]).clip(min=0).astype(np.float32)),
        torch.from_numpy(vectors[:, order].astype(np.float32)),
    )


def eigenspaces(values: Tensor) -> Tensor:
    """Return the number of the eigenspace of each of some ascending eigenvalues, ``(k,)`` int64."""
    return (values.diff(prepend=values[:1]) > SAME).cumsum(0)


def _null_space(graph: Graph, labels: Array) -> sp.csr_array:
    r"""Return an orthonormal basis of the Laplacian's null space: :math:`D^{1/2} 1` of each component, unit."""
    roots = np.sqrt(degrees(graph))
    lengths = np.sqrt(np.bincount(labels, roots**2))
    rows = np.arange(len(labels))
    return sp.csr_array((roots / lengths[labels], (rows, labels)), shape=(len(labels), len(lengths)))


def _strongest(null: sp.csr_array, x: Array, columns: int) -> Array:
    """Return the combinations of basis vectors along which features are largest, ``(components, columns)``."""
    seen: Array = null.T @ x
    if len(seen) == columns:
        return np.eye(columns)
    if not seen.any():
        return np.eye(len(seen), columns)
    gram = LinearOperator((len(seen),) * 2, matvec=lambda v: seen @ (seen.T @ v), dtype=seen.dtype)
    return extreme_eigenpairs(gram, columns)[1]


def _others(adjacency: sp.csr_array, null: sp.csr_array, low: int, high: int) -> list[tuple[Array, Array]]:
    """Return eigenpairs of the adjacency outside the null space of the Laplacian, those of both ends apart."""
    if adjacency.shape[0] <= SMALL:
        dense = (adjacency - DEFLATED * (null @ null.T)).toarray()
        values, vectors = eigh(dense)
        values, vectors = values[null.shape[1] :], vectors[:, null.shape[1] :]
        rows = [slice(len(values) - low, len(values)), slice(0, high)]
        return [(values[part], vectors[:, part]) for part in rows]

    def times(v: Array) -> Array:
        image: Array = adjacency @ v - DEFLATED * (null @ (null.T @ v))
        return image

    deflated = LinearOperator(adjacency.shape, matvec=times, matmat=times, dtype=np.float64)
    found = [extreme_eigenpairs(deflated, low)] if low else []
    return found + ([extreme_eigenpairs(adjacency, high, "SA")] if high else [])
