"""EASE: its two forms against the definition, and the published figures on real data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recsys.models.ease import EASE, ItemSolution, UserSolution, item_weights
from recsys.models.popularity import Popularity


def interactions(num_users, num_items, density=0.3, seed=0, weighted=False):
    """Return random interactions; some users and items have none."""
    rng = np.random.default_rng(seed)
    kept = rng.random((num_users, num_items)) < density
    return csr_matrix(np.where(kept, rng.random(kept.shape) if weighted else 1.0, 0.0).astype(np.float32))


def definition(user_items, ridge):
    """Return B column by column: each item regressed on the others, its own weight held at zero."""
    x = user_items.toarray().astype(np.float64)
    weights = np.zeros((x.shape[1],) * 2)
    for item in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), item)
        a = x[:, others]
        weights[others, item] = np.linalg.solve(a.T @ a + ridge * np.eye(len(others)), a.T @ x[:, item])
    return weights


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 15), st.integers(2, 15)),
    ridge=st.floats(0.1, 100),
    density=st.floats(0.05, 0.9),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
)
def test_both_forms_solve_the_regression_of_each_item_on_the_others(shape, ridge, density, seed, weighted):
    users = interactions(*shape, density, seed, weighted)
    context = interactions(4, shape[1], 0.4, seed + 1, weighted)
    expected = definition(users, ridge)
    precise = users.astype(np.float64)
    assert item_weights(precise, ridge) == pytest.approx(expected, abs=1e-8)
    dual = UserSolution.fit(precise, ridge, dtype=np.float64)
    assert dual.scores(context.astype(np.float64)) == pytest.approx(context.toarray() @ expected, abs=1e-8)
    if users.nnz:
        scores = EASE(ridge=ridge).fit(users).scores(context)
        assert scores.dtype == np.float32
        assert scores.flags.c_contiguous
        assert scores == pytest.approx(context.toarray() @ expected, abs=2e-5)


@pytest.mark.parametrize("density", [0.02, 0.5])
def test_blocks_of_rows_and_columns_are_joined(density, monkeypatch):
    users = interactions(20, 57, density).astype(np.float64)
    whole = item_weights(users, 3.0), UserSolution.fit(users, 3.0).scores(users)
    monkeypatch.setattr("recsys.models.ease._AT_ONCE", 8)
    assert item_weights(users, 3.0) == pytest.approx(whole[0], abs=1e-12)
    assert UserSolution.fit(users, 3.0).scores(users) == pytest.approx(whole[1], abs=1e-6)


def test_the_smaller_side_is_inverted(monkeypatch):
    wide, tall = interactions(5, 12), interactions(12, 5)
    assert isinstance(EASE().fit(wide)._solution, UserSolution)
    assert isinstance(EASE().fit(tall)._solution, ItemSolution)
    monkeypatch.setattr("recsys.models.ease._LARGEST", 4)
    for users in (wide, tall):
        with pytest.raises(ValueError, match=r"\d+ users and \d+ items; EASE inverts .* of which 4 is the most"):
            EASE().fit(users)


def test_few_users_of_a_large_catalogue_take_no_matrix_of_items():
    """27,000 items squared would be 6 GB in float64; the arrays of this model are a thousandth of that."""
    users = interactions(40, 27_000, 0.01)
    model = EASE(ridge=10.0).fit(users)
    assert model._solution.smoother.nbytes + model._solution.spare.nbytes + model._solution.items.data.nbytes < 1e6
    assert model.scores(users[:3]).shape == (3, 27_000)


def test_input_is_untouched_and_fitting_again_forgets():
    users, others = interactions(9, 6), interactions(9, 6, seed=1)
    before = users.copy()
    model = EASE(ridge=2.0)
    first = model.fit(users).scores(users)
    model.fit(others)
    assert np.array_equal(model.fit(users).scores(users), first)
    assert (users != before).nnz == 0


@pytest.mark.parametrize("shape", [(4, 6), (9, 6)])
def test_repeated_and_unsorted_interactions_are_summed(shape):
    repeated = csr_matrix((np.ones(4, dtype=np.float32), np.array([5, 1, 5, 0]), np.array([0, 3, 4])), shape=(2, 6))
    model = EASE(ridge=2.0).fit(interactions(*shape))
    expected = model.scores(csr_matrix(repeated.toarray()))
    assert model.scores(repeated) == pytest.approx(expected, abs=1e-6)
    assert model.fit(repeated).scores(repeated).shape == (2, 6)
    assert repeated.indices.tolist() == [5, 1, 5, 0]


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ridge_must_be_positive(ridge):
    with pytest.raises(ValueError, match="ridge must be positive"):
        EASE(ridge=ridge)


def test_a_ridge_that_rounding_swallows_is_named():
    with pytest.raises(ValueError, match="ridge=1e-30 is too small"):
        EASE(ridge=1e-30).fit(csr_matrix(np.ones((4, 3), dtype=np.float32)))


@pytest.mark.parametrize("model", [EASE(), Popularity()])
def test_bad_interactions(model):
    with pytest.raises(ValueError, match=f"{model.name} knows no interactions yet; call fit"):
        model.scores(interactions(2, 3))
    with pytest.raises(TypeError, match="sparse matrix of users and items, got ndarray"):
        model.fit(np.ones((2, 2)))
    with pytest.raises(ValueError, match="holds no interactions"):
        model.fit(csr_matrix((2, 2)))
    with pytest.raises(ValueError, match="finite weights"):
        model.fit(csr_matrix(np.array([[1.0, np.nan]])))
    with pytest.raises(ValueError, match="the 6 items that the model was fitted on, got 5 columns"):
        model.fit(interactions(9, 6)).scores(interactions(2, 5))


def test_popularity_counts_users_once_each_whatever_their_weight():
    users = csr_matrix(np.array([[0.0, 5.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.5]], dtype=np.float32))
    scores = Popularity().fit(users).scores(users[:2])
    assert scores.tolist() == [[0.0, 1.0, 3.0]] * 2
    scores[0] = 7  # the caller's own
    assert Popularity().fit(users).scores(users[:1]).tolist() == [[0.0, 1.0, 3.0]]


def test_recommend_in_the_manner_of_implicit():
    users = interactions(9, 6, 0.5)
    model = Popularity().fit(users)
    item, score = model.recommend(0, users[0], N=2)
    items, scores = model.recommend(np.array([0, 4]), users[[0, 4]], N=2)
    assert item.tolist() == items[0].tolist()
    assert score.tolist() == scores[0].tolist()
    assert not set(items[0].tolist()) & set(users[0].indices.tolist())
    few, worth = model.recommend(0, csr_matrix((1, 6)), N=3, items=np.array([2, 5]), filter_items=np.array([5]))
    assert few.tolist() == [2, -1, -1]
    assert worth[1:].tolist() == [-np.inf] * 2
    with pytest.raises(ValueError, match="one row for each user, got 9 rows for 2 users"):
        model.recommend(np.array([0, 4]), users)
