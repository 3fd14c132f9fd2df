import copy
import itertools
import re
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, GINEConv, SAGEConv

import graphcond
from graphcond import Mirage, Size
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods import mirage
from graphcond.graphs.reading import read_graphs

COUNT, TRAIN = 24, 18
SPLIT = {"train": range(TRAIN), "valid": range(TRAIN, 21), "test": range(21, COUNT)}
EIGHTH = 1 / 8


def condense(items, method, **size):
    return graphcond.condense(graphcond.read(items, split=SPLIT), method=method, **size)


@pytest.fixture(scope="session")
def bag_of(trees):
    """The trees of a training graph, with how often each occurs."""

    def make(item, method):
        degree = torch.bincount(item.edge_index[1], minlength=item.num_nodes) if method.degrees else None
        return Counter(trees(item, method.depth, degree, method.edges))

    return make


@pytest.fixture(scope="session")
def mined(trees):
    """The sets of trees of each class of condensed graphs, each with its trees' weights and its own."""

    def make(small, method):
        found = {}
        for item in small:
            canonical = trees(item, method.depth, item.get("degree"), method.edges)
            roots = item.root_mask.nonzero().flatten().tolist()
            bag = {canonical[root]: float(item.root_weight[root]) for root in roots}
            assert len(bag) == len(roots)
            found.setdefault(int(item.y), {})[frozenset(bag)] = bag, float(item.graph_weight)
        return found

    return make


def closed_sets(bags, threshold):
    """Return what groups of bags have in common, if enough bags contain it, with the numbers of these."""
    found = {}
    for size in range(1, len(bags) + 1):
        for group in itertools.combinations(bags, size):
            common = frozenset.intersection(*map(frozenset, group))
            support = [i for i, bag in enumerate(bags) if common <= set(bag)]
            if common and len(support) >= threshold:
                found[common] = support
    return found


def frequent_sets(bags, threshold):
    """Return all sets that enough bags contain, with the numbers of these."""
    found = {}
    for bag in bags:
        for size in range(1, len(bag) + 1):
            for chosen in map(frozenset, itertools.combinations(bag, size)):
                support = [i for i, other in enumerate(bags) if chosen <= set(other)]
                if len(support) >= threshold:
                    found[chosen] = support
    return found


def assert_mined(found, expected, bags):
    """Hold what was mined against the sets that are expected, their multiplicities and their weights."""
    assert found.keys() == expected.keys()
    total = sum(len(sets) for sets in expected.values())
    graphs = sum(len(of_class) for of_class in bags.values())
    for label, sets in expected.items():
        assert found[label].keys() == sets.keys()
        mass = sum(len(support) for support in sets.values())
        for chosen, support in sets.items():
            bag, weight = found[label][chosen]
            share = len(support) / mass * len(bags[label]) / graphs
            assert weight == pytest.approx(share * total, rel=1e-5)
            for tree, often in bag.items():
                mean = sum(bags[label][i][tree] for i in support) / len(support)
                assert often >= EIGHTH
                assert often % EIGHTH == 0
                assert abs(often - max(mean, EIGHTH)) <= EIGHTH / 2 + 1e-6


settings_of_mirage = st.builds(
    Mirage, depth=st.integers(0, 2), edges=st.booleans(), degrees=st.booleans(), threshold=st.integers(1, 4)
)


@pytest.mark.parametrize("closed", [True, False])
@settings(deadline=None, max_examples=25)
@given(method=settings_of_mirage, seed=st.integers(0, 2**32))
def test_patterns_are_those_of_brute_force(make_graphs, bag_of, mined, closed, method, seed):
    items = make_graphs(14, seed=seed, edge_attr=True, most=4)
    for item in items[1::4]:
        item.y = torch.tensor([0])  # classes of different sizes
    method = Mirage(**(vars(method) | {"closed": closed}))
    bags = {label: [bag_of(item, method) for item in items if int(item.y) == label] for label in (0, 1)}
    expected = {label: (closed_sets if closed else frequent_sets)(bags[label], method.threshold) for label in (0, 1)}
    if not all(expected.values()):
        with pytest.raises(ValueError, match="above every tree's support"):
            graphcond.condense(graphcond.read(items, split={"train": range(14)}), method=method)
        return
    small = graphcond.condense(graphcond.read(items, split={"train": range(14)}), method=method)
    assert_mined(mined(small, method), expected, bags)
    assert small.record.choices["patterns"] == [len(expected[label]) for label in (0, 1)]
    for label, supports in enumerate(small.record.choices["supports"]):
        assert supports == sorted(map(len, expected[label].values()), reverse=True)[:10]
    distinct = [len(set().union(*bags[label])) for label in (0, 1)]
    assert small.record.choices["distinct_trees"] == distinct


def test_trees_count_once_without_multiplicities(make_graphs):
    small = condense(make_graphs(COUNT), Mirage(depth=1, threshold=2, multiplicities=False))
    assert {float(weight) for item in small for weight in item.root_weight[item.root_mask]} == {1.0}
    assert max(float(item.root_weight.max()) for item in condense(make_graphs(COUNT), Mirage(depth=1, threshold=2))) > 1


@pytest.mark.parametrize(("threshold", "as_number"), [((0.5, 0.25), (4, 2)), (0.34, 3), (1.0, 1), (0.001, 1)])
def test_thresholds_may_be_fractions_of_a_class(make_graphs, threshold, as_number):
    items = make_graphs(16, most=3)
    first, second = (
        graphcond.condense(graphcond.read(items, split={"train": range(16)}), method=Mirage(depth=0, threshold=value))
        for value in (threshold, as_number)
    )
    assert len(first) == len(second)
    assert all(torch.equal(one.root_weight, two.root_weight) for one, two in zip(first, second, strict=True))
    expected = list(as_number) if isinstance(as_number, tuple) else [as_number] * 2
    assert first.record.choices["thresholds"] == second.record.choices["thresholds"] == expected


def test_each_class_has_its_threshold(make_graphs, bag_of):
    items = make_graphs(COUNT, classes=3, most=4)
    method = Mirage(depth=0, threshold=(4, 1, 3))
    small = condense(items, method)
    for label, threshold in enumerate(method.threshold):
        bags = [bag_of(item, method) for item in items[:TRAIN] if int(item.y) == label]
        assert sum(int(item.y) == label for item in small) == len(closed_sets(bags, threshold))


@pytest.mark.parametrize("thresholds", [7, (7, 1), (1, 100)])
def test_threshold_above_every_support_names_the_largest(make_graphs, bag_of, thresholds):
    items = make_graphs(14, most=4)
    method = Mirage(depth=2, threshold=thresholds)
    label = 1 if thresholds == (1, 100) else 0
    bags = [bag_of(item, method) for item in items if int(item.y) == label]
    largest = max(Counter(itertools.chain.from_iterable(bags)).values())
    asked = thresholds[label] if isinstance(thresholds, tuple) else thresholds
    message = (
        f"threshold={asked} is above every tree's support in class {label}: the most frequent one is in {largest} of "
        "its 7 graphs; lower it, or ask for a size instead"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        graphcond.condense(graphcond.read(items, split={"train": range(14)}), method=method)


@pytest.mark.parametrize("threshold", [(1, 2, 3), (1,) * 4])
def test_thresholds_for_other_classes(make_graphs, threshold):
    with pytest.raises(ValueError, match=r"^threshold must be one number or one for each of 2 classes, got \(1, "):
        condense(make_graphs(COUNT), Mirage(threshold=threshold))


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan"), float("inf"), True, "5", (3, 0), (2, float("inf"))])
def test_bad_thresholds(threshold):
    with pytest.raises(
        ValueError, match=r"^threshold must be a number of graphs \(1 or more\) or a fraction in \(0, 1\)"
    ):
        Mirage(threshold=threshold)


def test_no_thresholds():
    with pytest.raises(ValueError, match=r"^threshold must be one number or one for each class, got \(\)$"):
        Mirage(threshold=())


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_bad_depth(depth):
    with pytest.raises(ValueError, match=r"^depth must be a whole number of hops, 0 or more, got "):
        Mirage(depth=depth)


@pytest.mark.parametrize(
    ("size", "argument"), [("2/class", "size='2/class'"), ("500B", "size='500B'"), (0.5, "ratio=0.5")]
)
def test_a_size_and_a_threshold(make_graphs, size, argument):
    with pytest.raises(ValueError, match=rf"^give either {argument} or Mirage\(threshold=\.\.\.\), not both$"):
        condense(make_graphs(COUNT), Mirage(threshold=3), size=size)


def test_neither_size_nor_threshold(make_graphs):
    with pytest.raises(ValueError, match=r"^give exactly one of ratio= and size=, .*, got none$"):
        condense(make_graphs(COUNT), Mirage())


@pytest.mark.parametrize("each", [1, 3, 8])
def test_the_most_frequent_sets_are_taken(make_graphs, bag_of, mined, each):
    items, method = make_graphs(COUNT, most=4), Mirage(depth=1)
    small = condense(items, method, size=f"{each}/class")
    for label, found in mined(small, method).items():
        bags = [bag_of(item, method) for item in items[:TRAIN] if int(item.y) == label]
        expected = {chosen: len(support) for chosen, support in closed_sets(bags, 1).items()}
        assert len(found) == min(each, len(expected))
        assert all(chosen in expected for chosen in found)
        supports = sorted((expected[chosen] for chosen in found), reverse=True)
        assert supports == sorted(expected.values(), reverse=True)[:each]
        assert small.record.choices["supports"][label] == supports


def test_all_there_are_if_fewer_than_asked(make_graphs, bag_of):
    items, method = make_graphs(COUNT, most=3), Mirage(depth=0)
    small = condense(items, method, size="10000/class")
    for label in (0, 1):
        bags = [bag_of(item, method) for item in items[:TRAIN] if int(item.y) == label]
        assert sum(int(item.y) == label for item in small) == len(closed_sets(bags, 1)) < 10_000


@pytest.mark.parametrize("max_bytes", [60, 85, 110, 160, 250, 400])
@pytest.mark.parametrize("options", [{}, {"edge_attr": True}, {"classes": 3}], ids=str)
def test_bytes_are_used_and_never_exceeded(make_graphs, max_bytes, options):
    items, method = make_graphs(COUNT, **options), Mirage(depth=2)
    try:
        small = condense(items, method, size=f"{max_bytes}B")
    except ValueError as error:
        needed = int(re.search(r"for one pattern of each class, which take (\d+) bytes$", str(error)).group(1))
        assert condense(items, method, size="1/class").nbytes == needed > max_bytes
        return
    assert small.nbytes <= max_bytes
    counts = small.record.budget["spent"]["graphs_per_class"]
    same, more = (condense(items, method, size=f"{max(counts) + one}/class") for one in (0, 1))
    assert same.nbytes == small.nbytes
    assert [item.y.item() for item in same] == [item.y.item() for item in small]
    assert more.nbytes > max_bytes or len(more) == len(small)


def test_bytes_to_spare_take_everything(make_graphs):
    items = make_graphs(COUNT)
    everything = condense(items, Mirage(depth=1, threshold=1))
    assert len(condense(items, Mirage(depth=1), size="1GB")) == len(everything)


@pytest.mark.parametrize("size", ["4/class", "200B", None])
def test_nothing_of_validation_and_test_graphs_enters(make_graphs, size):
    items = make_graphs(COUNT, edge_attr=True)
    others = items[:TRAIN] + make_graphs(COUNT, seed=9, edge_attr=True, most=9)[TRAIN:]
    method = Mirage(depth=2, threshold=None if size else 2)
    first, second = (condense(each, method, size=size) for each in (items, others))
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert set(one.keys()) == set(other.keys())
        assert all(torch.equal(value, other[key]) for key, value in one)
    assert first.record.choices == second.record.choices


def test_order_of_graphs_does_not_matter(make_graphs, mined):
    items, method = make_graphs(COUNT), Mirage(depth=2, threshold=2)
    turned = items[:TRAIN][::-1] + items[TRAIN:]
    assert mined(condense(items, method), method) == mined(condense(turned, method), method)


NETWORKS = {
    "GIN": lambda width: GINConv(nn.Sequential(nn.Linear(width, 4), nn.Tanh())),
    "GINE": lambda width: GINEConv(nn.Sequential(nn.Linear(width, 4), nn.Tanh()), edge_dim=2),
    "SAGE": lambda width: SAGEConv(width, 4),
}


def embed(convs, data, kind):
    h = data.x.double()
    for conv in convs:
        h = conv(h, data.edge_index, data.edge_attr.double()) if kind == "GINE" else conv(h, data.edge_index)
    return h


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_item_is_pooled_as_its_trees_in_original_graphs(make_graphs, trees, kind):
    torch.manual_seed(0)
    items, depth = make_graphs(COUNT, edge_attr=True), 2
    convs = [NETWORKS[kind](2 if i == 0 else 4).double() for i in range(depth)]
    originals = {}
    for item in items[:TRAIN]:
        originals |= zip(trees(item, depth), embed(convs, item, kind), strict=True)
    small = condense(items, Mirage(depth=depth), size="6/class")
    (batch,) = DataLoader(small, batch_size=len(small))
    pooled = graphcond.pool(embed(convs, batch, kind), batch)
    assert batch.graph_weight.shape == (len(small),)
    for item, row in zip(small, pooled, strict=True):
        roots = item.root_mask.nonzero().flatten().tolist()
        canonical = trees(item, depth)
        expected = sum(item.root_weight[root].double() * originals[canonical[root]] for root in roots)
        torch.testing.assert_close(row, expected)
        alone = graphcond.pool(embed(convs, item, kind), item, "mean")[0]
        torch.testing.assert_close(alone, expected / item.root_weight.sum().double())


def test_degrees_are_given_where_asked(make_graphs):
    items = make_graphs(COUNT)
    assert all("degree" in item for item in condense(items, Mirage(depth=1, degrees=True), size="2/class"))
    assert not any("degree" in item for item in condense(items, Mirage(depth=1), size="2/class"))


def test_edge_features_are_left_out_where_trees_know_nothing_of_them(make_graphs):
    small = condense(make_graphs(COUNT, edge_attr=True), Mirage(depth=2, edges=False), size="4/class")
    assert not any("edge_attr" in item for item in small)


def test_all_sets_are_for_thresholds_alone():
    with pytest.raises(ValueError, match=r"^closed=False needs threshold=: sizes are searched for closed sets$"):
        Mirage(depth=0, closed=False)


def all_but_one(size):
    """Graphs of two classes, each with all trees but one: any set of trees is closed, and the smaller the more
    frequent.
    """
    items = []
    for label, left in itertools.product((0, 1), range(size)):
        x = torch.tensor([[code] for code in range(size) if code != left])
        items.append(Data(x=x, edge_index=torch.empty(2, 0).long(), y=torch.tensor([label])))
    return items


@pytest.mark.parametrize(("each", "sizes"), [(24, {1: 48}), (25, {1: 48, 2: 2}), (300, {1: 48, 2: 552})])
def test_few_sets_are_found_where_many_are_frequent(each, sizes):
    task = graphcond.read(all_but_one(24), split={"train": range(48)})
    small = graphcond.condense(task, method=Mirage(depth=0), size=f"{each}/class")
    assert Counter(item.num_nodes for item in small) == sizes


def test_too_many_sets_that_are_equally_frequent_are_left_out(monkeypatch):
    monkeypatch.setattr(mirage, "LIMIT", 100)  # of 276 sets of two trees
    task = graphcond.read(all_but_one(24), split={"train": range(48)})
    small = graphcond.condense(task, method=Mirage(depth=0), size="25/class")
    assert Counter(item.num_nodes for item in small) == {1: 48}


def test_a_graph_with_all_trees_alike(make_graphs):
    items = copy.deepcopy(make_graphs(COUNT))
    for item in items:
        item.x = torch.ones(item.num_nodes, 1)
        item.edge_index = item.edge_index[:, :0]
    small = condense(items, Mirage(depth=3), size="5/class")
    assert len(small) == 2
    sizes = [[item.num_nodes for item in items[:TRAIN] if int(item.y) == label] for label in (0, 1)]
    for item, of_class in zip(small, sizes, strict=True):
        assert float(item.root_weight) == pytest.approx(sum(of_class) / len(of_class), abs=EIGHTH / 2)
        assert item.graph_weight.item() == 1


def near(found, published):
    """Return whether each number has one within a tenth of it on the other side."""
    return all(
        any(abs(one - other) <= 0.1 * other for other in second)
        for first, second in ((found, published), (published, found))
        for one in first
    )


@pytest.mark.slow
def test_published_patterns_of_molhiv(real_data):
    dataset = graphcond.datasets.load("ogbg-molhiv", real_data("ogb/ogbg_molhiv"))
    task = read_graphs(dataset)
    assert task.class_counts.tolist() == [31_669, 1_232]
    choices = (
        Mirage(depth=3, threshold=(1800, 115), closed=False).condense(task, GraphBudget(Size.everything())).choices
    )
    assert choices["patterns"] == [4, 5]
    # Published for OGB's own atoms, a few of which have other features in the files at hand.
    assert near(choices["supports"][0], [7442, 2208, 1955, 1816])
    assert near(choices["supports"][1], [210, 118, 118, 118, 116])
