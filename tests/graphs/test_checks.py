import re

import pytest
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Batch, HeteroData, InMemoryDataset

import graphcond
from graphcond.core.ranges import LARGEST
from graphcond.graphs.reading import read_graphs

COUNT = 24
SPLIT = {"train": range(16), "valid": range(16, 20), "test": range(20, 24)}
NONE = torch.empty(0, dtype=torch.int64)


class Stored(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, items):
        super().__init__(root=None)
        self._data, self.slices = self.collate(items)


def put(**tensors):
    """Change one graph, the sixth; ``None`` deletes."""

    def change(items):
        for key, value in tensors.items():
            if value is None:
                del items[5][key]
            else:
                items[5][key] = value(items[5]) if callable(value) else value
        return items

    return change


def everywhere(**makes):
    """Change all graphs; each change is given the graph and its number."""

    def change(items):
        for i, item in enumerate(items):
            for key, make in makes.items():
                item[key] = make(item, i)
        return items

    return change


def with_attr(make):
    """Give edges a column of features, those of the sixth graph another one."""

    def change(items):
        for item in items:
            item.edge_attr = torch.ones(item.num_edges, 1)
        items[5].edge_attr = make(items[5])
        return items

    return change


def without_features(**tensors):
    """Take the features away and change the first graph."""

    def change(items):
        for item in items:
            item.num_nodes = item.num_nodes
            del item.x
        for key, value in tensors.items():
            items[0][key] = value
        return items

    return change


def filled(value):
    """Return the features with one value of another."""

    def make(item):
        x = item.x.float() if isinstance(value, float) else item.x.clone()
        x[0, 1] = value
        return x

    return make


class Own(Dataset):
    """A dataset of torch."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def says(message):
    """Return the pattern of a whole message in which "..." stands for anything."""
    return "^" + ".*".join(re.escape(part.strip()) for part in message.split("...")) + "$"


WRONG_VALUES = [
    (put(x=torch.empty(0, 2).long(), edge_index=NONE.reshape(2, 0)),
     "dataset[5] has no nodes (1 such in all); drop graphs without nodes"),
    (put(x=torch.ones(3, 1).long(), edge_index=NONE.reshape(2, 0)),
     "dataset[5].x has the shape (3, 1), but dataset[0] has 2 columns; all graphs need the same features"),
    (put(x=torch.ones(3, 2, 1).long(), edge_index=NONE.reshape(2, 0)),
     "dataset[5].x must have the shape (rows, columns), got (3, 2, 1)"),
    (put(x=None, num_nodes=2, edge_index=NONE.reshape(2, 0)),
     "dataset[5] has no x and others do; give it to all graphs or to none"),
    (everywhere(x=lambda item, i: item.x[:, :0]), "data.x must have the shape (rows, columns), got (..., 0)"),
    (everywhere(x=lambda item, i: item.x - 1),
     "integers in data.x are codes of categories and must lie in [0, 2**31), got -1 to 1; pass quantities as floats"),
    (everywhere(x=lambda item, i: item.x + 2**31 - 2), "integers in data.x ... got 2147483646 to 2147483648; ..."),
    (everywhere(x=lambda item, i: filled(float("nan") if i == 5 else 0.5)(item)),
     "data.x must be finite, but 1 rows hold NaN or infinity (first: row ... of all graphs together); clean them, "
     "e.g. with torch.nan_to_num"),
    (everywhere(x=lambda item, i: filled(float("-inf"))(item)), "data.x must be finite, but 24 rows ... nan_to_num"),
    (with_attr(lambda item: torch.ones(item.num_edges, 2)),
     "dataset[5].edge_attr has the shape (..., 2), but dataset[0] has 1 columns; all graphs need the same features"),
    (with_attr(lambda item: torch.ones(item.num_edges + 1, 1)),
     "dataset[5].edge_attr must have one row per edge (0), got 1"),
    (everywhere(edge_attr=lambda item, i: torch.ones(item.num_edges + {3: 1, 4: -1}.get(i, 0), 1)),
     "dataset[3].edge_attr must have one row per edge (...), got ..."),
    (everywhere(edge_attr=lambda item, i: torch.full((item.num_edges, 1), float("nan"))),
     "data.edge_attr must be finite, but ... rows hold NaN or infinity (first: row 0 of all graphs together); ..."),
    (put(edge_attr=torch.ones(2, 1)), "dataset[0] has no edge_attr and others do; give it to all graphs or to none"),
    (put(edge_index=None),
     "dataset[5] has no edge_index; for a graph without edges pass torch.empty(2, 0, dtype=long)"),
    (put(edge_index=torch.zeros(3, 2).long()),
     "dataset[5].edge_index must have the shape (2, num_edges), got (3, 2)"),
    (put(edge_index=NONE), "dataset[5].edge_index must have the shape (2, num_edges), got (0,)"),
    (put(x=torch.ones(2, 2).long(), edge_index=torch.tensor([[0, 1], [1, 2]])),
     "dataset[5].edge_index must lie in [0, 1] (its nodes), got the edge (1, 2)"),
    (put(x=torch.ones(2, 2).long(), edge_index=torch.tensor([[0, -1], [1, 0]])),
     "dataset[5].edge_index must lie in [0, 1] (its nodes), got the edge (-1, 0)"),
    (without_features(num_nodes=2, edge_index=torch.tensor([[0], [2]])),
     "dataset[0].edge_index must lie in [0, 1] (its nodes), got the edge (0, 2)"),
    (without_features(num_nodes=2, edge_index=torch.tensor([[0], [-1]])),
     "dataset[0].edge_index must lie in [0, 1] (its nodes), got the edge (0, -1)"),
    (everywhere(edge_weight=lambda item, i: torch.ones(item.num_edges) - 2 * (i == 7)),
     "data.edge_weight must not be negative (lowest: -1); degrees would lose their meaning: drop ..."),
    (everywhere(edge_weight=lambda item, i: torch.ones(item.num_edges) / (i != 7)),
     "data.edge_weight must be finite, but holds NaN or infinity; ..."),
    (everywhere(edge_weight=lambda item, i: torch.ones(item.num_edges + (i == 7))),
     "dataset[7].edge_weight must have one row per edge (...), got ..."),
    (everywhere(edge_weight=lambda item, i: torch.ones(item.num_edges, 2)),
     "data.edge_weight must hold one number per edge (...), got ..."),
    (put(edge_weight=torch.ones(2)), "dataset[0] has no edge_weight and others do; give it to all graphs or to none"),
    (put(y=None), "dataset[5] has no y; each graph needs its class, shape (1,), or its targets, shape (1, targets)"),
    (put(y=lambda item: torch.zeros(7).long()),
     "dataset[5].y holds 7 values, but others hold 1: all graphs need as many targets; pass NaN where one is missing"),
    (everywhere(y=lambda item, i: torch.zeros(1 if i else 7).long()),
     "dataset[0].y holds 7 values, but others hold 1: all graphs need as many targets; ..."),
    (everywhere(y=lambda item, i: torch.empty(0)),
     "dataset[0].y holds 0 values, but a graph has one class: pass shape (1,)"),
    (everywhere(y=lambda item, i: torch.tensor([[i % 2, 1]])),
     "the label in column 1 of data.y is 1 wherever it is known (not NaN or -1); drop the column"),
    (everywhere(y=lambda item, i: torch.tensor([[i % 2, 0.0]])),
     "the label in column 1 of data.y is never 1, without a single positive; drop the column"),
    (everywhere(y=lambda item, i: torch.tensor([[i % 2, float("nan")]])),
     "no training item has a known value in column 1 of y; label some, or drop it"),
    (everywhere(y=lambda item, i: torch.tensor([[i % 2, i]])),
     "data.y has 2 columns of integers such as ...: several labels are 0, 1 or -1 (missing), and several numbers are "
     "floats; pass y.float() for regression, or one column for classes"),
    (everywhere(y=lambda item, i: torch.tensor([[i % 2], [1]])),
     "dataset[0].y has the shape (2, 1), but a graph has one class, shape (1,), or one row of targets, shape (1, "
     "targets)"),
    (everywhere(y=lambda item, i: torch.tensor([1.5])),
     "the target in column 0 of data.y is 1.5 everywhere: there is nothing to predict; drop the column"),
    (everywhere(y=lambda item, i: torch.tensor([float("inf")])),
     "data.y holds infinity (first: row 0); put NaN where a target is missing"),
    (everywhere(y=lambda item, i: torch.tensor([i % 2 - 2])), "data.y must be 0 or more, or -1 for unlabelled, got -2"),
    (everywhere(y=lambda item, i: torch.tensor([0])),
     "data.y holds 1 class(es), but classification needs at least two"),
    (everywhere(y=lambda item, i: torch.tensor([10**9 * (i % 2)])),
     "data.y reaches 1000000000, but there are only ... graphs and each class needs one; renumber the "
     "classes from 0, or read them as numbers: target='regression'"),
    (everywhere(y=lambda item, i: torch.tensor([2 * (i % 2) - 1])),
     "data.y holds 1 class(es), but classification needs at least two; -1 stands for unlabelled: make classes -1 ..."),
    (everywhere(y=lambda item, i: torch.tensor([-1])), "split['train'] holds no graph with a label; put some there"),
    (everywhere(y=lambda item, i: torch.tensor([2 * (i % 2)])),
     "1 of 3 classes have no training graph (class 1); add one to the training split, or drop the class and renumber "
     "data.y"),
    (everywhere(y=lambda item, i: torch.tensor([2 if i == 22 else i % 2])),
     "1 of 3 classes have no training graph (class 2); ..."),
    (everywhere(y=lambda item, i: torch.tensor([9 * (i % 2)])),
     "8 of 10 classes have no training graph (class 1, 2, 3, 4, 5, ...); ..."),
    (lambda items: [], "the dataset holds no graph; pass at least two of each class"),
]  # fmt: skip
WRONG_TYPES = [
    (put(x=lambda item: item.x.float()), "dataset[5].x is torch.float32, but dataset[0] has torch.int64; use one type"),
    (put(x=lambda item: item.x.numpy()), "dataset[5].x must be a tensor, got ndarray; pass torch.as_tensor(x)"),
    (with_attr(lambda item: item.edge_index.tolist()),
     "dataset[5].edge_attr must be a tensor, got list; pass torch.as_tensor(edge_attr)"),
    (everywhere(x=lambda item, i: item.x.to(torch.complex64)), "data.x must be real, got torch.complex64; ... columns"),
    (put(edge_index=lambda item: item.edge_index.float()),
     "dataset[5].edge_index must hold integers, got torch.float32; pass edge_index.long()"),
    (put(edge_index=lambda item: item.edge_index.bool()),
     "dataset[5].edge_index must hold integers, got torch.bool; pass edge_index.long()"),
    (put(edge_index=lambda item: item.edge_index.tolist()),
     "dataset[5].edge_index must be a tensor, got list; pass torch.as_tensor(edge_index)"),
    (put(y="a"), "dataset[5].y must be the number of its class, got str; number the classes from 0"),
    (put(y=[None]), "dataset[5].y must be the number of its class, got list; number the classes from 0"),
    (everywhere(edge_weight=lambda item, i: torch.ones(item.num_edges) + 1j),
     "data.edge_weight must be real, got torch.complex64; pass its absolute values"),
    (everywhere(edge_weight=lambda item, i: [1.0]), "dataset[0].edge_weight must be a tensor, got list; ..."),
    (lambda items: [*items[:3], HeteroData(), *items[3:]],
     "dataset[3] is a heterogeneous graph, and such graphs are taken one at a time, ..."),
    (lambda items: [Batch.from_data_list(items[:8]), *items],
     "dataset[0] is a batch of 8 graphs; pass the dataset, not batches of it"),
    (lambda items: [Own(items[:8]), Own(items[8:])],
     "dataset[0] is a Own, a dataset in itself; join several by +, such as train + test, and tell their parts by "
     "split={'train': ..., 'valid': ..., 'test': ...}"),
    (lambda items: [(item.x, item.edge_index) for item in items],
     "dataset[0] must be a torch_geometric.data.Data, got tuple; make one of each graph"),
    (lambda items: items[0],
     "dataset must be a PyG dataset of graphs, OGB's PygGraphPropPredDataset or a list of Data, got Data"),
    (lambda items: "mutag", "dataset must be a PyG dataset of graphs, ..., got the string 'mutag'; ..."),
]  # fmt: skip
WRONG_SPLITS = [
    (ValueError, {}, "split must have the keys 'train', 'valid' and 'test', got ..."),
    (ValueError, {"train": [0], "dev": [1]}, "split must have the keys 'train', 'valid' and 'test', got train, dev"),
    (ValueError, {"valid": [1]}, "split must have the keys 'train', 'valid' and 'test', got valid"),
    (ValueError, {"train": [0, 24]}, "split['train'] must lie in [0, 23], got 0 to 24"),
    (ValueError, {"train": [0, 1], "test": [-1, 3]}, "split['test'] must lie in [0, 23], got -1 to 3"),
    (ValueError, {"train": [0, 1], "valid": [2, 1]}, "split['valid'] names a graph twice or shares one ... wrong"),
    (ValueError, {"train": [0, 1, 1]}, "split['train'] names a graph twice or shares one with another part; ... wrong"),
    (ValueError, {"train": []}, "split['train'] holds no graph with a label; put some there"),
    (ValueError, {"train": [0, 2, 4]}, "1 of 2 classes have no training graph (class 1); ..."),
    (ValueError, 10, "split must be a fold in [0, 9] (the dataset has no split of its own), got 10"),
    (TypeError, {"train": torch.ones(COUNT).bool()},
     "split['train'] must hold graph numbers, got a boolean mask; pass mask.nonzero().flatten()"),
    (TypeError, True, "split must be a number or a dictionary of graph numbers, got bool"),
    (TypeError, "valid", "split must be a number or a dictionary of graph numbers, got str"),
    (TypeError, None, "split must be a number or a dictionary of graph numbers, got NoneType"),
    (TypeError, {"train": [0.5, 1.5]},
     "split['train'] must hold whole graph numbers, got torch.float32; pass integers"),
    (TypeError, {"train": [0, 1], "valid": "2"}, "split['valid'] must hold graph numbers, got str"),
    (ValueError, {"train": None}, "split['train'] holds no graph with a label; put some there"),
]  # fmt: skip


@pytest.fixture
def items(make_graphs):
    return make_graphs(COUNT)


@pytest.mark.parametrize(("change", "message"), WRONG_VALUES)
def test_values(items, change, message):
    with pytest.raises(ValueError, match=says(message)):
        read_graphs(change(items), split=SPLIT)


@pytest.mark.parametrize(("change", "message"), WRONG_TYPES)
def test_types(items, change, message):
    with pytest.raises(TypeError, match=says(message)):
        read_graphs(change(items), split=SPLIT)


@pytest.mark.parametrize(("error", "split", "message"), WRONG_SPLITS)
def test_splits(items, error, split, message):
    with pytest.raises(error, match=says(message)):
        read_graphs(items, split=split)


@pytest.mark.parametrize("parts", [("valid",), ("test",), ("valid", "test")])
def test_parts_that_are_none_are_empty(items, parts):
    task = read_graphs(items, split=SPLIT | dict.fromkeys(parts))
    assert (len(task.val), len(task.test)) == (0 if "valid" in parts else 4, 0 if "test" in parts else 4)
    assert len(task.train) == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (everywhere(x=lambda item, i: item.x - 1), "integers in data.x are codes ... -1 to 1; ..."),
        (everywhere(x=lambda item, i: item.x.float() / 0), "data.x must be finite, but ... rows ..."),
        (
            everywhere(y=lambda item, i: torch.tensor([[i % 2, 1]])),
            "the label in column 1 of data.y is 1 wherever it is known (not NaN or -1); drop the column",
        ),
        (
            everywhere(edge_index=lambda item, i: item.edge_index + 1),
            "dataset[0].edge_index must lie in [0, 2] (its nodes), got the edge ...",
        ),
        (
            everywhere(edge_attr=lambda item, i: torch.ones(item.num_edges + {3: 1, 4: -1}.get(i, 0), 1)),
            "data.edge_attr must have one row per edge in each graph of the dataset; process it again",
        ),
    ],
)
def test_values_of_a_dataset_in_memory(items, change, message):
    with pytest.raises(ValueError, match=says(message)):
        read_graphs(Stored(change(items)), split=SPLIT)


def test_a_label_per_graph_of_a_dataset_in_memory(items):
    dataset = Stored(items)
    dataset._data.y = dataset._data.y[:-1]
    with pytest.raises(ValueError, match=says("data.y must hold one row per graph (24), got 23")):
        read_graphs(dataset, split=SPLIT)
    del dataset._data.y
    with pytest.raises(ValueError, match=says("the dataset has no y; each graph needs its class, ...")):
        read_graphs(dataset, split=SPLIT)


def test_large_numbers_are_left_unless_their_squares_overflow(items):
    for item in items:
        item.x = torch.full((item.num_nodes, 2), LARGEST)
    assert bool((read_graphs(items, split=SPLIT).train.x == LARGEST).all())
    items[0].x = torch.full((items[0].num_nodes, 2), 3e38)
    with pytest.raises(ValueError, match=r"rows hold numbers beyond 1e\+15, whose squares overflow .*; scale them"):
        read_graphs(items, split=SPLIT)


@pytest.mark.parametrize(
    ("weight", "message"), [(3e38, r"reaches 3e\+38, but sums .* overflow"), (torch.inf, "finite")]
)
def test_weights_of_edges_must_add_up(items, weight, message):
    for item in items:
        item.edge_weight = torch.full((item.edge_index.size(1),), weight)
    with pytest.raises(ValueError, match=f"data.edge_weight .*{message}"):
        read_graphs(items, split=SPLIT)


def test_integers_below_the_limit_are_codes(items):
    for item in items:
        item.x = torch.full((item.num_nodes, 1), 2**31 - 1)
    assert bool((read_graphs(items, split=SPLIT).train.x == 2**31 - 1).all())


def test_hundreds_of_classes_and_a_size_too_small(make_graphs):
    task = graphcond.read(make_graphs(300, classes=300, most=3), split={"train": range(300)})
    message = "size=50 gives 50 graphs, fewer than the 300 classes; ask for at least one per class: size=300"
    with pytest.raises(ValueError, match=says(message)):
        graphcond.condense(task, size=50, method="random")
    for method, what in (("random", "graph"), ("mirage", "pattern")):
        message = f"size='100B' is too little for one {what} of each class, which take ... bytes"
        with pytest.raises(ValueError, match=says(message)):
            graphcond.condense(task, size="100B", method=method)


@pytest.mark.parametrize("method", ["auto", "mirage", "random", "herding", "k_center", "random_soft"])
def test_too_few_bytes(items, method):
    with pytest.raises(ValueError, match=r"^size='9B' is too little for one .* each.*, which take \d+ bytes$"):
        graphcond.condense(graphcond.read(items, split=SPLIT), size="9B", method=method)


def test_the_size_that_is_named_suffices(items):
    task = graphcond.read(items, split=SPLIT)
    for method in ("auto", "mirage", "random", "herding", "k_center"):
        with pytest.raises(ValueError, match="too little") as error:
            graphcond.condense(task, size="9B", method=method)
        needed = int(re.search(r"take (\d+) bytes", str(error.value)).group(1))
        assert graphcond.condense(task, size=f"{needed}B", method=method).nbytes <= needed
        with pytest.raises(ValueError, match="too little"):
            graphcond.condense(task, size=f"{needed - 1}B", method=method)


@pytest.mark.parametrize("method", ["random", "herding", "k_center", "random_soft"])
def test_more_graphs_of_a_class_than_there_are(items, method):
    with pytest.raises(ValueError, match=says("9 graphs of class 0 were asked for, but it has only 8 to choose from; "
                                              "ask for fewer")):  # fmt: skip
        graphcond.condense(graphcond.read(items, split=SPLIT), size="9/class", method=method)
