import datetime

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from recsys import InteractionLog, read_interactions

DENSE = np.array([[0, 2, 0, 1], [0, 0, 0, 0], [3, 0, 0, 1]], np.float32)
FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


def frame(**columns):
    return pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": [30, 10, 10]} | columns)


def pairs(log):
    return sorted(zip(log.user_ids[log.users].tolist(), log.item_ids[log.items].tolist(), strict=True))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array])
def test_every_sparse_format_is_read(kind, make):
    matrix = make(DENSE).asformat(kind)
    log = read_interactions(matrix)
    assert log.user_ids.tolist() == [0, 2]
    assert log.item_ids.tolist() == [0, 1, 2, 3]
    assert (log.user_items("sum").toarray() == DENSE[[0, 2]]).all()
    assert log.notes[-1] == "1 users without any interaction were left out."
    assert (matrix.toarray() == DENSE).all()


def test_a_matrix_of_ones_has_no_weights_and_bool_counts_as_such():
    assert read_interactions(sp.csr_matrix(DENSE > 0)).weights is None
    assert read_interactions(sp.csr_matrix((DENSE > 0).astype(int))).weights is None
    stored_false = sp.csr_matrix((np.array([True, False]), ([0, 1], [0, 0])), shape=(2, 1))
    assert len(read_interactions(stored_false)) == 1


def test_entries_that_repeat_in_a_matrix_stay_apart_until_they_are_merged():
    matrix = sp.coo_matrix((np.ones(3), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    log = read_interactions(matrix)
    assert (len(log), log.num_duplicates) == (3, 1)
    assert log.user_items("sum").toarray().tolist() == [[0, 2], [1, 0]]


def test_a_frame_is_read_with_ids_verbatim_and_is_not_changed():
    given = frame(weight=[1.5, 2, 0.5], datetime=[3, 1, 2], title=["x", "y", "z"])
    before = given.copy(deep=True)
    log = read_interactions(given)
    pd.testing.assert_frame_equal(given, before)
    assert log.user_ids.tolist() == ["a", "b"]
    assert log.user_ids.dtype.kind == "U"
    assert log.item_ids.tolist() == [10, 30]
    assert log.item_ids.dtype == np.int64
    assert (log.users.tolist(), log.items.tolist()) == ([1, 0, 1], [1, 0, 0])
    assert log.weights.dtype == np.float32
    assert (log.weights.tolist(), log.times.tolist()) == ([1.5, 2, 0.5], [3, 1, 2])
    assert log.notes == ("Columns that were not used: title; columns= (--columns) names those that shall be.",)


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "7", "07"],
        np.array(["x", "y", "x"], dtype=object),
        pd.Series(["x", "y", "x"], dtype="category"),
        pd.Series(["x", "y", "x"], dtype="string"),
        pd.Series([5, 3, 5], dtype="Int64"),
        np.array([3, -1, 2], np.int8),
        np.array([2**64 - 1, 2**63, 1], np.uint64),
        np.array([3, 1, 2], dtype=object),
        [np.int64(3), 1, 2],
    ],
)
def test_ids_survive(ids):
    log = read_interactions(frame(user_id=ids))
    assert log.user_ids[log.users].tolist() == list(ids)
    assert log.user_ids.tolist() == sorted(set(ids))
    assert log.user_ids.dtype.kind in "iuU"
    assert len(read_interactions((ids, [1, 2, 3]))) == 3


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([3.0, 1.0, 2.0], [3, 1, 2]),
        ([1.5, 1.25, -2.0], [1_500_000, 1_250_000, -2_000_000]),
        (["1970-01-02", "1970-01-01 00:00:01", "1970-01-01T00:00:01.5"], [86_400_000_000, 1_000_000, 1_500_000]),
        (["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00Z", "1970-01-01"], [0, 0, 0]),
        (pd.to_datetime([1, 2, 3], unit="s"), [1_000_000, 2_000_000, 3_000_000]),
        (pd.to_datetime([1, 2, 3], unit="s", utc=True).tz_convert("Asia/Tokyo"), [1_000_000, 2_000_000, 3_000_000]),
        ([datetime.date(1970, 1, 1), datetime.date(1970, 1, 2), datetime.date(1970, 1, 1)], [0, 86_400_000_000, 0]),
        (np.array([5, 2**63 - 1, -5]), [5, 2**63 - 1, -5]),
    ],
)
def test_times_become_integers_in_order(times, expected):
    log = read_interactions(frame(datetime=times))
    assert log.times.dtype == np.int64
    assert log.times.tolist() == expected


def test_arrays_tuples_of_lists_and_tensors():
    log = read_interactions((torch.tensor([4, 2]), ["x", "y"], torch.tensor([1.0, 2.0])))
    assert pairs(log) == [(2, "y"), (4, "x")]
    assert log.weights.tolist() == [1, 2]


def test_weak_interactions_are_left_out_and_their_items_stay():
    log = read_interactions((["a", "a", "b", "c"], [1, 2, 3, 4], [3, 3.3, -1, 5]), min_weight=3.3)
    assert pairs(log) == [("a", 2), ("c", 4)]
    assert log.item_ids.tolist() == [1, 2, 3, 4]
    assert log.user_ids.tolist() == ["a", "c"]
    assert log.notes == (
        "2 interactions of a weight below 3.3 were left out.",
        "1 users without any interaction were left out.",
    )
    again = read_interactions(log, min_weight=3.3)
    assert pairs(again) == pairs(log)
    assert again.notes == log.notes


def test_zeros_are_left_out():
    matrix = sp.csr_matrix((np.array([1, 0, 1e-60, 2]), ([0, 0, 1, 2], [0, 1, 1, 1])), shape=(3, 2))
    log = read_interactions(matrix)
    assert pairs(log) == [(0, 0), (2, 1)]
    assert log.notes[0] == "2 interactions of weight 0 were left out."


def hand_made(**changes):
    parts = {"users": np.array([0, 1]), "items": np.array([1, 0]), "user_ids": np.arange(2), "item_ids": np.arange(2)}
    return InteractionLog(**(parts | changes))


BAD = [
    (DENSE, TypeError, r"must be a SciPy sparse matrix, .* got ndarray; pass scipy.sparse.csr_matrix\(matrix\)"),
    ([1, 2], TypeError, "must be a SciPy sparse matrix, .* got list"),
    (None, TypeError, "got NoneType"),
    (sp.csr_matrix((3, 4)), ValueError, "there are no interactions"),
    (sp.csr_matrix(np.array([[0, np.nan], [np.inf, 1]])), ValueError, "weights must be finite, but 2 are NaN"),
    (sp.csr_matrix(np.array([[1e39]])), ValueError, "1 are NaN, infinite or too large for float32"),
    (sp.csr_matrix(np.array([[-1, 2.0]])), ValueError, "but 1 are negative; drop these .* pass min_weight= "),
    (sp.csr_matrix(np.array([[1j]])), TypeError, "weights must be real numbers, got complex128"),
    (sp.coo_array(np.array([1.0, 2])), ValueError, r"must have the shape \(users, items\), got \(2,\)"),
    (pd.DataFrame({"who": [1], "what": [2]}), ValueError, "hold users and items, got who, what; say which, such as"),
    (pd.DataFrame(), ValueError, "got none; say which"),
    (pd.DataFrame([[1, 2, 3]], columns=["user_id", "item_id", "item_id"]), ValueError, "got item_id several times"),
    (frame().iloc[:0], ValueError, "there are no interactions"),
    (frame(user_id=["a", None, None]), ValueError, "user_id must name one for each interaction, but 2 are missing"),
    (frame(item_id=[1, np.nan, 2]), ValueError, "item_id must name one .* but 1 are missing; drop these rows"),
    (frame(user_id=["a", "", "b"]), ValueError, "user_id must name one for each interaction, but 1 are missing"),
    (frame(user_id=["a", "a\0", "b"]), ValueError, "user_id has ids that differ only in NUL"),
    (
        frame(user_id=["a", 1, "b"]),
        TypeError,
        "user_id must hold integers or strings, all of one kind, got int and str",
    ),
    (frame(user_id=[1.0, 2.0, 3.0]), TypeError, r"got float64; convert them, such as with astype\('int64'\)"),
    (frame(user_id=[True, False, True]), TypeError, "got bool; convert"),
    (frame(user_id=[2**70, 1, 2]), TypeError, "user_id holds integers beyond 64 bits; pass them as strings"),
    (frame(weight=["x", "y", "z"]), TypeError, "weights must be"),
    (frame(weight=[1.0, None, 2.0]), ValueError, "weights must be finite, but 1 are NaN"),
    (frame(weight=pd.array([1.0, None, 2.0], dtype="Float64")), ValueError, "weights must be finite, but 1 are NaN"),
    (frame(weight=[0, 0, 0]), ValueError, "there are no interactions"),
    (frame(datetime=[1.0, np.nan, 2.0]), ValueError, "datetime must be known for each interaction, but 1 are missing"),
    (frame(datetime=pd.to_datetime(["2020", None, "2021"])), ValueError, "datetime must be known .* 1 are missing"),
    (frame(datetime=["2020-01-01", "soon", "later"]), ValueError, "such as 2024-05-31 12:00:00, got 'soon'; convert"),
    (frame(datetime=[1.0, np.inf, 2.0]), ValueError, "datetime must fit into 64 bits and be finite"),
    (frame(datetime=[True, False, True]), TypeError, "datetime must hold numbers or dates, got bool"),
    (([1, 2],), ValueError, r"arrays must be \(users, items\) or \(users, items, weights\), got 1"),
    (([1, 2], [1, 2, 3]), ValueError, "got 2 users, 3 items; pass arrays of one length"),
    (([1, 2], [1, 2], [1]), ValueError, "got 2 users, 2 items, 1 weights"),
    (([[1], [2]], [1, 2]), ValueError, r"users must have one dimension, got the shape \(2, 1\); pass users.ravel"),
    (([1, [2]], [1, 2]), TypeError, "users must be an array of one dimension, got list"),
    ((["a"], ["b"], [1 + 0j]), TypeError, "weights must be real numbers, got complex128"),
    (hand_made(users=np.array([0, 2])), ValueError, r"log.users must lie in \[0, 1\] \(its ids\), got 0 to 2"),
    (hand_made(items=np.array([0.0, 1.0])), TypeError, r"log.items must be int64 of one dimension, got float64"),
    (hand_made(item_ids=np.array(["x", "x"])), ValueError, "log.item_ids must name each once, but some are repeated"),
    (hand_made(times=np.array([1])), ValueError, "got 2 users, 2 items, 1 times"),
]


@pytest.mark.parametrize(("source", "error", "message"), BAD, ids=[message[:50] for *_, message in BAD])
def test_bad_input_fails_with_one_sentence(source, error, message):
    with pytest.raises(error, match=message) as caught:
        read_interactions(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "bound", "message"),
    [
        ((), 3, "min_weight=3 needs weights, but the interactions have none"),
        (([1, 2, 4],), 5, "min_weight=5 leaves none of 3 interactions, the largest is 4; lower it"),
        (([1, 2, 4],), np.nan, "min_weight must be a finite number or None, got nan"),
        (([1, 2, 4],), "4", "min_weight must be a finite number or None, got '4'"),
    ],
)
def test_bad_bounds(weights, bound, message):
    with pytest.raises(ValueError, match=message):
        read_interactions(([1, 2, 3], [1, 2, 3], *weights), min_weight=bound)


def test_a_broken_matrix_is_reported():
    matrix = sp.csr_matrix(DENSE)
    matrix.indices[0] = 99
    with pytest.raises(ValueError, match="the sparse matrix is broken"):
        read_interactions(matrix)
