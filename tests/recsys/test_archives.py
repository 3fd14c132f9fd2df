import builtins
import importlib
import importlib.util

import numpy as np
import pytest

from recsys import read_archive

USER = np.array([0, 0, 0, 0, 3, 3, 5, 9, 0])
ITEM = np.array([40, 7, 7, 12, 7, 40, 40, 99, 12])
INDEX = np.array([0, 0, 0, 1, 0, 2, 0, -1, 1])
H5PY = pytest.mark.skipif(importlib.util.find_spec("h5py") is None, reason="h5py is not installed")


def write(folder, **changes):
    columns = {"user": USER, "item": ITEM, "index": INDEX} | changes
    np.savez(folder / "interactions.npz", **{name: values for name, values in columns.items() if values is not None})
    return folder


def dense(matrix):
    return matrix.toarray().tolist()


def test_parts_ids_and_repeated_interactions(tmp_path):
    split = read_archive(write(tmp_path))
    assert split.user_ids.tolist() == [0, 3, 5]
    assert split.item_ids.tolist() == [7, 12, 40]
    assert dense(split.train) == [[2, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert dense(split.val.context) == dense(split.train)
    assert dense(split.val.targets) == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert dense(split.test.context) == [[2, 2, 1], [1, 0, 0], [0, 0, 1]]
    assert dense(split.test.targets) == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert (split.name, split.protocol) == (tmp_path.name, "archive")
    assert split.notes == (
        "1 interactions are dropped by the published split.",
        "Interactions that repeat a pair of their part: 1 of 5 training, 1 of 2 validation, 0 of 1 test.",
    )


@pytest.mark.parametrize("duplicates", ["binary", "max"])
def test_counts_may_be_left_out(tmp_path, duplicates):
    # The pair of validation is in training as well: shown once or twice, it counts once.
    split = read_archive(write(tmp_path, item=np.where(ITEM == 12, 7, ITEM)), duplicates=duplicates)
    assert dense(split.train) == [[1, 1], [1, 0], [0, 1]]
    assert dense(split.val.targets) == [[1, 0], [0, 0], [0, 0]]
    assert dense(split.test.context) == dense(split.train)
    assert dense(read_archive(tmp_path).test.context) == [[4, 1], [1, 0], [0, 1]]


@H5PY
def test_the_original_files(tmp_path):
    h5py = importlib.import_module("h5py")
    plain, original = tmp_path / "plain", tmp_path / "original"
    plain.mkdir()
    original.mkdir()
    with h5py.File(original / "total_data.hdf5", "w") as file:
        for name, values in (("user", USER), ("item", ITEM), ("rating", np.ones(9))):
            file.create_dataset(name, data=values, compression="gzip")
    np.savez(original / "index.npz", data=INDEX)
    one, two = read_archive(write(plain)), read_archive(str(original))
    assert one.fingerprint() == two.fingerprint()
    assert dense(one.test.targets) == dense(two.test.targets)
    (original / "total_data.hdf5").write_bytes((original / "total_data.hdf5").read_bytes()[:900])
    with pytest.raises(ValueError, match=r"the archive in .* cannot be read"):
        read_archive(original)


def test_the_original_files_without_h5py(tmp_path, monkeypatch):
    (tmp_path / "total_data.hdf5").touch()
    (tmp_path / "index.npz").touch()

    def blocked(name, *args, **kwargs):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", blocked)
    with pytest.raises(ImportError, match=r"needs h5py; pip install h5py, or save user, item and index in an inter"):
        read_archive(tmp_path)


def test_h5py_is_imported_only_for_its_files(tmp_path, monkeypatch):
    real = builtins.__import__

    def watched(name, *args, **kwargs):
        assert name != "h5py"
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", watched)
    monkeypatch.setattr(importlib, "import_module", None)
    assert read_archive(write(tmp_path)).num_users == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": INDEX[:-1]}, "got 9 user, 9 item, 8 index"),
        ({"index": None}, "index.*; a copy may have broken off: copy it again"),
        ({"index": INDEX + 2}, "index must be -1, 0, 1 or 2"),
        ({"index": np.ones(9, int)}, "no interaction is for training"),
        ({"user": USER / 2}, r"user must hold integers in one dimension, got float64 \(9,\)"),
        ({"item": ITEM[:, None]}, r"item must hold integers in one dimension, got int64 \(9, 1\)"),
        ({"item": np.array([None] * 9)}, "cannot be read"),
    ],
)
def test_archives_that_do_not_fit_together(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_archive(write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_archives_that_broke_off(tmp_path, keep):
    path = write(tmp_path) / "interactions.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"the archive in .* cannot be read"):
        read_archive(tmp_path)


def test_a_folder_without_an_archive(tmp_path):
    for folder in (tmp_path, tmp_path / "no"):
        with pytest.raises(FileNotFoundError, match=r"holds neither interactions.npz nor total_data.hdf5"):
            read_archive(folder)


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [("ml-1m", (6040, 3706), (791_718, 99_692, 108_799)), ("magazine", (3092, 1305), (5_984, 436, 6_269))],
)
def test_published_archives(real_data, name, shape, rows):
    folder = real_data(f"recsys/{name}") / "recsys" / name
    split = read_archive(folder)
    assert split.train.shape == split.test.targets.shape == shape
    assert split.name == name
    with np.load(folder / "interactions.npz") as archive:
        kept = archive["index"] >= 0
        assert split.item_ids.tolist() == sorted(set(archive["item"][kept].tolist()))
    repeated = {"ml-1m": (0, 0, 0), "magazine": (50, 0, 124)}[name]
    # Training counts what repeats, targets do not.
    assert split.train.sum() == rows[0]
    assert split.train.nnz == rows[0] - repeated[0]
    assert split.val.targets.nnz == rows[1] - repeated[1]
    assert split.test.targets.nnz == rows[2] - repeated[2]
    assert split.test.context.sum() == rows[0] + rows[1]
    expected = [f"{count} of {total} {part}" for count, total, part in
                zip(repeated, rows, ("training", "validation", "test"), strict=True)]  # fmt: skip
    assert (", ".join(expected) in " ".join(split.notes)) == (name == "magazine")
    if importlib.util.find_spec("h5py"):
        (folder / "interactions.npz").unlink()
        assert read_archive(folder).fingerprint() == split.fingerprint()
