import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.sparse import csr_matrix
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond import CondensedDataset, Members, Record
from graphcond.core.runtime import storage
from recsys import CondensedInteractions

REAL = recsys.generate_interactions(120, 40, 1500)
QUICK = recsys.DistillCF(steps=3, validations=1, batch_users=50)
IDS = {
    "integers": np.arange(40) * 7 - 100,
    "unsigned integers": np.arange(40, dtype=np.uint64) + 2**63,
    "strings": np.array([f"item {i}" for i in range(40)]),
    "numerals": np.array([f"{i:02d}" for i in range(40)]),
    "any language": np.array([f"ä{i}\t中文\U0001f600 „“\n\\\"'," for i in range(40)]),
    "with NUL": np.array([f"a\0b{i}" for i in range(40)]),
}


def record(**changes: object) -> Record:
    values = {
        "method": "example",
        "settings": {"depth": 2, "rate": 0.1},
        "seed": 3,
        "device": "cpu",
        "source": {"name": "toy", "num_users": 120, "num_items": 40, "num_interactions": 1500, "fingerprint": "0"},
        "budget": {"asked": {"size": "6"}, "spent": {"users": 6, "interactions": 240, "bytes": 0}},
        "seconds": 0.25,
        "peak_memory": 1000,
        "choices": {"scores": [[1, 0.5]]},
        "notes": ("one", "zwölf \u2192 \U0001f600"),
    }
    return Record(**(values | changes))


def users(count: int = 6, *, share: float = 0.5, binary: bool = False, seed: int = 0) -> csr_matrix:
    rng = np.random.default_rng(seed)
    dense = rng.uniform(0.01, 1, (count, 40)) * (rng.random((count, 40)) < share)
    return csr_matrix(dense > 0 if binary else dense, dtype=np.float32)


def small(ids: np.ndarray = IDS["integers"], *, binary: bool = False, members: bool = False) -> CondensedInteractions:
    groups = Members.from_groups([torch.arange(i) for i in range(6)]) if members else None
    rows = users(binary=binary)
    spent = {"users": 6, "interactions": int(rows.nnz), "bytes": 0}
    return CondensedInteractions(rows, ids, record(budget={"asked": {"size": "6"}, "spent": spent}), groups)


def assert_same(first: CondensedInteractions, second: CondensedInteractions) -> None:
    """Same bits, types, ids, record and members."""
    for name in ("data", "indices", "indptr"):
        one, other = getattr(first.user_items, name), getattr(second.user_items, name)
        assert one.dtype == other.dtype, name
        assert one.tobytes() == other.tobytes(), name
    assert first.user_items.shape == second.user_items.shape
    assert type(first.user_items) is type(second.user_items)
    assert first.item_ids.dtype == second.item_ids.dtype
    assert first.item_ids.tolist() == second.item_ids.tolist()
    assert first.user_ids.tolist() == second.user_ids.tolist()
    assert first.record == second.record
    assert (first.members is None) == (second.members is None)
    if first.members is not None and second.members is not None:
        assert torch.equal(first.members.ptr, second.members.ptr)
        assert torch.equal(first.members.index, second.members.index)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.safetensors"


@pytest.mark.parametrize("members", [False, True])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("ids", IDS)
def test_what_is_saved_is_loaded(path, ids, binary, members):
    one = small(IDS[ids], binary=binary, members=members)
    assert one.save(path) == path
    assert_same(recsys.load(path), one)
    assert_same(CondensedInteractions.load(str(path)), one)


@pytest.mark.parametrize("name", sorted(set(recsys.list_methods()) - {"auto", "forgetting"}))
@pytest.mark.parametrize("interactions", [None, 30])
def test_what_was_condensed_is_loaded(path, name, interactions):
    method = QUICK if name == "distill_cf" else name
    one = recsys.condense(REAL, users=6, interactions=interactions, method=method)
    one.save(path)
    assert_same(recsys.load(path), one)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda one: one.strip("\0") == one), min_size=1, unique=True))
def test_any_string_is_an_id(tmp_path_factory, names):
    try:
        "".join(names).encode()
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    path = tmp_path_factory.mktemp("ids") / "small.safetensors"
    rows = csr_matrix(np.ones((1, len(names)), np.float32))
    CondensedInteractions(rows, np.array(names), record(source=record().source | {"num_items": len(names)})).save(path)
    assert recsys.load(path).item_ids.tolist() == names


def test_a_loaded_file_is_an_ordinary_matrix(path):
    small().save(path)
    rows = recsys.load(path).user_items
    assert type(rows) is csr_matrix
    assert rows.has_canonical_format
    rows.data *= 2  # and its memory is its owner's
    assert rows.data.max() > 1


def test_what_was_loaded_is_saved_again(path, tmp_path):
    one = small(members=True)
    one.save(path)
    recsys.load(path).save(tmp_path / "again")
    assert_same(recsys.load(tmp_path / "again"), one)


def test_the_file_is_plain_safetensors(path):
    small(IDS["any language"]).save(path)
    with safe_open(path, framework="np") as file:
        names = set(file.keys())
        metadata = file.metadata()
    assert names == {"user_items.indptr", "user_items.indices", "user_items.data", "item_ids"}
    assert metadata["format"] == "graphcond/1"
    assert json.loads(metadata["record"])["method"] == "example"


@pytest.mark.parametrize("binary", [False, True])
def test_bytes_are_those_of_the_tensors_in_the_file(path, binary):
    one = small(binary=binary, members=True)
    one.save(path)
    with safe_open(path, framework="np") as file:
        held = {name: file.get_tensor(name).nbytes for name in file.keys()}  # noqa: SIM118 (not a mapping)
    assert one.nbytes == sum(size for name, size in held.items() if name.startswith("user_items."))
    assert one.nbytes == 4 * (7 + (1 if binary else 2) * one.num_interactions)
    assert one.nbytes < path.stat().st_size


def test_sizes_are_those_of_the_interactions():
    one = small()
    assert one.num_interactions == one.user_items.nnz == np.count_nonzero(one.user_items.toarray())
    assert not one.binary
    assert small(binary=True).binary
    assert repr(one) == f"CondensedInteractions(example, users=6, items=40, interactions={one.num_interactions}, bytes={one.nbytes})"  # fmt: skip  # noqa: E501


def test_nothing_is_overwritten_unasked(path):
    first, second = small(), small(binary=True)
    first.save(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"exists already; choose another name or pass overwrite=True"):
        second.save(path)
    assert path.read_bytes() == before
    second.save(path, overwrite=True)
    assert_same(recsys.load(path), second)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_must_be_there_and_none_can_be_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        small().save(tmp_path / "missing" / "small.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        small().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        recsys.load(tmp_path / "small.safetensors")


def test_a_save_that_fails_leaves_what_was_there(path, monkeypatch):
    small().save(path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(storage, "write", fail)
    with pytest.raises(OSError, match="the disk is full"):
        small(binary=True).save(path, overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def one_sentence(error: pytest.ExceptionInfo[BaseException], path: Path) -> str:
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 2000, -1])
def test_a_truncated_file_is_refused(path, kept):
    small().save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="is not a whole safetensors file") as error:
        recsys.load(path)
    one_sentence(error, path)


@pytest.mark.parametrize("offset", [-1, -100, -400])
def test_altered_interactions_are_refused(path, offset):
    small().save(path)
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="was altered after it was written") as error:
        recsys.load(path)
    one_sentence(error, path)


def test_an_altered_record_is_refused(path):
    small().save(path)
    content = path.read_bytes()
    assert content.count(b"example") == 1
    path.write_bytes(content.replace(b"example", b"exmaple"))
    with pytest.raises(ValueError, match="was altered after it was written"):
        recsys.load(path)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize("write", [pickle.dumps, None])
def test_pickles_are_not_opened(path, write):
    if write is None:
        torch.save(Bomb(), path)
    else:
        path.write_bytes(write(Bomb()))
    with pytest.raises(ValueError, match="is a pickle") as error:
        recsys.load(path)
    one_sentence(error, path)


def test_another_safetensors_file_is_refused(path):
    save_file({"user_items.indptr": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"is a safetensors file, but not of the format graphcond/1"):
        recsys.load(path)


def test_a_checkpoint_is_no_result(path):
    recsys.condense(REAL, users=4, method=QUICK, run=graphcond.Run(checkpoint=path))
    with pytest.raises(ValueError, match=r"its format: graphcond-checkpoint/2"):
        recsys.load(path)


@pytest.mark.parametrize("graphs", [False, True])
def test_files_of_graphs_are_for_graphcond_which_reads_all(path, graphs):
    small().save(path)
    assert_same(graphcond.load(path), recsys.load(path))
    with pytest.raises(
        ValueError, match=r"holds interactions, not graphs or images; read it with graphcond\.load"
    ) as error:
        CondensedDataset.load(path)
    one_sentence(error, path)
    source = {"name": "toy", "num_classes": 2} | ({"num_graphs": 5} if graphs else {})
    item = Data(x=torch.eye(2), edge_index=torch.arange(2).repeat(2, 1), y=torch.arange(1 if graphs else 2))
    CondensedDataset([item], record(source=source)).save(path, overwrite=True)
    with pytest.raises(ValueError, match=r"holds \w+, not interactions; read it with graphcond\.load") as error:
        recsys.load(path)
    one_sentence(error, path)


@pytest.mark.parametrize("change", ["indices", "indptr"])
def test_a_forged_file_does_not_point_outside(path, change):
    # Its digest is right: whoever wrote it wanted it to be.
    rows = users()
    tensors = {
        "user_items.indptr": torch.from_numpy(rows.indptr),
        "user_items.indices": torch.from_numpy(rows.indices),
        "user_items.data": torch.from_numpy(rows.data),
        "item_ids": torch.arange(40),
    }
    tensors[f"user_items.{change}"][3] = 10**6
    storage.write(path, tensors, record().to_json())
    with pytest.raises(ValueError, match="ind"):
        recsys.load(path)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 1])
def test_binarized_keeps_what_reaches_the_threshold(threshold):
    one = small(members=True)
    one.user_items.data[:3] = (1, 0.5, 0.3)
    before, budget = copy.deepcopy(one.user_items), copy.deepcopy(one.record.budget)
    binary = one.binarized(threshold)
    expected = (one.user_items.toarray() >= np.float32(threshold)).astype(np.float32)
    np.testing.assert_array_equal(binary.user_items.toarray(), expected)
    assert binary.binary
    assert binary.user_items.dtype == np.float32
    assert binary.user_items.has_canonical_format
    assert binary.num_interactions == expected.sum() > 0
    assert binary.record.budget["spent"] == {
        "users": 6,
        "interactions": binary.num_interactions,
        "bytes": binary.nbytes,
    }
    assert binary.record.budget["asked"] == {"size": "6"}
    assert binary.item_ids.tolist() == one.item_ids.tolist()
    assert binary.members is one.members
    assert (one.user_items != before).nnz == 0
    assert one.record.budget == budget


@pytest.mark.parametrize("threshold", [0.01, 0.3, 1])
def test_pruned_keeps_the_weights_of_what_reaches_the_threshold(threshold):
    one = small(members=True)
    one.user_items.data[:3] = (1, 0.5, 0.3)
    before, budget = copy.deepcopy(one.user_items), copy.deepcopy(one.record.budget)
    pruned = one.pruned(threshold)
    dense = one.user_items.toarray()
    np.testing.assert_array_equal(pruned.user_items.toarray(), dense * (dense >= np.float32(threshold)))
    assert pruned.user_items.has_canonical_format
    spent = {"users": 6, "interactions": pruned.num_interactions, "bytes": pruned.nbytes}
    assert pruned.record.budget == budget | {"spent": spent}
    assert (pruned.binarized(threshold).user_items != one.binarized(threshold).user_items).nnz == 0
    assert pruned.members is one.members
    assert (one.user_items != before).nnz == 0
    assert one.record.budget == budget


def test_binarized_by_default_rounds_at_one_half():
    assert (small().binarized().user_items != small().binarized(0.5).user_items).nnz == 0


def test_what_is_binary_stays_as_it_is():
    one = small(binary=True)
    assert (one.binarized().user_items != one.user_items).nnz == 0


def test_a_user_without_strong_interactions_stays_as_an_empty_row(path):
    one = small()
    one.user_items.data[one.user_items.indptr[2] : one.user_items.indptr[3]] = 0.2
    binary = one.binarized()
    assert binary.user_items.shape == (6, 40)
    assert np.diff(binary.user_items.indptr)[2] == 0
    binary.save(path)
    assert_same(recsys.load(path), binary)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan"), float("inf"), "0.5", None])
def test_a_threshold_out_of_range_is_refused(threshold):
    for change in (small().binarized, small().pruned):
        with pytest.raises(ValueError, match=rf"^threshold must be in \(0, 1\], got {threshold!r}$"):
            change(threshold)


@pytest.mark.parametrize("ids", IDS)
def test_a_frame_has_a_row_for_each_interaction(ids):
    one = small(IDS[ids])
    frame = one.to_frame()
    assert list(frame.columns) == ["user_id", "item_id", "weight"]
    entries = one.user_items.tocoo()
    assert frame["user_id"].tolist() == [f"syn_{i}" for i in entries.row]
    assert frame["item_id"].tolist() == one.item_ids[entries.col].tolist()
    assert frame["weight"].to_numpy().tobytes() == entries.data.tobytes()


def test_a_frame_is_read_again():
    one = recsys.condense(REAL, users=6, method=QUICK)
    log = recsys.read_interactions(one.to_frame())
    assert log.user_ids.tolist() == one.user_ids.tolist()
    # A frame does not say of items that no user keeps.
    kept = np.isin(one.item_ids, log.item_ids)
    assert one.user_items.nnz == one.user_items[:, kept].nnz
    assert (log.user_items("sum") != one.user_items[:, kept]).nnz == 0


def test_a_frame_joins_with_the_original_by_item():
    names = [f"i{i:02d}" for i in range(40)]
    entries = REAL.tocoo()
    real = pd.DataFrame({"user_id": entries.row, "item_id": [names[i] for i in entries.col]})
    one = recsys.condense(real, users=6, method="random_users")
    assert set(one.to_frame()["item_id"]) <= set(names)
    together = pd.concat([real.astype({"user_id": str}), one.to_frame()[["user_id", "item_id"]]])
    assert recsys.read_interactions(together).num_users == 126


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".inter", ".parquet"])
@pytest.mark.parametrize("binary", [False, True])
def test_an_export_is_read_again(tmp_path, suffix, binary):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    one = small(IDS["numerals"], binary=binary)
    path = tmp_path / f"small{suffix}"
    assert one.export(path) == path
    with pytest.raises(FileExistsError, match="exists already"):
        one.export(path)
    one.export(path, overwrite=True)
    log = recsys.read_interactions(path)
    columns = np.searchsorted(one.item_ids, log.item_ids)
    np.testing.assert_array_equal(log.user_items("sum").toarray(), one.user_items[:, columns].toarray())
    assert log.user_ids.tolist() == one.user_ids.tolist()


def test_an_export_has_a_known_suffix(tmp_path):
    with pytest.raises(ValueError, match=r"the path must end in .csv, .tsv, .parquet, .inter, got .*small.json"):
        small().export(tmp_path / "small.json")


def test_scipy_gets_a_copy():
    one = small()
    matrix = one.to_scipy()
    assert (matrix != one.user_items).nnz == 0
    assert matrix.shape == (len(one.user_ids), len(one.item_ids))
    matrix.data[:] = 0
    assert one.user_items.data.min() > 0


@pytest.mark.parametrize(("count", "ids"), [(1, ["syn_0"]), (10, ["syn_0", "syn_9"]), (11, ["syn_00", "syn_10"])])
def test_synthetic_ids_sort_as_their_rows(count, ids):
    one = CondensedInteractions(users(count), IDS["integers"], record())
    assert {one.user_ids[0], one.user_ids[-1]} == set(ids)
    assert sorted(one.user_ids) == one.user_ids.tolist()


def test_synthetic_ids_are_what_the_record_says():
    source = record().source | {"synthetic_prefix": "syn_syn_"}
    one = CondensedInteractions(users(2), IDS["integers"], record(source=source))
    assert one.user_ids.tolist() == ["syn_syn_0", "syn_syn_1"]


def test_copies_are_independent():
    one = small()
    other = copy.deepcopy(one)
    other.user_items.data[:] = 1
    assert not one.binary
