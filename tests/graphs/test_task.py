import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.core.targets import SingleLabel
from graphcond.graphs.task import GraphTask, ragged

SEEDS = st.integers(0, 2**32)


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, value in one:
            assert torch.equal(other[key], value), key


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.booleans(), st.lists(st.integers(0, 5), max_size=8))
def test_taken_graphs_are_those_of_a_list(make_graphs, join, seed, edge_attr, picks):
    items = make_graphs(6, seed=seed, edge_attr=edge_attr)
    taken = join(items).take(torch.tensor(picks, dtype=torch.int64))
    assert_same(taken.data(), [items[i] for i in picks])
    assert len(taken) == len(picks)
    assert taken.sizes.tolist() == [items[i].num_nodes for i in picks]


@pytest.mark.parametrize("edge_attr", [True, False])
def test_a_set_is_its_graphs_end_to_end(make_graphs, join, edge_attr):
    items = make_graphs(9, edge_attr=edge_attr)
    graphs = join(items)
    assert_same(graphs.data(), items)
    assert graphs.num_nodes == sum(item.num_nodes for item in items)
    assert graphs.graph.tolist() == [i for i, item in enumerate(items) for _ in range(item.num_nodes)]
    assert graphs.edge_ptr.diff().tolist() == [item.num_edges for item in items]
    incoming = [torch.bincount(item.edge_index[1], minlength=item.num_nodes) for item in items]
    assert graphs.degree.tolist() == torch.cat(incoming).tolist()
    assert graphs.to(torch.device("cpu")).fingerprint() == graphs.fingerprint()


def test_fingerprint_is_that_of_the_content(make_set):
    graphs = make_set(8, edge_attr=True)
    assert make_set(8, edge_attr=True).fingerprint() == graphs.fingerprint()
    seen = {graphs.fingerprint(), make_set(8).fingerprint(), make_set(8, seed=1, edge_attr=True).fingerprint()}
    for name in ("x", "edge_index", "edge_attr", "y"):
        other = make_set(8, edge_attr=True)
        getattr(other, name).view(-1)[0] += 1
        seen.add(other.fingerprint())
    assert len(seen) == 7


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.data())
def test_ragged_rows(sizes, data):
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    rows = data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=6))
    positions, new = ragged(ptr, torch.tensor(rows, dtype=torch.int64))
    expected = [list(range(int(ptr[row]), int(ptr[row + 1]))) for row in rows]
    assert positions.tolist() == [place for row in expected for place in row]
    assert new.diff().tolist() == [len(row) for row in expected]


def test_class_counts_have_a_place_for_each_class(make_set):
    graphs = make_set(10, classes=3)
    task = GraphTask(graphs, graphs.take(torch.arange(0)), graphs.take(torch.arange(0)), targets=SingleLabel(4))
    assert task.class_counts.tolist() == [4, 3, 3, 0]
    assert task.fingerprint() == graphs.fingerprint()
    assert task.to(torch.device("cpu")).train.fingerprint() == graphs.fingerprint()
