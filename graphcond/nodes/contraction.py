"""Contraction of a graph level by level: disjoint sets of nodes become one node each (Loukas, JMLR 2019)."""

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp

Weights: TypeAlias = sp.csr_array
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Family(Protocol):
    """Which sets of nodes of a graph may be contracted, and what each costs."""

    def candidates(self, weights: Weights) -> sp.csr_array:
        """Return the sets as rows of zeros and ones, ``(num_sets, num_nodes)``, each of two nodes at least."""
        ...

    def costs(self, weights: Weights, sets: sp.csr_array) -> Floats:
        """Return what the contraction of each set costs, ``(num_sets,)``; the sets may be parts of candidates."""
        ...

    def contracted(self, owner: Integers, weights: Weights) -> "Family":
        """Return the family of a coarser graph, given the coarse node of each node and the coarse graph's weights."""
        ...


class DisjointSets(NamedTuple):
    """Sets of nodes that have no node in common.

    Shapes:
        sets: ``(num_sets, num_nodes)`` zeros and ones; costs: ``(num_sets,)``.
    """

    sets: sp.csr_array
    costs: Floats


class Edges(NamedTuple):
    """Undirected edges, each once. ``source``, ``target``, ``weight``: ``(num_edges,)``."""

    source: Integers
    target: Integers
    weight: Floats

    @classmethod
    def of(cls, weights: Weights) -> "Edges":
        """Return the edges of a graph, without loops."""
        upper = sp.triu(weights, k=1, format="coo")
        return cls(upper.row, upper.col, upper.data)


def incidence(edges: Edges, count: int) -> sp.csr_array:
    """Return which edges each node has, ``(num_nodes, num_edges)`` zeros and ones."""
    numbers = np.arange(len(edges.weight))
    ends = np.concatenate([edges.source, edges.target])
    return sp.csr_array((np.ones(len(ends)), (ends, np.tile(numbers, 2))), shape=(count, len(numbers)))


def partition_matrix(owner: Integers, count: int) -> sp.csr_array:
    """Return the matrix of a partition, ``(num_nodes, count)``: a one in each row, at the part of the node."""
    size = len(owner)
    return sp.csr_array((np.ones(size), (np.arange(size), owner)), shape=(size, count))


def quotient(weights: Weights, owner: Integers, count: int) -> Weights:
    r"""Return :math:`P^\top W P`: the weights between the parts of a partition, on the diagonal those within them."""
    partition = partition_matrix(owner, count)
    return sp.csr_array(partition.T @ weights @ partition)


def without_loops(weights: Weights) -> Weights:
    """Return weights without those on the diagonal and without zeros."""
    matrix: Weights = sp.csr_array(weights - sp.diags_array(weights.diagonal()))
    matrix.eliminate_zeros()
    return matrix


class Coarse(NamedTuple):
    """A graph on its way down.

    Shapes:
        owner: ``(num_nodes,)`` the coarse node of each node of the first graph; weights: ``(m, m)`` between coarse
        nodes, without loops.
    """

    owner: Integers
    weights: Weights
    family: Family

    @classmethod
    def start(cls, weights: Weights, family: Family) -> "Coarse":
        """Return a graph each of whose nodes is a coarse node."""
        return cls(np.arange(weights.shape[0]), without_loops(weights), family)


def contract(coarse: Coarse, count: int, draws: np.random.Generator, largest: float | None = None) -> Coarse:
    """Return a coarser graph of ``count`` nodes; of more only where no edge is left.

    Args:
        coarse: The graph.
        count: How many coarse nodes are wanted.
        draws: Which of several sets of the same cost comes first.
        largest: How many nodes of the first graph a coarse node stands for at most, as a multiple of their mean number
            at the end; it is doubled where nothing is left to contract. ``None``: any number.
    """
    limit = np.inf if largest is None else largest * len(coarse.owner) / count
    while (size := coarse.weights.shape[0]) > count and coarse.weights.nnz:
        sets = _candidates(coarse, limit)
        if not sets.shape[0]:
            limit *= 2
            continue
        step, size = _merged(disjoint_sets(coarse.weights, sets, coarse.family, draws), size - count)
        weights = without_loops(quotient(coarse.weights, step, size))
        coarse = Coarse(step[coarse.owner], weights, coarse.family.contracted(step, weights))
    return coarse


def _candidates(coarse: Coarse, limit: float) -> sp.csr_array:
    """Return the sets that stand for at most so many nodes; if some stand for more, such edges and siblings too."""
    sets = coarse.family.candidates(coarse.weights)
    members = np.bincount(coarse.owner).astype(np.float64)
    fit = sets @ members <= limit
    if fit.all():
        return sets
    edges = sp.csr_array(incidence(Edges.of(coarse.weights), len(members)).T)
    pairs = sp.csr_array(sp.vstack([edges, siblings(coarse.weights)]))
    return sp.csr_array(sp.vstack([sets[fit], pairs[pairs @ members <= limit]]))


def siblings(weights: Weights) -> sp.csr_array:
    """Return disjoint pairs of nodes with the same heaviest neighbour, such as leaves of a star, ``(pairs, nodes)``."""
    joined = np.flatnonzero(np.diff(weights.indptr))
    heaviest = np.asarray(weights.argmax(axis=1)).ravel()[joined]
    order = np.argsort(heaviest, kind="stable")
    nodes, parents = joined[order], heaviest[order]
    starts = np.searchsorted(parents, parents)
    first = np.flatnonzero((np.arange(len(nodes)) - starts) % 2 == 0)
    first = first[(first + 1 < len(nodes))]
    first = first[parents[first] == parents[first + 1]]
    ends = np.stack([nodes[first], nodes[first + 1]], axis=1).ravel()
    shape = (len(first), weights.shape[0])
    return sp.csr_array((np.ones(len(ends)), ends, np.arange(0, len(ends) + 1, 2)), shape=shape)


def disjoint_sets(weights: Weights, sets: sp.csr_array, family: Family, draws: np.random.Generator) -> DisjointSets:
    """Return disjoint ones of some sets, or parts of them, of low cost, greedily, in rounds.

    A round takes every set that is cheaper than all sets that share a node with it. The others lose the nodes that are
    taken, and have a new cost; those of one node are dropped.
    """
    costs, ties = family.costs(weights, sets), draws.permutation(sets.shape[0])
    chosen, paid = [], []
    while sets.shape[0]:
        best = _locally_cheapest(sets, costs, ties)
        chosen.append(sets[best])
        paid.append(costs[best])
        left = np.ones(sets.shape[1])
        left[chosen[-1].indices] = 0
        rest, before = sets[~best], np.diff(sets.indptr)[~best]
        rest = sp.csr_array(rest.multiply(left[None, :]))
        rest.eliminate_zeros()
        sizes = np.diff(rest.indptr)
        kept = sizes > 1
        sets, costs, ties = rest[kept], costs[~best][kept], ties[~best][kept]
        changed = np.flatnonzero((sizes < before)[kept])
        if len(changed):
            costs[changed] = family.costs(weights, sets[changed])
    return DisjointSets(sp.csr_array(sp.vstack(chosen)), np.concatenate(paid))


def _locally_cheapest(sets: sp.csr_array, costs: Floats, ties: Integers) -> Any:  # noqa: ANN401 (bool array)
    """Return which sets come before all that share a node with them, by cost and then by ``ties``."""
    order = np.lexsort((ties, costs))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    first = np.full(sets.shape[1], len(order), dtype=np.int64)
    np.minimum.at(first, sets.indices, np.repeat(rank, np.diff(sets.indptr)))
    return np.minimum.reduceat(first[sets.indices], sets.indptr[:-1]) == rank


def _merged(found: DisjointSets, most: int) -> tuple[Integers, int]:
    """Return the coarse node of each node when the cheapest sets are contracted, and how many coarse nodes there are.

    Args:
        found: The sets.
        most: How many nodes may disappear at most; the set that exceeds it is cut to its first nodes.
    """
    order = np.argsort(found.costs, kind="stable")
    sets = found.sets[order]
    sizes, places = np.diff(sets.indptr), np.arange(sets.nnz)
    earlier = places - np.repeat(np.arange(len(sizes)), sizes) - 1  # that disappear if this one, not a first one, does
    is_first = np.isin(places, sets.indptr[:-1])
    head = np.repeat(sets.indices[sets.indptr[:-1]], sizes)
    gone = ~is_first & (earlier < most)
    target = np.arange(sets.shape[1])
    target[sets.indices[gone]] = head[gone]
    _, owner = np.unique(target, return_inverse=True)
    return owner.astype(np.int64), int(owner.max()) + 1
