from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphcond.core.hashing import mixed, row_words
from graphcond.graphs.color_refinement import Colors, refine
from graphcond.graphs.task import GraphSet

DEPTH = 3
SEEDS = st.integers(0, 2**32)


def refine_exactly(graphs: GraphSet, depth: int, *, degrees: bool = False, edges: bool = True) -> Colors:
    """Return colours without a hash: numbers from sorted lists of neighbours, of this set alone."""
    start = _numbered(_labels(graphs, degrees))
    edge_type = _numbered(graphs.edge_attr.numpy()) if edges and graphs.edge_attr is not None else None
    kinds = np.zeros(graphs.edge_index.size(1), dtype=np.int64) if edge_type is None else edge_type
    source, target = graphs.edge_index.numpy()
    degree = graphs.degree.numpy()
    levels = [start]
    for _ in range(depth):
        seen = levels[-1][source]
        order = np.lexsort((seen, kinds, target))
        first = np.concatenate([[0], np.cumsum(degree)])
        result = np.empty(graphs.num_nodes, dtype=np.int64)
        used = 0
        for count in np.unique(degree):  # lists of one length at a time
            nodes = np.flatnonzero(degree == count)
            places = order[first[nodes][:, None] + np.arange(count)]
            rows = np.concatenate([start[nodes][:, None], kinds[places], seen[places]], axis=1)
            result[nodes] = _numbered(rows) + used
            used = int(result[nodes].max()) + 1
        levels.append(result)
    return Colors(tuple(levels), edge_type)


def _labels(graphs: GraphSet, degrees: bool) -> np.ndarray:
    labels = graphs.x.double()
    return torch.cat([labels, graphs.degree.double().unsqueeze(1)], dim=1).numpy() if degrees else labels.numpy()


def _numbered(rows: np.ndarray) -> np.ndarray:
    if rows.shape[1] == 0:
        return np.zeros(len(rows), dtype=np.int64)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def same_parts(first, second):
    """Return whether two labellings call the same elements equal."""
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(set(first)) == len(set(second))


def changed(graphs, **tensors):
    names = ("x", "edge_index", "edge_attr", "ptr", "y")
    return GraphSet(**{name: tensors.get(name, getattr(graphs, name)) for name in names})


def star(root, *leaves):
    """Return leaves that point at a root, the last node."""
    size = len(leaves)
    edge_index = torch.stack([torch.arange(size), torch.full((size,), size)])
    return Data(x=torch.tensor([*leaves, root]).reshape(-1, 1), edge_index=edge_index, y=torch.tensor([0]))


def ring(size):
    steps = torch.arange(size)
    forth = torch.stack([steps, (steps + 1) % size])
    return Data(x=torch.ones(size, 1), edge_index=torch.cat([forth, forth.flip(0)], dim=1), y=torch.tensor([0]))


def last_colors(graphs, depth=1, **options):
    """Return the colour of the last node of each graph."""
    return refine(graphs, depth, **options).levels[-1][graphs.ptr[1:].numpy() - 1].tolist()


@pytest.mark.parametrize("edges", [True, False], ids=["edges", "no edges"])
@pytest.mark.parametrize("degrees", [True, False], ids=["degrees", "no degrees"])
@pytest.mark.parametrize("refinement", [refine, refine_exactly])
@settings(deadline=None, max_examples=15)
@given(seed=SEEDS)
def test_colors_are_equal_if_and_only_if_trees_are(make_set, trees, refinement, degrees, edges, seed):
    graphs = make_set(6, seed=seed, edge_attr=True, most=4)
    incoming = torch.bincount(graphs.edge_index[1], minlength=graphs.num_nodes)
    colors = refinement(graphs, DEPTH, degrees=degrees, edges=edges)
    assert colors.depth == DEPTH
    for depth, level in enumerate(colors.levels):
        assert same_parts(level.tolist(), trees(graphs, depth, incoming if degrees else None, edges))


@pytest.mark.parametrize("degrees", [True, False])
@pytest.mark.parametrize("options", [{"edge_attr": True}, {}, {"features": "numbers"}, {"features": "one_hot"}])
def test_hashed_colors_are_the_exact_ones_renamed(make_set, options, degrees):
    graphs = make_set(400, most=9, **options)
    hashed, exact = refine(graphs, 4, degrees=degrees), refine_exactly(graphs, 4, degrees=degrees)
    for one, other in zip(hashed.levels, exact.levels, strict=True):
        assert one.dtype == np.uint64
        assert same_parts(one.tolist(), other.tolist())
    assert (hashed.edge_type is None) == (exact.edge_type is None) == ("edge_attr" not in options)
    if hashed.edge_type is not None:
        assert same_parts(hashed.edge_type.tolist(), exact.edge_type.tolist())


@pytest.mark.parametrize("refinement", [refine, refine_exactly])
def test_each_round_tells_apart_what_the_one_before_did(make_set, refinement):
    levels = [level.tolist() for level in refinement(make_set(200), 4).levels]
    for before, after in pairwise(levels):
        assert len(set(zip(before, after, strict=True))) == len(set(after)) >= len(set(before))


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.booleans())
def test_colors_do_not_depend_on_the_other_graphs(make_set, seed, degrees):
    graphs = make_set(10, seed=seed, edge_attr=True)
    whole = refine(graphs, DEPTH, degrees=degrees)
    picks = torch.randperm(10, generator=torch.Generator().manual_seed(seed))[:4]
    part = refine(graphs.take(picks), DEPTH, degrees=degrees)
    for one, other in zip(part.levels, whole.levels, strict=True):
        expected = np.concatenate([other[graphs.ptr[i] : graphs.ptr[i + 1]] for i in picks.tolist()])
        assert (one == expected).all()


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.booleans())
def test_colors_do_not_depend_on_the_order_of_nodes_and_edges(make_set, seed, degrees):
    graphs = make_set(5, seed=seed, edge_attr=True)
    generator = torch.Generator().manual_seed(seed)
    # Nodes are moved within their graphs, as a set holds each graph's nodes in a row.
    order = torch.cat([torch.randperm(int(size), generator=generator) for size in graphs.sizes])
    order = order + graphs.ptr[:-1][graphs.graph]
    edges = torch.randperm(graphs.edge_index.size(1), generator=generator)
    moved = changed(
        graphs,
        x=graphs.x[order],
        edge_index=order.argsort()[graphs.edge_index[:, edges]],
        edge_attr=graphs.edge_attr[edges],
    )
    for one, other in zip(
        refine(moved, DEPTH, degrees=degrees).levels, refine(graphs, DEPTH, degrees=degrees).levels, strict=True
    ):
        assert (one == other[order.numpy()]).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.uint8, torch.int32])
def test_types_of_numbers_do_not_matter(make_set, dtype):
    graphs = make_set(edge_attr=True)
    other = changed(graphs, x=graphs.x.to(dtype), edge_attr=graphs.edge_attr.to(dtype))
    for one, two in zip(refine(other, DEPTH).levels, refine(graphs, DEPTH).levels, strict=True):
        assert (one == two).all()


@pytest.mark.parametrize("refinement", [refine, refine_exactly])
def test_a_negative_zero_is_a_zero(make_set, refinement):
    graphs = make_set(edge_attr=True)
    x, attr = graphs.x.float(), graphs.edge_attr.float()
    other = changed(graphs, x=torch.where(x == 0, -x, x), edge_attr=torch.where(attr == 0, -attr, attr))
    assert torch.signbit(other.x).any()
    assert torch.signbit(other.edge_attr).any()
    for one, two in zip(refinement(other, DEPTH).levels, refinement(graphs, DEPTH).levels, strict=True):
        assert (one == two).all()


def test_large_codes_are_distinguished():
    words = row_words(torch.tensor([[2**31 - 1], [2**31 - 2], [0], [1], [16_777_216], [16_777_217]]))
    assert len(set(words.tolist())) == 6


def test_the_order_of_columns_matters():
    assert len(set(row_words(torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0]])).tolist())) == 4


@pytest.mark.parametrize("refinement", [refine, refine_exactly])
def test_a_code_of_digits_in_a_row_would_be_ambiguous(join, refinement):
    # A root 0 with a child 13 and a root 19 with a child 3 share one integer in the published code.
    graphs = join([star(0, 13), star(19, 3)])
    for level in refinement(graphs, DEPTH).levels:
        assert len(set(level.tolist())) == 4


def test_children_are_a_multiset(join):
    graphs = join(
        [star(0, 1, 2), star(0, 2, 1), star(0, 1, 1, 2), star(0, 1, 2, 2), star(0, 1), star(0, 1, 1), star(0)]
    )
    first, turned, *others = last_colors(graphs)
    assert first == turned
    assert len({first, *others}) == 6


def test_xor_and_sum_of_plain_labels_would_confuse_these(join):
    graphs = join([star(0, 1, 4), star(0, 2, 3), star(0, 0, 5), star(0, 5, 5), star(0, 7, 7), star(0)])
    assert len(set(last_colors(graphs))) == 6


def test_edges_point_from_child_to_parent(join):
    down = star(0, 1)
    up = Data(x=down.x, edge_index=down.edge_index.flip(0), y=down.y)
    assert len(set(last_colors(join([down, up])))) == 2


def test_edge_features_count_where_asked(join):
    items = [star(0, 1, 2) for _ in range(3)]
    for item, kinds in zip(items, ([0, 1], [1, 0], [0, 0]), strict=True):
        item.edge_attr = torch.tensor(kinds).reshape(-1, 1)
    assert len(set(last_colors(join(items)))) == 3
    assert len(set(last_colors(join(items), edges=False))) == 1
    assert refine(join(items), 1, edges=False).edge_type is None


def test_degrees_are_known_at_the_leaves_where_asked(join):
    chain = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]]), y=torch.tensor([0]))
    short = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]), y=torch.tensor([0]))
    graphs = join([chain, short])
    assert len(set(last_colors(graphs, depth=1))) == 1
    assert len(set(last_colors(graphs, depth=1, degrees=True))) == 2
    assert len(set(refine(graphs, 0, degrees=True).levels[0].tolist())) == 2


def test_a_hexagon_and_two_triangles_are_alike_to_all_message_passing(join):
    colors = refine(join([ring(6), ring(3), ring(3)]), 5, degrees=True)
    assert all(len(np.unique(level)) == 1 for level in colors.levels)
    assert len(set(np.concatenate(colors.levels).tolist())) == 6


def test_words_are_those_of_splitmix64():
    # The first outputs of the published generator at seed 1234567; each state is a step further.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    states = [(1234567 + i * 0x9E3779B97F4A7C15) % 2**64 for i in range(4)]
    assert mixed(np.array(states, dtype=np.uint64)).tolist() == outputs


def test_the_number_of_threads_does_not_matter(make_set):
    generator = torch.Generator().manual_seed(0)
    few = torch.randint(50, (2, 300_000), generator=generator)  # many messages for each node
    graphs = GraphSet(torch.arange(50).reshape(-1, 1), few, None, torch.tensor([0, 50]), torch.tensor([0]))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            found.append(refine(graphs, DEPTH).levels)
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        assert (one == other).all()


def test_graphs_without_edges(join):
    graphs = join([Data(x=torch.tensor([[1], [2]]), edge_index=torch.empty(2, 0).long(), y=torch.tensor([0]))] * 2)
    for refinement in (refine, refine_exactly):
        for level in refinement(graphs, 2).levels:
            assert level[:2].tolist() == level[2:].tolist()
            assert level[0] != level[1]
