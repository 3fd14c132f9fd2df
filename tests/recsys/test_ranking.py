"""The best items: against plain sorting, with ties, masks and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys.metrics.ranking import top_items


def sorted_lists(scores, k, seen):
    """Sort each row by (score, lower number) in plain Python."""
    result = np.full((len(scores), k), -1)
    for user, row in enumerate(scores):
        left = [i for i in range(len(row)) if row[i] > -np.inf and (seen is None or not seen[user, i])]
        best = sorted(left, key=lambda i: (-row[i], i))[:k]
        result[user, : len(best)] = best
    return result


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 12)),
    k=st.integers(1, 14),
    values=st.integers(1, 6),
    kind=st.sampled_from([np.float16, np.float32, np.float64, np.int64]),
    mask=st.booleans(),
)
def test_equals_sorting_by_score_then_number(seed, shape, k, values, kind, mask):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-values, values + 1, shape).astype(kind)
    if kind != np.int64:
        scores[rng.random(shape) < 0.2] = -np.inf
    seen = csr_matrix((rng.random(shape) < 0.4) * 1.0) if mask else None
    before = scores.copy()
    top = top_items(scores, k, seen)
    assert top.dtype == np.int64
    assert np.array_equal(top, sorted_lists(scores, k, None if seen is None else seen.toarray()))
    assert np.array_equal(scores, before)


def test_negative_zero_equals_zero():
    assert top_items(np.array([[0.0, -0.0, 0.0]]), 2).tolist() == [[0, 1]]


def test_large_numbers_of_ties_are_settled_in_order():
    scores = np.zeros((3, 40_000), dtype=np.float32)
    scores[:, 39_999] = 1
    expected = [39_999, *range(99)]
    assert top_items(scores, 100).tolist() == [expected] * 3


def test_read_only_and_transposed_scores_are_fine():
    scores = np.arange(6.0).reshape(3, 2).T
    scores.flags.writeable = False
    assert top_items(scores, 2, csr_matrix(([1.0], ([0], [2])), shape=(2, 3))).tolist() == [[1, 0], [2, 1]]


def test_no_users_and_no_items():
    assert top_items(np.zeros((0, 4)), 3).shape == (0, 3)
    assert top_items(np.zeros((2, 0)), 3).tolist() == [[-1] * 3] * 2


@pytest.mark.parametrize(
    ("scores", "k", "seen", "message"),
    [
        ([[0.0, np.nan]], 1, None, "scores must be numbers, .* hold nan"),
        ([[-np.inf, np.nan]], 1, None, "hold nan"),
        ([[0.0, np.inf]], 1, None, "hold inf"),
        ([0.0, 1.0], 1, None, r"\(num_users, num_items\), got \(2,\)"),
        ([[0.0, 1.0]], 0, None, "k must be a positive whole number of items, got 0"),
        ([[0.0, 1.0]], 1.5, None, "got 1.5"),
        ([[0.0, 1.0]], True, None, "got True"),
        ([[0.0, 1.0]], 1, csr_matrix((1, 3)), r"shape of scores \(1, 2\), got \(1, 3\)"),
    ],
)
def test_bad_input(scores, k, seen, message):
    with pytest.raises(ValueError, match=message):
        top_items(np.array(scores), k, seen)
