"""Every container of graphs gives what a list of them gives."""

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, InMemoryDataset

import graphcond
from graphcond.graphs.reading import read_graphs
from graphcond.nodes.reading import read_nodes
from graphcond.pyg.containers import is_graph_dataset

COUNT = 24


class Stored(InMemoryDataset):
    """A dataset of PyG."""

    def __init__(self, items):
        super().__init__(root=None)
        self.data, self.slices = self.collate(items)


class Own(Dataset):
    """A dataset of torch, whose items are made of random numbers where asked."""

    def __init__(self, items, noise=0.0):
        self.items, self.noise = items, noise

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        if self.noise:
            item = item.clone()
            item.x = item.x + self.noise * torch.rand(item.x.shape)
        return item


class Stream(IterableDataset):
    """A dataset that is only gone through."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


@pytest.fixture
def items(make_graphs):
    return make_graphs(COUNT)


WRAPS = [
    tuple,
    iter,
    lambda items: (item for item in items),
    Stream,
    Stored,
    Own,
    lambda items: Subset(Own([*items, *items]), range(COUNT)),
    lambda items: Stored(items[:5]) + Stored(items[5:]),
    lambda items: Own(items[:5]) + Own(items[5:9]) + Stored(items[9:]),
    lambda items: ConcatDataset([Own(items[:5]), ConcatDataset([items[5:9], Own(items[9:])])]),
    lambda items: Subset(Subset(Own(items) + Own(items), range(2 * COUNT)), np.arange(COUNT)),
    Batch.from_data_list,
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_all_containers_agree(items, wrap):
    expected = read_graphs(items)
    if wrap not in (iter, WRAPS[2], Stream):  # which become lists
        assert is_graph_dataset(wrap(items))
    read = read_graphs(wrap(items))
    assert read.fingerprint() == expected.fingerprint()
    assert read.test.fingerprint() == expected.test.fingerprint()
    small = graphcond.condense(wrap(items), size=4, method="random")
    assert small.record.source["fingerprint"] == expected.fingerprint()


def test_random_changes_are_drawn_once_and_leave_the_random_state_alone(make_graphs):
    noisy = Own(make_graphs(COUNT, features="numbers"), noise=1.0)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, again = read_graphs(noisy), read_graphs(noisy)
    assert first.fingerprint() == again.fingerprint()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "label",
    [int, bool, float, np.int32, np.uint8, np.bool_, np.float64, np.array, lambda k: np.array([k]), lambda k: [k],
     torch.tensor, lambda k: torch.tensor([[k]]), lambda k: torch.tensor(bool(k)), lambda k: torch.tensor([float(k)])],
)  # fmt: skip
def test_labels_of_any_type_of_number(items, label):
    expected = read_graphs(items)
    changed = [item.clone() for item in items]
    for item in changed:
        item.y = label(int(item.y))
    kept = [item.y for item in changed]
    assert read_graphs(changed).fingerprint() == expected.fingerprint()
    assert all(item.y is y for item, y in zip(changed, kept, strict=True))  # the input is not changed


def test_unlabelled_graphs_among_numbers(items):
    expected = read_graphs(items)
    extra = Data(x=items[0].x, edge_index=items[0].edge_index, y=float("nan"))
    assert (read_graphs([*items, extra]).train.y >= 0).all()
    assert len(read_graphs([*items, extra]).train) in (len(expected.train), len(expected.train) + 1)


@pytest.mark.parametrize("order", [None, "row", "col"])
def test_edges_of_graphs_may_be_an_edge_index(items, order):
    expected = read_graphs([item.sort(sort_by_row=order == "row") for item in items] if order else items)
    given = [item.sort(sort_by_row=order == "row") if order else item.clone() for item in items]
    for item in given:
        size = (item.num_nodes, item.num_nodes)
        item.edge_index = EdgeIndex(item.edge_index, sparse_size=size, sort_order=order)
    for dataset in (given, Stored(given)):
        read = read_graphs(dataset)
        assert type(read.train.edge_index) is torch.Tensor
        assert read.fingerprint() == expected.fingerprint()


@pytest.mark.parametrize("order", [None, "row", "col"])
def test_edges_of_nodes_may_be_an_edge_index(toy, order):
    toy = toy.sort(sort_by_row=order != "col") if order else toy
    expected = read_nodes(toy)
    given = toy.clone()
    given.edge_index = EdgeIndex(toy.edge_index, sparse_size=(60, 60), sort_order=order)
    read = read_nodes(given)
    assert type(read.train.graph.edge_index) is torch.Tensor
    assert read.fingerprint() == expected.fingerprint()
    assert isinstance(given.edge_index, EdgeIndex)
    protocol = graphcond.evaluation.Protocol(epochs=3, runs=1)
    own, plain = (graphcond.evaluate(one, toy, ["gcn"], protocol=protocol, controls=False) for one in (given, toy))
    assert own.best.scores == plain.best.scores


@pytest.mark.parametrize("wrap", [list, tuple, iter, Stream, Stored, Own, lambda one: Subset(Own(one), [0])])
def test_a_collection_of_one_graph_is_a_node_dataset(toy, wrap):
    small = graphcond.condense(wrap([toy]), size=3, method="class_mean")
    assert small.record.source["fingerprint"] == read_nodes(toy).fingerprint()


def test_graphs_with_labelled_nodes_join_to_one(make_toy):
    graphs = [make_toy(seed=seed) for seed in range(3)]
    joined = Batch.from_data_list(graphs)
    small = graphcond.condense(graphcond.read(joined, inductive=True), size=6, method="random")
    assert small.record.source["num_nodes"] == sum(int(graph.train_mask.sum()) for graph in graphs)


@pytest.mark.parametrize("wrap", [list, Stored, Own, Batch.from_data_list])
def test_graphs_with_several_labels_of_each_node_are_reported(toy, wrap):
    toy.y = torch.ones(60, 121)
    del toy.train_mask
    with pytest.raises(
        ValueError,
        match=r"^these are graphs with labelled nodes: dataset\[0\].y holds a label for each",
    ):
        graphcond.condense(wrap([toy, toy]), ratio=0.5)


@pytest.mark.parametrize("empty", [[], (), iter([]), Stream([]), Own([]), Subset(Own([]), [])])
def test_an_empty_dataset(empty):
    with pytest.raises(ValueError, match=r"^the dataset holds no graph; pass at least two of each class$"):
        graphcond.condense(empty, size=2)


def test_the_label_of_a_single_graph_is_reported(items):
    one = next(item for item in items if item.num_nodes > 1)
    with pytest.raises(ValueError, match=r"got 1; a class of the whole graph is for sets of many graphs$"):
        graphcond.condense([one], size=2)
