"""Condensed heterogeneous graphs as a PyG dataset: what it tells, its file, selections, other libraries."""

import copy
import json
import pickle
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

import graphcond
from graphcond.datasets import ogb_loading
from graphcond.hetero.contents import tensors_by_name


@pytest.fixture(scope="module")
def task(make_hetero_task):
    return make_hetero_task()


@pytest.fixture(params=[True, False], ids=["structure", "features"])
def small(request, task, make_small_hetero):
    return make_small_hetero(task, structure=request.param)


def equal(one, other):
    first, second = tensors_by_name(one), tensors_by_name(other)
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def test_what_it_tells(task, make_small_hetero):
    small = make_small_hetero(task)
    data = small[0]
    assert isinstance(data, HeteroData)
    assert (len(small), small.modality, small.num_classes, small.depth) == (1, "hetero", 3, None)
    assert small.num_features == small.num_node_features == {"author": 4, "paper": 6, "venue": 3}
    edges = sum(data[relation].edge_index.size(1) for relation in data.edge_types)
    assert small.described() == (
        f"93 nodes of 3 types (60 paper), {task.graph.num_edges} edges",
        f"10 nodes of 3 types (6 paper), {edges} edges",
    )
    assert repr(small) == f"CondensedDataset(example, graphs=1, nodes=6 of 'paper', types=3, bytes={small.nbytes})"
    assert "10 nodes of 3 types (6 paper)" in small._repr_html_()
    assert small.nbytes == sum(value.numel() * value.element_size() for value in tensors_by_name(data).values())


def test_what_a_set_without_structure_tells(task, make_small_hetero):
    small = make_small_hetero(task, structure=False)
    assert small.described()[1] == "6 paper nodes without edges"
    assert small.num_features == {"paper": small[0]["paper"].x.size(1)}
    with pytest.raises(ValueError, match="the edges have no weights"):
        small.thresholded(0.5)


def test_the_file_gives_it_back(small, tmp_path):
    again = graphcond.load(small.save(tmp_path / "small.safetensors"))
    assert again.record == small.record
    assert equal(again[0], small[0])
    assert (again[0].node_types, again[0].edge_types) == (small[0].node_types, small[0].edge_types)
    assert [group.tolist() for group in again.members] == [group.tolist() for group in small.members]
    assert again.modality == "hetero"
    assert equal(graphcond.load(again.save(tmp_path / "again.safetensors"))[0], small[0])


def test_a_record_that_names_no_modality(small, tmp_path):
    del small.record.source["modality"]
    assert graphcond.load(small.save(tmp_path / "small.safetensors")).modality == "hetero"


def test_what_cannot_be_trained_on_is_not_saved(small, tmp_path):
    small[0]["paper"].x[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"data\['paper'\].x must be finite"):
        small.save(tmp_path / "small.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))


def test_several_labels_may_be_missing(task, make_small_hetero, tmp_path):
    small = make_small_hetero(task, num_classes=2, target="multi_label")
    data = small[0]
    data["paper"].y = torch.tensor([[0.0, 1.0], [1.0, float("nan")]]).repeat(3, 1)
    data["paper"].y_soft = torch.rand(6, 2)
    spent = {name: value for name, value in small.record.spent.items() if name != "nodes_per_class"}
    small = graphcond.CondensedDataset([data], small.record, small.members)
    small.record.budget["spent"] = spent
    again = graphcond.load(small.save(tmp_path / "small.safetensors"))[0]["paper"].y
    assert torch.equal(again.nan_to_num(-1), data["paper"].y.nan_to_num(-1))


def test_copies_and_selections(small):
    for other in (copy.copy(small), copy.deepcopy(small), pickle.loads(pickle.dumps(small)), small[:1], small[[0]]):
        assert equal(other[0], small[0])
        assert (len(other), other.modality, other.nbytes) == (1, "hetero", small.nbytes)
    with pytest.raises(IndexError):
        small[1]


def test_loaders(task, make_small_hetero):
    small = make_small_hetero(task)
    batch = next(iter(DataLoader(small, batch_size=1)))
    assert torch.equal(batch["paper"].x, small[0]["paper"].x)
    assert torch.equal(batch["author", "writes", "paper"].edge_index, small[0]["author", "writes", "paper"].edge_index)
    without = make_small_hetero(task, structure=False)
    assert torch.equal(next(iter(DataLoader(without)))["paper"].y, without[0]["paper"].y)


def test_edges_below_a_weight(task, make_small_hetero):
    small = make_small_hetero(task, per_class=5)
    before = {relation: small[0][relation].clone() for relation in small[0].edge_types}
    light = small.thresholded(1.0)
    for relation, whole in before.items():
        kept = whole.edge_weight >= 1.0
        assert torch.equal(light[0][relation].edge_index, whole.edge_index[:, kept])
        assert torch.equal(light[0][relation].edge_weight, whole.edge_weight[kept])
        assert torch.equal(small[0][relation].edge_index, whole.edge_index)
    left = sum(light[0][relation].edge_weight.numel() for relation in before)
    assert 0 < left < sum(one.edge_weight.numel() for one in before.values())
    assert (light.record.spent["edges"], light.record.spent["bytes"]) == (left, light.nbytes)
    none = small.thresholded(99.0)
    assert none[0].edge_types == small[0].edge_types
    assert none.record.spent["edges"] == 0


def test_members_are_of_the_labelled_type(small, tmp_path):
    small.members = graphcond.Members.from_groups(list(small.members)[:5])
    with pytest.raises(ValueError, match=r"members.ptr must have the shape \(7\)"):
        small.save(tmp_path / "small.safetensors")


def test_images_are_none(small):
    with pytest.raises(ValueError, match="images\\(\\) is for condensed images, and this dataset was made of hetero"):
        small.images()


def test_networkx(small):
    graph, data = small.to_networkx(), small[0]
    offsets = data.node_offsets
    for name in data.node_types:
        for i in range(data[name].num_nodes):
            node = graph.nodes[offsets[name] + i]
            assert node["type"] == name
            assert node["x"] == data[name].x[i].tolist()
            assert ("y" in node) == (name == "paper")
    edges = [
        (offsets[relation[0]] + source, offsets[relation[2]] + target, relation, weight)
        for relation in data.edge_types
        for (source, target), weight in zip(
            data[relation].edge_index.T.tolist(), data[relation].edge_weight.tolist(), strict=True
        )
    ]
    found = [(source, target, one["type"], one["edge_weight"]) for source, target, one in graph.edges(data=True)]
    assert sorted(found) == sorted(edges)
    assert graph.is_multigraph()
    assert graph.number_of_nodes() == data.num_nodes


class Frame(dict):
    """As much of a frame of DGL as is used: what is kept has a row for each node or edge."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def update(self, tensors):
        assert all(len(value) == self.rows for value in tensors.values())
        super().update(tensors)


class Heterograph:
    """As much of a DGL heterograph as is filled."""

    def __init__(self, ends, num_nodes_dict):
        self.ends = ends
        self.nodes = {name: SimpleNamespace(data=Frame(count)) for name, count in num_nodes_dict.items()}
        self.edges = {kind: SimpleNamespace(data=Frame(len(source))) for kind, (source, _) in ends.items()}


def test_dgl(small, monkeypatch):
    plain = SimpleNamespace(ndata=Frame(6))
    dgl = SimpleNamespace(heterograph=Heterograph, graph=lambda ends, num_nodes: plain)
    monkeypatch.setitem(sys.modules, "dgl", dgl)
    graph, data = small.to_dgl(), small[0]
    if not data.edge_types:
        assert torch.equal(graph.ndata["x"], data["paper"].x)
        return
    for relation in data.edge_types:
        assert torch.equal(torch.stack(graph.ends[relation]), data[relation].edge_index)
        assert torch.equal(graph.edges[relation].data["edge_weight"], data[relation].edge_weight)
    assert set(graph.nodes["paper"].data) == {"x", "y", "node_weight", "train_mask", "y_soft"}
    assert torch.equal(graph.nodes["author"].data["x"], data["author"].x)


def test_ogb(small, tmp_path):
    from ogb.nodeproppred import NodePropPredDataset, PygNodePropPredDataset

    meta = small.to_ogb(tmp_path / "mine")
    with ogb_loading():
        dataset = PygNodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)
        split, read = dataset.get_idx_split(), dataset[0]
        plain, labels = NodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)[0]
    data = small[0]
    assert set(read.x_dict) == set(read.num_nodes_dict) == set(data.node_types)
    for name in data.node_types:
        assert torch.equal(read.x_dict[name], data[name].x)
    assert set(read.edge_index_dict) == set(data.edge_types)
    for relation in data.edge_types:
        assert torch.equal(read.edge_index_dict[relation], data[relation].edge_index)
        assert torch.equal(read.edge_weight[relation], data[relation].edge_weight)
    assert torch.equal(read.y_dict["paper"], data["paper"].y.unsqueeze(1))
    assert torch.equal(read.node_weight["paper"], data["paper"].node_weight)
    assert torch.equal(read.node_y_soft["paper"], data["paper"].y_soft)
    assert {part: nodes["paper"].tolist() for part, nodes in split.items()} == {
        "train": list(range(6)), "valid": [], "test": []
    }  # fmt: skip
    assert (dataset.num_classes, dataset.task_type) == (3, "multiclass classification")
    assert (plain["node_feat_dict"]["paper"] == data["paper"].x.numpy()).all()
    assert labels["paper"][:, 0].tolist() == data["paper"].y.tolist()
    with pytest.raises(FileExistsError):
        small.to_ogb(tmp_path / "mine")


def test_ogb_reads_names_that_numpy_or_files_have_a_use_for(task, make_small_hetero, tmp_path):
    from ogb.nodeproppred import PygNodePropPredDataset

    small = make_small_hetero(task)
    data, relation = small[0], ("file", "a/b c", "paper")
    data["file"].x, data["allow_pickle"].x = torch.ones(2, 1), torch.ones(1, 1)
    data[relation].edge_index, data[relation].edge_weight = torch.tensor([[1], [4]]), torch.ones(1)
    dataset = graphcond.CondensedDataset([data], small.record)
    meta = dataset.to_ogb(tmp_path / "mine")
    with ogb_loading():
        read = PygNodePropPredDataset("ogbn-mine", root=str(tmp_path), meta_dict=meta)[0]
    assert read.edge_index_dict[relation].tolist() == [[1], [4]]
    assert read.num_nodes_dict == {"author": 3, "paper": 6, "venue": 1, "file": 2, "allow_pickle": 1}


@pytest.mark.filterwarnings("ignore:There exist type names")  # of two underscores, which PyG says once
@pytest.mark.parametrize("name", ["a___b", "_a", "", "a_"])
def test_names_that_ogb_has_no_place_for(task, make_small_hetero, tmp_path, name):
    small = make_small_hetero(task)
    data = small[0]
    relation = ("author", name, "paper")
    data[relation].edge_index, data[relation].edge_weight = torch.zeros(2, 1, dtype=torch.int64), torch.ones(1)
    with pytest.raises(ValueError, match=r"to_ogb\(\) separates the names of types by '___'"):
        graphcond.CondensedDataset([data], small.record).to_ogb(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_page_on_the_hub(small, tmp_path):
    pytest.importorskip("huggingface_hub")
    place = small.to_hub(tmp_path / "page")
    text = (tmp_path / "page" / "README.md").read_text("utf-8")
    assert "toy, condensed to 6 nodes" in text
    assert "- hetero" in text
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict = {}
    exec(code.replace("./FOLDER", place).replace('"./', '"'), names)
    assert equal(names["data"], small[0])


def test_the_command_line_tells_and_draws_a_file(small, tmp_path, run):
    pytest.importorskip("matplotlib")
    file = small.save(tmp_path / "small.safetensors")
    code, out, _ = run("info", file)
    assert code == 0
    assert small.described()[1] in re.sub(r"\s+", " ", out)
    code, out, _ = run("info", file, "--json")
    assert json.loads(out)["budget"]["spent"]["nodes_by_type"] == small.record.spent["nodes_by_type"]
    code, out, _ = run("show", file, "--output", tmp_path / "small.png")
    assert (code, (tmp_path / "small.png").stat().st_size > 0) == (0, True)
