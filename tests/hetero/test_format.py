"""Heterogeneous graphs in files: the same bits and types in the same order, or a sentence."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import HeteroData

from graphcond.hetero.contents import check_hetero_data, hetero_counts, hetero_data, labelled_type, tensors_by_name
from graphcond.hetero.format import HETERO_FORMAT

TEXT = st.text(st.characters(), max_size=8).filter(lambda text: "__" not in text)  # PyG warns of these


def same(one: HeteroData, other: HeteroData) -> bool:
    """Return whether graphs have the same types in the same order and the same bits."""
    first, second = tensors_by_name(one), tensors_by_name(other)
    return (
        (one.node_types, one.edge_types) == (other.node_types, other.edge_types)
        and first.keys() == second.keys()
        and all(torch.equal(value, second[name]) for name, value in first.items())
    )


@given(names=st.lists(TEXT, min_size=1, max_size=4, unique=True), relation=TEXT, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_any_names_in_any_order(names, relation, seed):
    generator = torch.Generator().manual_seed(seed)
    data = HeteroData()
    for i, name in enumerate(names):
        data[name].x = torch.randn(i + 1, 2, generator=generator)
    data[names[-1]].y = torch.zeros(len(names), dtype=torch.int64)
    for other in reversed(names):
        data[other, relation, names[-1]].edge_index = torch.zeros(2, 1, dtype=torch.int64)
        data[other, relation, names[-1]].edge_weight = torch.rand(1, generator=generator)
    check_hetero_data(data, 2)
    stored = tensors_by_name(data)
    assert all(name.isascii() for name in stored)
    again = hetero_data(dict(sorted(stored.items(), reverse=True)))  # a file has an order of its own
    assert same(data, again)


def test_a_relation_may_be_called_as_a_type_of_nodes():
    data = HeteroData()
    data["to"].x, data["a"].x = torch.ones(2, 1), torch.ones(3, 1)
    data["to"].y = torch.tensor([0, 1])
    data["a", "to", "to"].edge_index, data["a", "to", "to"].edge_weight = torch.tensor([[2], [1]]), torch.ones(1)
    assert same(data, hetero_data(tensors_by_name(data)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x", "no name"),
        ("nodes/0/x", "no name"),
        ("nodes/00/paper/x", "no name"),
        ("nodes/-1/paper/x", "no name"),
        ("nodes/9999999999999/paper/x", "no name"),
        ("nodes/1/pa per/x", "no name"),
        ("nodes/1/%zz/x", "no name"),
        ("nodes/1/paper/__class__", "no name"),
        ("nodes/1/" + "a" * 5000 + "/weight", "no name"),
        ("edges/0/paper/x", "no name"),
        ("edges/0/paper/to/paper/y", "no name"),
        ("nodes/0/author/x", "nodes of number 0 must be of one type"),
        ("nodes/2/author/x", "with the numbers 0, 1"),
        ("nodes/1/paper/x", "must be different ones"),
    ],
)
def test_names_that_are_none(name, said):
    with pytest.raises(ValueError, match=said) as caught:
        hetero_data({"nodes/0/paper/x": torch.ones(1, 1), name: torch.ones(1, 1)})
    assert len(str(caught.value)) < 300


WRITES = ("author", "writes", "paper")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["author"].update({"y": torch.zeros(3)}), "exactly one type of nodes must have y, got 'author', '"),
        (lambda d: d["paper"].pop("y"), "exactly one type of nodes must have y, got none"),
        (lambda d: d["author"].pop("x"), r"data\['author'\].x is missing"),
        (lambda d: d["author"].update({"train_mask": torch.ones(3)}), "must hold x only, got 'train_mask'"),
        (lambda d: d["author"].update({"x": d["author"].x.double()}), r"data\['author'\].x must hold float32"),
        (lambda d: d["author"].update({"x": d["author"].x[:, :0]}), r"data\['author'\].x must have columns"),
        (lambda d: d["paper"].x.__setitem__((0, 0), float("nan")), r"data\['paper'\].x must be finite"),
        (lambda d: d["paper"].update({"y": d["paper"].y + 3}), r"y must lie in \[0, 3\)"),
        (lambda d: d["paper"].update({"y_soft": d["paper"].y_soft * 2}), "rows that sum to 1"),
        (lambda d: d["paper"].update({"node_weight": -d["paper"].node_weight}), "must be at least 0"),
        (lambda d: d["paper"].update({"train_mask": torch.ones(2) > 0}), "train_mask must have the shape"),
        (lambda d: d[WRITES].pop("edge_weight"), "edge_weight is missing"),
        (lambda d: d[WRITES].pop("edge_index"), "edge_index. is missing|edge_index is missing"),
        (lambda d: d[WRITES].update({"edge_index": d[WRITES].edge_index + 99}), "edge_index of 'author' must lie"),
        (lambda d: d[WRITES].update({"edge_weight": d[WRITES].edge_weight[:0]}), "edge_weight must have the shape"),
        (lambda d: d["x", "to", "paper"].update({"edge_index": 0}), "must be a tensor, got int"),
        (
            lambda d: d["x", "to", "paper"].update({"edge_index": torch.empty(2, 0), "edge_weight": torch.empty(0)}),
            "joins 'x', and there are no such nodes",
        ),
    ],
)  # fmt: skip
def test_graphs_that_are_not_whole(make_hetero_task, make_small_hetero, change, said):
    data = make_small_hetero(make_hetero_task())[0].clone()
    check_hetero_data(data, 3)
    change(data)
    with pytest.raises(ValueError, match=said):
        check_hetero_data(data, 3)


def test_relations_of_a_set_without_them(make_hetero_task, make_small_hetero):
    data = make_small_hetero(make_hetero_task(), structure=False)[0].clone()
    check_hetero_data(data, 3)
    data["author"].x = torch.ones(2, 2)
    with pytest.raises(ValueError, match="a set without relations must have the labelled type alone"):
        check_hetero_data(data, 3)
    with pytest.raises(ValueError, match="of one type of nodes, and not a heterogeneous graph"):
        check_hetero_data(data.to_dict(), 3)


def test_counts(make_hetero_task, make_small_hetero):
    data = make_small_hetero(make_hetero_task())[0]
    assert labelled_type(data) == "paper"
    assert hetero_counts(data, 4) == {
        "nodes": 6,
        "edges": sum(data[relation].edge_weight.numel() for relation in data.edge_types),
        "nodes_per_class": [2, 2, 2, 0],
        "nodes_by_type": {"author": 3, "paper": 6, "venue": 1},
    }
    data["paper"].y = torch.rand(6, 4)
    assert "nodes_per_class" not in hetero_counts(data, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"node_type": "author"}, "says 'author' for the original's 'node_type', but it is 'paper'"),
        ({"num_features": 7}, "says 7 for the original's 'num_features', but it is 6"),
        ({"node_types": {"paper": 60, "author": 30}}, "nodes of the type 'venue', which the record does not know"),
        ({"node_types": {"paper": 1, "author": 1, "venue": 1, "q": 1}}, "type 'q', which the data do not have"),
        ({"node_types": {"paper": -1}}, "node_types must have a whole number for each type"),
        ({"node_types": [3]}, "node_types must have a whole number for each type"),
        ({"node_type": 3}, "node_type must be a text"),
    ],
)
def test_a_record_of_another_original(make_hetero_task, make_small_hetero, tmp_path, changes, said):
    from graphcond import load
    from graphcond.core.runtime import storage

    small = make_small_hetero(make_hetero_task())
    record = dataclasses.replace(small.record, source=small.record.source | changes)
    storage.write(tmp_path / "forged.safetensors", HETERO_FORMAT.tensors([small[0]]), record.to_json())
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "forged.safetensors")
