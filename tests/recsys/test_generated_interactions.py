import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys import generate_interactions, random_split
from recsys.data import generated


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4), st.integers(0, 9), st.data())
@settings(max_examples=80, deadline=None)
def test_any_size_is_met_exactly(users, items, factors, seed, data):
    total = data.draw(st.integers(users, users * items))
    matrix = generate_interactions(users, items, total, factors=factors, seed=seed)
    assert isinstance(matrix, csr_matrix)
    assert (matrix.shape, matrix.nnz, matrix.dtype) == ((users, items), total, np.float32)
    assert matrix.has_canonical_format
    assert (matrix.data == 1).all()
    assert matrix.indices.dtype == np.int32
    assert np.diff(matrix.indptr).min() >= min(generated.FEWEST, total // users)
    again = generate_interactions(users, items, total, factors=factors, seed=seed)
    assert (matrix.indices == again.indices).all()


def test_seeds_differ():
    one, two = (generate_interactions(50, 40, 400, seed=seed) for seed in (0, 1))
    assert (one != two).nnz > 0


def test_blocks_of_users_are_of_one_law(monkeypatch):
    monkeypatch.setattr(generated, "BLOCK", 40 * 7)
    matrix = generate_interactions(50, 40, 700)
    assert matrix.nnz == 700
    assert matrix.has_canonical_format
    assert len({tuple(row.indices) for row in matrix}) > 45


def test_activity_and_popularity_are_skewed():
    matrix = generate_interactions(2000, 500, 60_000)
    for counts in (np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=500)):
        assert np.median(counts) < 0.8 * counts.mean()
        assert counts.max() > 4 * counts.mean()


@pytest.mark.parametrize("factors", [1, 3])
def test_busy_users_draw_by_the_same_law(monkeypatch, factors):
    """Successive draws and races are the same: what was drawn first does not depend on where the race sets in."""
    shares = []
    for rounds in (0, 60):
        monkeypatch.setattr(generated, "ROUNDS", rounds)
        matrix = generate_interactions(3000, 12, 3000 * 5, factors=factors, seed=5)
        shares.append(np.bincount(matrix.indices, minlength=12) / 3000)
    assert np.abs(shares[0] - shares[1]).max() < 4 * np.sqrt(0.25 * 2 / 3000)
    assert shares[0].max() - shares[0].min() > 0.2


def recall(scores, split):
    scores[split.test.context.toarray() > 0] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :10]
    targets = split.test.targets.toarray()
    asked = split.test.asked()
    hits = np.take_along_axis(targets, best, axis=1).sum(axis=1)[asked]
    return (hits / np.minimum(targets.sum(axis=1)[asked], 10)).mean()


@pytest.mark.parametrize(("factors", "better"), [(8, True), (1, False)])
def test_taste_can_be_learned(factors, better):
    split = random_split(generate_interactions(600, 300, 12_000, factors=factors))
    train = split.train.toarray()
    inverse = np.linalg.inv(train.T @ train + 300 * np.eye(300))
    weights = -inverse / np.diag(inverse)  # EASE (Steck, WWW 2019)
    np.fill_diagonal(weights, 0)
    learned = recall(split.test.context @ weights, split)
    popular = recall(np.tile(train.sum(axis=0), (600, 1)), split)
    assert (learned > 1.4 * popular) == better
    assert learned > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5, 5), "num_users must be a positive integer, got 0"),
        ((5, 2.5, 5), "num_items must be a positive integer, got 2.5"),
        ((5, 5, 4), r"num_interactions must lie in \[5, 25\], from one for each user to all pairs, got 4"),
        ((5, 5, 26), "got 26"),
    ],
)
def test_bad_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_interactions(*arguments)


def test_bad_factors_and_seeds():
    with pytest.raises(ValueError, match="factors must be a positive integer, got 0"):
        generate_interactions(5, 5, 10, factors=0)
    with pytest.raises(ValueError, match="seed must be an integer"):
        generate_interactions(5, 5, 10, seed=-1)
