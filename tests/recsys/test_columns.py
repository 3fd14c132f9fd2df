"""Which column of a table is which, in files as people have them."""

import gzip
import itertools

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import read_interactions
from recsys.data.columns import NAMES, layout_of

ROWS = [("ann", 10, 4.0, 300), ("bob", 20, 1.0, 100), ("ann", 20, 3.5, 200)]
TOLD = [
    ("userId", "movieId", "rating", "timestamp"),
    ("USER", "Item", "score", "date"),
    ("reviewerID", "asin", "overall", "unixReviewTime"),
    ("User-ID", "ISBN", "Book-Rating", "ts"),
    ("customer id", "product_id", "quantity", "created_at"),
    ("visitorid", "itemid", "count", "event_time"),
    ("user_id", "artist_id", "plays", "datetime"),
]


def text(rows, separator, head=None):
    lines = [separator.join(map(str, row)) for row in ([head] if head else []) + list(rows)]
    return "\n".join(lines) + "\n"


def triples(log):
    names = zip(log.user_ids[log.users].tolist(), log.item_ids[log.items].tolist(), strict=True)
    return sorted(zip(names, log.times.tolist(), strict=True))


EXPECTED = [(("ann", 10), 300), (("ann", 20), 200), (("bob", 20), 100)]


@pytest.mark.parametrize("head", TOLD, ids=" ".join)
def test_usual_names_are_recognised_in_frames_and_files(tmp_path, head):
    (tmp_path / "log.csv").write_text(text(ROWS, ",", head))
    for source in (pd.DataFrame(ROWS, columns=head), tmp_path / "log.csv"):
        log = read_interactions(source)
        assert triples(log) == EXPECTED
        assert log.weights is None
        assert any(note.startswith(f"Column {head[2]} was not used: all inter") for note in log.notes)
        kept = read_interactions(source, min_weight=3.5)
        assert kept.weights.tolist() == [4.0, 3.5]


def test_each_name_stands_for_one_role():
    names = list(itertools.chain.from_iterable(NAMES.values()))
    assert len(set(names)) == len(names)
    for column, others in NAMES.items():
        for name in others:
            extra = [own for own in ("user_id", "item_id") if own != column]
            assert layout_of([*extra, name.upper().replace("_", "")]).places[column] == len(extra)


def test_our_own_names_come_before_others_and_ids_before_names():
    assert layout_of(["user", "user_id", "item_id", "movieId"]).places == {"user_id": 1, "item_id": 2}
    assert layout_of(["artist_name", "artist_id", "user"]).places == {"user_id": 2, "item_id": 1}


@pytest.mark.parametrize("name", ["ratings.dat", "ratings.csv", "ratings.dat.gz", "u.data", "log.txt", "log.tsv.gz"])
@pytest.mark.parametrize("separator", ["::", "\t", ";", "|", ","])
@pytest.mark.parametrize("header", [True, False])
def test_other_separators_no_header_and_compression(tmp_path, name, separator, header):
    data = text([("ann", 10, 4.0, 300), *ROWS[1:]], separator, TOLD[0] if header else None).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    log = read_interactions(tmp_path / name, min_weight=1)
    assert triples(log) == EXPECTED
    assert log.weights.tolist() == [4.0, 1.0, 3.5]
    assert log.name == name.split(".")[0]
    said = "There is no header; columns by their places, from 0: user_id 0, item_id 1, weight 2, datetime 3."
    assert any(note.startswith(said) for note in log.notes) is not header


@pytest.mark.parametrize(
    ("rows", "weights", "times"),
    [
        ([(1, 2), (3, 4)], None, None),
        ([(1, 2, 5), (3, 4, 1)], [5, 1], None),
        ([(1, 2, 978300760), (3, 4, 978300761)], None, [978300760, 978300761]),
        ([("a", "b", "2020-01-01"), ("c", "d", "2020-01-02")], None, [1577836800000000, 1577923200000000]),
    ],
)
def test_two_and_three_columns_without_a_header(tmp_path, rows, weights, times):
    (tmp_path / "log.csv").write_text(text(rows, ","))
    columns = {"user": 0, "item": 1, "time": 2} if rows[0][0] == "a" else None
    log = read_interactions(tmp_path / "log.csv", columns=columns, min_weight=0 if weights else None)
    assert len(log) == 2
    assert (None if log.weights is None else log.weights.tolist()) == weights
    assert (None if log.times is None else log.times.tolist()) == times


@pytest.mark.parametrize("columns", [{"user": "who", "item": "what"}, {"user": 2, "item": "0"}])
def test_columns_are_reported_by_name_or_place(tmp_path, columns):
    rows = [(10, "x", "ann"), (20, "y", "bob")]
    (tmp_path / "log.csv").write_text(text(rows, ",", ("what", "rating", "who")))
    for source in (tmp_path / "log.csv", pd.DataFrame(rows, columns=["what", "rating", "who"])):
        log = read_interactions(source, columns=columns)
        assert log.user_ids.tolist() == ["ann", "bob"]
        assert log.item_ids.tolist() == [10, 20]


def test_places_without_a_header(tmp_path):
    (tmp_path / "log.csv").write_text("B00,ann,5.0\nB01,bob,3.0\n")
    log = read_interactions(tmp_path / "log.csv", columns={"user": 1, "item": 0, "weight": 2})
    assert (log.user_ids.tolist(), log.item_ids.tolist()) == (["ann", "bob"], ["B00", "B01"])
    assert log.weights.tolist() == [5, 3]
    (tmp_path / "log.csv").write_text("B00,ann\nB01,bob\n")
    assert len(read_interactions(tmp_path / "log.csv", columns={"user": 1, "item": 0})) == 2


BAD = [
    ({"user": "who", "item": "movieId"}, ValueError, "there is no column 'who' for user_id; there are userId, movieId"),
    ({"user": 9, "item": 0}, ValueError, "there is no column 9 for user_id"),
    ({"user": "userId", "item": "userId"}, ValueError, "columns must be different ones, got 'userId'"),
    ({"colour": "userId"}, ValueError, "columns must tell of user, item, weight, time, got 'colour'"),
    ({"user": 1.5}, TypeError, "columns must hold names or places of columns, got 1.5 for 'user'"),
    (["userId", "movieId"], TypeError, "columns must be a mapping such as"),
]


@pytest.mark.parametrize(("columns", "error", "message"), BAD)
def test_wrong_columns_are_reported(tmp_path, columns, error, message):
    (tmp_path / "log.csv").write_text(text([(1, 2)], ",", ("userId", "movieId")))
    with pytest.raises(error, match=message):
        read_interactions(tmp_path / "log.csv", columns=columns)


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("1,2,3,4,5\n", None, "there is no header, and the first row has 5 values; say which .* --columns user=0"),
        ("1,2\n", {"user": "a", "item": "b"}, "there is no column a: there is no header, and the first row is 1, 2"),
        ("who,what\nx,y\n", None, "no column is known to hold users and items, got who, what; say which"),
    ],
)
def test_tables_that_cannot_be_understood(tmp_path, content, columns, message):
    (tmp_path / "log.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_interactions(tmp_path / "log.csv", columns=columns)
    with pytest.raises(ValueError, match="is for frames and files, got tuple"):
        read_interactions(([1], [2]), columns={"user": "a"})


def date(time):
    return pd.Timestamp(time, unit="s" if time < 1e10 else "ms").isoformat()


@pytest.mark.parametrize("times", [[964982703, 964981247, 964982224], [964982703000, 964981247000, 964982224000]])
@pytest.mark.parametrize("kind", [int, float, str, date])
def test_times_in_seconds_milliseconds_and_dates_split_alike(times, kind):
    frame = pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 3], "timestamp": list(map(kind, times))})
    split = recsys.temporal_split(frame, val=0.3, test=0.3)
    assert split.test.targets[0, 0] == 1
    assert recsys.leave_one_out(frame).test.targets[0, 0] == 1


def test_a_column_that_is_no_time_after_all_is_reported_when_times_are_needed():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "date": ["soon", "later"]})
    log = read_interactions(frame)
    assert log.times is None
    assert log.notes[-1].startswith("Column date was not used for times: datetime must hold")
    with pytest.raises(ValueError, match=r"must have times .*--columns time=when; Column date was not used for times"):
        recsys.temporal_split(frame)
    with pytest.raises(ValueError, match="datetime must hold numbers or dates"):
        read_interactions(frame, columns={"time": "date"})


STRAY = {
    "opens": '"Great" they said',
    "only": '"',
    "unclosed": '"Great',
    "inside": 'a 3" screen',
    "at the end": '12"',
    "enclosed": '"all of it"',
    "doubled": '"she said ""no"""',
}


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".inter", ".txt"])
@pytest.mark.parametrize("kind", STRAY)
@pytest.mark.parametrize("last", [False, True])
def test_stray_quotation_marks_lose_no_row(tmp_path, suffix, kind, last):
    separator = "," if suffix == ".csv" else "\t"
    head = [name + (":token" if suffix == ".inter" else "") for name in ("user_id", "item_id", "review")]
    rows = [(f"u{i % 5}", i, STRAY[kind] if i in (4, 20) else f"text {i}") for i in range(35)]
    order = (0, 1, 2) if last else (2, 0, 1)
    path = tmp_path / f"log{suffix}"
    path.write_text(text([[row[i] for i in order] for row in rows], separator, [head[i] for i in order]))
    log = read_interactions(path)
    assert log.items.tolist() == list(range(35))
    assert log.user_ids.tolist() == [f"u{i}" for i in range(5)]


def test_quoted_texts_of_several_lines_and_with_separators_stay_whole(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id,review,item_id\na,"one, two",1\nb,"three\nfour",2\nc,"say ""no""\n",3\n')
    assert read_interactions(path).user_ids.tolist() == ["a", "b", "c"]


def test_ids_with_stray_marks_stay_as_they_are(tmp_path):
    (tmp_path / "log.tsv").write_text('user_id\tartist\n1\t"Weird Al" Yankovic\n2\t12"\n3\t"quoted"\n')
    assert read_interactions(tmp_path / "log.tsv").item_ids.tolist() == ['"Weird Al" Yankovic', '12"', "quoted"]


def test_a_compressed_file_that_broke_off_is_reported(tmp_path):
    data = text(np.random.default_rng(0).integers(0, 99, (500, 2)), ",", ("user", "item")).encode()
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(data)[:-20])
    with pytest.raises(ValueError, match=r"log.csv.gz cannot be read as .csv .*; it may be cut off$"):
        read_interactions(tmp_path / "log.csv.gz")
