import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from graphcond.datasets import load
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
