from types import ModuleType

import pytest
import torch
from scipy.sparse.csgraph import connected_components
from torch_geometric.utils import to_scipy_sparse_matrix


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("datasets/generate_molecules.py")


def test_same_seed_same_graphs(script: ModuleType) -> None:
    first, again = script.molecules(50, 1, 2), script.molecules(50, 1, 2)
    assert first.fingerprint() == again.fingerprint()
    assert len({script.molecules(50, *seeds).fingerprint() for seeds in [(1, 2), (1, 3), (2, 2)]}) == 3


def test_graphs_look_like_molecules(script: ModuleType) -> None:
    graphs = script.molecules(2000, 0)
    assert len(graphs) == 2000
    assert graphs.x.shape == (graphs.num_nodes, 9)
    assert graphs.edge_attr.shape == (graphs.edge_index.size(1), 3)
    assert graphs.degree.max() <= 4
    assert 24 < graphs.num_nodes / len(graphs) < 27
    assert 0.03 < graphs.y.float().mean() < 0.05
    assert torch.equal(graphs.graph[graphs.edge_index[0]], graphs.graph[graphs.edge_index[1]])
    adjacency = to_scipy_sparse_matrix(graphs.edge_index, num_nodes=graphs.num_nodes)
    assert adjacency.max() == 1  # no bond twice
    assert (adjacency != adjacency.T).nnz == 0
    assert connected_components(adjacency)[0] == len(graphs)


def test_edges_are_grouped_by_graph(script: ModuleType) -> None:
    graphs = script.molecules(100, 0)
    assert bool((graphs.graph[graphs.edge_index[1]].diff() >= 0).all())


def test_shard_sizes(script: ModuleType) -> None:
    assert script.shard_sizes(25, 10) == [10, 10, 5]
