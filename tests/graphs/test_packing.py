import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.transforms import AddSelfLoops

from graphcond import CondensedDataset, Record
from graphcond.core.runtime import storage
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.storage.packing import canonical, from_tensors, pack, packed_bytes, to_tensors, union, unpack

SEEDS = st.integers(0, 2**32)
FEATURES = ["codes", "one_hot", "numbers"]
DEPTH = 2


def put(items, **tensors):
    """Return copies of graphs with further tensors, one for each graph."""
    items = [copy.copy(item) for item in items]
    for key, values in tensors.items():
        for item, value in zip(items, values, strict=True):
            item[key] = value
    return items


def dressed(items, seed=0):
    """Return graphs with soft labels and weights."""
    generator = torch.Generator().manual_seed(seed)
    soft = torch.randint(1, 255, (len(items), 1), generator=generator) / 256
    weight = torch.rand(len(items), 1, generator=generator)
    return put(items, y_soft=torch.cat([soft, 1 - soft], dim=1).split(1), graph_weight=list(weight))


def with_weights(items):
    """Return graphs whose edges have a weight, the same in both directions."""
    return put(items, edge_weight=[(item.edge_index.sum(dim=0) + 1) / 8 for item in items])


def dense(items):
    """Return graphs whose edges run in both directions, once each, without loops."""
    made = []
    for item in items:
        size = item.x.size(0)
        matrix = torch.zeros(size, size)
        matrix[item.edge_index[0], item.edge_index[1]] = 1
        made.append(put([item], edge_index=[torch.maximum(matrix, matrix.T).fill_diagonal_(0).nonzero().T])[0])
    return made


def edges(item):
    """Return the edges with everything about them, sorted."""
    beside = [item[key] for key in ("edge_attr", "edge_weight") if key in item]
    columns = [item.edge_index.T, *(value if value.dim() == 2 else value.unsqueeze(1) for value in beside)]
    return sorted(map(tuple, torch.cat([value.double() for value in columns], dim=1).tolist()))


def roots(items, depth=DEPTH):
    """Return the trees of each bag by their colours, with their weights."""
    graphs = union(items)
    if "degree" in items[0]:
        graphs = union(put(items, x=[torch.cat([i.x.double(), i.degree.double().unsqueeze(1)], dim=1) for i in items]))
    colors = refine(graphs, depth).levels[-1].tolist()
    weight = torch.cat([item.root_weight for item in items]).tolist()
    bags = [{} for _ in items]
    for color, share, graph in zip(colors, weight, graphs.graph.tolist(), strict=True):
        if share:
            bags[graph][color] = bags[graph].get(color, 0) + share
    return bags


def assert_identical(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, value in one:
            assert other[key].dtype == value.dtype, key
            assert torch.equal(other[key], value), key


def assert_same_dressing(first, second):
    for one, other in zip(first, second, strict=True):
        for key in ("y", "y_soft", "graph_weight"):
            assert (key in one) == (key in other)
            if key in one:
                assert torch.equal(one[key], other[key])
                assert one[key].dtype == other[key].dtype


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(FEATURES), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_graphs_come_back(make_graphs, seed, features, edge_attr, weights, two_way, soft):
    items = make_graphs(5, seed=seed, features=features, edge_attr=edge_attr and not two_way)
    items = dense(items) if two_way else items
    items = with_weights(items) if weights else items
    items = dressed(items, seed) if soft else items
    again = canonical(items)
    for one, other in zip(items, again, strict=True):
        assert torch.equal(one.x, other.x)
        assert edges(one) == edges(other)
        assert {key: value.dtype for key, value in one} == {key: value.dtype for key, value in other}
        other.validate()
    assert_same_dressing(items, again)
    assert_identical(canonical(again), again)
    assert packed_bytes(again) == packed_bytes(items)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(FEATURES), st.booleans(), st.booleans(), st.integers(0, 3))
def test_bags_of_trees_come_back(make_set, to_bags, seed, features, edge_attr, degrees, depth):
    items = dressed(to_bags(make_set(5, seed=seed, features=features, edge_attr=edge_attr), depth, degrees=degrees))
    again = canonical(items)
    assert roots(again, depth) == roots(items, depth)
    for one, other in zip(items, again, strict=True):
        assert {key: value.dtype for key, value in one} == {key: value.dtype for key, value in other}
        assert torch.equal(other.root_mask, other.root_weight > 0)
        assert other.x.size(0) <= one.x.size(0)
        other.validate()
    assert_same_dressing(items, again)
    assert_identical(canonical(again), again)


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.sampled_from(FEATURES), st.booleans(), st.booleans())
def test_folded_graphs_come_back_as_they_are(make_set, seed, features, edge_attr, degrees):
    graphs = make_set(5, seed=seed, features=features, edge_attr=edge_attr)
    data = folded_graphs(graphs, refine(graphs, DEPTH, degrees=degrees), degrees=degrees)
    assert_identical(canonical([data]), [data])


@pytest.mark.parametrize("kind", ["graphs", "bags"])
def test_the_order_of_a_file_is_settled_at_once(make_graphs, make_set, to_bags, kind):
    items = make_graphs(12, edge_attr=True) if kind == "graphs" else to_bags(make_set(12, edge_attr=True), DEPTH)
    again = canonical(items)
    first, second = pack(items), pack(again)
    assert first[1] == second[1]
    assert all(torch.equal(value, second[0][name]) for name, value in first[0].items())
    assert_identical(from_tensors(to_tensors(again)), again)


def test_the_order_of_nodes_in_bags_does_not_matter(make_set, to_bags):
    items = to_bags(make_set(10, edge_attr=True), DEPTH, degrees=True)
    turned = []
    for item in items:
        order = torch.arange(len(item.x)).flip(0)
        keys = ("x", "degree", "root_mask", "root_weight")
        other = put([item], edge_index=[order.argsort()[item.edge_index]], **{key: [item[key][order]] for key in keys})
        turned += other
    assert_identical(canonical(turned), canonical(items))


def test_equal_trees_in_a_bag_are_one(make_set, to_bags):
    (item,) = to_bags(make_set(1, seed=3), DEPTH)
    size = len(item.x)
    twice = put(
        [item],
        x=[item.x.repeat(2, 1)],
        edge_index=[torch.cat([item.edge_index, item.edge_index + size], dim=1)],
        root_mask=[item.root_mask.repeat(2)],
        root_weight=[item.root_weight.repeat(2)],
    )
    (found,), (expected,) = canonical(twice), canonical([item])
    assert torch.equal(found.x, expected.x)
    assert torch.equal(found.root_weight, 2 * expected.root_weight)


def test_fractions_of_trees_come_back(make_set, to_bags):
    items = to_bags(make_set(6), DEPTH)
    for scale in (1 / 8, 1 / 3):
        scaled = put(items, root_weight=[item.root_weight * scale for item in items])
        assert roots(canonical(scaled)) == roots(scaled)


@pytest.mark.parametrize("scale", [1, 1 / 3])
def test_bags_are_listed_or_written_as_a_table_whichever_is_less(make_set, to_bags, scale):
    few = to_bags(make_set(2), DEPTH)
    many = to_bags(make_set(60), DEPTH)
    for items in (few, many):
        scaled = put(items, root_weight=[item.root_weight * scale for item in items])
        tensors = pack(scaled)[0]
        trees = len(tensors["root"])
        entries = sum(int(item.root_mask.sum()) for item in items)
        width = 1 if scale == 1 else 4
        numbers = 1 if trees <= 256 else 2
        table, listed = width * len(items) * trees, (width + numbers) * entries
        assert ("bags" in tensors) == (table < listed)


def test_bytes_are_those_of_the_tensors_that_are_stored(make_graphs):
    items = dressed(with_weights(make_graphs(7, edge_attr=True)))
    tensors, _ = pack(items)
    assert packed_bytes(items) == sum(value.numel() * value.element_size() for value in tensors.values())
    stored = to_tensors(items)
    assert set(stored) - set(tensors) == {"codes"}
    assert all(torch.equal(stored[name], value) for name, value in tensors.items())


def test_bytes_by_hand():
    triangle = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    items = [Data(x=torch.tensor([[5], [5], [7]]), edge_index=triangle, y=torch.tensor([i])) for i in range(2)]
    # Two sizes, two numbers of edges, six codes, three edges each written once, the mark that says so, two labels.
    assert packed_bytes(items) == 2 + 2 + 6 + 2 * 2 * 3 + 1 + 2
    one_way = put(items, edge_index=[triangle[:, ::2]] * 2)
    assert packed_bytes(one_way) == packed_bytes(items) - 1
    with_loop = put(items, edge_index=[torch.cat([triangle, torch.tensor([[0], [0]])], dim=1)] * 2)
    assert packed_bytes(with_loop) == 2 + 2 + 6 + 2 * 2 * 7 + 2


def test_rows_of_features_are_written_once():
    rows = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    x = rows[torch.arange(40) % 2]
    items = [Data(x=x, edge_index=torch.empty(2, 0).long(), y=torch.tensor([0]))]
    # Two rows, forty numbers; a size, a number of edges, the mark that all run both ways, a label.
    assert packed_bytes(items) == 2 * 50 * 4 + 40 + 1 + 1 + 1 + 1
    assert torch.equal(canonical(items)[0].x, x)


def test_trees_are_written_once_however_many_graphs_have_them(make_set, to_bags):
    graphs = make_set(8, classes=1)
    items, many = to_bags(graphs, DEPTH), to_bags(graphs.take(torch.arange(8).repeat(5)), DEPTH)
    (one, _), (five, _) = pack(items), pack(many)
    for name in ("children", "child", "root"):
        assert torch.equal(one[name], five[name])


@pytest.mark.parametrize("change", ["direction", "duplicate", "loop", "attribute", "weight"])
def test_edges_that_do_not_run_both_ways_alike_are_all_written(change):
    item = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), y=torch.tensor([0]))
    item.edge_attr, item.edge_weight = torch.tensor([[1], [1], [2], [2]]), torch.tensor([0.5, 0.5, 1.5, 1.5])
    assert "both_ways" in pack([item])[0]
    if change == "attribute":
        item.edge_attr = torch.tensor([[1], [0], [2], [2]])
    elif change == "weight":
        item.edge_weight = torch.tensor([0.5, 0.25, 1.5, 1.5])
    else:
        kept = {"direction": [0, 1, 2], "duplicate": [0, 1, 2, 3, 0, 1], "loop": [0, 1, 2, 3, 0]}[change]
        item.edge_index = item.edge_index[:, kept]
        item.edge_attr, item.edge_weight = item.edge_attr[kept], item.edge_weight[kept]
        if change == "loop":
            item.edge_index[:, -1] = 2
    tensors, _ = pack([item])
    assert "both_ways" not in tensors
    assert len(tensors["edge_weight"]) == item.edge_index.size(1)
    assert edges(canonical([item])[0]) == edges(item)


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.integers(2, 60), st.integers(1, 6), st.booleans())
def test_soft_labels_come_back_bit_by_bit(seed, classes, count, whole):
    soft = torch.softmax(torch.randn(count, classes, generator=torch.Generator().manual_seed(seed)), dim=1)
    if whole:
        soft[:, -1] = 1 - soft[:, :-1].sum(dim=1)
    items = [Data(x=torch.ones(1, 1), edge_index=torch.empty(2, 0).long(), y=torch.tensor([0])) for _ in range(count)]
    items = put(items, y_soft=soft.split(1))
    assert torch.equal(torch.cat([item.y_soft for item in canonical(items)]), soft)
    assert ("y_soft_but_last" in pack(items)[0]) or not whole


def test_labels_come_back_as_int64(make_graphs):
    items = put(make_graphs(4), y=[torch.tensor([value]) for value in (0, 300, 2, 70_000)])
    assert [item.y.tolist() for item in canonical(items)] == [[0], [300], [2], [70_000]]
    assert all(item.y.dtype == torch.int64 for item in canonical(items))


@pytest.mark.parametrize("sizes", [(1,), (1, 3), (200, 100)])
def test_sizes_of_graphs(sizes):
    chain = [torch.stack([torch.arange(size - 1), torch.arange(1, size)]) for size in sizes]
    items = [Data(x=torch.arange(n).reshape(-1, 1), edge_index=e, y=torch.tensor([0]))
             for n, e in zip(sizes, chain, strict=True)]  # fmt: skip
    for one, other in zip(items, canonical(items), strict=True):
        assert torch.equal(one.x, other.x)
        assert edges(one) == edges(other)


def test_graphs_and_bags_without_edges(to_bags, join):
    items = [Data(x=torch.tensor([[i]]), edge_index=torch.empty(2, 0).long(), y=torch.tensor([i])) for i in range(3)]
    with_attr = put(items, edge_attr=[torch.empty(0, 2)] * 3)
    for made in (items, with_attr, to_bags(join(items), DEPTH), to_bags(join(with_attr), DEPTH)):
        again = canonical(made)
        assert [item.x.tolist() for item in again] == [[[0]], [[1]], [[2]]]
        assert all(item.edge_index.shape == (2, 0) for item in again)
        assert_identical(canonical(again), again)
        assert all(("edge_attr" in one) == ("edge_attr" in two) for one, two in zip(made, again, strict=True))


def test_items_are_untouched(make_set, make_graphs, to_bags):
    for items in (dressed(make_graphs(5, edge_attr=True)), to_bags(make_set(5), DEPTH, degrees=True)):
        before = copy.deepcopy(items)
        again = canonical(items)
        for item in again:
            item.x.zero_()
        assert_identical(items, before)


def test_what_has_no_place_in_a_file(make_graphs):
    items = put(make_graphs(2), pos=[torch.zeros(1)] * 2)
    with pytest.raises(ValueError, match=r"^condensed graphs hold 'pos', which has no place in a file; delete it$"):
        pack(items)


def test_unpacking_needs_nothing_but_the_tensors(make_graphs):
    items = canonical(dressed(make_graphs(4)))
    tensors, codes = pack(items)
    assert all(value.is_contiguous() for value in tensors.values())
    assert_identical(unpack({name: value.clone() for name, value in tensors.items()}, dict(codes)), items)


def test_a_transform_changes_neither_bytes_nor_file(make_graphs, tmp_path):
    record = Record("example", {}, 0, "cpu", {"num_classes": 2, "num_graphs": 4}, {}, 0.0, 0)
    small = CondensedDataset(canonical(make_graphs(4, loops=False)), record)
    before, first = small.nbytes, storage.read(small.save(tmp_path / "first"))[0]
    small.transform = AddSelfLoops()
    assert small[0].has_self_loops()
    assert small.nbytes == before
    second, _ = storage.read(small.save(tmp_path / "second"))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
