"""Contraction of graphs against dense algebra: partitions, quotients, local variation and what it preserves."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from graphcond.nodes.contraction import (
    Coarse,
    contract,
    disjoint_sets,
    partition_matrix,
    quotient,
    siblings,
    without_loops,
)
from graphcond.nodes.contraction_families import HeavyEdges, VariationNeighborhoods, slowest_eigenvectors

GRAPHS = {
    "grid": nx.grid_2d_graph(8, 9),
    "caveman": nx.connected_caveman_graph(8, 7),
    "parts": nx.disjoint_union(nx.path_graph(9), nx.star_graph(12)),
}


def weights_of(graph, seed=0):
    matrix = sp.csr_array(nx.to_scipy_sparse_array(graph, dtype=float))
    upper = sp.triu(matrix, k=1, format="csr")
    upper.data = 0.5 + np.random.default_rng(seed).random(upper.nnz)
    return sp.csr_array(upper + upper.T)


def laplacian(weights):
    dense = weights.toarray()
    np.fill_diagonal(dense, 0)
    return np.diag(dense.sum(axis=1)) - dense


def family_of(kind, weights):
    return HeavyEdges() if kind == "edges" else VariationNeighborhoods.of(weights, 5, np.random.default_rng(1))


def cost(weights, basis, members):
    """The paper's definition with dense matrices."""
    inside = np.isin(np.arange(len(basis)), members)
    both, one = np.outer(inside, inside), np.logical_xor.outer(inside, inside)
    local = weights.toarray() * (both + 2.0 * one)
    removed = np.where(inside[:, None], basis - basis[members].mean(axis=0), 0.0)
    matrix = removed.T @ (np.diag(local.sum(axis=1)) - local) @ removed
    return np.linalg.norm(matrix, 2) / (len(members) - 1)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("kind", ["edges", "neighborhoods"])
@pytest.mark.parametrize("largest", [None, 1.5])
def test_coarse_graphs_are_quotients_of_the_size_asked(name, kind, largest):
    weights = weights_of(GRAPHS[name])
    start = Coarse.start(weights, family_of(kind, weights))
    coarse = contract(start, 7, np.random.default_rng(0), largest)
    assert np.unique(coarse.owner).tolist() == list(range(7))
    indicator = partition_matrix(coarse.owner, 7).toarray()
    assert (indicator.sum(axis=1) == 1).all()
    np.testing.assert_allclose(laplacian(coarse.weights), indicator.T @ laplacian(weights) @ indicator, atol=1e-12)


@pytest.mark.parametrize("name", GRAPHS)
def test_parts_are_connected_where_sets_are_edges(name):
    weights = weights_of(GRAPHS[name])
    owner = contract(Coarse.start(weights, HeavyEdges()), 6, np.random.default_rng(0)).owner
    whole = nx.from_scipy_sparse_array(weights)
    assert all(nx.is_connected(whole.subgraph(np.flatnonzero(owner == part))) for part in range(6))


def test_only_components_are_left_where_too_few_nodes_are_asked():
    weights = weights_of(GRAPHS["parts"])
    assert contract(Coarse.start(weights, HeavyEdges()), 1, np.random.default_rng(0)).weights.shape == (2, 2)


@pytest.mark.parametrize("name", GRAPHS)
def test_costs_are_those_of_the_definition(name):
    weights = weights_of(GRAPHS[name])
    family = family_of("neighborhoods", weights)
    sets = family.candidates(weights)
    members = [sets.indices[sets.indptr[i] : sets.indptr[i + 1]] for i in range(sets.shape[0])]
    expected = [cost(weights, family.basis, one) for one in members]
    np.testing.assert_allclose(family.costs(weights, sets), expected, rtol=1e-6, atol=1e-10)


def test_one_level_bounds_what_changes_in_the_subspace():
    """Loukas (2019): the restricted spectral constant is at most the root of the costs' sum."""
    weights = weights_of(GRAPHS["grid"])
    family = family_of("neighborhoods", weights)
    found = disjoint_sets(weights, family.candidates(weights), family, np.random.default_rng(0))
    owner = np.arange(weights.shape[0])
    for i in range(found.sets.shape[0]):
        members = found.sets.indices[found.sets.indptr[i] : found.sets.indptr[i + 1]]
        owner[members] = members[0]
    _, owner = np.unique(owner, return_inverse=True)
    indicator = partition_matrix(owner, owner.max() + 1).toarray()
    removed = family.basis - indicator @ (np.linalg.pinv(indicator) @ family.basis)
    constant = np.linalg.norm(removed.T @ laplacian(weights) @ removed, 2)
    sizes = np.diff(found.sets.indptr)
    assert constant <= (found.costs * (sizes - 1)).sum() + 1e-9


@pytest.mark.parametrize("kind", ["edges", "neighborhoods"])
def test_eigenvalues_of_normalised_quotients_interlace(kind):
    weights = weights_of(GRAPHS["caveman"])
    owner = contract(Coarse.start(weights, family_of(kind, weights)), 20, np.random.default_rng(0)).owner
    scaled = partition_matrix(owner, 20).toarray() / np.sqrt(np.bincount(owner))
    whole, reduced = laplacian(weights), scaled.T @ laplacian(weights) @ scaled
    before, after = np.linalg.eigvalsh(whole), np.linalg.eigvalsh(reduced)
    assert (after >= before[:20] - 1e-9).all()
    assert (after <= before[-20:] + 1e-9).all()


def test_clusters_of_a_graph_are_found():
    """Cliques in a ring: their slow signals hardly change when each becomes one node."""
    weights = sp.csr_array(nx.to_scipy_sparse_array(nx.connected_caveman_graph(6, 8), dtype=float))
    owner = contract(Coarse.start(weights, family_of("neighborhoods", weights)), 6, np.random.default_rng(0), 1.5).owner
    assert np.bincount(owner).max() <= 12
    pure = [np.bincount(owner[8 * i : 8 * i + 8]).max() for i in range(6)]
    assert sum(pure) >= 40


@pytest.mark.parametrize("count", [300, 900])
def test_slow_eigenvectors_are_those_of_dense_matrices(count):
    graph = nx.random_geometric_graph(count, 2.2 / np.sqrt(count), seed=0)
    weights = weights_of(graph)
    values, vectors = slowest_eigenvectors(weights, 4, np.random.default_rng(0))
    whole = laplacian(weights)
    exact = np.linalg.eigvalsh(whole)
    zeros = nx.number_connected_components(graph)
    np.testing.assert_allclose(values, exact[zeros : zeros + 4], rtol=0.02)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-6)


def test_sets_of_the_lowest_cost_are_taken_as_one_by_one():
    """Edges are never cut down to a part, so rounds give what taking one after the other does."""
    weights = weights_of(GRAPHS["grid"], seed=3)
    family = HeavyEdges()
    sets = family.candidates(weights)
    costs = family.costs(weights, sets)
    taken, marked = set(), set()
    for i in np.argsort(costs):
        ends = frozenset(sets.indices[sets.indptr[i] : sets.indptr[i + 1]].tolist())
        if not ends & marked:
            taken.add(ends)
            marked |= ends
    found = disjoint_sets(weights, sets, family, np.random.default_rng(0)).sets
    assert {frozenset(row.tolist()) for row in found.indices.reshape(-1, 2)} == taken


def test_leaves_of_a_star_are_siblings():
    found = siblings(weights_of(nx.star_graph(6)))
    assert (found.sum(axis=1) == 2).all()
    assert found.sum(axis=0)[1:].sum() >= 6
    assert without_loops(quotient(weights_of(nx.star_graph(6)), np.zeros(7, dtype=int), 1)).nnz == 0
