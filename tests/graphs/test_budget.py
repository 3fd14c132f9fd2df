import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.graphs.budget import GraphBudget

COUNTS = st.lists(st.integers(1, 300), min_size=1, max_size=8).map(torch.tensor)


@settings(deadline=None)
@given(COUNTS, st.data())
def test_the_number_asked_is_delivered_in_proportion(counts, data):
    total = data.draw(st.integers(len(counts), int(counts.sum())))
    shares = GraphBudget(num_graphs=total).allocate(counts)
    assert shares.dtype == torch.int64
    assert int(shares.sum()) == total
    assert bool((shares >= 1).all())
    order = counts.argsort()
    assert bool((shares[order].diff() >= -1).all())


@settings(deadline=None)
@given(COUNTS, st.floats(0.001, 1))
def test_a_ratio_is_a_share_of_the_training_graphs(counts, ratio):
    total = int(ratio * int(counts.sum()) + 0.5)
    if total < len(counts):
        with pytest.raises(ValueError, match=rf"^ratio={ratio} gives {total} graphs, fewer than the {len(counts)} "):
            GraphBudget(ratio=ratio).allocate(counts)
    else:
        assert torch.equal(GraphBudget(ratio=ratio).allocate(counts), GraphBudget(num_graphs=total).allocate(counts))


def test_each_class_alike_and_each_class_by_itself():
    counts = torch.tensor([10, 2, 30])
    assert GraphBudget(graphs_per_class=4).allocate(counts).tolist() == [4, 4, 4]
    assert GraphBudget(allocation=(1, 5, 2)).allocate(counts).tolist() == [1, 5, 2]
    assert GraphBudget(num_graphs=21).allocate(counts).tolist() == [5, 1, 15]


def test_what_was_asked():
    assert GraphBudget(ratio=0.5).asked() == {"ratio": 0.5}
    assert GraphBudget(max_bytes=100).asked() == {"max_bytes": 100}
    assert GraphBudget(allocation=(1, 2)).asked() == {}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({}, "give exactly one of ratio=, num_graphs=, graphs_per_class=, max_bytes=, got none"),
        ({"ratio": 0.1, "max_bytes": 9}, "give exactly one of ... got ratio and max_bytes"),
        ({"num_graphs": 3, "allocation": (1, 2)}, "give exactly one of ... got num_graphs and allocation"),
        ({"ratio": 0}, "ratio must be in (0, 1], got 0; for a number of graphs use num_graphs="),
        ({"ratio": 1.5}, "ratio must be in (0, 1], got 1.5; ..."),
        ({"ratio": -0.5}, "ratio must be in (0, 1], got -0.5; ..."),
        ({"ratio": float("nan")}, "ratio must be in (0, 1], got nan; ..."),
        ({"ratio": True}, "ratio must be in (0, 1], got True; ..."),
        ({"ratio": "0.5"}, "ratio must be in (0, 1], got '0.5'; ..."),
        ({"num_graphs": 0}, "num_graphs must be a positive integer, got 0"),
        ({"num_graphs": 2.0}, "num_graphs must be a positive integer, got 2.0"),
        ({"graphs_per_class": -1}, "graphs_per_class must be a positive integer, got -1"),
        ({"graphs_per_class": True}, "graphs_per_class must be a positive integer, got True"),
        ({"max_bytes": 0}, "max_bytes must be a positive integer, got 0"),
        ({"max_bytes": "10kB"}, "max_bytes must be a positive integer, got '10kB'"),
    ],
)
def test_bad_sizes(sizes, message):
    pattern = "^" + ".*".join(re.escape(part.strip()) for part in message.split("...")) + "$"
    with pytest.raises(ValueError, match=pattern):
        GraphBudget(**sizes)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_graphs": 2}, "num_graphs=2 gives 2 graphs, fewer than the 3 classes; ask for at least one per class: "
                            "num_graphs=3"),
        ({"ratio": 0.01}, "ratio=0.01 gives 0 graphs, fewer than the 3 classes; ask for at least one per class: "
                          "num_graphs=3"),
        ({"num_graphs": 43}, "num_graphs=43 asks for 43 graphs, more than the 42 to train on; ask less"),
        ({"max_bytes": 100}, "max_bytes is for methods that choose their size by bytes, such as 'auto' and 'mirage'; "
                             "ask for num_graphs= or graphs_per_class="),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_the_graphs(sizes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        GraphBudget(**sizes).allocate(torch.tensor([10, 2, 30]))
