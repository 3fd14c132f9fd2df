"""The paired bootstrap: against theory, and with bad input."""

import numpy as np
import pytest

from recsys.metrics import bootstrap
from recsys.metrics.bootstrap import paired_bootstrap


def test_the_interval_is_that_of_the_normal_approximation():
    rng = np.random.default_rng(0)
    b = rng.random(2000)
    a = b + rng.normal(0.02, 0.1, 2000)
    difference, low, high = paired_bootstrap(a, b, seed=1)
    error = (a - b).std() / np.sqrt(2000)
    assert difference == pytest.approx((a - b).mean())
    assert (low, high) == pytest.approx((difference - 1.96 * error, difference + 1.96 * error), abs=0.15 * error)


def test_pairing_cancels_what_users_share():
    hard = np.random.default_rng(0).random(500)
    assert paired_bootstrap(hard + 0.01, hard, seed=0) == pytest.approx((0.01, 0.01, 0.01))


def test_it_covers_the_truth_as_often_as_promised():
    rng = np.random.default_rng(3)
    inside = 0
    for run in range(200):
        _, low, high = paired_bootstrap(rng.normal(size=60), np.zeros(60), seed=run, draws=310)
        inside += low <= 0 <= high
    assert 0.88 <= inside / 200 <= 0.99


def test_same_seed_same_interval_however_it_is_cut(monkeypatch):
    a, b = np.random.default_rng(0).random((2, 50))
    first = paired_bootstrap(a, b, seed=4, draws=31)
    assert paired_bootstrap(a, b, seed=4, draws=31) == first
    assert paired_bootstrap(a, b, seed=5, draws=31) != first
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 170)
    assert paired_bootstrap(a, b, seed=4, draws=31) == pytest.approx(first, abs=1e-15)


@pytest.mark.parametrize(
    ("a", "b", "draws", "message"),
    [
        ([1.0, 2.0], [1.0], 10, r"one number for each user, got \(2,\) and \(1,\)"),
        ([], [], 10, "one number for each user"),
        ([[1.0]], [[1.0]], 10, "one number for each user"),
        ([np.nan], [1.0], 10, "a and b must be finite"),
        ([1.0], [1.0], 0, "draws must be a positive whole number, got 0"),
    ],
)
def test_bad_input(a, b, draws, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(np.array(a), np.array(b), 0, draws)
