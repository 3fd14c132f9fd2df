import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import (
    GATConv,
    GATv2Conv,
    GCNConv,
    GINConv,
    GINEConv,
    SAGEConv,
    global_add_pool,
    global_mean_pool,
)

from graphcond import pool
from graphcond.graphs.blocks import blocks, convolve, leaves, run_layers, update_count
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.storage.packing import canonical

DEPTH, WIDTH, CLASSES = 3, 5, 2
DTYPES = {torch.float64: 1e-9, torch.float32: 1e-5}
READOUTS = {"sum": global_add_pool, "mean": global_mean_pool}


def perceptron(width):
    return nn.Sequential(nn.Linear(width, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))


KINDS = {
    "GIN": lambda width: GINConv(perceptron(width), train_eps=True),
    "GINE": lambda width: GINEConv(perceptron(width), train_eps=True, edge_dim=2),
    "SAGE": lambda width: SAGEConv(width, WIDTH),
    "SAGE-max": lambda width: SAGEConv(width, WIDTH, aggr="max"),
    "GAT": lambda width: GATConv(width, WIDTH, heads=2, concat=False),
    "GATv2": lambda width: GATv2Conv(width, WIDTH, heads=2, concat=False),
    "GCN": lambda width: GCNConv(width, WIDTH),
}
ADDS_LOOPS = {"GAT", "GATv2", "GCN"}


class Network(nn.Module):
    """Convolutions and a linear layer over the pooled nodes; how the convolutions run is given at each call."""

    def __init__(self, kind, width, dtype):
        super().__init__()
        torch.manual_seed(0)
        self.kind = kind
        self.convs = nn.ModuleList(KINDS[kind](width if i == 0 else WIDTH) for i in range(DEPTH))
        self.head = nn.Linear(WIDTH, CLASSES)
        self.to(dtype)

    def plainly(self, x, edge_index, edge_attr=None):
        for i, conv in enumerate(self.convs):
            x = conv(x, edge_index, edge_attr) if self.kind == "GINE" else conv(x, edge_index)
            x = x.relu() if i < DEPTH - 1 else x
        return x

    def weighted(self, x, edge_index, degree):
        """GCN with the degrees that nodes had in their graphs, in place of those in the folded one."""
        loops = torch.arange(len(x)).repeat(2, 1)
        scale = (degree.to(x) + 1).rsqrt()
        edge_index = torch.cat([edge_index, loops], dim=1)
        for i, conv in enumerate(self.convs):
            conv.normalize = False
            x = conv(x, edge_index, scale[edge_index].prod(dim=0))
            conv.normalize = True
            x = x.relu() if i < DEPTH - 1 else x
        return x

    def on_folded(self, x, data):
        """Whatever reads folded trees as one ordinary graph."""
        if self.kind == "GCN":
            return self.weighted(x, data.edge_index, data.degree)
        return self.plainly(x, data.edge_index, None if "edge_attr" not in data else data.edge_attr.to(x))

    def in_blocks(self, x, data):
        convs = self.without_loops()
        if self.kind != "GINE":
            return run_layers(convs, x, data)
        x = x[leaves(data)]
        for i, (conv, block) in enumerate(zip(convs, blocks(data), strict=True)):
            x = convolve(conv, x, block, block.edge_attr.to(x))
            x = x.relu() if i < DEPTH - 1 else x
        return torch.cat([x.new_zeros(int(data.level_ptr[-2]), WIDTH), x])

    def without_loops(self):
        """The same convolutions, told not to add self-loops: parameters are shared."""
        convs = [copy.copy(conv) for conv in self.convs]
        for conv in convs:
            if "GAT" in self.kind:
                conv.add_self_loops = False
        return convs


def learned(network, logits, y):
    """Return logits and the gradients of the loss with respect to all parameters."""
    network.zero_grad()
    nn.functional.cross_entropy(logits, y).backward()
    return [logits.detach(), *[parameter.grad.clone() for parameter in network.parameters()]]


def assert_same(found, expected, dtype):
    for one, other in zip(found, expected, strict=True):
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(one / scale, other / scale, rtol=DTYPES[dtype], atol=DTYPES[dtype])


def on_originals(network, graphs, readout, dtype):
    attr = None if graphs.edge_attr is None else graphs.edge_attr.to(dtype)
    h = network.plainly(graphs.x.to(dtype), graphs.edge_index, attr)
    return learned(network, network.head(READOUTS[readout](h, graphs.graph)), graphs.y)


def folded(graphs, depth=DEPTH, **options):
    degrees = options.get("degrees", False)
    return folded_graphs(graphs, refine(graphs, depth, **options), degrees=degrees)


cases = pytest.mark.parametrize(
    ("kind", "readout", "dtype"),
    [(kind, readout, dtype) for kind in KINDS for readout in READOUTS for dtype in DTYPES],
    ids=str,
)


@pytest.fixture
def graphs(make_set):
    """Sets for each kind of network; what networks that add self-loops make of those that are there: see below."""

    def make(kind, **options):
        return make_set(30, edge_attr=kind == "GINE", loops=kind not in ADDS_LOOPS, **options)

    return make


@cases
def test_blocks_give_logits_and_gradients_of_the_graphs(graphs, kind, readout, dtype):
    originals = graphs(kind)
    data, network = folded(originals, degrees=kind == "GCN"), Network(kind, 2, dtype)
    logits = network.head(pool(network.in_blocks(data.x.to(dtype), data), data, readout))
    assert_same(learned(network, logits, data.y), on_originals(network, originals, readout, dtype), dtype)


@cases
def test_one_plain_graph_gives_logits_and_gradients_of_the_graphs(graphs, kind, readout, dtype):
    originals = graphs(kind)
    (data,) = canonical([folded(originals, degrees=kind == "GCN")])
    network = Network(kind, 2, dtype)
    logits = network.head(pool(network.on_folded(data.x.to(dtype), data), data, readout))
    assert_same(learned(network, logits, data.y), on_originals(network, originals, readout, dtype), dtype)


@cases
@pytest.mark.parametrize("packed", [False, True])
def test_bags_of_trees_give_logits_and_gradients_of_the_graphs(graphs, to_bags, kind, readout, dtype, packed):
    originals = graphs(kind)
    items = to_bags(originals, DEPTH, degrees=kind == "GCN")
    items = canonical(items) if packed else items
    network = Network(kind, 2, dtype)
    logits = []
    for batch in DataLoader(items, batch_size=7):
        assert batch.root_mask.tolist() == (batch.root_weight > 0).tolist()
        logits.append(network.head(pool(network.on_folded(batch.x.to(dtype), batch), batch, readout)))
    y = torch.cat([item.y for item in items])
    expected = on_originals(network, originals, readout, dtype)
    assert_same(learned(network, torch.cat(logits), y), expected, dtype)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from(["GIN", "GINE", "SAGE", "GCN", "GAT", "GATv2"]))
def test_any_set_of_graphs(make_set, seed, kind):
    originals = make_set(4, seed=seed, edge_attr=kind == "GINE", loops=kind not in ADDS_LOOPS, most=5)
    data, network = folded(originals, degrees=True), Network(kind, 2, torch.float64)
    logits = network.head(pool(network.in_blocks(data.x.double(), data), data))
    assert_same(learned(network, logits, data.y), on_originals(network, originals, "sum", torch.float64), torch.float64)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_graphs_with_self_loops_are_exact_or_refused(make_set, kind, packed):
    originals = make_set(30, edge_attr=kind == "GINE")
    loops = int((originals.edge_index[0] == originals.edge_index[1]).sum())
    data, network = folded(originals, degrees=True), Network(kind, 2, torch.float64)
    data = canonical([data])[0] if packed else data
    assert data.self_loops.tolist() == [loops] != [0]
    if kind in ADDS_LOOPS:
        with pytest.raises(ValueError, match=rf"^{kind}Conv adds self-loops and the graphs have some .*RemoveSelfL"):
            network.in_blocks(data.x.double(), data)
        return
    logits = network.head(pool(network.in_blocks(data.x.double(), data), data))
    assert_same(learned(network, logits, data.y), on_originals(network, originals, "sum", torch.float64), torch.float64)


def test_graphs_without_self_loops_are_not_said_to_have_some(make_set):
    assert "self_loops" not in folded(make_set(30, loops=False))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["GIN", "SAGE", "GAT"])
def test_networks_of_fewer_layers_than_the_depth(graphs, kind, layers):
    originals, network = graphs(kind), Network(kind, 2, torch.float64)
    data = folded(originals)
    h, expected = data.x.double(), originals.x.double()
    for conv in network.convs[:layers]:
        h, expected = conv(h, data.edge_index), conv(expected, originals.edge_index)
    torch.testing.assert_close(pool(h, data), global_add_pool(expected, originals.graph))


def test_degrees_are_needed_for_gcn_and_for_it_alone(make_set):
    originals = make_set(30, loops=False)
    data, network = folded(originals), Network("GCN", 2, torch.float64)
    with pytest.raises(ValueError, match=r"^GCN needs the degrees of the original nodes: fold with degrees=True$"):
        network.in_blocks(data.x.double(), data)
    assert update_count(data) < update_count(folded(originals, degrees=True))


@pytest.mark.parametrize("kind", ["GAT", "GATv2"])
def test_convolutions_that_add_self_loops_are_refused(graphs, kind):
    data, network = folded(graphs(kind)), Network(kind, 2, torch.float64)
    with pytest.raises(
        ValueError, match=rf"^{kind}Conv must be made with add_self_loops=False; blocks bring the self-"
    ):
        run_layers(network.convs, data.x.double(), data)


@pytest.mark.parametrize("make", [GATConv, GATv2Conv])
def test_edge_features_of_attention_are_refused(make_set, make):
    data = folded(make_set(20, edge_attr=True, loops=False))
    conv = make(2, WIDTH, edge_dim=2, add_self_loops=False).double()
    first = blocks(data)[0]
    message = rf"^{make.__name__} with edge features cannot run in blocks: its self-loops have none; use the Data as"
    with pytest.raises(ValueError, match=message):
        convolve(conv, data.x[leaves(data)].double(), first, first.edge_attr.double())


def test_no_edge_features_where_trees_know_nothing_of_them(make_set):
    assert "edge_attr" not in folded(make_set(20, edge_attr=True), edges=False)


@pytest.mark.parametrize("names", [("level_ptr",), ("shorter",)])
def test_blocks_of_something_else(make_set, names):
    data = folded(make_set())
    for name in names:
        del data[name]
    with pytest.raises(ValueError, match=r"^data has no level_ptr and shorter; blocks are for what .*wl_fold"):
        blocks(data)


@pytest.mark.parametrize("degrees", [True, False])
def test_updates_are_the_rows_of_the_blocks_and_the_distinct_colors(make_set, degrees):
    originals = make_set(60)
    data = folded(originals, degrees=degrees)
    rows = [block.size[1] for block in blocks(data)]
    colors = refine(originals, DEPTH, degrees=degrees)
    assert rows == [len(np.unique(level)) for level in colors.levels[1:]]
    assert update_count(data) == sum(rows)
    assert [block.size[0] for block in blocks(data)][1:] == rows[:-1]


def test_folding_saves_work_where_graphs_repeat(make_graphs, join):
    originals = join(make_graphs(20) * 10)
    data = folded(originals)
    assert 10 * update_count(data) < DEPTH * originals.num_nodes
    assert float(data.pool_weight.sum()) == originals.num_nodes


def test_each_tree_is_there_once(make_set):
    originals = make_set(60, edge_attr=True)
    data = folded(originals, degrees=True)
    levels = data.level_ptr.tolist()
    assert levels[0] == 0
    assert levels[-1] == len(data.x) == len(data.degree) == len(data.shorter)
    source, target = data.edge_index
    level = torch.searchsorted(data.level_ptr, torch.arange(len(data.x)), right=True) - 1
    assert torch.equal(level[target], level[source] + 1)
    assert torch.equal(level[data.shorter], (level - 1).clamp(min=0))
    assert torch.equal(data.x[data.shorter], data.x)
    assert torch.equal(data.degree[data.shorter], data.degree)
    inner = level > 0
    assert torch.equal(torch.bincount(target, minlength=len(data.x))[inner], data.degree[inner])
    assert bool((target.diff() >= 0).all())


def test_bags_hold_the_multiplicities(make_set, to_bags):
    originals = make_set(30)
    for item, size in zip(to_bags(originals, DEPTH), originals.sizes.tolist(), strict=True):
        assert float(item.root_weight.sum()) == size
        assert bool((item.root_weight[item.root_mask] >= 1).all())
        item.validate()


@pytest.mark.parametrize("features", ["codes", "one_hot", "numbers"])
def test_features_and_edge_features_keep_their_types(make_set, to_bags, features):
    originals = make_set(features=features, edge_attr=True)
    for data in (folded(originals), *to_bags(originals, DEPTH)):
        assert data.x.dtype == originals.x.dtype
        assert data.edge_attr.dtype == originals.edge_attr.dtype
        assert data.edge_attr.shape == (data.edge_index.size(1), 2)
        assert "degree" not in data


def test_graphs_without_edges(join, to_bags):
    originals = join([Data(x=torch.tensor([[1.0], [2.0]]), edge_index=torch.empty(2, 0).long(), y=torch.tensor([i]))
                      for i in range(2)])  # fmt: skip
    data = folded(originals)
    assert update_count(data) == 2 * DEPTH
    network = Network("GIN", 1, torch.float64)
    found = pool(network.in_blocks(data.x.double(), data), data)
    torch.testing.assert_close(found, global_add_pool(network.plainly(originals.x.double(), originals.edge_index),
                                                      originals.graph))  # fmt: skip
    assert [item.x.size(0) for item in to_bags(originals, DEPTH)] == [2, 2]


def test_originals_are_untouched(make_set, to_bags):
    originals = make_set(edge_attr=True)
    before = originals.fingerprint()
    folded(originals, degrees=True)
    to_bags(originals, DEPTH, degrees=True)
    assert originals.fingerprint() == before
