import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcond
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.evaluation.value import NODE_EVALUATION
from graphcond.nodes.methods.random_means import random_groups
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.reading import read_nodes


@pytest.mark.parametrize("depth", [0, 2])
def test_nodes_are_means_of_propagated_training_nodes_of_their_class(toy, depth):
    small = graphcond.condense(toy, size=7, method=graphcond.RandomMeans(num_members=3, depth=depth))
    graph = read_nodes(toy).train.graph
    space = propagate(normalized_adjacency(graph), graph.x, depth).double()
    for x, y, rows in zip(small[0].x, small[0].y, small.members, strict=True):
        assert len(rows) == len(set(rows.tolist())) == 3
        assert bool(toy.train_mask[rows].all())
        assert toy.y[rows].tolist() == [int(y)] * 3
        torch.testing.assert_close(x.double(), space[rows].mean(dim=0))
    assert torch.equal(small[0].edge_index, torch.arange(7).repeat(2, 1))


def test_all_members_are_the_class_mean(toy):
    small = graphcond.condense(toy, size=6, method="random_means(num_members=1000)")
    means = graphcond.condense(toy, size=3, method="class_mean")
    torch.testing.assert_close(small[0].x, means[0].x[small[0].y])
    assert [len(rows) for rows in small.members] == [len(list(means.members)[y]) for y in small[0].y]


def test_one_member_is_a_random_propagated_node(toy):
    small, other = (
        graphcond.condense(toy, size=9, method=name) for name in ("random_means(num_members=1)", "random_propagated")
    )
    assert torch.equal(small.members.index, other.members.index)
    torch.testing.assert_close(small[0].x, other[0].x)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 15), st.integers(0, 99))
def test_groups_share_no_row_before_all_are_used(total, count, size, seed):
    rows = torch.arange(100, 100 + total)
    with seeded(seed):
        groups = random_groups(rows, count, size)
    assert [len(group) for group in groups] == [min(size, total)] * count
    assert all(len(set(group.tolist())) == len(group) for group in groups)
    each = total // min(size, total)
    for start in range(0, count, each):
        among = torch.cat(groups[start : start + each])
        assert len(among.unique()) == len(among)
        assert set(among.tolist()) <= set(rows.tolist())


def test_numbers_are_the_means_of_their_members(toy):
    numbers = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    toy.y = numbers.clone()
    small = graphcond.condense(toy, size=6, method="random_means(num_members=4)")
    expected = torch.stack([numbers[rows].mean(dim=0) for rows in small.members])
    torch.testing.assert_close(small[0].y, expected)


def test_it_is_a_control_that_can_be_named(toy):
    small = graphcond.condense(toy, size=6, method="random")
    report = graphcond.evaluate(small, toy, protocol="standard(runs=1, epochs=2)", controls=["random_means"])
    assert [row.data for row in report.rows] == ["random", "random_means"]
    assert "random_means" not in NODE_EVALUATION.usual
