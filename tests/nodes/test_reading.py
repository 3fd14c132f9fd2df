import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.transforms import ToSparseTensor
from torch_geometric.utils import to_dense_adj

import graphcond
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import Graph

MASKS = ("train_mask", "val_mask", "test_mask")


class OneGraph(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, data: Data) -> None:
        super().__init__(root=None)
        self._data, self.slices = self.collate([data])


class LikeOGB(OneGraph):
    """A dataset as OGB ships them: node numbers for the split, labels in a column, NaN where there is none."""

    def __init__(self, data: Data, as_array: bool = False) -> None:
        masks = [data[name] for name in MASKS]
        self.split = {
            key: mask.nonzero().flatten() for key, mask in zip(("train", "valid", "test"), masks, strict=True)
        }
        if as_array:
            self.split = {key: nodes.numpy() for key, nodes in self.split.items()}
        super().__init__(Data(x=data.x, edge_index=data.edge_index, y=data.y.view(-1, 1)))

    @property
    def name(self) -> str:
        return "ogbn-toy"

    def get_idx_split(self) -> dict[str, Tensor | np.ndarray]:
        return self.split


def dense(graph: Graph) -> Tensor:
    matrix = torch.zeros(graph.num_nodes, graph.num_nodes)
    for (source, target), weight in zip(graph.edge_index.T.tolist(), graph.edge_weight, strict=True):
        matrix[source, target] += weight
    return matrix


def notes_with(task, word: str) -> list[str]:
    return [note for note in task.notes if word in note]


def test_transductive_splits_share_the_whole_graph(toy):
    task = read_nodes(toy)
    assert task.train.graph is task.val.graph is task.test.graph
    assert torch.equal(task.train.graph.x, toy.x)
    assert torch.equal(dense(task.train.graph), to_dense_adj(toy.edge_index)[0])
    for split, name in zip((task.train, task.val, task.test), MASKS, strict=True):
        assert torch.equal(split.nodes, toy[name].nonzero().flatten())
        assert torch.equal(split.labels, toy.y[toy[name]])
    assert (task.num_classes, task.inductive, task.split, task.name, task.notes) == (3, False, 0, "Data", ())


def test_inductive_splits_have_induced_subgraphs(toy):
    task = read_nodes(toy, inductive=True)
    whole = to_dense_adj(toy.edge_index)[0]
    for split, name in zip((task.train, task.val, task.test), MASKS, strict=True):
        mask = toy[name]
        assert torch.equal(split.graph.x, toy.x[mask])
        assert torch.equal(split.graph.y, toy.y[mask])
        assert torch.equal(dense(split.graph), whole[mask][:, mask])
        assert torch.equal(split.nodes, torch.arange(int(mask.sum())))
    assert task.inductive


def test_induced_subgraph_keeps_the_order_asked_for(toy):
    graph = read_nodes(toy).train.graph
    nodes = torch.randperm(graph.num_nodes, generator=torch.Generator().manual_seed(1))[:25]
    part = graph.induced(nodes)
    assert torch.equal(part.x, graph.x[nodes])
    assert torch.equal(part.y, graph.y[nodes])
    assert torch.equal(dense(part), dense(graph)[nodes][:, nodes])


def test_class_counts(toy):
    counts = read_nodes(toy).class_counts
    assert counts.tolist() == [int((toy.y[toy.train_mask] == label).sum()) for label in range(3)]


@pytest.mark.parametrize("column", [0, 1, 2])
def test_two_dimensional_masks(toy, column):
    expected = [toy[name].roll(column) for name in MASKS]
    for name in MASKS:
        toy[name] = torch.stack([toy[name].roll(shift) for shift in range(3)], dim=1)
    task = read_nodes(toy, split=column)
    for split, mask in zip((task.train, task.val, task.test), expected, strict=True):
        assert torch.equal(split.nodes, mask.nonzero().flatten())
    assert task.split == column


def test_one_test_mask_for_several_splits(toy):
    toy.train_mask = torch.stack([toy.train_mask, toy.val_mask], dim=1)
    toy.val_mask = toy.train_mask.flip(1)
    task = read_nodes(toy, split=1)
    assert torch.equal(task.train.nodes, toy.train_mask[:, 1].nonzero().flatten())
    assert torch.equal(task.test.nodes, toy.test_mask.nonzero().flatten())


@pytest.mark.parametrize("as_array", [False, True])
def test_dataset_with_an_index_split(toy, as_array):
    task, plain = read_nodes(LikeOGB(toy, as_array)), read_nodes(toy)
    assert task.name == "ogbn-toy"
    assert task.fingerprint() == plain.fingerprint()
    for split, other in zip((task.train, task.val, task.test), (plain.train, plain.val, plain.test), strict=True):
        assert torch.equal(split.nodes, other.nodes)
        assert torch.equal(split.labels, other.labels)


def test_index_split_leaves_the_dataset_without_masks(toy):
    dataset = LikeOGB(toy)
    read_nodes(dataset)
    assert set(dataset._data.keys()) == {"x", "edge_index", "y"}


def test_dataset_with_one_graph(toy):
    task = read_nodes(OneGraph(toy))
    assert task.fingerprint() == read_nodes(toy).fingerprint()
    assert task.name == "OneGraph"


@pytest.mark.parametrize(
    "unlabel",
    [
        lambda y, nodes: y.index_fill(0, nodes, -1),
        lambda y, nodes: y.float().index_fill(0, nodes, float("nan")),
        lambda y, nodes: y.double().index_fill(0, nodes, float("nan")).view(-1, 1),
        lambda y, nodes: y.to(torch.int8).index_fill(0, nodes, -1),
    ],
    ids=["minus one", "nan", "column of nan", "int8"],
)
def test_unlabelled_nodes_leave_the_splits_but_not_the_graph(toy, unlabel: Callable[[Tensor, Tensor], Tensor]):
    first = {name: int(toy[name].nonzero()[0]) for name in MASKS}
    toy.y = unlabel(toy.y, torch.tensor([first["train_mask"], first["test_mask"]]))
    task = read_nodes(toy)
    assert task.train.graph.num_nodes == 60
    assert task.train.graph.y.dtype == torch.int64
    assert int((task.train.graph.y == -1).sum()) == 2
    assert first["train_mask"] not in task.train.nodes
    assert first["val_mask"] in task.val.nodes
    assert first["test_mask"] not in task.test.nodes
    assert len(task.train.nodes) == int(toy.train_mask.sum()) - 1
    assert notes_with(task, "1 nodes of data.train_mask have no label")
    assert notes_with(task, "1 nodes of data.test_mask have no label")
    assert not notes_with(task, "val_mask")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool])
def test_features_become_float32(toy, dtype):
    toy.x = toy.x.to(dtype)
    x = read_nodes(toy).train.graph.x
    assert x.dtype == torch.float32
    assert torch.equal(x, toy.x.to(torch.float32))


def test_sparse_features(toy):
    expected = toy.x.clone()
    toy.x = toy.x.to_sparse()
    assert torch.equal(read_nodes(toy).train.graph.x, expected)


def test_features_that_need_gradients_are_detached(toy):
    toy.x.requires_grad_()
    assert not read_nodes(toy).train.graph.x.requires_grad
    assert toy.x.requires_grad


def test_isolated_nodes_are_noted(toy):
    toy.edge_index = toy.edge_index[:, (toy.edge_index != 7).all(dim=0)]
    assert len(notes_with(read_nodes(toy), "isolated")) == 1


def test_graph_without_edges(toy):
    toy.edge_index = torch.empty(2, 0, dtype=torch.long)
    task = read_nodes(toy)
    assert task.train.graph.edge_index.shape == (2, 0)
    assert notes_with(task, "isolated")
    assert not notes_with(task, "directed")


def test_self_loops_are_kept_and_noted(toy):
    toy.edge_index = torch.cat([toy.edge_index, torch.tensor([[3, 5], [3, 5]])], dim=1)
    task = read_nodes(toy)
    assert torch.equal(dense(task.train.graph).diagonal().nonzero().flatten(), torch.tensor([3, 5]))
    assert len(notes_with(task, "self-loops")) == 1


def test_duplicates_count_once_without_weights(toy):
    plain = read_nodes(toy)
    toy.edge_index = torch.cat([toy.edge_index, toy.edge_index[:, :4], toy.edge_index[:, :4]], dim=1)
    task = read_nodes(toy)
    assert torch.equal(task.train.graph.edge_index, plain.train.graph.edge_index)
    assert torch.equal(task.train.graph.edge_weight, torch.ones(task.train.graph.edge_index.size(1)))
    assert len(notes_with(task, "8 duplicate edges were merged and count once each")) == 1


def test_weights_of_duplicates_are_summed(toy):
    toy.edge_weight = torch.rand(toy.edge_index.size(1)) + 0.5
    expected = to_dense_adj(toy.edge_index, edge_attr=toy.edge_weight)[0]
    expected[tuple(toy.edge_index[:, :4])] *= 2
    toy.edge_index = torch.cat([toy.edge_index, toy.edge_index[:, :4]], dim=1)
    toy.edge_weight = torch.cat([toy.edge_weight, toy.edge_weight[:4]])
    task = read_nodes(toy)
    torch.testing.assert_close(dense(task.train.graph), expected)
    assert len(notes_with(task, "4 duplicate edges were merged and count with their weights summed")) == 1


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_edge_weights_follow_their_edges(toy, shape):
    order = torch.randperm(toy.edge_index.size(1), generator=torch.Generator().manual_seed(3))
    toy.edge_index = toy.edge_index[:, order]
    source, target = toy.edge_index
    toy.edge_weight = (1 + source * target).double().view(shape)
    graph = read_nodes(toy).train.graph
    source, target = graph.edge_index
    assert torch.equal(graph.edge_weight, (1 + source * target).float())


def test_directed_graph_is_noted_and_used_as_given(toy):
    toy.edge_index = toy.edge_index[:, toy.edge_index[0] < toy.edge_index[1]]
    task = read_nodes(toy)
    assert torch.equal(dense(task.train.graph), to_dense_adj(toy.edge_index, max_num_nodes=60)[0])
    assert len(notes_with(task, "directed")) == 1


def test_undirected_edges_with_two_weights_are_directed(toy):
    toy.edge_weight = torch.arange(1.0, toy.edge_index.size(1) + 1)
    assert len(notes_with(read_nodes(toy), "directed")) == 1


def test_notes_reach_the_record(toy, caplog):
    toy.edge_index = torch.cat([toy.edge_index, toy.edge_index[:, :1]], dim=1)
    small = graphcond.condense(toy, size=3, method="class_mean")
    assert small.record.notes == ("1 duplicate edges were merged and count once each.",)
    assert list(small.record.notes) == [entry.message for entry in caplog.records]


def test_fingerprint_sees_what_is_condensed_and_nothing_else(toy):
    reference = read_nodes(toy).fingerprint()
    changed = {
        "x": toy.x + 1,
        "edge_index": toy.edge_index[:, 2:],
        "edge_weight": torch.full((toy.edge_index.size(1),), 2.0),
        "train_mask": toy.train_mask & (torch.arange(60) != int(toy.train_mask.nonzero()[0])),
        "y": torch.where(torch.arange(60) == int(toy.train_mask.nonzero()[0]), (toy.y + 1) % 3, toy.y),
    }
    for name, value in changed.items():
        other = copy.copy(toy)
        other[name] = value
        assert read_nodes(other).fingerprint() != reference, name
    toy.y[toy.test_mask] = 0
    assert read_nodes(toy).fingerprint() == reference


@pytest.mark.parametrize("inductive", [False, True])
def test_input_is_not_changed(toy, inductive):
    toy.x = toy.x.double()
    toy.y = toy.y.float().view(-1, 1)
    toy.y[toy.val_mask.nonzero()[0]] = float("nan")
    toy.edge_weight = torch.rand(toy.edge_index.size(1))
    toy.edge_index[:, 0] = toy.edge_index[:, 1]
    toy.remark = "mine"
    before = copy.deepcopy(toy)
    addresses = {name: value.data_ptr() for name, value in toy if isinstance(value, Tensor)}
    graphcond.condense(graphcond.read(toy, inductive=inductive), size=6, method="random_soft")
    assert toy.keys() == before.keys()
    for name, value in before:
        if isinstance(value, Tensor):
            assert toy[name].dtype == value.dtype
            assert toy[name].data_ptr() == addresses[name]
            torch.testing.assert_close(toy[name], value, rtol=0, atol=0, equal_nan=True)
        else:
            assert toy[name] == value


def test_result_shares_no_memory_with_the_input(toy):
    before = toy.x.clone()
    small = graphcond.condense(toy, size=int(toy.train_mask.sum()), method="random")
    small[0].x.zero_()
    assert torch.equal(toy.x, before)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_edges_of_a_sparse_adjacency_are_read(make_toy: Callable[..., Data]) -> None:
    data = make_toy()
    data.edge_weight = torch.rand(data.num_edges)
    for attr in (None, "edge_weight"):
        given = data.clone() if attr else data.clone().update({"edge_weight": None})
        sparse = ToSparseTensor(attr=attr)(given.clone())
        assert sparse.edge_index is None
        assert read_nodes(sparse).fingerprint() == read_nodes(given).fingerprint()
        assert sparse.edge_index is None  # what was given is not changed


def test_class_numbers_beyond_the_nodes_are_refused_at_once(make_toy: Callable[..., Data]) -> None:
    data = make_toy()
    data.y = data.y * 10**12
    with pytest.raises(ValueError, match=r"data.y reaches 2000000000000, but there are only 60 nodes.*return_inverse"):
        read_nodes(data)


def test_edge_features_that_nothing_uses_are_reported(make_toy: Callable[..., Data]) -> None:
    data = make_toy()
    data.edge_attr = torch.rand(data.num_edges, 1)
    assert any("edge_attr was not used; if it holds weights" in note for note in read_nodes(data).notes)
    data.edge_weight = torch.rand(data.num_edges)
    reported = "data.edge_attr was not used; edges count by data.edge_weight."
    assert [note for note in read_nodes(data).notes if "edge_attr" in note] == [reported]
