"""Coarse graphs to train on: their features, labels and edges, of every class, of the size asked."""

import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

import graphcond
from graphcond import Coarsening

KINDS = ("variation_neighborhoods", "heavy_edge")


def members_of(small, count):
    owner = torch.full((count,), -1)
    for i, rows in enumerate(small.members):
        assert (owner[rows] == -1).all()
        owner[rows] = i
    assert (owner >= 0).all()
    return owner


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [3, 7, 20, 55])
def test_a_partition_gives_features_labels_and_weights(toy, kind, size):
    small = graphcond.condense(toy, size=size, method=Coarsening(kind=kind, threshold=0.0))
    data, owner = small[0], members_of(small, toy.num_nodes)
    hot = torch.nn.functional.one_hot(owner, size).double()
    assert data.num_nodes == size
    torch.testing.assert_close(data.x.double(), hot.T @ toy.x.double() / hot.sum(dim=0)[:, None], atol=1e-5, rtol=1e-5)
    adjacency = torch.eye(60, dtype=torch.float64).index_put_(
        tuple(toy.edge_index), torch.ones(toy.num_edges, dtype=torch.float64), accumulate=True
    )
    coarse = torch.zeros(size, size, dtype=torch.float64)
    coarse[data.edge_index[1], data.edge_index[0]] = data.edge_weight.double()
    torch.testing.assert_close(coarse, hot.T @ adjacency @ hot)
    learned = hot[toy.train_mask].T @ torch.nn.functional.one_hot(toy.y[toy.train_mask], 3).double()
    assert (data.train_mask == (learned.sum(dim=1) > 0)).all()
    known = data.train_mask
    assert (data.y[~known] == -1).all()
    assert (learned.gather(1, data.y.clamp(min=0)[:, None])[known, 0] == learned[known].max(dim=1).values).all()
    shares = learned[known] / learned[known].sum(dim=1, keepdim=True)
    torch.testing.assert_close(data.y_soft[known].double(), shares, atol=1e-6, rtol=0)
    assert data.y[known].unique().tolist() == [0, 1, 2]
    ratio = data.node_weight[known].double() / learned[known].sum(dim=1)
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))


def test_a_gcn_propagates_on_the_quotient(toy):
    """Loops are explicit, so that GCNConv adds none."""
    data = graphcond.condense(toy, size=10, method=Coarsening(threshold=0.0))[0]
    layer = GCNConv(8, 4, bias=False)
    adjacency = torch.zeros(10, 10)
    adjacency[data.edge_index[1], data.edge_index[0]] = data.edge_weight
    root = adjacency.sum(dim=1).rsqrt()
    expected = (root[:, None] * adjacency * root) @ layer.lin(data.x)
    torch.testing.assert_close(layer(data.x, data.edge_index, data.edge_weight), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_scattered_graphs_give_the_size_asked(kind):
    generator = torch.Generator().manual_seed(0)
    pairs = torch.arange(80).view(40, 2).T
    masks = {"train_mask": torch.arange(200) % 4 == 0, "val_mask": torch.arange(200) % 4 == 1}
    data = Data(x=torch.randn(200, 5, generator=generator), y=torch.arange(200) // 4 % 5, **masks)
    data.edge_index = torch.cat([pairs, pairs.flip(0)], dim=1)
    for size in (5, 12, 150):
        small = graphcond.condense(data, size=size, method=Coarsening(kind=kind))
        assert small[0].num_nodes == size
        assert small[0].y[small[0].train_mask].unique().tolist() == list(range(5))
        members_of(small, 200)


def test_no_coarse_node_swallows_the_rest(make_toy):
    toy = make_toy(120)
    small = graphcond.condense(toy, size=12, method=Coarsening(largest=1.5))
    assert np.diff(small.members.ptr).max() <= 30


def test_weak_edges_are_left_out(toy):
    whole, sparse = (
        graphcond.condense(toy, size=12, method=Coarsening(threshold=threshold))[0] for threshold in (0.0, 0.1)
    )
    assert sparse.num_edges < whole.num_edges
    torch.testing.assert_close(sparse.x, whole.x)
    assert (sparse.edge_index[0] == sparse.edge_index[1]).sum() == 12


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "kron"}, "kind must be one of"),
        ({"threshold": 1.0}, "threshold must be in"),
        ({"largest": 0}, "largest must be"),
    ],
)
def test_settings_are_checked(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Coarsening(**settings)
