"""Sets in which nothing tells nodes or graphs apart are condensed like any other, without a warning of a library."""

import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.methods import short_training, validation
from graphcond.nodes.methods import METHODS as NODE_METHODS

NONE = torch.empty(2, 0, dtype=torch.int64)


def ring(count):
    places = torch.arange(count)
    edges = torch.stack([places, places.roll(1)])
    return torch.cat([edges, edges.flip(0)], dim=1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", [name for name, make in NODE_METHODS.items() if not make().label_free])
@pytest.mark.parametrize(("value", "edges"), [(1.0, ring(30)), (0.0, NONE)], ids=["ring", "bare"])
def test_nodes(method, value, edges):
    masks = {name: torch.arange(30) // 10 == k for k, name in enumerate(("train_mask", "val_mask", "test_mask"))}
    data = Data(x=torch.full((30, 4), value), edge_index=edges, y=torch.arange(30) % 2, **masks)
    quick = NODE_METHODS.quick(method)
    small = graphcond.condense(data, size=4 if quick.sized else None, method=quick)
    assert torch.isfinite(small[0].x).all()
    assert small[0].y[small[0].train_mask].unique().tolist() == [0, 1]


def test_nodes_without_labels_have_nothing_to_learn():
    data = Data(x=torch.ones(30, 4), edge_index=ring(30))
    with pytest.raises(ValueError, match="all nodes have the same propagated features"):
        graphcond.condense(data, size=4, method="krr_st")


@pytest.mark.parametrize("method", [method.name for method in GRAPH_METHODS.classes])
@pytest.mark.parametrize(
    "shape",
    [(5, torch.ones(5, 1), ring(5)), (5, torch.zeros(5, 3), NONE), (1, torch.ones(1, 1), NONE), (4, None, ring(4))],
    ids=["ring", "bare", "single", "no features"],
)
def test_graphs(method, shape, monkeypatch):
    monkeypatch.setattr(short_training, "STEPS", 2)
    monkeypatch.setattr(short_training, "NETWORKS", 1)
    monkeypatch.setattr(validation, "STEPS", 10)
    count, x, edges = shape
    graphs = [Data(x=x, edge_index=edges, num_nodes=count, y=i % 2) for i in range(24)]
    size = None if method == "wl_fold" else 4
    small = graphcond.condense(graphs, method=GRAPH_METHODS.quick(method), size=size)
    assert sum(item.y.numel() for item in small) >= 2
    assert all(torch.isfinite(item.x).all() for item in small)
