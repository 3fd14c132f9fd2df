import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys.evaluation.memorisation import Memorisation, memorisation


def sparse(dense: object) -> csr_matrix:
    return csr_matrix(np.asarray(dense, dtype=np.float32))


def jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def item_sets(dense: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(row).tolist()) for row in dense]


def brute_force(these: list[set[int]], those: list[set[int]], own: list[int] | None = None) -> tuple[list, list]:
    nearest, similarity = [], []
    for number, one in enumerate(these):
        alike = [0.0 if own and own[number] == at else jaccard(one, other) for at, other in enumerate(those)]
        similarity.append(max(alike))
        nearest.append(alike.index(max(alike)) if max(alike) else -1)
    return nearest, similarity


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 6), st.integers(1, 13), st.integers(0, 9999))
def test_it_is_what_brute_force_finds(num_synthetic, num_real, num_items, block, seed):
    rng = np.random.default_rng(seed)
    weights = rng.choice([0, 0.25, 0.5, 0.75, 1], (num_synthetic, num_items))
    real = rng.choice([0, 0, 1, 3], (num_real, num_items))
    sample = int(rng.integers(1, num_real + 3))
    report = memorisation(sparse(weights), sparse(real), 0.5, sample=sample, seed=seed, block=block)
    nearest, similarity = brute_force(item_sets(weights > 0.5), item_sets(real))
    assert report.nearest.tolist() == nearest
    assert report.similarity.tolist() == similarity
    sampled = report.sampled.tolist()
    assert len(set(sampled)) == len(sampled) == min(sample, num_real)
    _, among = brute_force([item_sets(real)[user] for user in sampled], item_sets(real), own=sampled)
    assert report.among_real.tolist() == among
    assert report.synthetic == pytest.approx((np.mean(similarity), max(similarity), np.mean(np.equal(similarity, 1))))
    assert report.real == pytest.approx((np.mean(among), max(among), np.mean(np.equal(among, 1))))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 9999), st.integers(4, 40))
def test_blocks_change_nothing(seed, block):
    rng = np.random.default_rng(seed)
    synthetic, real = (sparse(rng.random((rows, 8)) < 0.3) for rows in (15, 33))
    whole, parts = memorisation(synthetic, real, block=1000), memorisation(synthetic, real, block=block)
    for name in ("nearest", "similarity", "sampled", "among_real"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_copies_are_found():
    real = np.random.default_rng(0).random((200, 40)) < 0.3
    copied = [150, 3, 77]
    report = memorisation(sparse(real[copied]), sparse(real))
    assert report.nearest.tolist() == copied
    assert report.synthetic == (1.0, 1.0, 1.0)
    assert report.real.exact == 0
    assert report.real.highest < 1


def test_empty_users_are_like_nobody():
    report = memorisation(sparse([[0, 0], [0.5, 0]]), sparse([[0, 0], [1, 1]]))
    assert (report.nearest.tolist(), report.similarity.tolist()) == ([-1, -1], [0, 0])
    assert report.synthetic == (0.0, 0.0, 0.0)


def test_one_real_user_has_no_other():
    assert memorisation(sparse([[1, 0]]), sparse([[1, 1]])).among_real.tolist() == [0]


def test_the_sample_follows_its_seed():
    rng = np.random.default_rng(0)
    synthetic, real = sparse(rng.random((2, 9)) < 0.5), sparse(rng.random((60, 9)) < 0.5)
    samples = [memorisation(synthetic, real, sample=20, seed=seed).sampled.tolist() for seed in (0, 0, 1)]
    assert samples[0] == samples[1] != samples[2]


def test_input_is_untouched_even_where_it_is_not_canonical():
    # The first row holds item 2 before item 0, and item 0 twice.
    untidy = csr_matrix((np.full(4, 0.4, np.float32), np.array([2, 0, 0, 1]), np.array([0, 3, 4])), shape=(2, 3))
    before = [part.copy() for part in (untidy.data, untidy.indices, untidy.indptr)]
    report = memorisation(untidy, untidy)
    assert report.similarity.tolist() == [0.5, 0.0]  # 0.4 + 0.4 is above the threshold; the real user has 0 and 2
    for part, old in zip((untidy.data, untidy.indices, untidy.indptr), before, strict=True):
        np.testing.assert_array_equal(part, old)


def test_the_report_reads_well():
    report = Memorisation(np.array([4, 4]), np.array([0.95, 1]), np.arange(4), np.array([0, 0.5, 0.5, 0.2]))
    assert str(report) == (
        "similarity to the nearest (other) real user    mean  highest  exact copies\n"
        "2 synthetic users                             0.975    1.000         50.0%\n"
        "4 real users, sampled                         0.300    0.500          0.0%"
    )


@pytest.mark.parametrize(
    ("synthetic", "real", "arguments", "sentence"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, "must have the same items, got 3 and 4 columns"),
        (np.ones((0, 3)), np.ones((2, 3)), {}, "at least one user each, got 0 and 2"),
        (np.ones((2, 3)), np.ones((0, 3)), {}, "at least one user each, got 2 and 0"),
        (np.ones((2, 3)), np.ones((2, 3)), {"threshold": -0.1}, "threshold must be finite and at least 0, got -0.1"),
        (np.ones((2, 3)), np.ones((2, 3)), {"threshold": float("nan")}, "threshold must be finite"),
        (np.ones((2, 3)), np.ones((2, 3)), {"sample": 0}, "sample and block must be at least 1, got 0 and 1024"),
        (np.ones((2, 3)), np.ones((2, 3)), {"block": 0}, "sample and block must be at least 1, got 1000 and 0"),
    ],
)
def test_bad_input_gets_one_sentence(synthetic, real, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        memorisation(sparse(synthetic), sparse(real), **arguments)
