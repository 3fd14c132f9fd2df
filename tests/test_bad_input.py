import pickle
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import scipy.sparse
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch_geometric.data import Data, HeteroData, InMemoryDataset, TemporalData
from torch_geometric.loader import DataLoader, NeighborLoader

import graphcond
import recsys
from graphcond.core.runtime import storage
from graphcond.core.runtime.files import check_target
from graphcond.nodes import quick_validation
from graphcond.nodes.methods import METHODS as NODE_METHODS

Change = Callable[[Data], Any]


class Graphs(InMemoryDataset):
    """A dataset of the given graphs."""

    def __init__(self, graphs: list[Data]) -> None:
        super().__init__(root=None)
        self._data, self.slices = self.collate(graphs)


def put(name: str, make: Callable[[Data], Any]) -> Change:
    def change(data: Data) -> Data:
        data[name] = make(data)
        return data

    return change


def drop(*names: str) -> Change:
    def change(data: Data) -> Data:
        for name in names:
            del data[name]
        return data

    return change


def filled(tensor: Tensor, where: Any, value: float) -> Tensor:
    tensor = tensor.clone()
    tensor[where] = value
    return tensor


def columns(data: Data) -> Data:
    for name in ("train_mask", "val_mask", "test_mask"):
        data[name] = torch.stack([data[name]] * 3, dim=1)
    return data


def hetero(data: Data) -> HeteroData:
    result = HeteroData()
    result["paper"].x = data.x
    return result


# What is changed (None: deleted), and what the message says, with "..." for anything.
WRONG_VALUES: list[tuple[str, Callable[[Tensor], Any] | None, str]] = [
    ("train_mask", None, "data.train_mask is missing ... RandomNodeSplit"),
    ("train_mask", lambda mask: mask & False, "data.train_mask selects no node; mark the labelled nodes"),
    ("train_mask", lambda mask: filled(mask, slice(1, None, 3), False), "(class 1) ... train_mask ... renumber data.y"),
    ("test_mask", lambda mask: ~mask, "data.train_mask and data.test_mask share 20 nodes ... one split"),
    ("val_mask", lambda mask: mask[:-1], "data.val_mask must have the shape (60,), got (59,)"),
    ("val_mask", lambda mask: mask.view(60, 1, 1), "data.val_mask must have the shape (60,), got (60, 1, 1)"),
    ("val_mask", lambda mask: mask.any(), "data.val_mask must have the shape (60,), got ()"),
    ("x", lambda x: filled(x, (7, 2), float("nan")), "data.x must be finite ... 1 rows ... row 7 ... nan_to_num"),
    ("x", lambda x: filled(x, (5, 0), -float("inf")), "data.x must be finite ... row 5 ... nan_to_num"),
    ("x", lambda x: x[:, 0], "data.x must have the shape (num_nodes, num_features), got (60,)"),
    ("x", lambda x: x[:, :0], "data.x must have the shape (num_nodes, num_features), got (60, 0)"),
    ("edge_index", None, "data.edge_index is missing ... torch.empty(2, 0"),
    ("edge_index", lambda edges: filled(edges, (0, 0), 60), "data.edge_index must lie in [0, 59] ... to 60"),
    ("edge_index", lambda edges: filled(edges, (1, 0), -1), "data.edge_index must lie in [0, 59] ... from -1"),
    ("edge_index", lambda edges: edges[0], "data.edge_index must have the shape (2, num_edges)"),
    ("edge_index", lambda edges: edges.T, "data.edge_index must have the shape (2, num_edges)"),
    ("edge_weight", lambda weight: weight[:-1], "data.edge_weight must hold one number per edge"),
    ("edge_weight", lambda weight: filled(weight, 3, -0.5), "data.edge_weight must not be negative ... -0.5 ... drop"),
    ("edge_weight", lambda weight: filled(weight, 3, float("nan")), "data.edge_weight must be finite ... drop"),
    ("y", lambda y: filled(y, slice(None), -1), "no node of data.train_mask has a label; label some"),
    ("y", lambda y: filled(y.float(), 2, float("inf")), "data.y holds infinity (first: row 2); put NaN"),
    (
        "y",
        lambda y: torch.ones(60, 4),
        "columns 0, 1, 2, 3 of data.y is 1 wherever it is known (not NaN or -1); drop",
    ),
    ("y", lambda y: torch.zeros(60, 4), "columns 0, 1, 2, 3 of data.y is never 1, without a single positive; drop"),
    ("y", lambda y: torch.arange(240).view(60, 4), "data.y has 4 columns of integers such as 2.0 ... y.float()"),
    ("y", lambda y: torch.full((60, 1), 0.5), "the target in column 0 of data.y is 0.5 everywhere ... drop the column"),
    ("y", lambda y: filled(y + 0.5, 1, float("-inf")), "data.y holds infinity"),
    ("y", lambda y: filled(y, 4, -2), "data.y must be 0 or more, or -1 for unlabelled, got -2"),
    ("y", lambda y: y[:-1], "data.y must hold one label per node (60), got 59"),
    ("y", lambda y: y & 0, "data.y holds 1 class ... at least two"),
]
WRONG_TYPES: list[tuple[str, Callable[[Tensor], Any], str]] = [
    ("train_mask", lambda mask: mask.long(), "data.train_mask must be a boolean mask ... index_to_mask"),
    ("val_mask", lambda mask: mask.tolist(), "data.val_mask must be a tensor, got list ... torch.as_tensor"),
    ("x", lambda x: x.to(torch.complex64), "data.x must be real ... as columns"),
    ("x", lambda x: x.numpy(), "data.x must be a tensor, got ndarray ... torch.as_tensor"),
    ("edge_index", lambda edges: edges.float(), "data.edge_index must hold integers ... edge_index.long()"),
    ("edge_index", lambda edges: edges.numpy(), "data.edge_index must hold integers, got ndarray"),
    (
        "edge_weight",
        lambda weight: weight.numpy(),
        "data.edge_weight must be a tensor, got ndarray ... torch.as_tensor",
    ),
    ("y", lambda y: y.tolist(), "data.y must be a tensor, got list ... torch.as_tensor"),
]
WRONG_OBJECTS: list[tuple[Change, str]] = [
    (lambda data: "cora", "dataset must be a PyG dataset ... got the string 'cora'; graphcond.datasets.load"),
    (lambda data: Path("ratings.csv"), "dataset must be ... got the path 'ratings.csv'; recsys.condense reads files"),
    (lambda data: DataLoader([data]), "dataset must be ... got a DataLoader, which ... pass loader.dataset"),
    (lambda data: NeighborLoader(data, [2]), "dataset must be ... got a NeighborLoader, which ... pass loader.data"),
    (lambda data: [data.x], "dataset[0] must be a torch_geometric.data.Data, got Tensor"),
    (lambda data: TemporalData(src=data.y, dst=data.y, t=data.y), "dataset is a TemporalData: events in time ..."),
    (lambda data: TorchDataset(), "dataset (Dataset) has no length; define __len__, or pass a list"),
    (lambda data: None, "dataset must be a PyG dataset ... got NoneType"),
]


WRONG_ITEMS: list[tuple[Change, str]] = [
    (lambda data: [hetero(data)] * 2, "dataset[0] is a heterogeneous graph, and such ... one at a time ..."),
    (lambda data: [data.x] * 3, "dataset[0] must be a torch_geometric.data.Data, got Tensor; make one of each graph"),
    (lambda data: iter([1, 2, 3]), "dataset[0] must be a torch_geometric.data.Data, got int; make one of each graph"),
    (lambda data: iter(DataLoader([data] * 4, batch_size=2)), "dataset[0] is a batch of 2 graphs; pass the dataset"),
]


def says(message: str) -> str:
    """Return the pattern of a message in which "..." stands for anything."""
    return ".*".join(re.escape(part.strip()) for part in message.split("..."))


def condense(dataset: Any, split: int | None = None, **options: Any) -> graphcond.CondensedDataset:
    task = dataset if split is None else graphcond.read(dataset, split=split)
    return graphcond.condense(task, size=6, method="random", **options)


def evaluate(dataset: Any, split: int | None = None, **options: Any) -> graphcond.Report:
    task = dataset if split is None else graphcond.read(dataset, split=split)
    loops = torch.arange(3).repeat(2, 1)
    own = Data(x=torch.eye(3, 8), edge_index=loops, y=torch.arange(3))
    return graphcond.evaluate(own, task, protocol="standard(runs=1)", controls=False, **options)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small(toy: Data) -> graphcond.CondensedDataset:
    return graphcond.condense(toy, size=3, method="class_mean")


@pytest.fixture
def saved(small: graphcond.CondensedDataset, tmp_path: Path) -> Path:
    return small.save(tmp_path / "small.safetensors")


@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize(
    ("error", "name", "make", "message"),
    [(ValueError, *case) for case in WRONG_VALUES] + [(TypeError, *case) for case in WRONG_TYPES],
)
def test_tensor(toy, error, name, make, message, verb):
    toy.edge_weight = torch.ones(toy.num_edges)
    dataset = drop(name)(toy) if make is None else put(name, lambda data: make(data[name]))(toy)
    with pytest.raises(error, match=says(message)):
        verb(dataset)


@pytest.mark.parametrize(("change", "message"), WRONG_ITEMS)
def test_wrong_items(toy, change, message):
    with pytest.raises(TypeError, match=says(message)):
        condense(change(toy))


@pytest.mark.filterwarnings("ignore:Using 'NeighborSampler'")
@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize(("change", "message"), WRONG_OBJECTS)
def test_wrong_object(toy, change, message, verb):
    with pytest.raises(TypeError, match=says(message)):
        verb(change(toy))


def test_sparse_matrix():
    matrix = scipy.sparse.eye_array(5).tocsr()
    with pytest.raises(TypeError, match=says("condensed must be what recsys.condense() returns ... got Data")):
        evaluate(matrix)
    with pytest.raises(ValueError, match=says("size='3/class' makes no sense for interactions; use one of ratio=")):
        graphcond.condense(matrix, size="3/class")


@pytest.mark.parametrize("wrap", [list, tuple, Graphs])
@pytest.mark.parametrize(
    ("verb", "error", "message"),
    [
        (condense, ValueError, "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 "
                               "nodes; give each graph train_mask, val_mask and test_mask, and pass "
                               "torch_geometric.data.Batch.from_data_list of them, which is one graph of many "
                               "components; if these are targets of whole graphs, pass y.view(1, -1)"),
        (evaluate, TypeError, "condensed must be what condense() returns, a list of Data, or a sequence of the former, "
                              "got Data"),
    ],
)  # fmt: skip
def test_several_graphs_are_no_node_dataset(toy, verb, error, message, wrap):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        verb(wrap([toy, toy, toy]))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((60,), "size=2 gives 2 nodes, fewer than the 3 classes; ask for at least one per class: size=3"),
        ((60, 60), "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 nodes; give"),
        ((60, 30), "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 nodes; give"),
    ],
    ids=str,
)
def test_labels_of_nodes_are_no_classes_of_graphs(toy, sizes, message):
    graphs = [toy.subgraph(torch.arange(size)) for size in sizes]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        graphcond.condense(graphs, size=2, method="random")


@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize("split", [3, -1])
def test_split_out_of_range(toy, split, verb):
    with pytest.raises(ValueError, match=rf"split must be in \[0, 2\] .*got {split}"):
        verb(columns(toy), split=split)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0}, "ratio must be in (0, 1], got 0; a number of items is whole, such as size=35"),
        ({"ratio": -0.1}, "ratio must be in (0, 1], got -0.1; ... size="),
        ({"ratio": 1.5}, "ratio must be in (0, 1], got 1.5; ... size="),
        ({"ratio": float("nan")}, "ratio must be in (0, 1], got nan; ... size="),
        ({"ratio": "1%"}, "ratio must be in (0, 1], got '1%'; ... size="),
        ({"size": 1.5}, "ratio must be in (0, 1], got 1.5; ... size="),
        ({"size": 4.0}, "ratio must be in (0, 1], got 4.0; ... size="),
        ({"ratio": 0.1, "size": 6}, "give exactly one of ratio= and size=, such as ... got both"),
        ({"ratio": 0.1, "size": "10%"}, "give exactly one of ratio= and size=, such as ... got both"),
        ({}, "give exactly one of ratio= and size=, such as ratio=0.01, size=35 or size='10/class', got none"),
        ({"size": 2}, "size=2 gives 2 nodes, fewer than the 3 classes; ask for at least one per class: size=3"),
        ({"ratio": 0.01}, "ratio=0.01 gives 1 nodes ... size=3"),
        ({"size": "5%train"}, "size='5%train' gives 1 nodes ... size=3"),
        ({"size": 61}, "size=61 asks for 61 nodes, more than the 60 of the graph; ask less"),
        ({"size": "21/class"}, "size='21/class' asks for 63 nodes ... ask less"),
        ({"size": 30}, "nodes of class ... training nodes to choose from; ask for fewer ... 'auto'"),
        ({"size": 0}, "size must be a positive integer for a number of items, got 0"),
        ({"size": -3}, "size must be a positive integer for a number of items, got -3"),
        ({"size": "0/class"}, "size must be a positive integer for a number of items of each class, got 0"),
        ({"size": "ten"}, "size must be such as 35, 0.01, '1%', '5%train', '10/class', '10kB' ... got 'ten'"),
        ({"size": ""}, "size must be such as 35 ... got ''"),
        ({"size": "10kB"}, "size='10kB' is not for method='random', whose edges ... size=35, or choose from auto, ..."),
        (
            {"size": "everything"},
            "size='everything' is for methods that take no size; ask for a number of nodes, size=35",
        ),
    ],
)
def test_size(toy, options, message):
    for verb in (graphcond.plan, graphcond.condense):
        if "to choose from" not in message or verb is graphcond.condense:
            with pytest.raises(ValueError, match=says(message)):
                verb(toy, method="random", **options)


def test_size_of_a_subgraph(toy):
    with pytest.raises(ValueError, match=says("size=21 asks for 21 nodes, more than the 20 of the graph; ask less")):
        graphcond.condense(graphcond.read(toy, inductive=True), size=21, method="random")


@pytest.mark.parametrize("size", [True, [6], (6,), {"count": 6}, b"6"])
def test_size_of_the_wrong_type(toy, size):
    for verb in (graphcond.plan, graphcond.condense):
        with pytest.raises(
            TypeError, match=says(f"size must be a number, a text or a Size, such as 35 ... got {size}")
        ):
            verb(toy, size=size)


def refused(verb: Callable[..., Any], name: str, words: dict[str, Any], remedy: str) -> None:
    ((word, value),) = words.items()
    with pytest.raises(TypeError, match=f"^{re.escape(f'{name}() takes no {word}=; {remedy}')}$"):
        verb(**{word: value})


WORDS: list[tuple[dict[str, Any], str]] = [
    ({"num_nodes": 6}, "write size=6"),
    ({"num_graphs": 6}, "write size=6"),
    ({"num_images": 6}, "write size=6"),
    ({"users": 6}, "write size=6"),
    ({"nodes_per_class": 2}, "write size='2/class'"),
    ({"graphs_per_class": 2}, "write size='2/class'"),
    ({"per_class": 2}, "write size='2/class'"),
    ({"ipc": 2}, "write size='2/class'"),
    ({"max_bytes": 2000}, "write size='2000B'"),
    ({"ratio_of": "train"}, "write size=Size.ratio(0.05, of='train')"),
    ({"reduction_rate": 0.1}, "write ratio=0.1"),
    ({"random_state": 3}, "write seed=3"),
    ({"verbose": True}, "write run=Run(progress=True)"),
    ({"progress": False}, "write run=Run(progress=False)"),
    ({"checkpoint": "state"}, "write run=Run(checkpoint='state')"),
    ({"max_seconds": 60}, "write run=Run(max_seconds=60)"),
    ({"memory": "4GB"}, "write run=Run(memory='4GB')"),
    ({"split": 1}, "write graphcond.read(dataset, split=1) in place of the dataset"),
    ({"node_type": "author"}, "write graphcond.read(dataset, node_type='author') in place of the dataset"),
    ({"raito": 0.1}, "did you mean ratio=?"),
    ({"methods": "auto"}, "did you mean method=?"),
    ({"num_node": 6}, "did you mean size=...?"),
]


@pytest.mark.parametrize(("words", "remedy"), WORDS)
def test_words_of_other_libraries(toy, words, remedy):
    refused(partial(graphcond.condense, toy), "condense", words, remedy)
    refused(partial(graphcond.condense, toy, size=6), "condense", words, remedy)
    if "size" in remedy or "memory" in remedy:
        refused(partial(graphcond.plan, toy), "plan", words, remedy)


def test_words_that_one_call_has(toy):
    remedy = "write graphcond.read(dataset, inductive=True) in place of the dataset"
    refused(partial(graphcond.condense, toy), "condense", {"inductive": True}, remedy)
    remedy = "its arguments are dataset, ratio, size, method, seed, device, run"
    refused(partial(graphcond.condense, toy), "condense", {"nonsense": 3}, remedy)
    remedy = "its arguments are dataset, ratio, size, method, inductive, run"
    refused(partial(graphcond.plan, toy), "plan", {"nonsense": 3}, remedy)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ({"size": 6}, "write users=6"),
        ({"num_users": 6}, "write users=6"),
        ({"num_nodes": 6}, "write users=6"),
        ({"reduction_rate": 0.1}, "write ratio=0.1"),
        ({"random_state": 3}, "write seed=3"),
        ({"verbose": True}, "write run=Run(progress=True)"),
        ({"checkpoint": "state"}, "write run=Run(checkpoint='state')"),
        ({"max_seconds": 60}, "write run=Run(max_seconds=60)"),
        ({"min_weight": 4}, "write recsys.read_interactions(dataset, min_weight=4) in place of the dataset"),
        ({"split": 1}, "write recsys.condense(split) with a recsys.Split, such as recsys.random_split(dataset)"),
        ({"interaction": 40}, "did you mean interactions=?"),
        ({"nonsense": 3}, "its arguments are dataset, ratio, users, interactions, method, seed, device, run"),
        ({"per_class": 3}, "its arguments are dataset, ratio, users, interactions, method, seed, device, run"),
        ({"inductive": True}, "its arguments are dataset, ratio, users, interactions, method, seed, device, run"),
        ({"max_bytes": 2000}, "its arguments are dataset, ratio, users, interactions, method, seed, device, run"),
    ],
)
def test_words_of_other_libraries_for_interactions(words, remedy):
    refused(partial(recsys.condense, "nowhere.csv"), "condense", words, remedy)


@pytest.mark.parametrize("run", [None, True, 60, "state", {"max_seconds": 60}, graphcond.Run])
def test_run_of_the_wrong_type(toy, run):
    message = says(f"run must be a Run, such as graphcond.Run(max_seconds=60), got {run!r}")
    for call in (graphcond.condense, graphcond.plan):
        with pytest.raises(TypeError, match=f"^{message}$"):
            call(toy, size=6, run=run)
    with pytest.raises(TypeError, match=f"^{message}$"):
        recsys.condense("nowhere.csv", users=6, run=run)


def test_what_of_a_run_a_plan_does_not_use(toy):
    for name, value in (("checkpoint", "state"), ("max_seconds", 60)):
        message = f"Run({name}=...) makes no sense for plan; leave it out"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            graphcond.plan(toy, size=6, run=graphcond.Run(**{name: value}))


def test_a_task_of_another_modality(toy, make_graphs):
    x, y = torch.rand(8, 1, 4, 4), torch.arange(8) % 2
    nodes, graphs, images = (graphcond.read(dataset) for dataset in (toy, make_graphs(), (x, y)))
    for task in (nodes, graphs, images):
        message = says(f"interactions must be ... got {type(task).__name__}")
        with pytest.raises(TypeError, match=message):
            recsys.condense(task, users=3)
    for task in (graphs, images):
        with pytest.raises(TypeError, match=says(f"dataset must be ... got {type(task).__name__}")):
            graphcond.plan(task, size=6)
    with pytest.raises(ValueError, match=says("there is no method 'mirage' for images")):
        graphcond.condense(images, size=2, method="mirage")
    with pytest.raises(ValueError, match=says("size='2kB' makes no sense for images; use one of ...")):
        graphcond.condense(images, size="2kB")


def test_a_task_was_read_already(toy):
    task = graphcond.read(toy)
    for name, value in (("split", 1), ("inductive", True)):
        message = f"{name}={value} is for a dataset, and this task was read already; read the dataset again"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            graphcond.read(task, **{name: value})


@pytest.mark.parametrize(("name", "nearest"), [("hearding", "herding"), ("kcenter", "k_center"), ("Random", "random")])
def test_unknown_method_names_the_nearest(toy, name, nearest):
    with pytest.raises(ValueError, match=f"no method '{name}'; did you mean '{nearest}'"):
        graphcond.condense(toy, size=6, method=name)


@pytest.mark.parametrize("method", [3, None, ["random"]])
def test_method_of_the_wrong_type(toy, method):
    with pytest.raises(TypeError, match=r"method must be a name or a method object such as Auto\(\)"):
        graphcond.condense(toy, size=6, method=method)


def test_a_class_is_no_method(toy):
    with pytest.raises(TypeError, match=r"method must be a value, got the class Random; write Random\(\)"):
        graphcond.condense(toy, size=6, method=graphcond.Random)


@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize("seed", [-1, 1.5, True, "0", None, 2**32])
def test_seed(toy, seed, verb):
    with pytest.raises(ValueError, match=r"seed must be an integer in \[0, 4294967295\], got"):
        verb(toy, seed=seed)


@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", None, 3.5])
def test_device(toy, device, verb):
    with pytest.raises(ValueError, match=r"device=.* cannot be used here .*device='cpu'"):
        verb(toy, device=device)


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_depth(depth):
    with pytest.raises(ValueError, match="depth must be a whole number of hops, 0 or more, got"):
        graphcond.ClassMean(depth=depth)


def test_failure_leaves_the_dataset_alone(toy):
    before = {name: value.clone() for name, value in toy}
    with pytest.raises(ValueError, match="ask less"):
        graphcond.condense(toy, size=61)
    assert set(toy.keys()) == set(before)
    assert all(torch.equal(toy[name], value) for name, value in before.items())


def test_evaluation_without_test_nodes(toy):
    del toy.test_mask
    with pytest.raises(ValueError, match=r"data.test_mask is missing .*needs test nodes"):
        evaluate(toy)


@pytest.mark.parametrize("condensed", [5, [], "small.safetensors", None])
def test_evaluation_of_an_unrelated_object(toy, condensed):
    with pytest.raises(TypeError, match=r"condensed must be what condense\(\) returns"):
        graphcond.evaluate(condensed, toy, protocol="standard(runs=1)", controls=False)


def test_evaluation_on_another_dataset(small, make_toy):
    with pytest.raises(ValueError, match="has 8 features, the dataset 5; evaluate on the dataset"):
        graphcond.evaluate(small, make_toy(num_features=5), protocol="standard(runs=1)", controls=False)
    with pytest.raises(ValueError, match="has a label 2, the dataset only 2 classes"):
        graphcond.evaluate(small, make_toy(num_classes=2), protocol="standard(runs=1)", controls=False)


def test_existing_output_is_kept(small, saved):
    content = saved.read_bytes()
    for attempt in (small.save, check_target):
        with pytest.raises(FileExistsError, match=r"exists already; .*overwrite=True"):
            attempt(saved)
    assert saved.read_bytes() == content
    assert files_in(saved.parent) == [saved.name]


def test_existing_output_is_replaced_when_asked(toy, small, saved):
    other = graphcond.condense(toy, size=6, method="herding")
    other.save(saved, overwrite=True)
    assert graphcond.load(saved).record.method == "herding"
    assert files_in(saved.parent) == [saved.name]


def test_check_of_a_usable_target_leaves_nothing_behind(saved):
    check_target(saved.with_name("other.safetensors"))
    check_target(saved, overwrite=True)
    assert files_in(saved.parent) == [saved.name]
    graphcond.load(saved)


def test_output_that_is_a_folder(small, tmp_path):
    for attempt in (small.save, check_target):
        with pytest.raises(IsADirectoryError, match="is a folder; give the name of a file"):
            attempt(tmp_path)
    assert files_in(tmp_path) == []


def test_output_folder_that_does_not_exist(small, tmp_path):
    for attempt in (small.save, check_target):
        with pytest.raises(FileNotFoundError, match="absent does not exist; create it first"):
            attempt(tmp_path / "absent" / "small.safetensors")
    assert files_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's folder that nobody, not even root, writes into")
def test_read_only_output_folder(small):
    for attempt in (small.save, check_target):
        with pytest.raises(PermissionError, match="cannot write into the folder /proc"):
            attempt("/proc/small.safetensors")


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
def test_interrupted_save_leaves_nothing_behind(small, saved, monkeypatch, error):
    content = saved.read_bytes()

    def fail(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(storage, "save_file", fail)
    with pytest.raises(type(error)):
        small.save(saved.with_name("other.safetensors"))
    with pytest.raises(type(error)):
        small.save(saved, overwrite=True)
    assert files_in(saved.parent) == [saved.name]
    assert saved.read_bytes() == content


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent"):
        graphcond.load(tmp_path / "absent.safetensors")


def test_folder_instead_of_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        graphcond.load(tmp_path)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.5, 0.999])
def test_truncated_file(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"not a whole safetensors file .*save or copy it again"):
        graphcond.load(saved)


def test_trailing_bytes(saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        graphcond.load(saved)


def test_flipped_byte_in_a_tensor(saved):
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=r"altered after it was written .*get a fresh copy"):
        graphcond.load(saved)


@pytest.mark.parametrize(
    ("old", "new"), [(b"class_mean", b"class_mine"), (b'"y":', b'"z":'), (b'"sha256"', b'"sha257"')]
)
def test_altered_header(saved, old, new):
    content = saved.read_bytes()
    assert old in content
    saved.write_bytes(content.replace(old, new))
    with pytest.raises(ValueError, match=r"altered after it was written .*get a fresh copy"):
        graphcond.load(saved)


def test_any_flipped_byte_is_noticed(saved):
    content = saved.read_bytes()
    for position in range(0, len(content), 11):
        saved.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ValueError, match=saved.name):
            graphcond.load(saved)


@pytest.mark.parametrize(
    ("metadata", "found"), [(None, "none"), ({"format": "pt"}, "pt"), ({"format": "graphcond/2"}, "graphcond/2")]
)
def test_foreign_safetensors_file(tmp_path, metadata, found):
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.eye(2)}, path, metadata=metadata)
    with pytest.raises(ValueError, match=f"not of the format graphcond/1 .its format: {found}"):
        graphcond.load(path)


class Trap:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_is_refused_and_not_executed(tmp_path, protocol):
    path = tmp_path / "small.pkl"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=protocol))
    words = "is a pickle" if protocol >= 2 else "not a whole safetensors file"
    with pytest.raises(ValueError, match=words):
        graphcond.load(path)
    assert files_in(tmp_path) == [path.name]


@pytest.mark.parametrize("as_zip", [True, False])
def test_torch_archive_is_refused(tmp_path, as_zip):
    path = tmp_path / "small.pt"
    torch.save({"x": torch.eye(2)}, path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(ValueError, match=r"is a pickle \(or a torch.save archive\).*expected a safetensors file"):
        graphcond.load(path)


GOOD: dict[str, Change] = {
    "integer features": put("x", lambda d: (10 * d.x).long()),
    "float64 features": put("x", lambda d: d.x.double()),
    "constant features": put("x", lambda d: torch.ones_like(d.x)),
    "one feature": put("x", lambda d: d.x[:, :1]),
    "labels in a column": put("y", lambda d: d.y.view(-1, 1)),
    "float labels": put("y", lambda d: d.y.float()),
    "unlabelled nodes": put("y", lambda d: filled(d.y, d.val_mask, -1)),
    "directed graph": put("edge_index", lambda d: d.edge_index[:, d.edge_index[0] < d.edge_index[1]]),
    "isolated nodes": put("edge_index", lambda d: d.edge_index[:, (d.edge_index >= 20).all(dim=0)]),
    "no edges": put("edge_index", lambda d: d.edge_index[:, :0]),
    "self-loops": put("edge_index", lambda d: torch.cat([d.edge_index, torch.arange(30).repeat(2, 1)], dim=1)),
    "int32 edges": put("edge_index", lambda d: d.edge_index.int()),
    "weights": put("edge_weight", lambda d: torch.arange(d.num_edges) % 5),
    "no val mask": drop("val_mask"),
    "no test mask": drop("test_mask"),
    "only a train mask": drop("val_mask", "test_mask"),
    "several splits": columns,
    "one graph in a dataset": lambda d: Graphs([d]),
}


@pytest.mark.parametrize("method", ["auto", "class_mean", "random_propagated", "gcond"])
@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_good_input(toy, change, method, monkeypatch):
    monkeypatch.setattr(quick_validation, "STEPS", 20)
    made = NODE_METHODS.quick(method)
    run = graphcond.Run(max_seconds=1e-3 if made.resumable else None)
    data = graphcond.condense(change(toy), size=6, method=made, run=run)[0]
    assert data.num_nodes == (3 if method == "class_mean" else 6)
    assert data.y.unique().tolist() == [0, 1, 2]
    assert data.x.dtype == torch.float32
    for name, value in data:
        assert torch.isfinite(value).all(), name
