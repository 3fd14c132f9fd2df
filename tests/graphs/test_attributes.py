"""What graphs hold is used or told, in one sentence."""

import networkx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.transforms import ToSparseTensor
from torch_geometric.utils import from_networkx

import graphcond
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.methods import validation
from graphcond.graphs.reading import read_graphs
from graphcond.nodes.reading import read_nodes
from graphcond.pyg.attributes import OF_GRAPHS, OF_NODES, unused_notes


def notes_about(name, notes):
    return [note for note in notes if f"data.{name}" in note]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("edge_type", "all edges count alike"),
        ("node_type", "one-hot"),
        ("pos", "torch.cat([data.x, data.pos], dim=1)"),
        ("node_weight", "all nodes count alike"),
        ("edge_attr", "data.edge_weight"),
        ("weight", "data.edge_weight"),
        ("y_soft", "labels are data.y"),
        ("anything", ""),
        ("train_idx", ""),
    ],
)
def test_nodes(toy, name, remedy):
    before = read_nodes(toy)
    toy[name] = torch.rand(60, 2)
    after = read_nodes(toy)
    (note,) = notes_about(name, after.notes)
    assert remedy in note
    assert set(after.notes) - set(before.notes) == {note}
    assert after.fingerprint() == before.fingerprint()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("edge_type", "data.edge_attr = data.edge_type.reshape(-1, 1)"),
        ("pos", "torch.cat([data.x, data.pos], dim=1)"),
        ("node_weight", "all nodes count alike"),
        ("graph_weight", "all graphs count alike"),
        ("train_mask", "split= takes the numbers of the graphs"),
        ("z", ""),
    ],
)
@pytest.mark.parametrize("where", [slice(None), slice(3, 4)])
def test_graphs(make_graphs, name, remedy, where):
    graphs = make_graphs(24)
    before = read_graphs(graphs)
    for graph in graphs[where]:
        graph[name] = torch.ones(2)
    after = read_graphs(graphs)
    (note,) = notes_about(name, after.notes)
    assert remedy in note
    assert set(after.notes) - set(before.notes) == {note}
    assert after.fingerprint() == before.fingerprint()


def test_what_tells_nothing_is_not_told():
    given = {"name": ["a"], "smiles": "C", "num_nodes": 3, "idx": torch.arange(3), "ptr": torch.arange(2), "k": 3}
    for used in (OF_NODES, OF_GRAPHS):
        assert unused_notes(given.items(), used) == []
    assert unused_notes([("b", np.ones(3)), ("a", torch.ones(3))], OF_NODES) == ["Not used: data.a, data.b."]
    masks = [(name, torch.ones(3)) for name in ("train_mask", "val_mask", "test_mask")]
    assert unused_notes(masks, OF_NODES) == []
    assert len(unused_notes(masks, OF_GRAPHS)) == 1


def networkx_toy():
    graph = networkx.karate_club_graph()  # its edges have a weight
    data = from_networkx(graph)
    data = Data(edge_index=data.edge_index, weight=data.weight, x=torch.eye(34), y=torch.arange(34) % 2)
    data.train_mask = torch.arange(34) < 20
    return data


def test_weights_from_networkx_are_used_for_nodes():
    data = networkx_toy()
    named = Data(**(data.to_dict() | {"edge_weight": data.weight.float()}))
    del named["weight"]
    task = read_nodes(data)
    assert task.fingerprint() == read_nodes(named).fingerprint()
    assert len(task.train.graph.edge_weight.unique()) > 2
    assert notes_about("weight", task.notes) == [
        "data.weight holds one number for each edge and was used as data.edge_weight."
    ]
    assert "weight" in data


def test_weights_from_networkx_are_used_for_graphs(make_graphs):
    graphs = make_graphs(24)
    for graph in graphs:
        graph.weight = torch.rand(graph.num_edges)
    task = read_graphs(graphs)
    assert task.train.edge_weight is not None
    assert len(notes_about("weight", task.notes)) == 1
    graphs[5].weight = torch.rand(graphs[5].num_edges + 1)  # then it is something else
    task = read_graphs(graphs)
    assert task.train.edge_weight is None
    assert "was not used" in notes_about("weight", task.notes)[0]


def test_weight_that_may_be_the_nodes_is_reported():
    ring = torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6])
    data = Data(x=torch.eye(6), edge_index=ring, y=torch.arange(6) % 2, train_mask=torch.ones(6).bool())
    data.weight = torch.rand(6)
    task = read_nodes(data)
    assert "was not used" in notes_about("weight", task.notes)[0]
    assert bool((task.train.graph.edge_weight == 1).all())


def weighted(graphs):
    """Give each edge a weight of its own, the same as that of its reverse."""
    for graph in graphs:
        low, high = graph.edge_index.aminmax(dim=0)
        graph.edge_weight = 0.5 + 0.25 * low + 0.01 * high
    return graphs


@pytest.mark.filterwarnings("ignore:Sparse")
def test_weights_of_adj_t_are_those_of_the_edges(make_graphs):
    graphs = weighted([graph.coalesce() for graph in make_graphs(24, loops=False)])
    graphs[3].edge_weight = torch.ones(graphs[3].num_edges)
    transposed = [ToSparseTensor(attr="edge_weight")(graph.clone()) for graph in graphs]
    first, second = read_graphs(graphs).train, read_graphs(transposed).train
    for one, other in zip(first.data(), second.data(), strict=True):
        assert one.coalesce().edge_weight.tolist() == other.coalesce().edge_weight.tolist()


@pytest.mark.filterwarnings("ignore:Sparse")
def test_rows_of_adj_t_are_edge_features(make_graphs):
    graphs = [graph.coalesce() for graph in make_graphs(24, edge_attr=True, loops=False)]
    transposed = [ToSparseTensor(attr="edge_attr")(graph.clone()) for graph in graphs]
    assert read_graphs(transposed).train.edge_attr.size(1) == 2


@pytest.mark.parametrize("method", GRAPH_METHODS.classes, ids=lambda method: method.name)
def test_every_method_keeps_weights_or_tells(make_graphs, method, monkeypatch):
    monkeypatch.setattr(validation, "STEPS", 10)
    graphs = weighted(make_graphs(30, loops=False, most=8))
    settings = {"doscond": {"steps": 2}, "mirage": {"depth": 1}}.get(method.name, {})
    size = None if method.name == "wl_fold" else 4
    small = graphcond.condense(graphs, method=method(**settings), size=size)
    reported = notes_about("edge_weight", small.record.notes)
    assert ("edge_weight" in small[0]) == method.keeps_weights
    assert bool(reported) == (not method.keeps_weights)
    if reported:
        keep = "auto, herding, k_center, pruned, random, random_soft, ridge, wl_fold"
        assert reported[0].endswith(f"these keep it: {keep}.")


@pytest.mark.parametrize("method", ["random", "wl_fold"])
def test_kept_weights_survive_a_file(make_graphs, method, tmp_path):
    graphs = weighted(make_graphs(30, loops=False, most=8))
    small = graphcond.condense(graphs, method=method, size=None if method == "wl_fold" else 6)
    again = graphcond.load(small.save(tmp_path / "small.safetensors"))
    for one, other in zip(small, again, strict=True):
        assert sorted(one.keys()) == sorted(other.keys())
        assert all(torch.equal(one[key], other[key]) for key in one.keys())  # noqa: SIM118 (not a mapping)


def test_real_graphs_keep_the_weights_they_have(make_graphs):
    graphs = weighted(make_graphs(30, loops=False, most=8))
    small = graphcond.condense(graphs, method="random", size=6)
    for item, members in zip(small, small.members, strict=True):
        original = read_graphs(graphs).train.take(members).data()[0]
        assert sorted(item.edge_weight.tolist()) == sorted(original.edge_weight.tolist())
