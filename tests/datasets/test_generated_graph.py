import sys
from types import ModuleType

import numpy as np
import pytest

from graphcond.datasets import load_folder

SCALE = {"arxiv": 0.02, "reddit": 0.02, "products": 0.004}


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("datasets/generate_graph.py")


@pytest.fixture(scope="module", params=SCALE)
def made(request, script, tmp_path_factory):
    """A shape's name, the shape, and the arrays of a small graph of it."""
    shape = script.SHAPES[request.param].scaled(SCALE[request.param])
    folder = tmp_path_factory.mktemp("made")
    script.write(shape, folder, seed=3)
    return request.param, shape, {file.stem: np.load(file, allow_pickle=False) for file in folder.iterdir()}


def test_sizes_and_types(made):
    _, shape, arrays = made
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "x": ("float32", (shape.nodes, shape.features)),
        "edge_index": ("int64", (2, 2 * shape.edges)),
        "y": ("int64", (shape.nodes,)),
        **{f"{part}_mask": ("bool", (shape.nodes,)) for part in ("train", "val", "test")},
    }
    assert arrays["train_mask"].sum() == shape.train
    assert arrays["val_mask"].sum() == shape.val
    assert (arrays["train_mask"].astype(int) + arrays["val_mask"] + arrays["test_mask"] == 1).all()
    assert set(arrays["y"][arrays["train_mask"]]) == set(range(shape.classes))


def test_edges_are_symmetric_distinct_and_in_order(made):
    _, shape, arrays = made
    source, target = arrays["edge_index"]
    assert (source != target).all()
    assert (np.diff(target * shape.nodes + source) > 0).all()
    assert (np.sort(source * shape.nodes + target) == target * shape.nodes + source).all()
    assert len(np.unique(target)) == shape.nodes


def test_homophily_skew_and_imbalance(made):
    _, shape, arrays = made
    source, target = arrays["edge_index"]
    same = (arrays["y"][source] == arrays["y"][target]).mean()
    assert abs(same - shape.homophily) < 0.04  # small classes are so dense that some edges are drawn too often
    degree = np.bincount(target)
    assert degree.mean() > 1.3 * np.median(degree)
    assert degree.max() > 8 * degree.mean()
    sizes = np.bincount(arrays["y"])
    assert sizes.max() > 10 * sizes.min()


def test_features_tell_classes_after_propagation_better_than_before(made):
    _, shape, arrays = made
    x, y = arrays["x"], arrays["y"]
    assert abs(x.mean()) < 0.05
    assert abs(x.std() - 1) < 0.05
    source, target = arrays["edge_index"]
    total = np.zeros_like(x)
    np.add.at(total, target, x[source])
    mean = total / np.bincount(target)[:, None]
    centres = np.stack([x[y == label].mean(0) for label in range(shape.classes)])

    def right(rows: np.ndarray) -> float:
        return float((((rows[:, None] - centres) ** 2).sum(2).argmin(1) == y[: len(rows)]).mean())

    assert right(mean[:200]) > right(x[:200]) + 0.1


def test_same_seed_same_bits(script, tmp_path):
    shape = script.SHAPES["arxiv"].scaled(0.005)
    bits = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        script.write(shape, tmp_path / name, seed)
        bits.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert bits[0] == bits[1]
    assert all(bits[0][name] != bits[2][name] for name in bits[0])


def test_published_sizes(script):
    for shape in script.SHAPES.values():
        assert shape.class_sizes().sum() == shape.nodes
        assert shape.scaled(1) == shape


def test_scale_too_small(script):
    with pytest.raises(ValueError, match="a training node of each of 47 classes"):
        script.SHAPES["products"].scaled(0.0001)


def test_command(script, monkeypatch, capsys, tmp_path):
    command = ["generate_graph.py", "arxiv", str(tmp_path / "graph"), "--scale", "0.005"]
    monkeypatch.setattr(sys, "argv", command)
    script.main()
    assert capsys.readouterr().out.startswith("847 nodes, ")
    assert load_folder(tmp_path / "graph").num_nodes == 847
    with pytest.raises(FileExistsError, match="exists already"):
        script.main()
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]
