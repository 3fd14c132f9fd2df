"""Areas under ROC curves: against counting pairs; and the drawing of negatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, vstack

from recsys.metrics.auc import PooledAUC, draw_others, user_auc

seeds = st.integers(0, 10**6)


def share_of_pairs(positives, negatives):
    """Return the share of pairs that are in order, ties half."""
    gaps = np.subtract.outer(positives, negatives)
    return ((gaps > 0) + (gaps == 0) / 2).mean() if gaps.size else np.nan


@given(seed=seeds, values=st.integers(1, 5))
def test_pooled_auc_counts_pairs(seed, values):
    rng = np.random.default_rng(seed)
    positives, negatives = (rng.integers(0, values, rng.integers(1, 20)).astype(np.float32) for _ in range(2))
    assert PooledAUC().value(positives, negatives) == pytest.approx(share_of_pairs(positives, negatives), abs=1e-12)


def test_pooled_auc_of_nothing_is_undefined():
    assert np.isnan(PooledAUC().value(np.ones(3), np.ones(0)))
    assert np.isnan(PooledAUC().value(np.ones(0), np.ones(3)))


def test_pooled_auc_observes_targets_and_all_that_is_left():
    scores = np.arange(10.0).reshape(2, 5)
    known = csr_matrix(np.array([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    targets = csr_matrix(np.array([[0.0, 1, 0, 1, 0], [0, 0, 1, 0, 0]]))
    positives, negatives = PooledAUC(negatives=50).observe(scores, known, targets, np.random.default_rng(0))
    assert positives.tolist() == [1, 3, 7]
    assert sorted(negatives.tolist()) == [2, 4, 5, 6, 8, 9]


@given(seed=seeds, values=st.integers(1, 5))
def test_user_auc_counts_pairs(seed, values):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-values, values, (6, 9)).astype(rng.choice([np.float32, np.float64]))
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    kind = rng.choice(3, scores.shape, p=[0.4, 0.3, 0.3])
    found = user_auc(scores, csr_matrix((kind == 1) * 1.0), csr_matrix((kind == 2) * 1.0))
    expected = [share_of_pairs(row[of == 2], row[of == 0]) for row, of in zip(scores.tolist(), kind, strict=True)
                for row in [np.nan_to_num(np.array(row), neginf=-99.0)]]  # fmt: skip
    assert found == pytest.approx(np.array(expected), abs=1e-12, nan_ok=True)


def test_a_target_that_is_known_loses():
    one = csr_matrix(np.array([[1.0, 0, 0]]))
    assert user_auc(np.array([[3.0, 2.0, 1.0]]), one, one).tolist() == [0.0]


@given(seed=seeds, count=st.integers(1, 12))
def test_drawn_columns_are_free_different_and_as_many_as_there_are(seed, count):
    rng = np.random.default_rng(seed)
    excluded = csr_matrix((rng.random((5, 9)) < rng.random()) * 1.0)
    for row, drawn in enumerate(draw_others(excluded, count, rng)):
        free = set(range(9)) - set(excluded[row].indices.tolist())
        found = drawn[drawn >= 0].tolist()
        assert len(set(found)) == len(found) == min(count, len(free))
        assert set(found) <= free


def test_drawn_columns_are_uniform():
    excluded = csr_matrix(np.tile([0.0, 1, 0, 0, 0, 1, 0, 0], (20_000, 1)))
    counts = np.bincount(draw_others(excluded, 3, np.random.default_rng(0)).ravel(), minlength=8)
    assert counts[[1, 5]].tolist() == [0, 0]
    expected = 3 * 20_000 / 6
    assert np.abs(counts[[0, 2, 3, 4, 6, 7]] - expected).max() < 5 * np.sqrt(expected / 2)


def test_drawn_columns_do_not_depend_on_blocks():
    excluded = csr_matrix((np.random.default_rng(1).random((6, 30)) < 0.4) * 1.0)
    whole = draw_others(excluded, 4, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    parts = [draw_others(excluded[:1], 4, rng), draw_others(excluded[1:], 4, rng)]
    assert np.array_equal(whole, np.vstack(parts))
    assert np.array_equal(draw_others(vstack([excluded], format="csr"), 4, np.random.default_rng(7)), whole)
