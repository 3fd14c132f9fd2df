import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import replace
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
from graphcond import GEOM, SFGC
from graphcond.core.runtime import storage
from graphcond.core.runtime.files import check_target
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
    ("x", None, "data.x is missing ... LocalDegreeProfile"),
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
    ("y", None, "data.y is missing; class labels are needed"),
    ("y", lambda y: filled(y, slice(None), -1), "no node of data.train_mask has a label; label some"),
    ("y", lambda y: y + 0.5, "data.y holds fractions ... integer classes"),
    ("y", lambda y: filled(y.float(), 2, float("inf")), "data.y holds fractions or infinity ... integer classes"),
    ("y", lambda y: torch.ones(60, 4), "data.y has the shape (60, 4) ... one class per node"),
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
    (hetero, "heterogeneous ... to_homogeneous"),
    (lambda data: "cora", "dataset must be a PyG dataset ... got the string 'cora'; graphcond.datasets.load"),
    (lambda data: Path("ratings.csv"), "dataset must be ... got the path 'ratings.csv'; recsys.condense reads files"),
    (lambda data: DataLoader([data]), "dataset must be ... got a DataLoader, which ... pass loader.dataset"),
    (lambda data: NeighborLoader(data, [2]), "dataset must be ... got a NeighborLoader, which ... pass loader.data"),
    (lambda data: [hetero(data)], "dataset[0] is a heterogeneous graph, which is not supported yet; ..."),
    (lambda data: [data.x], "dataset[0] must be a torch_geometric.data.Data, got Tensor"),
    (lambda data: Data(edge_index_dict={}, x_dict={}), "dataset is a heterogeneous graph (edge_index_dict), ..."),
    (lambda data: TemporalData(src=data.y, dst=data.y, t=data.y), "dataset is a TemporalData: events in time ..."),
    (lambda data: TorchDataset(), "dataset (Dataset) has no length; define __len__, or pass a list"),
    (lambda data: None, "dataset must be a PyG dataset ... got NoneType"),
]


WRONG_ITEMS: list[tuple[Change, str]] = [
    (lambda data: [hetero(data)] * 2, "dataset[0] is a heterogeneous graph, which is not supported yet; ..."),
    (lambda data: [data.x] * 3, "dataset[0] must be a torch_geometric.data.Data, got Tensor; make one of each graph"),
    (lambda data: iter([1, 2, 3]), "dataset[0] must be a torch_geometric.data.Data, got int; make one of each graph"),
    (lambda data: iter(DataLoader([data] * 4, batch_size=2)), "dataset[0] is a batch of 2 graphs; pass the dataset"),
]


def says(message: str) -> str:
    """Return the pattern of a message in which "..." stands for anything."""
    return ".*".join(re.escape(part.strip()) for part in message.split("..."))


def condense(dataset: Any, **options: Any) -> graphcond.CondensedDataset:
    return graphcond.condense(dataset, num_nodes=6, method="random_propagated", **options)


def evaluate(dataset: Any, **options: Any) -> graphcond.Report:
    loops = torch.arange(3).repeat(2, 1)
    own = Data(x=torch.eye(3, 8), edge_index=loops, y=torch.arange(3))
    return graphcond.evaluate(own, dataset, runs=1, controls=False, **options)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small(toy: Data) -> graphcond.CondensedDataset:
    return graphcond.condense(toy, num_nodes=3, method="class_mean")


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
    with pytest.raises(TypeError, match=says("dataset must be a PyG dataset ... got csr_")):
        evaluate(matrix)
    with pytest.raises(ValueError, match=says("num_nodes=3 makes no sense for interactions; ask its size by ratio=")):
        graphcond.condense(matrix, num_nodes=3)


@pytest.mark.parametrize("wrap", [list, tuple, Graphs])
@pytest.mark.parametrize(
    ("verb", "error", "message"),
    [
        (condense, ValueError, "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 "
                               "nodes; give each graph train_mask, val_mask and test_mask, and pass "
                               "torch_geometric.data.Batch.from_data_list of them, which is one graph of many "
                               "components"),
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
        ((60,), "num_graphs=2 makes no sense for a node dataset; ask its size by"),
        ((60, 60), "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 nodes; give"),
        ((60, 30), "these are graphs with labelled nodes: dataset[0].y holds a label for each of its 60 nodes; give"),
    ],
    ids=str,
)
def test_labels_of_nodes_are_no_classes_of_graphs(toy, sizes, message):
    graphs = [toy.subgraph(torch.arange(size)) for size in sizes]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        graphcond.condense(graphs, num_graphs=2, method="random")


@pytest.mark.parametrize("verb", [condense, evaluate])
@pytest.mark.parametrize("split", [3, -1])
def test_split_out_of_range(toy, split, verb):
    with pytest.raises(ValueError, match=rf"split must be in \[0, 2\] .*got {split}"):
        verb(columns(toy), split=split)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0}, "ratio must be in (0, 1], got 0; ... num_nodes="),
        ({"ratio": -0.1}, "ratio must be in (0, 1], got -0.1; ... num_nodes="),
        ({"ratio": 1.5}, "ratio must be in (0, 1], got 1.5; ... num_nodes="),
        ({"ratio": float("nan")}, "ratio must be in (0, 1], got nan; ... num_nodes="),
        ({"ratio": 0.1, "num_nodes": 6}, "exactly one of ... got ratio and num_nodes"),
        ({}, "exactly one of ratio=, num_nodes= and nodes_per_class=, got none"),
        ({"num_nodes": 2}, "num_nodes=2 ... 3 classes; ask for at least one per class: num_nodes=3"),
        ({"ratio": 0.01}, "ratio=0.01 gives 1 nodes ... num_nodes=3"),
        ({"num_nodes": 61}, "num_nodes=61 ... more than the 60 ... ask less"),
        ({"nodes_per_class": 21}, "nodes_per_class=21 asks for 63 nodes ... ask less"),
        ({"num_nodes": 30}, "nodes of class ... training nodes to choose from; ask for fewer ... 'auto'"),
        ({"num_nodes": 21, "inductive": True}, "num_nodes=21 ... more than the 20 ... ask less"),
        ({"num_nodes": 4.0}, "num_nodes must be a positive integer, got 4.0"),
        ({"ratio": 0.1, "ratio_of": "edges"}, "ratio_of must be 'nodes' or 'train', got 'edges'"),
    ],
)
def test_budget(toy, options, message):
    with pytest.raises(ValueError, match=says(message)):
        graphcond.condense(toy, method="random", **options)


@pytest.mark.parametrize(("name", "nearest"), [("hearding", "herding"), ("kcenter", "k_center"), ("Random", "random")])
def test_unknown_method_names_the_nearest(toy, name, nearest):
    with pytest.raises(ValueError, match=f"no method '{name}'; did you mean '{nearest}'"):
        graphcond.condense(toy, num_nodes=6, method=name)


@pytest.mark.parametrize("method", [3, None, graphcond.Random, ["random"]])
def test_method_of_the_wrong_type(toy, method):
    with pytest.raises(TypeError, match=r"method must be a name or a method object such as Auto\(\)"):
        graphcond.condense(toy, num_nodes=6, method=method)


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
        graphcond.condense(toy, num_nodes=61)
    assert set(toy.keys()) == set(before)
    assert all(torch.equal(toy[name], value) for name, value in before.items())


def test_evaluation_without_test_nodes(toy):
    del toy.test_mask
    with pytest.raises(ValueError, match=r"data.test_mask is missing .*needs test nodes"):
        evaluate(toy)


@pytest.mark.parametrize("condensed", [5, [], "small.safetensors", None])
def test_evaluation_of_an_unrelated_object(toy, condensed):
    with pytest.raises(TypeError, match=r"condensed must be what condense\(\) returns"):
        graphcond.evaluate(condensed, toy, runs=1, controls=False)


def test_evaluation_on_another_dataset(small, make_toy):
    with pytest.raises(ValueError, match="has 8 features, the dataset 5; evaluate on the dataset"):
        graphcond.evaluate(small, make_toy(num_features=5), runs=1, controls=False)
    with pytest.raises(ValueError, match="has a label 2, the dataset only 2 classes"):
        graphcond.evaluate(small, make_toy(num_classes=2), runs=1, controls=False)


def test_existing_output_is_kept(small, saved):
    content = saved.read_bytes()
    for attempt in (small.save, check_target):
        with pytest.raises(FileExistsError, match=r"exists already; .*overwrite=True"):
            attempt(saved)
    assert saved.read_bytes() == content
    assert files_in(saved.parent) == [saved.name]


def test_existing_output_is_replaced_when_asked(toy, small, saved):
    other = graphcond.condense(toy, num_nodes=6, method="herding")
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


@pytest.mark.parametrize("method", NODE_METHODS)
@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_good_input(toy, change, method):
    made = NODE_METHODS[method]()
    if isinstance(made, GEOM | SFGC):
        made = replace(made, experts=replace(made.experts, number=1))
    limit = {"max_seconds": 1e-3} if made.stepwise else {}
    data = graphcond.condense(change(toy), num_nodes=6, method=made, **limit)[0]
    assert data.num_nodes == (3 if method == "class_mean" else 6)
    assert data.y.unique().tolist() == [0, 1, 2]
    assert data.x.dtype == torch.float32
    for name, value in data:
        assert torch.isfinite(value).all(), name
