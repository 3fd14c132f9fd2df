import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys import InteractionLog

ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 9), st.integers(-5, 5)), max_size=30)


def log_of(entries, weights=True, times=True):
    users, items, strengths, moments = np.array(entries, dtype=np.int64).reshape(-1, 4).T
    return InteractionLog(
        users, items, np.array(list("abcd")), np.arange(5) * 10,
        strengths.astype(np.float32) if weights else None, moments if times else None,
    )  # fmt: skip


@given(ENTRIES, st.sampled_from(["binary", "sum", "max"]), st.booleans())
def test_matrix_agrees_with_a_loop(entries, duplicates, weighted):
    expected = np.zeros((4, 5), np.float32)
    for user, item, weight, _ in entries:
        value = weight if weighted else 1
        before = expected[user, item]
        expected[user, item] = {"binary": 1, "sum": before + value, "max": max(before, value)}[duplicates]
    matrix = log_of(entries, weighted).user_items(duplicates)
    assert isinstance(matrix, csr_matrix)
    assert matrix.dtype == np.float32
    assert matrix.has_canonical_format
    assert (matrix.data != 0).all()
    assert (matrix.toarray() == expected).all()


@given(ENTRIES, st.booleans())
def test_merging_keeps_each_pair_once_at_its_earliest_time(entries, timed):
    merged = log_of(entries, times=timed).merged("max")
    earliest: dict[tuple[int, int], int] = {}
    for user, item, _, time in entries:
        earliest[user, item] = min(earliest.get((user, item), time), time)
    assert list(zip(merged.users.tolist(), merged.items.tolist(), strict=True)) == sorted(earliest)
    if timed:
        assert merged.times.tolist() == [earliest[pair] for pair in sorted(earliest)]
    assert log_of(entries).num_duplicates == len(entries) - len(earliest)


def test_take_keeps_places_and_columns_together():
    log = log_of([(0, 1, 2, 3), (1, 4, 5, 6), (3, 0, 1, 1)])
    for rows in (np.array([False, True, True]), np.array([1, 2])):
        some = log.take(rows)
        assert len(some) == 2
        assert (some.num_users, some.num_items) == (4, 5)
        assert (some.users.tolist(), some.items.tolist()) == ([1, 3], [4, 0])
        assert (some.weights.tolist(), some.times.tolist()) == ([5, 1], [6, 1])


def test_a_matrix_and_its_entries():
    matrix = csr_matrix(np.array([[0, 2, 0], [1, 0, 1]], np.float32))
    log = InteractionLog.from_matrix(matrix, np.array(["a", "b"]), np.array([7, 8, 9]))
    assert (log.user_items("sum") != matrix).nnz == 0
    assert InteractionLog.from_matrix(matrix > 0, np.arange(2), np.arange(3)).weights is None
    with pytest.raises(ValueError, match=r"a row for each of the 2 user_ids .* got the shape \(3, 2\)"):
        InteractionLog.from_matrix(matrix.T.tocsr(), np.array(["a", "b"]), np.array([7, 8, 9]))


def test_unknown_treatment_of_duplicates():
    with pytest.raises(ValueError, match="duplicates must be 'binary', 'sum' or 'max', got 'mean'"):
        log_of([(0, 1, 2, 3)]).user_items("mean")
