import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch_geometric.loader import DataLoader

from graphcond.datasets import entry, load, ogb_loading
from graphcond.datasets.metric import own_metric
from graphcond.graphs.reading import read_graphs
from graphcond.nodes.reading import read_nodes

TENSORS = ("x", "edge_index", "y", "train_mask", "val_mask", "test_mask")


def test_embedded_citeseer_is_planetoids_bit_for_bit(real_data):
    from torch_geometric.datasets import Planetoid

    planetoid = Planetoid(str(real_data("Planetoid/CiteSeer") / "Planetoid"), "CiteSeer")
    ours = load("citeseer", normalize=False)
    assert sorted(ours[0].keys()) == sorted(planetoid[0].keys())
    for name in TENSORS:
        assert ours[0][name].dtype == planetoid[0][name].dtype
        assert torch.equal(ours[0][name], planetoid[0][name]), name
    assert (ours.num_classes, ours.num_features) == (planetoid.num_classes, planetoid.num_features)
    assert read_nodes(ours).fingerprint() == read_nodes(planetoid).fingerprint()


def test_the_script_makes_the_embedded_file_again(real_data, tmp_path, load_script):
    script = load_script("datasets/make_embedded_citeseer.py")
    raw = real_data("Planetoid/CiteSeer") / "Planetoid" / "CiteSeer" / "raw"
    script.make(raw, tmp_path / "citeseer.npz")
    with np.load(tmp_path / "citeseer.npz") as made, np.load(script.TARGET) as shipped:
        assert sorted(made) == sorted(shipped)
        for name in shipped:
            assert made[name].dtype == shipped[name].dtype
            assert np.array_equal(made[name], shipped[name])
    (raw / "ind.citeseer.y").write_bytes(b"altered")
    with pytest.raises(ValueError, match="SHA-256"):
        script.make(raw, tmp_path / "citeseer.npz")


def test_embedded_citeseer_needs_no_root(tmp_path):
    data = load("citeseer", root=tmp_path / "absent")[0]
    assert [int(data[name].sum()) for name in TENSORS[3:]] == [120, 500, 1000]
    assert torch.allclose(data.x.sum(1)[data.train_mask], torch.ones(120))
    assert not (tmp_path / "absent").exists()


def test_embedded_molbace_is_ogbs_bit_for_bit(real_data, tmp_path):
    from ogb.graphproppred import PygGraphPropPredDataset

    ours, root = load("ogbg-molbace", tmp_path / "absent"), real_data("ogb/ogbg_molbace")
    assert not (tmp_path / "absent").exists()
    with ogb_loading():
        ogbs = PygGraphPropPredDataset("ogbg-molbace", root=str(root / "ogb"))
        split = ogbs.get_idx_split()
    assert len(ours) == len(ogbs) == 1513
    for one, other in zip(ours, ogbs, strict=True):
        assert sorted(one.keys()) == sorted(other.keys())
        assert one.num_nodes == other.num_nodes
        for name in ("x", "edge_index", "edge_attr", "y"):
            assert one[name].dtype == other[name].dtype
            assert torch.equal(one[name], other[name])
    for part, graphs in split.items():
        assert torch.equal(ours.get_idx_split()[part], graphs)
        assert ours.get_idx_split()[part].dtype == graphs.dtype
    for name in ("num_classes", "num_features", "num_edge_features", "num_tasks", "eval_metric", "task_type", "name"):
        assert getattr(ours, name) == getattr(ogbs, name), name
    tasks = [read_graphs(one) for one in (ours, load("ogbg-molbace", root))]
    assert tasks[0].fingerprint() == tasks[1].fingerprint()
    assert own_metric(ours) == own_metric(ogbs) == "roc_auc"


def test_embedded_molbace_goes_where_sets_of_graphs_go():
    dataset = load("ogbg-molbace", "absent")
    assert entry("ogbg-molbace").num_graphs == len(dataset)
    assert [len(dataset.get_idx_split()[part]) for part in ("train", "valid", "test")] == [1210, 151, 152]
    batch = next(iter(DataLoader(dataset[dataset.get_idx_split()["train"]], batch_size=1210)))
    assert batch.num_graphs == 1210
    assert batch.is_undirected()
    assert batch.y.shape == (1210, 1)
    assert "1513" in repr(dataset)
    with pytest.raises(ValueError, match="split_type must be 'scaffold'"):
        dataset.get_idx_split("random")


def test_the_script_makes_embedded_molbace_again(real_data, tmp_path, load_script):
    script, root = load_script("datasets/make_embedded_molbace.py"), real_data("ogb/ogbg_molbace")
    script.make(root, tmp_path / "made.npz")
    with np.load(tmp_path / "made.npz") as made, np.load(script.TARGET) as shipped:
        assert sorted(made) == sorted(shipped)
        for name in shipped:
            assert np.array_equal(made[name], shipped[name])
    (root / "ogb" / "ogbg_molbace" / "raw" / "edge.csv.gz").write_bytes(b"altered")
    with pytest.raises(ValueError, match="SHA-256"):
        script.make(root, tmp_path / "made.npz")


def test_digits_joins_nearest_neighbours():
    data = load("digits")[0]
    assert (data.x.min(), data.x.max()) == (0, 1)
    assert data.is_undirected()
    assert data.is_coalesced()
    assert not data.has_self_loops()
    same = data.y[data.edge_index[0]] == data.y[data.edge_index[1]]
    assert same.float().mean() > 0.9
    # Scikit-learn's own neighbours, apart from which of several at the same distance comes last.
    pixels = (16 * data.x).double().numpy()
    distance = NearestNeighbors(n_neighbors=9).fit(pixels).kneighbors(pixels)[0][:, -1]
    length = torch.cdist(data.x.double(), data.x.double()) * 16
    radius = torch.from_numpy(distance).unsqueeze(1)
    joined = torch.zeros(length.shape, dtype=torch.bool)
    joined[data.edge_index[0], data.edge_index[1]] = True
    near = (length < radius - 1e-6).fill_diagonal_(False)
    assert joined[near | near.T].all()
    near = length < radius + 1e-6
    assert not joined[~(near | near.T)].any()
