import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import global_add_pool, global_mean_pool

from graphcond import pool
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import folded_graphs

REAL = {"sum": global_add_pool, "mean": global_mean_pool}
readouts = pytest.mark.parametrize("reduce", ["sum", "mean"])


def embedded(num_nodes, width=4, dtype=torch.float64):
    return torch.randn(num_nodes, width, dtype=dtype, generator=torch.Generator().manual_seed(0))


def weighted(sizes=(3, 1, 4)):
    """Return graphs of which some nodes are roots, with a weight each."""
    generator = torch.Generator().manual_seed(1)
    items = []
    for size in sizes:
        weight = torch.randint(4, (size,), generator=generator) / 2
        weight[0] = 1.5
        item = Data(x=torch.ones(size, 1), edge_index=torch.empty(2, 0).long(), y=torch.tensor([0]))
        item.root_weight, item.root_mask = weight, weight > 0
        items.append(item)
    return items


@readouts
def test_ordinary_batches_are_pooled_like_pyg_does(make_graphs, reduce):
    batch = Batch.from_data_list(make_graphs(9))
    h = embedded(batch.num_nodes)
    assert torch.equal(pool(h, batch, reduce), REAL[reduce](h, batch.batch))


@readouts
def test_one_ordinary_graph_is_one_row(make_graphs, reduce):
    data = make_graphs(3)[2]
    h = embedded(data.num_nodes)
    torch.testing.assert_close(pool(h, data, reduce), REAL[reduce](h, None))


def test_sum_is_the_default(make_graphs):
    data = make_graphs(1)[0]
    h = embedded(data.num_nodes)
    assert torch.equal(pool(h, data), pool(h, data, "sum"))


@readouts
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_roots_count_as_often_as_they_weigh(reduce, batch_size):
    items = weighted()
    rows = [embedded(len(item.x)) for item in items]
    for i, batch in enumerate(DataLoader(items, batch_size=batch_size)):
        here = slice(i * batch_size, (i + 1) * batch_size)
        expected = [item.root_weight.double() @ h for item, h in zip(items[here], rows[here], strict=True)]
        if reduce == "mean":
            expected = [row / item.root_weight.sum() for row, item in zip(expected, items[here], strict=True)]
        torch.testing.assert_close(pool(torch.cat(rows[here]), batch, reduce), torch.stack(expected))


@readouts
def test_whole_weights_are_copies_of_nodes(reduce):
    data = weighted([5])[0]
    data.root_weight = torch.tensor([2.0, 0.0, 1.0, 3.0, 0.0])
    h = embedded(5)
    copies = h[torch.tensor([0, 0, 2, 3, 3, 3])]
    torch.testing.assert_close(pool(h, data, reduce), REAL[reduce](copies, None))


@readouts
def test_nodes_that_are_shared_by_graphs(make_set, reduce):
    graphs = make_set(20)
    data = folded_graphs(graphs, refine(graphs, 0), degrees=False)  # depth 0: a node for each kind of row
    torch.testing.assert_close(pool(data.x.double(), data, reduce), REAL[reduce](graphs.x.double(), graphs.graph))
    (batch,) = DataLoader([data], batch_size=1)
    assert torch.equal(pool(data.x.double(), batch, reduce), pool(data.x.double(), data, reduce))


@readouts
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_embeddings_keep_their_type(reduce, dtype):
    batch = Batch.from_data_list(weighted())
    assert pool(embedded(batch.num_nodes, dtype=dtype), batch, reduce).dtype == dtype


@readouts
def test_gradients_are_the_weights(reduce):
    data = weighted([6])[0]
    h = embedded(6).requires_grad_()
    pool(h, data, reduce).sum().backward()
    share = data.root_weight.double() / (data.root_weight.sum() if reduce == "mean" else 1)
    torch.testing.assert_close(h.grad, share.unsqueeze(1).expand(6, 4))


@readouts
def test_a_graph_without_roots_is_a_row_of_zeros(reduce):
    items = weighted()
    items[1].root_weight = torch.zeros(1)
    batch = Batch.from_data_list(items)
    pooled = pool(embedded(batch.num_nodes), batch, reduce)
    assert pooled[1].tolist() == [0] * 4
    assert bool(torch.isfinite(pooled).all())


def test_unknown_readout():
    with pytest.raises(ValueError, match=r"reduce must be 'sum' or 'mean', got 'max'"):
        pool(torch.ones(3, 1), weighted([3])[0], "max")
