"""From ``HeteroData`` and what OGB holds in its place to a task, and what is refused on the way."""

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, HeteroData, InMemoryDataset
from torch_geometric.transforms import RandomNodeSplit, ToSparseTensor, ToUndirected
from torch_geometric.utils import index_to_mask

import graphcond
from graphcond.hetero.reading import is_hetero, read_hetero, recorded_reading, splits_of
from graphcond.hetero.task import HeteroTask
from graphcond.recognition import modality_of

WRITES = ("author", "writes", "paper")
Change = Callable[[HeteroData], Any]


def scholars() -> HeteroData:
    """Return 12 authors of 2 classes with 9 papers in 3 venues; venues have no features."""
    generator = torch.Generator().manual_seed(0)
    data = HeteroData()
    data["author"].x = torch.randn(12, 4, generator=generator)
    data["author"].y = torch.arange(12) % 2
    part = torch.arange(12) // 4
    for number, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data["author"][name] = part == number
    data["paper"].x = torch.randn(9, 3, generator=generator)
    data["venue"].num_nodes = 3
    data[WRITES].edge_index = torch.stack([torch.arange(12), torch.arange(12) % 9])
    data["paper", "at", "venue"].edge_index = torch.stack([torch.arange(9), torch.arange(9) % 3])
    return ToUndirected()(data)


@pytest.fixture
def data() -> HeteroData:
    return scholars()


class Holder(InMemoryDataset):
    """A dataset of the given graphs."""

    name = "held"

    def __init__(self, graphs: list[Any]) -> None:
        super().__init__(root=None)
        self._graphs = graphs

    def len(self) -> int:
        return len(self._graphs)

    def get(self, idx: int) -> Any:
        return self._graphs[idx]

    def __getitem__(self, idx: Any) -> Any:
        return self._graphs[idx]


class OGBLike(Holder):
    """What OGB's class is: dictionaries in a ``Data``, and a split by type."""

    task_type, num_tasks, eval_metric, name = "multiclass classification", 1, "acc", "ogbn-mag"

    def get_idx_split(self) -> dict[str, Any]:
        return {"train": {"paper": torch.tensor([0, 1, 2])}, "valid": {"paper": torch.tensor([3])},
                "test": {"paper": torch.tensor([4, 5])}}  # fmt: skip


def as_dictionaries() -> Data:
    data = Data()
    data.num_nodes_dict = {"author": 4, "paper": 6}
    data.edge_index_dict = {WRITES: torch.tensor([[0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5]])}
    data.x_dict = {"paper": torch.randn(6, 5)}
    data.node_year = {"paper": torch.full((6, 1), 2015)}
    data.edge_reltype = {WRITES: torch.zeros(6, 1, dtype=torch.long)}
    data.y_dict = {"paper": torch.tensor([[0], [1], [0], [1], [0], [1]])}
    return data


def put(kind: Any, name: str, value: Any) -> Change:
    def change(data: HeteroData) -> HeteroData:
        data[kind][name] = value(data[kind].get(name)) if callable(value) else value
        return data

    return change


def drop(kind: Any, name: str | None = None) -> Change:
    def change(data: HeteroData) -> HeteroData:
        if name is None:
            del data[kind]
        else:
            del data[kind][name]
        return data

    return change


def filled(where: Any, value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[where] = value
        return tensor

    return change


def says(message: str) -> str:
    return ".*".join(re.escape(part.strip()) for part in message.split("..."))


def test_a_graph_is_read_as_it_is(data: HeteroData) -> None:
    task = graphcond.read(data)
    graph = task.graph
    assert isinstance(task, HeteroTask)
    assert modality_of(task).name == modality_of(data).name == "hetero"
    assert graph.node_type == "author"
    assert graph.counts == {"author": 12, "paper": 9, "venue": 3}
    assert set(graph.edges) == set(data.edge_types)
    for relation in data.edge_types:
        given = set(map(tuple, data[relation].edge_index.T.tolist()))
        assert set(map(tuple, graph.edges[relation].T.tolist())) == given
        assert graph.weights[relation].eq(1).all()
    for name in ("author", "paper"):
        assert graph.x[name].equal(data[name].x)
    assert graph.y.equal(data["author"].y)
    assert [part.nodes.tolist() for part in (task.train, task.val, task.test)] == [
        list(range(4)), list(range(4, 8)), list(range(8, 12)),
    ]  # fmt: skip
    assert (task.features, task.made) == ("neighbour_means", ("venue",))
    assert len(task.notes) == 1
    assert "'venue' had no features; neighbour_means were made" in task.notes[0]


def test_the_graph_is_not_changed(data: HeteroData) -> None:
    before = copy.deepcopy(data)
    graphcond.read(data)
    assert data.node_types == before.node_types
    for store, old in zip(data.stores, before.stores, strict=True):
        assert set(store.keys()) == set(old.keys())
        assert all(torch.equal(torch.as_tensor(value), torch.as_tensor(old[key])) for key, value in store.items())


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: (one,), lambda one: Holder([one])])
def test_containers_of_one_graph(data: HeteroData, wrap: Callable[[HeteroData], Any]) -> None:
    assert is_hetero(wrap(data))
    assert read_hetero(wrap(data)).digest == read_hetero(data).digest
    assert splits_of(wrap(data)) == 1


def test_dictionaries_of_ogb() -> None:
    dataset = OGBLike([as_dictionaries()])
    assert is_hetero(dataset)
    assert is_hetero(dataset[0])
    task = graphcond.read(dataset)
    assert (task.name, task.metric, task.graph.node_type) == ("ogbn-mag", "accuracy", "paper")
    assert [part.nodes.tolist() for part in (task.train, task.val, task.test)] == [[0, 1, 2], [3], [4, 5]]
    assert task.graph.y.tolist() == [0, 1, 0, 1, 0, 1]
    assert task.made == ("author",)
    assert "there are no reverse edges of ('author', 'writes', 'paper')" in task.notes[0]
    assert not any("Not used" in note for note in task.notes)
    assert "train_mask_dict" not in dataset[0]
    with pytest.raises(ValueError, match=r"data\['paper'\].train_mask is missing; .* pass OGB's dataset"):
        graphcond.read(dataset[0])


def test_a_type_and_a_relation_are_enough() -> None:
    data = HeteroData()
    data["user"].x, data["user"].y = torch.randn(6, 2), torch.arange(6) % 2
    data["user", "knows", "user"].edge_index = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 0, 3, 2, 5, 4]])
    data["user"].train_mask = index_to_mask(torch.tensor([0, 1]), 6)
    task = graphcond.read(data)
    assert not task.notes
    assert task.graph.num_edges == 6
    data["user", "knows", "user"].edge_index = data["user", "knows", "user"].edge_index[:, :3]
    assert "no reverse edges of ('user', 'knows', 'user')" in graphcond.read(data).notes[0]


def test_directions_are_noted(data: HeteroData) -> None:
    del data["paper", "rev_writes", "author"]
    assert any("No relation leads to 'author'" in note for note in graphcond.read(data).notes)
    data = scholars()
    del data["venue", "rev_at", "paper"]
    assert any("no reverse edges of ('paper', 'at', 'venue');" in note for note in graphcond.read(data).notes)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_other_ways_to_hold_edges_are_the_same(data: HeteroData) -> None:
    digest = graphcond.read(data).digest
    held = copy.copy(data)
    held[WRITES].edge_index = EdgeIndex(data[WRITES].edge_index, sparse_size=(12, 9))
    assert graphcond.read(held).digest == digest
    sparse = graphcond.read(ToSparseTensor(layout=torch.sparse_csr)(copy.copy(data))).graph
    for relation in data.edge_types:
        given = set(map(tuple, data[relation].edge_index.T.tolist()))
        assert set(map(tuple, sparse.edges[relation].T.tolist())) == given
    twice = copy.copy(data)
    twice[WRITES].edge_index = data[WRITES].edge_index.repeat(1, 2)
    task = graphcond.read(twice)
    assert task.digest == digest
    assert "12 duplicate edges of data['author', 'writes', 'paper'] were merged and count once each." in task.notes


def test_weights_are_kept_and_added_up(data: HeteroData) -> None:
    weight = torch.arange(1.0, 13)
    plain, named = copy.copy(data), copy.copy(data)
    plain[WRITES].edge_weight = weight
    named[WRITES].weight = weight.double().view(-1, 1)
    first, second = graphcond.read(plain), graphcond.read(named)
    assert first.graph.weights[WRITES].equal(weight)
    assert first.digest == second.digest
    assert any("['author', 'writes', 'paper'].weight holds one number for each edge" in note for note in second.notes)
    plain[WRITES].edge_index = data[WRITES].edge_index.repeat(1, 2)
    plain[WRITES].edge_weight = weight.repeat(2)
    assert graphcond.read(plain).graph.weights[WRITES].equal(2 * weight)


@pytest.mark.parametrize("cast", [torch.Tensor.double, torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr])
@pytest.mark.filterwarnings("ignore:Sparse")
def test_kinds_of_features(data: HeteroData, cast: Callable[[torch.Tensor], torch.Tensor]) -> None:
    digest = graphcond.read(data).digest
    data["paper"].x = cast(data["paper"].x)
    assert graphcond.read(data).digest == digest


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8])
def test_whole_numbers_as_features(data: HeteroData, dtype: torch.dtype) -> None:
    data["paper"].x = (data["paper"].x > 0).to(dtype)
    x = graphcond.read(data).graph.x["paper"]
    assert x.dtype == torch.float32
    assert x.equal(data["paper"].x.float())


def test_several_labels_and_numbers(data: HeteroData) -> None:
    labels = (torch.arange(36).view(12, 3) % 5 < 2).float()
    labels[0, 0] = torch.nan
    data["author"].y = labels
    task = graphcond.read(data)
    assert task.targets.kind == "multi_label"
    assert task.graph.targets.nan_to_num(-1).equal(labels.nan_to_num(-1))
    data["author"].y = torch.linspace(0, 1, 12) ** 2
    task = graphcond.read(data)
    assert task.targets.kind == "regression"
    data["author"].y = torch.arange(12)
    assert graphcond.read(data, target="regression").graph.targets.shape == (12, 1)


@pytest.mark.parametrize("missing", [-1, float("nan")])
def test_unlabelled_nodes_leave_their_part(data: HeteroData, missing: float) -> None:
    y = data["author"].y.float() if missing != -1 else data["author"].y
    data["author"].y = filled(2, missing)(y)
    task = graphcond.read(data)
    assert task.train.nodes.tolist() == [0, 1, 3]
    assert "1 nodes of data['author'].train_mask have no label and were left out of it." in task.notes


def test_columns_of_masks(data: HeteroData) -> None:
    masks = torch.stack([data["author"].train_mask, data["author"].val_mask], dim=1)
    data["author"].train_mask, data["author"].val_mask = masks, masks.flip(1)
    assert splits_of(data) == 2
    task = graphcond.read(data, split=1)
    assert (task.split, task.train.nodes.tolist(), task.val.nodes.tolist()) == (1, [4, 5, 6, 7], [0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"split must be in \[0, 1\] \(data\['author'\].train_mask has 2 columns"):
        graphcond.read(data, split=2)


def test_one_of_two_labelled_types_is_chosen(data: HeteroData) -> None:
    data["paper"].y = torch.arange(9) % 3
    with pytest.raises(
        ValueError, match=says("2 node types have labels, 'author', 'paper' ... read(data, node_type='author')")
    ):
        graphcond.read(data)
    task = graphcond.read(data, node_type="author")
    assert task.graph.node_type == "author"
    assert "Not used: data['paper'].y." in task.notes


def test_what_is_not_used_is_noted(data: HeteroData) -> None:
    data["paper"].year = torch.arange(9)
    data[WRITES].edge_attr = torch.rand(12, 2)
    notes = graphcond.read(data).notes
    assert "Not used: data['paper'].year." in notes
    assert any(note.startswith("data['author', 'writes', 'paper'].edge_attr was not used;") for note in notes)


REFUSED: list[tuple[Change, str]] = [
    (lambda data: HeteroData(), "the HeteroData has no node types; set x"),
    (put("lonely", "x", torch.ones(3, 2)), "node type 'lonely' has no edges ... del data['lonely']"),
    (
        lambda data: put("venue", "num_nodes", 3)(
            put(("venue", "rev_at", "paper"), "edge_index", torch.empty(2, 0, dtype=torch.long))(
                put(("paper", "at", "venue"), "edge_index", torch.empty(2, 0, dtype=torch.long))(data)
            )
        ),
        "node type 'venue' has no edges ... del data['venue'], data['paper', 'at', 'venue'], data['venue', 'rev_at'",
    ),
    (
        put(("author", "of", "lab"), "edge_index", torch.zeros(2, 1, dtype=torch.long)),
        "the relation ('author', 'of', 'lab') is of node type 'lab', which does not exist ... set data['lab'].x or",
    ),
    (
        put(WRITES, "edge_index", filled((0, 3), 12)),
        "data['author', 'writes', 'paper'].edge_index[0], the sources, must lie in [0, 11] (there are 12 nodes of type "
        "'author'), got values from 0 to 12",
    ),
    (put(WRITES, "edge_index", filled((1, 3), 9)), "edge_index[1], the targets, must lie in [0, 8] ... to 9"),
    (put(WRITES, "edge_index", filled((1, 3), -1)), "the targets, must lie in [0, 8] ... from -1 to 8"),
    (put(WRITES, "edge_index", lambda edges: edges.T), "'paper'].edge_index must have the shape (2, num_edges), got"),
    (drop(WRITES, "edge_index"), "'paper'].edge_index is missing; set it, or leave the relation out: del data["),
    (put(WRITES, "edge_weight", torch.ones(3)), "data['author', 'writes', 'paper'].edge_weight must hold one number"),
    (put(WRITES, "edge_weight", -torch.ones(12)), "data['author', 'writes', 'paper'].edge_weight must not be negative"),
    (drop("author", "train_mask"), "data['author'].train_mask is missing; mark the training nodes ... RandomNodeSplit"),
    (put("author", "train_mask", torch.zeros(12, dtype=torch.bool)), "data['author'].train_mask selects no node"),
    (put("author", "val_mask", torch.ones(12, dtype=torch.bool)), "data['author'].train_mask and data['author'].val_m"),
    (put("author", "test_mask", torch.ones(9, dtype=torch.bool)), "data['author'].test_mask must have the shape (12,)"),
    (drop("author", "y"), "no node type has labels; set y of one of 'author', 'paper', 'venue'"),
    (put("author", "y", torch.arange(9) % 2), "data['author'].y must hold one label per node (12), got 9"),
    (put("author", "y", torch.zeros(12, dtype=torch.long)), "data['author'].y holds 1 class(es)"),
    (put("author", "y", filled(3, -2)), "data['author'].y must be 0 or more, or -1 for unlabelled, got -2"),
    (put("author", "y", torch.arange(12) // 6), "1 of 2 classes have no training node ... renumber data['author'].y"),
    (put("paper", "x", filled((2, 1), float("nan"))), "data['paper'].x must be finite, but 1 rows hold NaN"),
    (put("paper", "x", torch.ones(9)), "data['paper'].x must have the shape (num_nodes, num_features), got (9,)"),
    (put("paper", "x", torch.ones(0, 3)), "node type 'paper' has 0 nodes"),
    (put("paper", "num_nodes", 8), "data['paper'].num_nodes is 8, but data['paper'].x has 9 rows; delete num_nodes"),
    (drop("venue", "num_nodes"), "the number of nodes of type 'venue' is not known; set data['venue'].num_nodes"),
    (put("venue", "num_nodes", 2.5), "data['venue'].num_nodes must be a whole number, got 2.5"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSED)
@pytest.mark.filterwarnings("error")
def test_unusable_values(data: HeteroData, change: Change, message: str) -> None:
    changed = change(data)
    with pytest.raises(ValueError, match=f"^.*{says(message)}"):
        graphcond.read(changed)


WRONG_TYPES: list[tuple[Change, str]] = [
    (put("author", "train_mask", lambda mask: mask.long()), "data['author'].train_mask must be a boolean mask"),
    (put("author", "y", [0] * 12), "data['author'].y must be a tensor, got list"),
    (put("paper", "x", np.ones((9, 2))), "data['paper'].x must be a tensor, got ndarray"),
    (put("paper", "x", lambda x: x.to(torch.complex64)), "data['paper'].x must be real"),
    (put(WRITES, "edge_index", lambda edges: edges.float()), "'paper'].edge_index must hold integers"),
    (put(WRITES, "edge_weight", np.ones(12)), "data['author', 'writes', 'paper'].edge_weight must be a tensor"),
    (lambda data: [data, data], "dataset[0] is a heterogeneous graph, and such graphs are taken one at a time"),
    (lambda data: Data(edge_index_dict={1: torch.zeros(2, 1)}), "data.edge_index_dict must have types of nodes or"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TYPES)
def test_wrong_types(data: HeteroData, change: Change, message: str) -> None:
    changed = change(data)
    with pytest.raises(TypeError, match=says(message)):
        graphcond.condense(changed, size=4, method="random")


@pytest.mark.parametrize(
    ("reading", "error", "message"),
    [
        ({"node_type": "lab"}, ValueError, "node_type must be one of 'author', 'paper', 'venue', got 'lab'"),
        ({"node_type": "venue"}, ValueError, "node_type='venue' has no labels; set data['venue'].y; the types with"),
        ({"node_type": 3}, TypeError, "node_type must be the name of a node type such as 'author', got 3"),
        ({"inductive": True}, ValueError, "inductive=True makes no sense for heterogeneous graphs; leave it out"),
        ({"split": 1}, ValueError, "split must be 0 (data['author'].train_mask has a single column), got 1"),
        ({"split": {"train": [0]}}, TypeError, "split must be a number for a heterogeneous graph, whose parts are"),
        ({"target": "singular_vectors"}, ValueError, "target must be one of 'single_label'"),
        ({"features": "eigenvectors"}, ValueError, "there is no features 'eigenvectors' for heterogeneous graphs; did"),
        ({"features": "singular_vectors(columns=0)"}, ValueError, "columns must be positive, got 0"),
        ({"features": 3}, TypeError, "features of a heterogeneous graph must be a text such as 'neighbour_means'"),
    ],
)
def test_arguments(data: HeteroData, reading: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=says(message)):
        graphcond.read(data, **reading)


def test_arguments_of_other_kinds(toy: Data, data: HeteroData) -> None:
    with pytest.raises(ValueError, match="node_type='author' makes no sense for nodes; leave it out"):
        graphcond.read(toy, node_type="author")
    with pytest.raises(ValueError, match=r"there is no method 'gcond' for heterogeneous graphs; did you mean .*all:"):
        graphcond.condense(data, size=4, method="gcond")
    with pytest.raises(ValueError, match="size='10kB' makes no sense for heterogeneous graphs; use one of"):
        graphcond.condense(data, size="10kB", method="random")
    with pytest.raises(ValueError, match="memory='4GB' makes no sense for heterogeneous graphs"):
        graphcond.condense(data, size=4, method="random", run=graphcond.Run(memory="4GB"))
    data["venue"].x = torch.ones(3, 2)
    with pytest.raises(ValueError, match="features='degrees' is for node types without features, and all types have x"):
        graphcond.read(data, features="degrees")


def test_splits_that_pyg_draws(data: HeteroData) -> None:
    for name in ("train_mask", "val_mask", "test_mask"):
        del data["author"][name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        task = graphcond.read(RandomNodeSplit(num_val=2, num_test=2)(data))
    assert [len(part.nodes) for part in (task.train, task.val, task.test)] == [8, 2, 2]


def source_of(task: HeteroTask) -> dict[str, Any]:
    return modality_of(task).source(task)


def test_a_dataset_is_read_again_as_it_was(data: HeteroData) -> None:
    for reading in ({}, {"features": "degrees"}):
        task = graphcond.read(data, **reading)
        source = source_of(task)
        assert read_hetero(data, **recorded_reading(data, source)).digest == task.digest
        made = graphcond.node_features(data, source["features"])
        assert read_hetero(made, **recorded_reading(made, source)).digest == task.digest
    del data["paper"].x
    data["paper"].num_nodes = 9
    with pytest.raises(ValueError, match=r"data\['paper'\].x is missing, and what was condensed had features there"):
        recorded_reading(data, source)
    assert read_hetero(scholars(), **recorded_reading(scholars(), {})).digest == graphcond.read(scholars()).digest


def test_a_chosen_type_is_recorded(data: HeteroData) -> None:
    data["paper"].y, data["paper"].train_mask = torch.arange(9) % 3, torch.ones(9, dtype=torch.bool)
    task = graphcond.read(data, node_type="paper")
    assert read_hetero(data, **recorded_reading(data, source_of(task))).digest == task.digest
