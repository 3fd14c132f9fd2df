import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.utils.data import Subset
from torch_geometric.data import Data, Dataset, InMemoryDataset
from torch_geometric.transforms import Constant, ToSparseTensor

from graphcond.graphs.reading import is_graph_dataset, read_graphs
from graphcond.graphs.splits import fold_split

COUNT = 30
SPLIT = {"train": list(range(20)), "valid": list(range(20, 25)), "test": list(range(25, 30))}


class Stored(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, items, transform=None):
        super().__init__(root=None, transform=transform)
        self._data, self.slices = self.collate(items)


class LikeOGB(Stored):
    """A dataset as OGB ships them: graph numbers for the split, labels in a column."""

    def __init__(self, items, split):
        self.split = split
        super().__init__([Data(x=d.x, edge_index=d.edge_index, y=d.y.reshape(1, 1)) for d in items])

    @property
    def name(self):
        return "ogbg-toy"

    def get_idx_split(self):
        return self.split


class OnDisk(Dataset):
    """A dataset that makes each graph when it is asked for."""

    def __init__(self, items):
        super().__init__(root=None)
        self.items = items

    def len(self):
        return len(self.items)

    def get(self, idx):
        return self.items[idx]


def numbered(items):
    """Give each graph a feature that tells which it is."""
    for i, item in enumerate(items):
        item.x = torch.full((item.num_nodes, 1), i)
    return items


def graphs_of(part):
    """Return the numbers of the graphs of a part, by their features."""
    return part.x[part.ptr[:-1], 0].tolist()


@pytest.fixture
def items(make_graphs):
    return make_graphs(COUNT)


@pytest.mark.parametrize("wrap", [list, tuple, Stored, OnDisk])
@pytest.mark.parametrize("edge_attr", [True, False])
def test_every_kind_of_dataset_gives_the_same_graphs(make_graphs, join, wrap, edge_attr):
    items = make_graphs(COUNT, edge_attr=edge_attr)
    task = read_graphs(wrap(items), split=SPLIT)
    for part, name in zip((task.train, task.val, task.test), SPLIT, strict=True):
        assert part.fingerprint() == join([items[i] for i in SPLIT[name]]).fingerprint()
    assert (task.num_classes, task.split, task.name) == (2, "given", wrap.__name__)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_edges_of_a_sparse_adjacency_are_read():
    edge_index = torch.tensor([[0, 0, 2, 3, 3], [1, 2, 0, 0, 2]])
    items = [Data(x=torch.eye(4) * (i + 1), edge_index=edge_index, y=torch.tensor([i % 2])) for i in range(COUNT)]
    sparse = [ToSparseTensor()(item.clone()) for item in items]
    assert sparse[0].edge_index is None
    assert read_graphs(sparse, split=SPLIT).train.fingerprint() == read_graphs(items, split=SPLIT).train.fingerprint()


@pytest.mark.parametrize("features", ["codes", "one_hot", "numbers"])
def test_features_are_codes_or_float32(make_graphs, features):
    items = make_graphs(COUNT, features=features, edge_attr=True)
    for item in items:
        item.x = item.x.double() if item.x.is_floating_point() else item.x.int()
        item.edge_attr = item.edge_attr.to(torch.uint8)
    task = read_graphs(items, split=SPLIT)
    assert task.train.x.dtype == (torch.int64 if features == "codes" else torch.float32)
    assert task.train.edge_attr.dtype == torch.int64
    assert torch.equal(task.train.x, torch.cat([item.x for item in items[:20]]).to(task.train.x.dtype))


def test_one_column_may_be_a_flat_tensor(items):
    flat = copy.deepcopy(items)
    for item in flat:
        item.x, item.edge_attr = item.x[:, 0], item.edge_index[0].float()
    for dataset in (flat, Stored(flat)):
        train = read_graphs(dataset, split=SPLIT).train
        assert torch.equal(train.x, torch.cat([item.x[:, :1] for item in items[:20]]))
        assert train.edge_attr.shape == (train.edge_index.size(1), 1)


@pytest.mark.parametrize("index", [slice(3, 28), torch.arange(27, 2, -1), [5, 3, *range(8, 28)]], ids=str)
def test_a_part_of_a_dataset(items, index):
    numbers = torch.arange(COUNT)[index].tolist()
    part = Stored(numbered(items))[index]
    split = {"train": list(range(len(numbers)))}
    task = read_graphs(part, split=split)
    assert graphs_of(task.train) == numbers
    assert task.train.fingerprint() == read_graphs(list(part), split=split).train.fingerprint()
    assert len(task.val) == len(task.test) == 0


def test_a_part_of_a_dataset_has_folds_of_its_own(items):
    part = Stored(numbered(items))[torch.arange(COUNT - 1, 3, -1)]
    task = read_graphs(part, split=4)
    expected = fold_split(part.y, 4)
    numbers = torch.arange(COUNT - 1, 3, -1)
    for found, name in zip((task.train, task.val, task.test), expected, strict=True):
        assert graphs_of(found) == numbers[expected[name]].tolist()


def test_transforms_are_applied(items):
    dataset = Stored(items, transform=Constant(value=4.0))
    train = read_graphs(dataset, split=SPLIT).train
    assert train.x.shape == (sum(item.num_nodes for item in items[:20]), 3)
    assert bool((train.x[:, 2] == 4).all())


@pytest.mark.parametrize("as_stored", [torch.tensor, np.array, list])
def test_the_split_of_ogb(items, as_stored):
    published = {name: as_stored(list(reversed(graphs))) for name, graphs in SPLIT.items()}
    task = read_graphs(LikeOGB(numbered(items), published))
    for part, name in zip((task.train, task.val, task.test), SPLIT, strict=True):
        assert graphs_of(part) == SPLIT[name][::-1]
        assert part.y.tolist() == [i % 2 for i in SPLIT[name]][::-1]
    assert (task.split, task.name) == ("published", "ogbg-toy")


def test_a_given_split_goes_before_the_published_one(items):
    dataset = LikeOGB(numbered(items), SPLIT)
    assert graphs_of(read_graphs(dataset, split={"train": [4, 1]}).train) == [4, 1]


def test_a_dataset_with_one_split_has_no_folds(items):
    with pytest.raises(ValueError, match=r"^split must be 0 \(the dataset has one split of its own\), got 3$"):
        read_graphs(LikeOGB(items, SPLIT), split=3)


@pytest.mark.parametrize("index", [torch.arange(COUNT - 1, -1, -1), slice(25)], ids=["permutation", "part"])
def test_the_published_split_is_not_that_of_a_part_or_permutation(items, index):
    dataset = LikeOGB(numbered(items), SPLIT)[index]
    message = r"^the dataset is a part or a permutation of another one, .*; pass the whole dataset, or split="
    with pytest.raises(ValueError, match=message):
        read_graphs(dataset)
    expected = torch.arange(COUNT)[index][[4, 1]].tolist()
    assert graphs_of(read_graphs(dataset, split={"train": [4, 1]}).train) == expected


@pytest.mark.parametrize("as_given", [torch.tensor, np.array, list, tuple])
def test_a_given_split(items, as_given):
    split = {"train": as_given([7, 2, 5]), "test": as_given([4])}
    task = read_graphs(numbered(items), split=split)
    assert [graphs_of(part) for part in (task.train, task.val, task.test)] == [[7, 2, 5], [], [4]]


@pytest.mark.parametrize("fold", [0, 9])
def test_folds(items, fold):
    task = read_graphs(numbered(items), split=fold)
    expected = fold_split(torch.arange(COUNT) % 2, fold)
    assert [graphs_of(part) for part in (task.train, task.val, task.test)] == [
        rows.tolist() for rows in expected.values()
    ]
    assert task.split == fold
    assert [len(part) for part in (task.train, task.val, task.test)] == [24, 3, 3]


@pytest.mark.parametrize("wrap", [list, Stored])
def test_degrees_stand_in_for_features(make_graphs, wrap):
    items = make_graphs(COUNT, features=None)
    task = read_graphs(wrap(items), split=SPLIT)
    degrees = [torch.bincount(item.edge_index[1], minlength=item.num_nodes) for item in items[:20]]
    assert task.train.x.tolist() == torch.cat(degrees).unsqueeze(1).tolist()
    assert task.train.x.dtype == torch.int64
    assert len([note for note in task.notes if "no node features; the degrees" in note]) == 1


@pytest.mark.parametrize("wrap", [list, Stored])
@pytest.mark.parametrize(("missing", "dtype"), [(-1, torch.int64), (float("nan"), torch.float32)])
def test_graphs_without_a_label_are_left_out_with_a_note(items, wrap, missing, dtype):
    numbered(items)
    for i, item in enumerate(items):
        item.y = torch.tensor([missing if i in (1, 6, 22) else i % 2], dtype=dtype)
    task = read_graphs(wrap(items), split=SPLIT)
    assert graphs_of(task.train) == [i for i in SPLIT["train"] if i not in (1, 6)]
    assert graphs_of(task.val) == [20, 21, 23, 24]
    assert task.train.y.dtype == torch.int64
    assert [note for note in task.notes if "label" in note] == [
        "2 graphs of the train split have no label and were left out.",
        "1 graphs of the valid split have no label and were left out.",
    ]


@pytest.mark.parametrize("shape", [(1,), (1, 1), ()])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.uint8, torch.bool])
def test_shapes_and_types_of_labels(items, shape, dtype):
    for item in items:
        item.y = item.y.to(dtype).reshape(shape)
    task = read_graphs(items, split=SPLIT)
    assert task.train.y.tolist() == [i % 2 for i in range(20)]
    assert task.train.y.dtype == torch.int64


def test_graphs_without_edges_are_noted(items):
    bare = sum(item.num_edges == 0 for item in items)
    assert bare > 0
    assert [note for note in read_graphs(items, split=SPLIT).notes if "edges" in note] == [
        f"Graphs without edges: {bare}; their nodes stand for themselves."
    ]


@pytest.mark.parametrize("wrap", [list, Stored, OnDisk])
def test_input_is_untouched(items, wrap):
    before = copy.deepcopy(items)
    dataset = wrap(items)
    task = read_graphs(dataset, split=SPLIT)
    task.train.x.add_(1)
    task.train.edge_index.add_(1)
    task.train.y.add_(1)
    for i, old in enumerate(before):
        assert set(dataset[i].keys()) == set(old.keys())
        for key, value in old:
            assert torch.equal(dataset[i][key], value), key


def test_random_state_is_untouched(items):
    before = torch.get_rng_state()
    read_graphs(items)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_a_dataset_of_graphs(items):
    assert is_graph_dataset(items)
    assert is_graph_dataset(tuple(items))
    assert is_graph_dataset(Stored(items))
    assert is_graph_dataset(OnDisk(items))
    assert is_graph_dataset([])
    assert not is_graph_dataset(Stored(items[:1]))
    assert not is_graph_dataset(items[0])
    assert not is_graph_dataset("mutag")


def test_subsets_and_the_name_that_pyg_gives_the_validation_split(make_graphs: Callable[..., list[Data]]) -> None:
    items = make_graphs(30)
    numbers = list(range(29, -1, -1))
    split = {"train": range(20), "val": range(20, 25), "test": range(25, 30)}
    task = read_graphs(Subset(items, numbers), split=split)
    again = read_graphs([items[i] for i in numbers], split={"valid" if k == "val" else k: v for k, v in split.items()})
    assert task.fingerprint() == again.fingerprint()
    assert torch.equal(task.val.x, again.val.x)
    assert len(task.val) == 5
