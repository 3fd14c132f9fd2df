import pytest
import torch
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import to_dense_adj

from graphcond.graphs.features import Categories, Numbers
from graphcond.graphs.source import GraphSource, union
from graphcond.graphs.task import GraphSet

LABELS = torch.tensor([1, 0, 0, 1, 0, 0, 1, 0])


def graph_set(codes: bool = False) -> GraphSet:
    """Return rings of 3 to 10 nodes; features tell the graph."""
    sizes = torch.arange(3, 3 + len(LABELS))
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    steps = [torch.arange(size) + start for size, start in zip(sizes.tolist(), ptr.tolist(), strict=False)]
    forth = torch.cat([torch.stack([ring, ring.roll(1)]) for ring in steps], dim=1)
    x = torch.repeat_interleave(torch.arange(len(LABELS)), sizes).unsqueeze(1)
    return GraphSet(x if codes else x.float(), torch.cat([forth, forth.flip(0)], dim=1), None, ptr, LABELS)


def test_operator_is_that_of_a_gcn():
    graphs = graph_set()
    edge_index, weight = gcn_norm(graphs.edge_index, None, graphs.num_nodes)
    expected = to_dense_adj(edge_index, edge_attr=weight, max_num_nodes=graphs.num_nodes)[0]
    torch.testing.assert_close(union(graphs, "mean").adj.to_dense(), expected)


@pytest.mark.parametrize("readout", ["mean", "sum"])
def test_readouts(readout):
    graphs = graph_set()
    batch = union(graphs, readout)
    number = torch.arange(len(graphs)).float()
    expected = number if readout == "mean" else number * graphs.sizes
    torch.testing.assert_close(batch.gather(batch.x).flatten(), expected)


def test_small_classes_are_whole_and_the_batch_is_always_the_same():
    source = GraphSource(union(graph_set(), "mean"), Numbers(1), per_class=5)
    assert source.constant
    assert source(0) is source(1)
    assert source(0).y.tolist() == [0] * 5 + [1] * 3
    assert source(0).gather(source(0).x).flatten().tolist() == pytest.approx([1, 2, 4, 5, 7, 0, 3, 6])


def test_large_classes_are_drawn_without_repetition():
    torch.manual_seed(0)
    source = GraphSource(union(graph_set(), "mean"), Numbers(1), per_class=3)
    assert not source.constant
    drawn = [source(step) for step in range(100)]
    seen = set()
    for batch in drawn:
        assert batch.y.tolist() == [0] * 3 + [1] * 3
        numbers = batch.gather(batch.x).flatten().round().int().tolist()
        assert len(set(numbers)) == 6
        seen.add(tuple(sorted(numbers[:3])))
        assert sorted(numbers[3:]) == [0, 3, 6]
    assert len(seen) == 10  # all ways to choose 3 of 5


def test_codes_are_encoded():
    graphs = graph_set(codes=True)
    features = Categories.of(graphs.x)
    batch = GraphSource(union(graphs, "mean"), features, per_class=2)(0)
    assert batch.x.shape == (int(batch.ptr[-1]), len(LABELS))
    assert torch.equal(LABELS[batch.gather(batch.x).argmax(dim=1)], batch.y)
