"""Folded trees know the weights of edges: networks that use them compute the same on trees as on the graphs."""

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn import GCNConv, GraphConv, global_add_pool

import graphcond
from graphcond import pool
from graphcond.graphs.blocks import blocks, convolve, leaves
from graphcond.graphs.reading import read_graphs

DEPTH, WIDTH = 3, 5


@pytest.fixture
def graphs(make_graphs):
    """Graphs whose edges have one of three weights."""
    given = make_graphs(30, loops=False, features="one_hot")
    for graph in given:
        graph.edge_weight = 0.5 + (graph.edge_index.sum(dim=0) % 3).double().float()
    return given


def layers(conv):
    torch.manual_seed(0)
    return torch.nn.ModuleList(conv(3 if i == 0 else WIDTH, WIDTH) for i in range(DEPTH)).double()


@pytest.mark.parametrize("conv", [GCNConv, lambda *sizes: GraphConv(*sizes, aggr="add")], ids=["GCN", "GraphConv"])
@torch.no_grad()
def test_networks_compute_the_same(graphs, conv):
    convs, train = layers(conv), read_graphs(graphs).train
    plain = Batch.from_data_list(train.data())
    expected = plain.x.double()
    for one in convs:
        expected = one(expected, plain.edge_index, plain.edge_weight.double()).relu()
    folded = graphcond.condense(graphs, method=graphcond.WLFold(depth=DEPTH))[0]
    assert folded.num_nodes < DEPTH * plain.num_nodes
    h = folded.x.double()[leaves(folded)]
    for one, block in zip(convs, blocks(folded), strict=True):
        weight = None if isinstance(one, GCNConv) else block.edge_weight.double()
        h = convolve(one, h, block, weight).relu()
    rows = torch.cat([h.new_zeros(int(folded.level_ptr[-2]), WIDTH), h])
    torch.testing.assert_close(pool(rows, folded, "sum"), global_add_pool(expected, plain.batch))


def test_trees_of_other_weights_are_other_trees(graphs):
    def count(factor):
        changed = [graph.clone() for graph in graphs]
        for i, graph in enumerate(changed):
            graph.edge_weight = torch.ones(graph.num_edges) * (1 + factor * i)
        return graphcond.condense(changed, method=graphcond.WLFold(depth=2))[0].num_nodes

    unweighted = [graph.clone() for graph in graphs]
    for graph in unweighted:
        del graph["edge_weight"]
    plain = graphcond.condense(unweighted, method=graphcond.WLFold(depth=2))[0]
    assert count(0) == plain.num_nodes
    assert count(1) > plain.num_nodes
    assert "edge_weight" not in plain
