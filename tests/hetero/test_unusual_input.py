"""Tensors and names that nobody should pass, and graphs that few have: a sentence, or a result."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch_geometric.data import Data, HeteroData, InMemoryDataset
from torch_geometric.transforms import ToUndirected

import graphcond
from graphcond.hetero import checks
from graphcond.hetero.metapath_features import metapath_features

WRITTEN = ("paper", "written_by", "author")
HGCOND = "hgcond(hidden=4, relay_steps=2, starts=2, outer_steps=1)"


def on_meta(value: torch.Tensor) -> torch.Tensor:
    return value.to("meta")


def sparse(value: torch.Tensor) -> torch.Tensor:
    return value.to_sparse()


TENSORS: list[tuple[Any, str, Callable[[torch.Tensor], Any], str]] = [
    ("paper", "x", on_meta, "data['paper'].x must be an ordinary tensor, got one that is without numbers"),
    ("author", "y", on_meta, "data['author'].y must be an ordinary tensor"),
    ("author", "train_mask", on_meta, "data['author'].train_mask must be an ordinary tensor"),
    (WRITTEN, "edge_index", on_meta, ".edge_index must be an ordinary tensor"),
    ("paper", "x", lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), "got one that is quantized"),
    ("paper", "x", lambda x: torch.nested.nested_tensor([x[0], x[1]]), "got one that is nested"),
    ("author", "val_mask", sparse, "data['author'].val_mask must be a dense tensor, got the layout torch.sparse_coo"),
    (WRITTEN, "edge_index", sparse, ".edge_index must be a dense tensor, got the layout torch.sparse_coo"),
    (WRITTEN, "edge_index", lambda edges: edges.to(torch.complex64), ".edge_index must hold integers, got torch.compl"),
    (
        WRITTEN,
        "edge_index",
        lambda edges: edges.tolist(),
        ".edge_index must hold integers, got list; pass torch.as_tensor",
    ),
    (WRITTEN, "edge_weight", lambda _: torch.ones(1).to_sparse(), ".edge_weight must"),
]


@pytest.mark.parametrize(("kind", "name", "change", "message"), TENSORS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_whose_numbers_cannot_be_read(
    hetero: HeteroData, kind: Any, name: str, change: Callable[[torch.Tensor], Any], message: str
) -> None:
    hetero[kind][name] = change(hetero[kind].get(name))
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        graphcond.condense(hetero, size=6, method="random")


def test_a_mask_without_columns(hetero: HeteroData) -> None:
    hetero["author"].train_mask = torch.zeros(60, 0, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"train_mask must have a column for each split, got \(60, 0\)"):
        graphcond.read(hetero)


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("adjacency", "error", "message"),
    [
        (torch.ones(60, 120), TypeError, "adj_t must be a sparse matrix, got a dense tensor; "),
        ([1], TypeError, "adj_t must be a sparse matrix, got list; "),
        (torch.ones(3, 3).to_sparse_csr(), ValueError, "(60, 120), got (3, 3); it is the transposed adjacency"),
        (torch.ones(120, 60).to_sparse_csr(), ValueError, "(60, 120), got (120, 60); it is the transposed adjacency"),
    ],
)
def test_adjacencies(hetero: HeteroData, adjacency: Any, error: type[Exception], message: str) -> None:
    del hetero[WRITTEN]["edge_index"]
    hetero[WRITTEN].adj_t = adjacency
    with pytest.raises(error, match=re.escape(message)):
        graphcond.read(hetero)


@pytest.mark.parametrize(
    "count", [float("nan"), torch.tensor(float("nan")), torch.tensor(1 + 2j), torch.tensor(5.5), 10**13]
)
def test_numbers_of_nodes(hetero: HeteroData, count: Any) -> None:
    del hetero["venue"]["x"]
    hetero["venue"].num_nodes = count
    with pytest.raises(ValueError, match=r"data\['venue'\].num_nodes must be (a whole number|at most 3037000499), got"):
        graphcond.read(hetero)


def test_names_are_texts() -> None:
    class Held:
        """What a graph with a relation named by a number is; PyG refuses some such graphs itself."""

        node_types = ("a",)
        edge_types = (("a", 3, "a"),)

    with pytest.raises(TypeError, match=r"names of node types and relations must be texts, got \('a', 3, 'a'\)"):
        checks.check_types(Held())  # type: ignore[arg-type]


def chain(length: int) -> HeteroData:
    """Return a graph whose types are a chain, the labelled one at its end."""
    generator = torch.Generator().manual_seed(0)
    data = HeteroData()
    for i in range(length + 1):
        data[f"t{i}"].x = torch.randn(30, 3, generator=generator)
        if i:
            edges = torch.randint(30, (2, 60), generator=generator).unique(dim=1)
            data[f"t{i - 1}", "to", f"t{i}"].edge_index = edges
    data["t0"].y = torch.arange(30) % 3
    for number, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data["t0"][name] = torch.arange(30) // 10 == number
    return ToUndirected()(data)


def without_messages() -> HeteroData:
    """Return a graph in which no relation leads to the labelled type."""
    data = chain(1)
    del data["t1", "rev_to", "t0"]
    return data


def one_type() -> HeteroData:
    """Return a graph with one type of nodes and a relation of self-loops."""
    data = chain(1)
    del data["t1"], data["t0", "to", "t1"], data["t1", "rev_to", "t0"]
    data["t0", "is", "t0"].edge_index = torch.arange(30).repeat(2, 1)
    return data


def apart() -> HeteroData:
    """Return a graph of two components of types, the labelled type in one of them."""
    data = one_type()
    data["u"].x, data["v"].x = torch.ones(4, 2), torch.ones(3, 2)
    data["u", "to", "v"].edge_index = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 0]])
    return data


def weightless() -> HeteroData:
    """Return a graph whose features and weights are all 0."""
    data = chain(2)
    for name in data.node_types:
        data[name].x = torch.zeros(30, 2)
    for relation in data.edge_types:
        data[relation].edge_weight = torch.zeros(data[relation].edge_index.size(1))
    return data


QUICK = ["auto", "auto_x", "class_mean", "freehgc", "herding", "k_center", "random", "random_soft", HGCOND]


@pytest.mark.parametrize("method", QUICK)
@pytest.mark.parametrize("make", [lambda: chain(5), without_messages, one_type, apart, weightless])
def test_unusual_graphs(make: Callable[[], HeteroData], method: str) -> None:
    data = make()
    small = graphcond.condense(data, size=6, method=method)[0]
    assert sorted(set(small["t0"].y.tolist())) == [0, 1, 2]
    assert all(bool(torch.isfinite(small[name].x).all()) for name in small.node_types)
    if small.edge_types:
        assert set(small.node_types) == set(data.node_types)
        assert set(small.edge_types) == set(data.edge_types)


@pytest.mark.parametrize("switched_off", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_switched_off(hetero: HeteroData, switched_off: Callable[[], Any]) -> None:
    for method in ("auto", HGCOND):
        expected = graphcond.condense(hetero, size=6, method=method)
        with switched_off():
            small = graphcond.condense(hetero, size=6, method=method)
            report = graphcond.evaluate(small, hetero, protocol="standard(runs=1, epochs=2)", controls=False)
            assert not torch.is_grad_enabled()
        assert report.rows[0].scores
        assert all(small[0][name].x.equal(expected[0][name].x) for name in hetero.node_types)


def test_tensors_made_without_gradients(make_hetero: Callable[..., HeteroData]) -> None:
    with torch.inference_mode():
        data = make_hetero()
    small = graphcond.condense(data, size=6, method=HGCOND)
    assert small[0]["author"].x.equal(graphcond.condense(make_hetero(), size=6, method=HGCOND)[0]["author"].x)
    assert data["author"].x.is_inference()


def test_all_methods_are_tried() -> None:
    assert {name.partition("(")[0] for name in QUICK} | {"relabelled"} == set(graphcond.list_methods("hetero"))


def test_a_task_was_read_already(hetero: HeteroData) -> None:
    task = graphcond.read(hetero)
    with pytest.raises(ValueError, match="features='degrees' is for a dataset, and this task was read already"):
        metapath_features(task, features="degrees")
    with pytest.raises(ValueError, match="node_type='author' is for a dataset"):
        metapath_features(task, node_type="author")


WRITES = ("author", "writes", "paper")


class Split(InMemoryDataset):
    """A dataset of dictionaries by type, as OGB's are, and a split."""

    name = "split"

    def __init__(self, split: dict[str, Any], **changes: Any) -> None:
        super().__init__(root=None)
        self._split = split
        self._graph = Data()
        self._graph.num_nodes_dict = {"author": 4, "paper": 6}
        self._graph.edge_index_dict = {WRITES: torch.tensor([[0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5]])}
        self._graph.x_dict = {"paper": torch.ones(6, 5)}
        self._graph.y_dict = {"paper": torch.arange(6).view(6, 1) % 2}
        for name, value in changes.items():
            self._graph[name] = value

    def len(self) -> int:
        return 1

    def __getitem__(self, idx: Any) -> Any:
        return self._graph

    def get_idx_split(self) -> dict[str, Any]:
        return self._split


def parts(train: Any) -> dict[str, Any]:
    return {"train": {"paper": train}, "valid": {"paper": torch.tensor([3])}, "test": {"paper": [4, 5]}}


@pytest.mark.parametrize("train", [torch.tensor([0, 1, 2]), [0, 1, 2], torch.arange(6) < 3])
def test_splits_of_datasets(train: Any) -> None:
    assert graphcond.read(Split(parts(train))).train.nodes.tolist() == [0, 1, 2]
    flat = {"train": train, "valid": [3], "test": [4, 5]}
    assert graphcond.read(Split(flat)).test.nodes.tolist() == [4, 5]


@pytest.mark.parametrize(
    ("split", "error", "message"),
    [
        (
            {"train": {"paper": [0]}},
            ValueError,
            "get_idx_split() of the dataset must tell the nodes of 'valid', got tr",
        ),
        (parts([0, 99]), ValueError, "'train' of get_idx_split() must lie in [0, 5] (there are 6 nodes), got 0 to 99"),
        (parts([-1]), ValueError, "'train' of get_idx_split() must lie in [0, 5] (there are 6 nodes), got -1 to -1"),
        (parts(torch.tensor([0.5])), TypeError, "'train' of get_idx_split() must be node numbers, got torch.float32"),
        (parts("a"), TypeError, "'train' of get_idx_split() must be node numbers, got str"),
    ],
)
def test_splits_that_are_none(split: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        graphcond.read(Split(split))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"num_nodes_dict": {"author": 4.5, "paper": 6}}, ValueError, "num_nodes must be a whole number, got 4.5"),
        ({"num_nodes_dict": {"author": "a", "paper": 6}}, ValueError, "num_nodes must be a whole number, got 'a'"),
        ({"num_nodes_dict": {"author": None, "paper": 6}}, ValueError, "number of nodes of type 'author' is not known"),
        (
            {"edge_index_dict": torch.zeros(2, 3)},
            TypeError,
            "edge_index_dict must be a dictionary by relation, got Tens",
        ),
        ({"edge_index_dict": {"a": torch.zeros(2, 1)}}, TypeError, "data.edge_index_dict must have types of nodes or"),
        ({"x_dict": {WRITES: torch.ones(6, 5)}}, TypeError, "data.x_dict must have types of nodes or edges as keys"),
    ],
)
def test_dictionaries_that_are_not_by_type(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        graphcond.read(Split(parts([0, 1, 2]), **changes))
