import builtins
import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys import InteractionLog, read_interactions, write_interactions

TEXT = [".csv", ".tsv", ".inter"]
PARQUET = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
SUFFIXES = [*TEXT, pytest.param(".parquet", marks=PARQUET)]
INTEGERS = st.integers(-(2**63), 2**63 - 1)
# Codec cannot encode surrogates (Cs); files of text cannot tell a NUL (Cc has it) from their end.
STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5)
IDS = st.one_of(
    st.lists(INTEGERS, min_size=1, max_size=4, unique=True),
    st.lists(STRINGS, min_size=1, max_size=4, unique=True),
    st.lists(st.integers(-5, 50).map(str), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(["007", "7", "NA", "null", 'a"b', "a,b", "a\tb", " a ", "1.0", "True"]),
             min_size=1, max_size=4, unique=True),
)  # fmt: skip


@st.composite
def logs(draw):
    user_ids, item_ids = np.unique(draw(IDS)), np.unique(draw(IDS))
    count = draw(st.integers(0, 4))
    users = [*range(len(user_ids)), *draw(st.lists(st.integers(0, len(user_ids) - 1), min_size=count, max_size=count))]
    items = draw(st.lists(st.integers(0, len(item_ids) - 1), min_size=len(users), max_size=len(users)))
    sized = {"min_size": len(users), "max_size": len(users)}
    smallest = float(np.finfo(np.float32).tiny)
    weights = draw(st.none() | st.lists(st.floats(smallest, 2.0**99, width=32), **sized))
    times = draw(st.none() | st.lists(INTEGERS, **sized))
    return InteractionLog(
        np.array(users), np.array(items), user_ids, item_ids,
        None if weights is None else np.array(weights, np.float32), None if times is None else np.array(times),
    )  # fmt: skip


def same(log, other, whole):
    """Whether two logs say the same, apart from items that nobody interacted with."""
    assert (log.user_ids.dtype.kind, log.item_ids.dtype.kind) == (other.user_ids.dtype.kind, other.item_ids.dtype.kind)
    assert log.user_ids.tolist() == other.user_ids.tolist()
    assert log.user_ids[log.users].tolist() == other.user_ids[other.users].tolist()
    assert log.item_ids[log.items].tolist() == other.item_ids[other.items].tolist()
    for name in ("weights", "times"):
        one, two = getattr(log, name), getattr(other, name)
        assert (one is None) == (two is None)
        assert one is None or (one.dtype == two.dtype and one.tolist() == two.tolist())
    assert not whole or log.item_ids.tolist() == other.item_ids.tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None)
@given(log=logs())
def test_what_was_written_is_read_again(tmp_path_factory, suffix, log):
    path = tmp_path_factory.mktemp("files") / f"log{suffix}"
    write_interactions(log, path)
    same(log, read_interactions(path), whole=suffix == ".inter")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_strings_that_look_like_numbers_among_others_stay_strings(tmp_path, suffix):
    log = InteractionLog(np.array([0, 1]), np.array([0, 0]), np.array(["x", "y"]), np.array(["7", "eight"]))
    write_interactions(log, tmp_path / f"log{suffix}")
    same(log, read_interactions(tmp_path / f"log{suffix}"), whole=suffix == ".inter")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "ids",
    [["007", "7"], ["7", "8"], [7, 8], ["NA", "x,y"], ["a\rb", "c"], ['"c', "a\nb"], [-1, 2**63 - 1], [1, 2**64 - 1]],
)
def test_strings_stay_strings_and_integers_integers(tmp_path, suffix, ids):
    path = tmp_path / f"log{suffix}"
    expected = np.array(ids, np.uint64 if ids[-1] == 2**64 - 1 else None)
    write_interactions(InteractionLog(np.array([0, 1]), np.array([0, 1]), expected, np.arange(2)), path)
    log = read_interactions(path)
    assert log.user_ids.tolist() == ids
    assert log.user_ids.dtype.kind in ("U" if expected.dtype.kind == "U" else "iu")
    assert log.name == "log"


def test_a_matrix_with_ids_is_written(tmp_path):
    matrix = csr_matrix(np.array([[0, 0.5, 0], [1, 0, 0]], np.float32))
    write_interactions((matrix, np.array(["syn_0", "syn_1"]), np.array([10, 20, 30])), tmp_path / "small.csv")
    assert (tmp_path / "small.csv").read_text() == "user_id,item_id,weight\nsyn_0,20,0.5\nsyn_1,10,1.0\n"
    write_interactions((matrix > 0, np.arange(2), np.arange(3)), tmp_path / "ones.tsv")
    assert (tmp_path / "ones.tsv").read_text() == "user_id\titem_id\n0\t1\n1\t0\n"


def test_recbole_finds_its_header_and_all_items(tmp_path):
    log = InteractionLog(
        np.array([0, 1]), np.array([2, 0]), np.array(["1", "2"]), np.array([5, 6, 7]), np.array([4, 5], np.float32),
        np.array([10, 20]),
    )  # fmt: skip
    write_interactions(log, tmp_path / "set.inter")
    lines = (tmp_path / "set.inter").read_text().splitlines()
    assert lines[0].split("\t") == ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    assert (tmp_path / "set.item").read_text() == "item_id:token\n5\n6\n7\n"
    # As RecBole reads it: tokens are text, whether in quotes or not.
    frame = pd.read_csv(tmp_path / "set.inter", sep="\t", dtype={"user_id:token": str, "item_id:token": str})
    assert frame.to_numpy().tolist() == [["1", "7", 4.0, 10], ["2", "5", 5.0, 20]]
    assert read_interactions(tmp_path / "set.inter").item_ids.tolist() == [5, 6, 7]
    (tmp_path / "set.item").unlink()
    assert read_interactions(tmp_path / "set.inter").item_ids.tolist() == [5, 7]


def test_an_item_file_with_more_columns_and_text(tmp_path):
    (tmp_path / "set.inter").write_text("item_id:token\tuser_id:token\tlabel:float\n1\tu\t1.0\n2\tv\t0.0\n")
    (tmp_path / "set.item").write_text("title:token_seq\titem_id:token\nA film\t1\nAnother\t003\n")
    log = read_interactions(tmp_path / "set.inter")
    assert log.item_ids.tolist() == ["003", "1", "2"]
    assert log.items.tolist() == [1, 2]
    assert log.notes[0].startswith("Columns that were not used: label;")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("film:token\n1\n", "cannot be read as .item .it has no column item_id:token; rename .*[^f]$"),
        ("item_id:token\ttitle:token\n1\tA film\tof 1999\n", "names 2 columns, but its first row has 3 values.$"),
        ("", "it is empty"),
    ],
)
def test_faults_of_an_item_file_are_reported_that_file(tmp_path, content, message):
    (tmp_path / "set.inter").write_text("item_id:token\tuser_id:token\n1\tu\n2\tv\n")
    (tmp_path / "set.item").write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_interactions(tmp_path / "set.inter")
    assert str(caught.value).startswith(f"{tmp_path / 'set.item'} ")
    assert ".inter" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("user_id,item_id\n3,1\n12,1\n", [3, 12]),
        ("user_id,item_id\r\n3,1\r\n12,1\r\n", [3, 12]),
        ("\ufeffuser_id,item_id\n3,1\n\n12,1", [3, 12]),
        ("item_id,x,user_id\n1,,3\n1,,12\n", [3, 12]),
        ('"user_id","item_id"\n"3","1"\n"12","1"\n', ["12", "3"]),
        ("user_id,item_id\n3,1\n012,1\n", ["012", "3"]),
        ("user_id,item_id\n3,1\n1_2,1\n", ["1_2", "3"]),
        ("user_id,item_id\n3,1\n 12,1\n", [" 12", "3"]),
        ("user_id,item_id\n3,1\n1.0,1\n", ["1.0", "3"]),
        ('user_id,item_id\n"a,""b",1\n3,1\n', ["3", 'a,"b']),
        ("user_id,item_id\nNA,1\nnan,1\n", ["NA", "nan"]),
    ],
)
def test_text_of_other_hands(tmp_path, text, users):
    (tmp_path / "log.csv").write_text(text, encoding="utf-8", newline="")
    log = read_interactions(tmp_path / "log.csv")
    assert log.user_ids.tolist() == users
    assert len(log) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.csv", b"", "cannot be read as .csv .it is empty"),
        ("log.csv", b"\n\n", "it is empty"),
        ("log.csv", b"user_id,item_id\n", "there are no interactions"),
        ("log.csv", b"a,b\n1,2\n", "log.csv: no column is known to hold users and items, got a, b; say .*item=b$"),
        ("log.csv", b"user_id,item_id\n1,2\n3", "item_id must name one for each interaction, but 1 are missing"),
        ("log.csv", b"user_id,item_id,weight\n1,2,3\n3,4,\n", "weights must be finite, but 1 are NaN"),
        ("log.csv", b"user_id,item_id,weight\n1,2,3\n3,4,five\n", "cannot be read as .csv .*five"),
        ("log.csv", b"user_id,item_id,datetime\n1,2,3\n3,4,\n", "datetime must be known .* 1 are missing"),
        ("log.csv", b"user_id,item_id\n1,2,3\n", "names 2 columns, but its first row has 3 values"),
        ("log.csv", b"user_id,item_id\n1,2\n1,2,3\n", "cannot be read as .csv .*line 3"),
        ("log.csv", b'user_id,item_id\n1,2\n1,"2', "a quotation mark in its last line .*; it may be cut off$"),
        ("log.csv", b"user_id,item_id\n1,2\n1,2,3", "cannot be read as .csv .*line 3.*; it may be cut off$"),
        ("log.csv", b"user_id,item_id\n1,2\n1,2,3\n", "cannot be read as .csv .*line 3.*[^f]$"),
        ("log.csv", b'user_id,title,item_id\n1,a,2\n1,"b,2\n1,b",c,2\n', "row 4 has 4 values instead of 3, and a"),
        ("log.csv", b"user_id,item_id\n1,\xff\n", "cannot be read as .csv .*utf-8"),
        ("log.csv", b"PAR1\x00\x01\xfe\xff" * 9, "cannot be read as .csv"),
        ("log.csv", b"user_id,user_id,item_id\n1,1,2\n", "got user_id several times"),
        ("log.inter", b"who:token\twhat:token\n1\t2\n", "got who, what; say which"),
        pytest.param("log.parquet", b"PAR1 and no more", "cannot be read as .parquet", marks=PARQUET),
        pytest.param("log.parquet", b"", "cannot be read as .parquet", marks=PARQUET),
        ("log.json", b"1 2", "must end in .csv, .tsv, .parquet, .inter, .txt, .dat, .data, got"),
        ("log.csv.gz", b"user_id,item_id\n1,2\n", "cannot be read as .csv .*gzip"),
    ],
)
def test_broken_files_are_reported(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_interactions(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", TEXT)
def test_a_file_that_broke_off_within_a_row_is_reported(tmp_path, suffix):
    path = tmp_path / f"log{suffix}"
    write_interactions((csr_matrix(np.ones((3, 2)) / 2), np.array(["a", "b", "c"]), np.array(["x", "y"])), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"y") + 1])
    with pytest.raises(ValueError, match="weights must be finite, but 1 are NaN"):
        read_interactions(path)


@PARQUET
def test_a_parquet_file_that_broke_off_is_reported(tmp_path):
    path = tmp_path / "log.parquet"
    write_interactions((csr_matrix(np.ones((3, 2))), np.arange(3), np.arange(2)), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"cannot be read as .parquet .*; it may be cut off"):
        read_interactions(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*log.csv; give the path of a"):
        read_interactions(str(tmp_path / "log.csv"))
    matrix = (csr_matrix(np.eye(2)), np.arange(2), np.arange(2))
    with pytest.raises(FileNotFoundError, match=r"the folder .* does not exist"):
        write_interactions(matrix, tmp_path / "no" / "log.csv")
    with pytest.raises(ValueError, match="must end in"):
        write_interactions(matrix, tmp_path / "log")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_are_replaced_only_when_asked_and_whole_or_not_at_all(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"log{suffix}"
    one, two = csr_matrix(np.eye(2)), csr_matrix(np.ones((2, 2)))
    write_interactions((one, np.arange(2), np.arange(2)), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match="exists already; choose another name or pass overwrite=True"):
        write_interactions((two, np.arange(2), np.arange(2)), path)

    def fail(*args, **kwargs):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet" if suffix == ".parquet" else "to_csv", fail)
        with pytest.raises(OSError, match="no space left"):
            write_interactions((two, np.arange(2), np.arange(2)), path, overwrite=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    write_interactions((two, np.arange(2), np.arange(2)), path, overwrite=True)
    assert len(read_interactions(path)) == 4


def test_an_item_file_of_another_is_not_replaced(tmp_path):
    (tmp_path / "log.item").write_text("mine")
    with pytest.raises(FileExistsError, match=r"log.item exists already"):
        write_interactions((csr_matrix(np.eye(2)), np.arange(2), np.arange(2)), tmp_path / "log.inter")
    assert [file.name for file in tmp_path.iterdir()] == ["log.item"]


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "log.parquet"
    matrix = (csr_matrix(np.eye(2)), np.arange(2), np.arange(2))
    path.write_bytes(b"PAR1")
    real = builtins.__import__

    def blocked(name, *args, **kwargs):
        if name.split(".")[0] == "pyarrow":
            raise ImportError("No module named 'pyarrow'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", blocked)
    monkeypatch.setattr(importlib, "import_module", blocked)
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow" or name == "pandas.io.parquet"]:
        monkeypatch.delitem(sys.modules, name)
    for action in (lambda: read_interactions(path), lambda: write_interactions(matrix, path, overwrite=True)):
        with pytest.raises(ImportError, match=r"parquet files need pyarrow; pip install pyarrow, or use .csv"):
            action()
