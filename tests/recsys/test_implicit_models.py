"""The models of ``implicit``: the same answers as ``implicit`` itself, the same bits for the same seed, folding in."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recsys.models.implicit_models import ALS, BPR, ItemKNN

pytest.importorskip("implicit")


def interactions(num_users=30, num_items=20, seed=0):
    """Return binary interactions of two tastes, with an empty user and an empty item."""
    rng = np.random.default_rng(seed)
    taste = np.add.outer(np.arange(num_users), np.arange(num_items)) % 2 == 0
    dense = rng.random((num_users, num_items)) < np.where(taste, 0.5, 0.05)
    dense[3:4], dense[:, 5] = False, False
    return csr_matrix(dense.astype(np.float32))


MODELS = [
    ALS(factors=6, iterations=4),
    BPR(factors=6, iterations=60, learning_rate=0.05),
    ItemKNN(neighbours=5),
    ItemKNN(neighbours=5, kind="bm25"),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.name}-{getattr(model, 'kind', '')}")


@each_model
def test_same_seed_same_bits_and_input_untouched(model):
    users = interactions()
    before = users.copy()
    first = model.fit(users).scores(users)
    assert first.shape == users.shape
    assert first.dtype == np.float32
    assert np.array_equal(model.fit(users).scores(users), first)
    assert (users != before).nnz == 0
    assert np.isfinite(first).all()


@each_model
def test_two_tastes_are_distinguished(model):
    users = interactions()
    scores = model.fit(users).scores(users)
    same = np.add.outer(np.arange(30), np.arange(20)) % 2 == 0
    asked = np.delete(np.arange(30), 3)
    assert scores[asked][same[asked]].mean() > scores[asked][~same[asked]].mean() + scores.std() / 4


def test_the_seed_counts():
    users = interactions()
    for make in (ALS, BPR):
        one, other = (make(factors=6, iterations=2, seed=seed).fit(users).scores(users) for seed in (0, 1))
        assert not np.array_equal(one, other)


def test_als_gives_the_same_bits_in_any_number_of_threads():
    users = interactions()
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads, "openmp"):
            results.append(ALS(factors=6, iterations=3).fit(users).scores(users))
    assert np.array_equal(*results)


def test_als_does_not_warn_of_threads(monkeypatch):
    """``implicit`` warns once for each process of BLAS threads that get in the way of its own."""
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)
    with threadpool_limits(2, "blas"):
        ALS(factors=2, iterations=1).fit(interactions())


def test_als_folds_users_in_as_implicit_does():
    users, strangers = interactions(), interactions(8, seed=1)
    model = ALS(factors=6, iterations=4, alpha=3.0).fit(users)
    items, scores = model.recommend(np.arange(8), strangers, N=5)
    theirs, worth = model._model.recommend(np.arange(8), strangers, N=5, recalculate_user=True)
    told_apart = np.diff(worth, axis=1).min(axis=1) < 0
    assert scores == pytest.approx(worth, abs=1e-5)
    full = strangers.getnnz(axis=1) > 0
    assert np.array_equal(items[full & told_apart], theirs[full & told_apart])


def test_als_folding_in_solves_the_weighted_regression():
    """The user minimises sum c (p - x.y)^2 + regularization |x|^2 with c = alpha w where there is a weight, else 1."""
    users = interactions()
    model = ALS(factors=4, iterations=3, alpha=2.5, regularization=0.7).fit(users)
    y = model._model.item_factors.astype(np.float64)
    row = users[0].toarray().ravel().astype(np.float64)
    confidence, preference = np.where(row > 0, 2.5 * row, 1.0), row > 0
    x = np.linalg.solve(y.T @ (confidence[:, None] * y) + 0.7 * np.eye(4), y.T @ (confidence * preference))
    assert model.scores(users[:1])[0] == pytest.approx(y @ x, abs=1e-4)


@pytest.mark.parametrize("kind", ["cosine", "bm25"])
def test_item_knn_answers_as_implicit_does(kind):
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

    users = interactions()
    theirs = {"cosine": CosineRecommender, "bm25": BM25Recommender}[kind](K=5)
    with pytest.warns(match="expects CSR"):
        theirs.fit(users, show_progress=False)
    scores = ItemKNN(neighbours=5, kind=kind).fit(users).scores(users)
    for user in range(users.shape[0]):
        items, worth = theirs.recommend(user, users[user], N=20, filter_already_liked_items=False)
        assert scores[user, items] == pytest.approx(worth, abs=1e-4)
        assert np.count_nonzero(scores[user]) <= len(items)


def test_bpr_scores_the_users_of_its_training_only():
    users = interactions()
    model = BPR(factors=6, iterations=3).fit(users)
    assert not model.folds_in
    assert ALS.folds_in
    whole = model.scores(users)
    some = np.array([7, 0, 12])
    assert np.array_equal(model.scores_of(some, users[some]), whole[some])
    more = users[some] + csr_matrix(([1.0], ([0], [5])), shape=(3, 20))  # one is shown a validation item as well
    assert np.array_equal(model.scores_of(some, more), whole[some])
    items, _ = model.recommend(7, users[7], N=4)
    assert items.tolist() == model.recommend(some, users[some], N=4)[0][0].tolist()
    others = interactions(5, 20, seed=1)
    for numbers, context in ((some, users[some[::-1]]), (np.array([30]), users[:1]), (np.arange(5), others)):
        with pytest.raises(ValueError, match="bpr cannot fold users in"):
            model.scores_of(numbers, context)


@each_model
def test_bad_input(model):
    fresh = type(model)()
    with pytest.raises(ValueError, match="knows no interactions yet"):
        fresh.scores(interactions())
    with pytest.raises(ValueError, match="items that the model was fitted on, got 19 columns"):
        model.fit(interactions()).scores(interactions(2, 19))


def test_settings_are_checked():
    with pytest.raises(ValueError, match="factors must be positive, got 0"):
        ALS(factors=0)
    with pytest.raises(TypeError, match=r"iterations must be a whole number, got 1\.5"):
        BPR(iterations=1.5)
    with pytest.raises(ValueError, match="kind must be 'cosine' or 'bm25', got 'jaccard'"):
        ItemKNN(kind="jaccard")


def test_without_implicit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(ImportError, match=r'pip install "graphcond\[recsys\]"'):
        ALS().fit(interactions())
