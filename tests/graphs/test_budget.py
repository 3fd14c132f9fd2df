import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.core.size import Size
from graphcond.graphs.budget import GraphBudget

COUNTS = st.lists(st.integers(1, 300), min_size=1, max_size=8).map(torch.tensor)


@settings(deadline=None)
@given(COUNTS, st.data())
def test_the_number_asked_is_delivered_in_proportion(counts, data):
    total = data.draw(st.integers(len(counts), int(counts.sum())))
    shares = GraphBudget(Size.count(total)).allocate(counts)
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
            GraphBudget(Size.ratio(ratio)).allocate(counts)
    else:
        by_count = GraphBudget(Size.count(total)).allocate(counts)
        assert GraphBudget(Size.ratio(ratio)).allocate(counts).equal(by_count)


def test_each_class_alike_and_each_class_by_itself():
    counts = torch.tensor([10, 2, 30])
    assert GraphBudget(Size.per_class(4)).allocate(counts).tolist() == [4, 4, 4]
    assert GraphBudget(Size.everything(), (1, 5, 2)).allocate(counts).tolist() == [1, 5, 2]
    assert GraphBudget(Size.count(21)).allocate(counts).tolist() == [5, 1, 15]


def test_what_methods_ask_of_a_size():
    assert GraphBudget(Size.bytes(100)).max_bytes == 100
    assert GraphBudget(Size.count(100)).max_bytes is None
    assert GraphBudget(Size.everything()).is_everything
    assert not GraphBudget(Size.bytes(100)).is_everything


def test_methods_that_make_new_graphs_may_make_more_of_a_class_than_there_are():
    counts = torch.tensor([10, 2, 30])
    assert GraphBudget(Size.per_class(40)).allocate(counts).tolist() == [40, 40, 40]
    message = "3 graphs of class 1 were asked for, but it has only 2 to choose from; ask for fewer"
    with pytest.raises(ValueError, match=f"^{message}$"):
        GraphBudget(Size.per_class(3)).allocate_within(counts, "to choose from")
    assert GraphBudget(Size.per_class(2)).allocate_within(counts, "to choose from") == [2, 2, 2]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (2, "size=2 gives 2 graphs, fewer than the 3 classes; ask for at least one per class: size=3"),
        (0.01, "ratio=0.01 gives 0 graphs, fewer than the 3 classes; ask for at least one per class: size=3"),
        (43, "size=43 asks for 43 graphs, more than the 42 to train on; ask less"),
        ("100B", "size='100B' is for methods that choose their size by bytes, such as 'auto' and 'mirage'; ask for "
                 "size=35 or size='10/class'"),
        ("everything", "size='everything' is for methods that keep everything; ask for size=35 or size='10/class'"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_the_graphs(size, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        GraphBudget(Size.parse(size)).allocate(torch.tensor([10, 2, 30]))
