"""Condensed data in NetworkX, DGL, torch's datasets and OGB's files."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Data
from torch_geometric.utils import from_networkx

import graphcond
from graphcond.core.record import Record
from graphcond.datasets import ogb_loading


def condensed(items, modality, num_classes=3, **source):
    source |= {"modality": modality, "num_classes": num_classes, "num_train": 100}
    return graphcond.CondensedDataset(items, Record("example", {}, 0, "cpu", source, {}, 0.0, 0))


@pytest.fixture
def nodes(toy):
    """A condensed graph with weighted edges, weighted nodes and soft labels."""
    edges = toy.edge_index.size(1)
    weights, mask = torch.linspace(0.1, 1, edges), torch.ones(60, dtype=torch.bool)
    soft = torch.softmax(torch.arange(180.0).reshape(60, 3) % 7, dim=1)
    data = Data(
        x=toy.x, edge_index=toy.edge_index, edge_weight=weights, y=toy.y, node_weight=torch.ones(60), y_soft=soft,
        train_mask=mask,
    )  # fmt: skip
    return condensed([data], "nodes")


@pytest.fixture
def graphs(make_graphs):
    """Condensed graphs with categories of nodes and edges, weights and soft labels."""
    items = make_graphs(12, classes=3, edge_attr=True)
    assert min(item.num_edges for item in items) == 0
    assert min(item.num_nodes for item in items) == 1
    for i, item in enumerate(items):
        item.graph_weight = torch.tensor([1 + (i % 2) / 2 - 0.25])
        item.y_soft = torch.softmax(torch.arange(3.0) * i, dim=0).unsqueeze(0)
    return condensed(items, "graphs")


@pytest.fixture
def images():
    return graphcond.condense(graphcond.datasets.load("digit-images"), size="1/class", method="random")


class TestNetworkX:
    def test_nodes(self, nodes):
        graph = nodes.to_networkx()
        assert graph.is_directed()
        assert sorted(graph.nodes[7]) == ["node_weight", "train_mask", "x", "y", "y_soft"]
        again, data = from_networkx(graph), nodes[0]
        for name in ("x", "y", "y_soft", "node_weight", "train_mask"):
            assert torch.equal(again[name], data[name])
        ends = map(tuple, data.edge_index.T.tolist())
        weights = dict(zip(ends, data.edge_weight.tolist(), strict=True))
        assert {(a, b): one["edge_weight"] for a, b, one in graph.edges(data=True)} == weights

    def test_graphs(self, graphs):
        converted = graphs.to_networkx()
        assert len(converted) == len(graphs)
        for graph, data in zip(converted, graphs, strict=True):
            assert graph.number_of_nodes() == data.num_nodes
            assert graph.graph == {name: data[name].tolist() for name in ("y", "y_soft", "graph_weight")}
            assert [one["x"] for _, one in graph.nodes(data=True)] == data.x.tolist()
            assert all(set(one) == {"x"} for _, one in graph.nodes(data=True))  # of graphs with one node, too
            ends = set(map(tuple, data.edge_index.T.tolist()))
            assert {edge[:2] for edge in graph.edges} == ends
            assert graph.number_of_edges() == data.num_edges  # those that are there several times, too
            assert all(set(one) == {"edge_attr"} for *_, one in graph.edges(data=True))

    def test_bags_of_trees_keep_their_weights(self, toy, make_graphs):
        task = graphcond.read(make_graphs(30))
        small = graphcond.condense(task, size=6, method="histograms")
        graph = small.to_networkx()[0]
        assert {"root_weight", "root_mask"} <= set(graph.nodes[0])
        folded = graphcond.condense(task, method="wl_fold").to_networkx()
        assert "pool_weight" in folded[0].graph


class Graph:
    """As much of a DGL graph as PyG fills."""

    def __init__(self, ends, num_nodes):
        self.ends, self.num_nodes, self.ndata, self.edata = ends, num_nodes, {}, {}


@pytest.fixture
def dgl(monkeypatch):
    """DGL, or what stands for it where it cannot be imported: there is none for each torch."""
    try:
        import dgl
    except (ImportError, OSError):
        dgl = SimpleNamespace(graph=lambda ends, num_nodes: Graph(ends, num_nodes))
        monkeypatch.setitem(sys.modules, "dgl", dgl)
    return dgl


class TestDGL:
    def test_nodes(self, nodes, dgl):
        graph, data = nodes.to_dgl(), nodes[0]
        assert set(graph.ndata) == {"x", "y", "y_soft", "node_weight", "train_mask"}
        assert torch.equal(graph.ndata["x"], data.x)
        assert torch.equal(graph.edata["edge_weight"], data.edge_weight)

    def test_graphs(self, graphs, dgl):
        pairs = graphs.to_dgl()
        assert [label.tolist() for _, label in pairs] == [data.y.tolist() for data in graphs]
        for (graph, _), data in zip(pairs, graphs, strict=True):
            assert set(graph.ndata) == {"x"}
            assert set(graph.edata) == {"edge_attr"}
            assert torch.equal(graph.edata["edge_attr"], data.edge_attr)

    def test_without_dgl(self, nodes, monkeypatch):
        monkeypatch.setitem(sys.modules, "dgl", None)
        with pytest.raises(
            ImportError, match=r"to_dgl\(\) needs DGL, which cannot be imported \(.*\); install the build"
        ):
            nodes.to_dgl()


class TestTensorDataset:
    def test_images(self, images):
        dataset = images.to_tensor_dataset()
        x, y = next(iter(DataLoader(dataset, batch_size=10)))
        assert torch.equal(x, images.images()[0])
        assert torch.equal(y, images.images()[1])

    def test_others(self, nodes):
        with pytest.raises(ValueError, match="for condensed images, and this dataset was made of nodes"):
            nodes.to_tensor_dataset()


class TestOGB:
    """What is written is what OGB's own classes read."""

    @pytest.mark.parametrize("edges", [True, False])
    def test_nodes(self, nodes, edges, tmp_path):
        from ogb.nodeproppred import NodePropPredDataset, PygNodePropPredDataset

        small = nodes if edges else nodes.thresholded(2.0)
        meta = small.to_ogb(tmp_path / "mine")
        with ogb_loading():
            dataset = PygNodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)
            split = dataset.get_idx_split()
            plain, labels = NodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)[0]
        data, own = dataset[0], small[0]
        assert torch.equal(data.x, own.x)
        assert torch.equal(data.edge_index, own.edge_index)
        assert torch.equal(data.y, own.y.unsqueeze(1))
        assert torch.equal(data.node_weight, own.node_weight)
        assert torch.equal(data.node_y_soft, own.y_soft)
        assert torch.equal(data.edge_weight, own.edge_weight)
        assert (dataset.num_classes, dataset.num_tasks, dataset.eval_metric) == (3, 1, "acc")
        assert [split[part].tolist() for part in ("train", "valid", "test")] == [list(range(60)), [], []]
        assert (plain["node_feat"] == own.x.numpy()).all()
        assert labels[:, 0].tolist() == own.y.tolist()

    def test_graphs(self, graphs, tmp_path):
        from ogb.graphproppred import GraphPropPredDataset, PygGraphPropPredDataset

        meta = graphs.to_ogb(tmp_path / "mine")
        with ogb_loading():
            dataset = PygGraphPropPredDataset("ogbg-mine", root=str(tmp_path), meta_dict=meta)
            split = dataset.get_idx_split()
            plain = GraphPropPredDataset("ogbg-mine", root=str(tmp_path), meta_dict=meta)
        assert len(dataset) == len(plain) == len(graphs)
        for data, (raw, label), own in zip(dataset, plain, graphs, strict=True):
            for name in ("x", "edge_index", "edge_attr"):
                assert torch.equal(data[name], own[name])
            assert data.y.tolist() == [own.y.tolist()] == [label.tolist()]
            assert (raw["node_feat"] == own.x.numpy()).all()
        assert split["train"].tolist() == list(range(12))
        import numpy as np

        with np.load(tmp_path / "mine" / "raw" / "graph-more.npz") as more:
            assert more["y_soft"].tolist() == torch.cat([data.y_soft for data in graphs]).tolist()
            assert len(more["graph_weight"]) == 12

    @pytest.mark.parametrize(
        ("target", "y", "told"),
        [
            ("multi_label", torch.tensor([[1.0, float("nan")], [0.0, 1.0]]), ("binary classification", 2, "rocauc")),
            ("regression", torch.tensor([[2.0, float("nan")], [3.0, 0.5]]), ("regression", -1, "rmse")),
            ("singular_vectors(columns=2)", torch.tensor([[2.0, 1.5], [3.0, 0.5]]), ("regression", -1, "rmse")),
        ],
    )
    def test_several_targets(self, target, y, told, tmp_path):
        from ogb.nodeproppred import PygNodePropPredDataset

        edges = torch.tensor([[0, 1], [1, 0]])
        small = condensed([Data(x=torch.eye(2), edge_index=edges, y=y)], "nodes", num_classes=2, target=target)
        meta = small.to_ogb(tmp_path / "mine")
        with ogb_loading():
            dataset = PygNodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)
        assert torch.equal(dataset[0].y.nan_to_num(-9), y.nan_to_num(-9))
        assert (dataset.task_type, dataset.num_classes, dataset.eval_metric) == told
        assert dataset.num_tasks == 2

    def test_a_folder_that_is_there(self, nodes, tmp_path):
        nodes.to_ogb(tmp_path / "mine")
        with pytest.raises(FileExistsError, match="exists already"):
            nodes.to_ogb(tmp_path / "mine")
        nodes.to_ogb(tmp_path / "mine", overwrite=True)
        with pytest.raises(FileNotFoundError, match="does not exist"):
            nodes.to_ogb(tmp_path / "nowhere" / "mine")
        assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["mine"]


@pytest.mark.parametrize("method", ["to_networkx", "to_dgl"])
def test_images_are_no_graphs(method, images):
    with pytest.raises(
        ValueError, match=rf"{method}\(\) is for condensed nodes and graphs, .* images; use to_tensor_d"
    ):
        getattr(images, method)()


def test_what_has_no_form_there(images, make_graphs, tmp_path):
    with pytest.raises(ValueError, match=r"to_ogb\(\) is for condensed nodes and graphs"):
        images.to_ogb(tmp_path / "mine")
    bags = graphcond.condense(make_graphs(30), size=6, method="histograms")
    with pytest.raises(ValueError, match=r"to_ogb\(\) is for ordinary graphs, .* graphcond\.pool"):
        bags.to_ogb(tmp_path / "mine")
    with pytest.raises(ValueError, match=r"to_dgl\(\) is for ordinary graphs"):
        bags.to_dgl()
    assert not (tmp_path / "mine").exists()
