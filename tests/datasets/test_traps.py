"""Whatever somebody put into a data folder, loading it runs nothing."""

import os
import pickle
import threading
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch

from graphcond.datasets import load, load_folder, ogb_loading, save_folder
from graphcond.datasets.pickles import checked_torch_load, read_arrays

pytestmark = pytest.mark.usefixtures("no_terminal", "no_network")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def _torch(trap, **options):
    buffer = BytesIO()
    torch.save(trap, buffer, **options)
    return buffer.getvalue()


def _npy(trap):
    buffer = BytesIO()
    np.save(buffer, np.array([trap], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _npz(trap):
    buffer = BytesIO()
    names = ("data", "indices", "indptr", "shape", "feature", "label", "node_features", "labels", "adj_data", "row")
    np.savez(buffer, **{name: np.array([trap], dtype=object) for name in names})
    return buffer.getvalue()


FORMS = {
    "pickle": pickle.dumps,
    "old pickle": lambda trap: pickle.dumps(trap, protocol=0),
    "torch": _torch,
    "old torch": lambda trap: _torch(trap, _use_new_zipfile_serialization=False),
    "graphs and a trap": lambda trap: _torch(({"x": trap}, {}, {}, dict)),
    "npy": _npy,
    "npz": _npz,
}
NAMES = ("cora", "photo", "cs", "wikics", "flickr", "reddit", "tolokers", "mutag", "imdb-binary", "ogbn-arxiv",
         "ogbn-mag", "ogbg-molbbbp", "mnist")  # fmt: skip
PARTS = ("x", "allx", "tx", "y", "ally", "ty", "graph")
PLANTED = ("processed/pre_transform.pt", "processed/pre_filter.pt", "processed/data.pt",
           "processed/data_undirected.pt", "processed/geometric_data_processed.pt", "split/time/split_dict.pt",
           "split/scaffold/split_dict.pt")  # fmt: skip


@pytest.fixture(params=NAMES)
def written(request, tmp_path, tiny_sets):
    """A tiny dataset's name, root and folder."""
    folder, write = tiny_sets.WRITERS[request.param]
    write(tmp_path / "root" / folder)
    return request.param, tmp_path / "root", tmp_path / "root" / folder


def read(name, root):
    dataset = load(name, root)
    if hasattr(dataset, "get_idx_split"):
        dataset.get_idx_split()
    return dataset


def test_no_trap_springs(written, tmp_path):
    name, root, folder = written
    read(name, root)
    marker = tmp_path / "sprung"
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in [*files, *(folder / name for name in PLANTED)]:
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        for form, made in FORMS.items():
            path.write_bytes(made(Trap(marker)))
            try:
                read(name, root)
            except (ValueError, FileNotFoundError) as error:
                assert name in str(error)  # noqa: PT017 (some files are not needed, and may hold anything)
            assert not marker.exists(), f"{form} in {path} was run"
            path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
    read(name, root)


@pytest.mark.parametrize("part", PARTS)
def test_the_raw_files_of_planetoid_hold_arrays_and_nothing_else(part, tmp_path, tiny_sets):
    marker = tmp_path / "sprung"
    tiny_sets.write_planetoid(tmp_path / "Planetoid" / "Cora" / "raw", **{part: Trap(marker)})
    if part == "x":  # which the others repeat
        load("cora", tmp_path)
    else:
        with pytest.raises(ValueError, match=rf"files of cora .*ind\.cora\.{part} .*mkdir, which could run code"):
            load("cora", tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "value",
    [np.array([{}]), np.zeros(1, [("a", "O")]), np.array(["text"]), np.ma.zeros(3), 1j, {"a": np.zeros(2)}.keys],
    ids=["objects", "records", "text", "masked", "complex", "method"],
)
def test_what_is_no_plain_array_is_refused(value, tmp_path):
    (tmp_path / "file").write_bytes(pickle.dumps(value, protocol=4))
    with pytest.raises(pickle.UnpicklingError, match="file is not what Planetoid published"):
        read_arrays(tmp_path / "file")


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "u1", "?", "<i8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_they_were_written(dtype, order, tmp_path):
    array = np.asarray(np.arange(6).reshape(2, 3), dtype, order=order)
    (tmp_path / "file").write_bytes(pickle.dumps(array, protocol=4))
    again = read_arrays(tmp_path / "file")
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


def test_cora_of_two_classes(tmp_path, tiny_sets):
    tiny_sets.write_planetoid(tmp_path / "Planetoid" / "Cora" / "raw")
    data, parts = load("cora", tmp_path, normalize=False)[0], tiny_sets.planetoid_parts()
    assert data.num_nodes == 600
    assert data.num_edges == 2 * 600  # a ring, without the self-loops
    assert torch.equal(data.x[:580], torch.from_numpy(parts["allx"].toarray()))
    assert torch.equal(data.x[580:].flip(0), torch.from_numpy(parts["tx"].toarray()))  # test.index counts down
    assert [int(data[mask].sum()) for mask in ("train_mask", "val_mask", "test_mask")] == [40, 500, 20]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("allx", lambda matrix: matrix.indptr.__setitem__(3, 10**6)),
        ("allx", lambda matrix: matrix.indices.__setitem__(0, -5)),
        ("tx", lambda matrix: setattr(matrix, "data", matrix.data[:3])),
        ("graph", lambda graph: graph[0].append(600)),
        ("graph", lambda graph: graph[0].append("one")),
        ("graph", lambda graph: graph.__setitem__(700, [1])),
    ],
)
def test_broken_raw_files_of_planetoid(part, change, tmp_path, tiny_sets):
    parts = tiny_sets.planetoid_parts()
    change(parts[part])
    tiny_sets.write_planetoid(tmp_path / "Planetoid" / "Cora" / "raw", **parts)
    with pytest.raises(ValueError, match=r"cora in .* cannot be read"):
        load("cora", tmp_path)


@pytest.mark.parametrize("name", ["attr_indptr", "adj_indptr", "attr_indices", "adj_indices"])
@pytest.mark.parametrize("value", [-1, 2**30])
def test_broken_matrices_do_not_reach_compiled_code(name, value, tmp_path, tiny_sets):
    arrays = tiny_sets.shchur()
    arrays[name] = arrays[name].copy()
    arrays[name][3] = value
    tiny_sets.write_npz(tmp_path / "Amazon" / "Photo" / "raw" / "amazon_electronics_photo.npz", **arrays)
    with pytest.raises(ValueError, match=r"files of photo .* cannot be read .*(pointers|indices)"):
        load("photo", tmp_path)
    tiny_sets.write_flickr(tmp_path / "Flickr" / "raw", indptr=np.full(10, 2**30))
    with pytest.raises(ValueError, match=r"files of flickr .* cannot be read .*pointers"):
        load("flickr", tmp_path)


def test_the_remedy_is_the_right_one(tmp_path, tiny_sets):
    folder = tmp_path / tiny_sets.WRITERS["mutag"][0]
    tiny_sets.WRITERS["mutag"][1](folder)
    load("mutag", tmp_path)
    (folder / "processed" / "pre_filter.pt").write_bytes(_torch(Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match=r"mutag in .*\(it holds posix\.mkdir, which could run code\).* processed"):
        load("mutag", tmp_path)
    for file in (folder / "processed").iterdir():
        file.unlink()
    assert len(load("mutag", tmp_path)) == 4


@pytest.mark.parametrize("guard", [ogb_loading, checked_torch_load])
def test_the_environment_is_left_as_it_was(guard, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    before = dict(os.environ)
    with guard(), guard():
        assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"
        assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ
    assert dict(os.environ) == before


def test_threads_guard_one_after_the_other():
    inside, seen = threading.Event(), []

    def other():
        inside.wait()
        with checked_torch_load():
            seen.append(os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD"))

    thread = threading.Thread(target=other)
    thread.start()
    with checked_torch_load():
        inside.set()
        thread.join(0.05)
        assert not seen
    thread.join()
    assert seen == ["1"]
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_a_folder_of_arrays(toy, tmp_path):
    save_folder(toy, tmp_path / "toy")
    for name in ("x", "edge_index", "y", "train_mask", "val_mask", "edge_weight"):
        for form, made in FORMS.items():
            (tmp_path / "toy" / f"{name}.npy").write_bytes(made(Trap(tmp_path / "sprung")))
            with pytest.raises(ValueError, match=rf"{name}\.npy"):
                load_folder(tmp_path / "toy", mapped=form != "npy")
        save_folder(toy, tmp_path / "toy", overwrite=True) if name != "edge_weight" else None
    assert not (tmp_path / "sprung").exists()


def test_archives_that_lie_about_their_size(tmp_path, tiny_sets):
    """A file of a few bytes must not take gigabytes."""
    raw = tmp_path / "Amazon" / "Photo" / "raw"
    raw.mkdir(parents=True)
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000,), }"
    with zipfile.ZipFile(raw / "amazon_electronics_photo.npz", "w") as file:
        for name in tiny_sets.shchur():
            file.writestr(f"{name}.npy", header.ljust(127) + b"\n")
    with pytest.raises(ValueError, match="files of photo"):
        load("photo", tmp_path)
