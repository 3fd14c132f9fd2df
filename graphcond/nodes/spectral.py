"""Eigenvectors and random projections of a graph's adjacency: sparse, in float64, the same at every call."""

import inspect
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from graphcond.nodes.task import Graph

SMALL = 1024  # nodes of a graph whose eigenvectors are those of a dense matrix
TOLERANCE = 1e-8  # of eigenvalues, relative
# Features are multiples of it, where their usual size is 1: what rounding adds on another machine disappears, and what
# is zero but for rounding is zero.
GRID = 2.0**-12
End = Literal["LA", "SA"]
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def symmetric(graph: Graph) -> sp.csr_array:
    """Return the adjacency of a graph; of a directed one, each edge counts in both directions."""
    source, target = graph.edge_index.numpy()
    weight = graph.edge_weight.numpy().astype(np.float64)
    matrix = sp.csr_array((weight, (target, source)), shape=(graph.num_nodes, graph.num_nodes))
    return matrix if graph.undirected else sp.csr_array(matrix + matrix.T)


def with_loops(matrix: sp.csr_array) -> sp.csr_array:
    """Return an adjacency with self-loops of weight 1 where there are none."""
    return sp.csr_array(matrix + sp.diags_array((matrix.diagonal() == 0).astype(np.float64)))


def normalized(graph: Graph) -> sp.csr_array:
    r"""Return :math:`D^{-1/2} (A + I) D^{-1/2}`."""
    matrix = with_loops(symmetric(graph))
    scale = 1 / np.sqrt(row_sums(matrix))
    return sp.csr_array(matrix.multiply(scale[:, None]).multiply(scale[None, :]))


def degrees(graph: Graph) -> Array:
    """Return the degrees of nodes that have self-loops, ``(num_nodes,)``."""
    return row_sums(with_loops(symmetric(graph)))


def mutual_information(graph: Graph) -> sp.csr_array:
    r"""Return :math:`\max(0, \log(w_{ij} \sum_{kl} w_{kl} / (d_i d_j)))` of each edge."""
    matrix = symmetric(graph)
    matrix.eliminate_zeros()
    degrees = row_sums(matrix)
    rows = np.repeat(degrees, np.diff(matrix.indptr))
    matrix.data = np.maximum(np.log(matrix.data * degrees.sum() / (rows * degrees[matrix.indices])), 0)
    return matrix


def leading_eigenvectors(matrix: sp.csr_array, columns: int) -> Tensor:
    """Return the leading eigenvectors of a symmetric matrix times their eigenvalues, their signs fixed, unit rows."""
    count = matrix.shape[0]
    if not matrix.count_nonzero():  # ARPACK stops at once
        return torch.zeros(count, min(columns, count))
    values, vectors = extreme_eigenpairs(matrix, columns)
    largest = np.abs(values).max(initial=0.0)
    x = _on_grid(vectors * (np.sqrt(count) * values / (largest or 1.0)))
    ends = x[np.abs(x).argmax(axis=0), np.arange(x.shape[1])]  # the first of the largest entries
    return _unit_rows(np.where(ends < 0, -x, x))


def extreme_eigenpairs(matrix: sp.csr_array | LinearOperator, columns: int, which: End = "LA") -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors at one end of the spectrum of a symmetric matrix, the outermost first.

    Args:
        matrix: The matrix, not zero, or a product with it.
        columns: How many; all where it has no more.
        which: ``"LA"``: the largest eigenvalues; ``"SA"``: the smallest.
    """
    count, largest = matrix.shape[0], which == "LA"
    if count <= max(SMALL, 2 * columns):
        ends = (max(count - columns, 0), count - 1) if largest else (0, min(columns, count) - 1)
        values, vectors = eigh(matrix @ np.eye(count), subset_by_index=ends)
    else:
        # Its start and, from SciPy 1.17 on, its restarts are drawn from a generator of their own.
        fixed = {"rng": np.random.default_rng(0)} if "rng" in inspect.signature(eigsh).parameters else {}
        start = _signs(count, 1)[:, 0]
        values, vectors = eigsh(matrix, k=columns, which=which, v0=start, tol=TOLERANCE, **fixed)
    order = np.argsort(-values if largest else values, kind="stable")[:columns]
    return values[order], vectors[:, order]


def projected_signs(graph: Graph, columns: int, hops: int) -> Tensor:
    r"""Return :math:`(D^{-1} A)^{hops} D^{-1} R` of random signs :math:`R`, :math:`A` with self-loops, rows unit."""
    matrix = with_loops(symmetric(graph))
    inverse = 1 / row_sums(matrix)
    matrix = sp.csr_array(matrix.multiply(inverse[:, None]))
    x = _signs(graph.num_nodes, columns) * inverse[:, None]
    for _ in range(hops):
        x = matrix @ x
    return _unit_rows(_on_grid(_unit(x) * np.sqrt(columns)))


def _on_grid(x: Array) -> Array:
    multiples: Array = np.round(x / GRID)
    return multiples * GRID


def _unit(x: Array) -> Array:
    lengths = np.sqrt(np.square(x).sum(axis=1, keepdims=True))
    scaled: Array = x / np.where(lengths > 0, lengths, 1.0)  # rows of zeros stay
    return scaled


def _unit_rows(x: Array) -> Tensor:
    return torch.from_numpy((_unit(x) + 0.0).astype(np.float32))  # no zero has a sign


def _signs(count: int, columns: int) -> Array:
    """Return random signs, ``(count, columns)``, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    return (2.0 * torch.randint(2, (count, columns), generator=generator) - 1).double().numpy()


def row_sums(matrix: sp.csr_array) -> Array:
    """Return the sums of rows, ``(rows,)``."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
