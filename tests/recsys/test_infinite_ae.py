"""The infinitely wide autoencoder: against its formula in dense float64, its limits, and published data."""

import numpy as np
import pytest
import torch
from scipy.sparse import coo_matrix, csr_matrix, vstack

from graphcond.surrogates.infinite_width import InfiniteWidth
from recsys.data.archives import read_archive
from recsys.models import infinite_ae
from recsys.models.infinite_ae import InfiniteAE
from recsys.models.scoring import score_lists

ITEMS = 14


def random_users(count: int, *, items: int = ITEMS, weighted: bool = False, seed: int = 0) -> csr_matrix:
    rng = np.random.default_rng(seed)
    shown = rng.random((count, items)) < 0.4
    return csr_matrix((shown * (rng.random((count, items)) if weighted else 1)).astype(np.float32))


def kernel_by_formula(kernel: InfiniteWidth, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    w, b = kernel.weight_variance, kernel.bias_variance
    covariance, left, right = (w / x.shape[1] * part + b for part in (x @ y.T, (x**2).sum(1), (y**2).sum(1)))
    tangent = covariance
    for _ in range(kernel.depth):
        lengths = np.sqrt(np.outer(left, right))
        angle = np.arccos(np.clip(covariance / lengths, -1, 1))
        covariance = w * lengths * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi) + b
        tangent = covariance + w * tangent * (np.pi - angle) / (2 * np.pi)
        left, right = w * left / 2 + b, w * right / 2 + b
    return tangent


def scores_by_formula(kernel: InfiniteWidth, ridge: float, users: csr_matrix, context: csr_matrix) -> np.ndarray:
    x, shown = users.toarray().astype(np.float64), context.toarray().astype(np.float64)
    gram = kernel_by_formula(kernel, x, x)
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
    return kernel_by_formula(kernel, shown, x) @ np.linalg.solve(gram, x)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_formula(depth, weighted):
    kernel, ridge = InfiniteWidth(depth=depth), 0.3
    users, context = random_users(9, weighted=weighted), random_users(6, weighted=weighted, seed=1)
    scores = InfiniteAE(ridge=ridge, kernel=kernel).fit(users).scores(context)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, scores_by_formula(kernel, ridge, users, context), rtol=0, atol=2e-6)


def test_other_variances_are_honoured():
    kernel = InfiniteWidth(weight_variance=1.3, bias_variance=0.4)
    users, context = random_users(9), random_users(6, seed=1)
    scores = InfiniteAE(ridge=1.0, kernel=kernel).fit(users).scores(context)
    np.testing.assert_allclose(scores, scores_by_formula(kernel, 1.0, users, context), rtol=0, atol=2e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gram_matrix_is_that_of_the_kernel_to_the_last_digits(weighted):
    users = vstack([random_users(8, weighted=weighted)] * 2, format="csr")  # duplicates
    x = users.toarray().astype(np.float64)
    gram = InfiniteAE().gram(users).numpy()
    # The angle of two rows with one direction is the root of what rounding leaves.
    np.testing.assert_allclose(gram, kernel_by_formula(InfiniteWidth(), x, x), rtol=1e-7)
    assert (gram == gram.T).all()
    assert np.linalg.eigvalsh(gram).min() >= -1e-8 * np.trace(gram)


def test_no_user_has_an_angle_with_itself(monkeypatch):
    monkeypatch.setattr(infinite_ae, "SMALL", 0)  # products in float32
    users = random_users(30, weighted=True)
    variances = 2 / ITEMS * (users.toarray().astype(np.float64) ** 2).sum(axis=1) + 0.01
    np.testing.assert_allclose(InfiniteAE().gram(users).diagonal(), 2 * variances + 0.01, rtol=1e-12)


@pytest.mark.parametrize("small", [0, 2048])
def test_blocks_change_nothing(small, monkeypatch):
    monkeypatch.setattr(infinite_ae, "SMALL", small)
    users, context = random_users(11, weighted=True), random_users(7, weighted=True, seed=1)
    whole = InfiniteAE(ridge=0.5).fit(users)
    monkeypatch.setattr(infinite_ae, "BLOCK", 4)
    parts = InfiniteAE(ridge=0.5).fit(users)
    torch.testing.assert_close(parts.gram(users), whole.gram(users), rtol=1e-6, atol=0)
    np.testing.assert_allclose(parts.scores(context), whole.scores(context), rtol=0, atol=1e-6)
    expected = scores_by_formula(InfiniteWidth(), 0.5, users, context)
    np.testing.assert_allclose(parts.scores(context), expected, rtol=0, atol=1e-4 if small == 0 else 2e-6)


def test_users_are_scored_one_by_one():
    model, context = InfiniteAE().fit(random_users(9)), random_users(6, seed=1)
    alone = np.concatenate([model.scores(context[user]) for user in range(6)])
    np.testing.assert_allclose(model.scores(context), alone, rtol=0, atol=1e-6)


def test_without_ridge_it_repeats_its_input():
    users = random_users(9)
    np.testing.assert_allclose(InfiniteAE(ridge=0).fit(users).scores(users), users.toarray(), rtol=0, atol=1e-4)
    twice = vstack([users, users], format="csr")  # a singular kernel
    np.testing.assert_allclose(InfiniteAE(ridge=0).fit(twice).scores(users), users.toarray(), rtol=0, atol=1e-3)


def test_with_a_huge_ridge_it_scores_by_the_kernel_alone():
    users, context = random_users(9), random_users(6, seed=1)
    scores = 1e6 * InfiniteAE(ridge=1e6).fit(users).scores(context)
    x, shown = users.toarray().astype(float), context.toarray().astype(float)
    mean = np.diag(kernel_by_formula(InfiniteWidth(), x, x)).mean()
    np.testing.assert_allclose(scores, kernel_by_formula(InfiniteWidth(), shown, x) @ x / mean, rtol=1e-4)


def test_equal_users_count_as_often_as_they_occur():
    users, context = random_users(9), random_users(6, seed=1)
    twice = InfiniteAE(ridge=0.5).fit(vstack([users, users], format="csr")).scores(context)
    once = InfiniteAE(ridge=0.25).fit(users).scores(context)
    np.testing.assert_allclose(twice, once, rtol=0, atol=2e-6)


def test_the_order_of_users_and_items_does_not_matter():
    users, context = random_users(9), random_users(6, seed=1)
    order, items = np.random.default_rng(2).permutation(9), np.random.default_rng(3).permutation(ITEMS)
    shuffled = InfiniteAE().fit(users[order][:, items]).scores(context[:, items])
    np.testing.assert_allclose(shuffled, InfiniteAE().fit(users).scores(context)[:, items], rtol=0, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 3])
def test_users_and_items_without_interactions_are_fine(depth):
    users = random_users(9).tolil()
    users[3], users[:, 5] = 0, 0
    users, nobody, kernel = csr_matrix(users), csr_matrix((2, ITEMS), dtype=np.float32), InfiniteWidth(depth=depth)
    model = InfiniteAE(ridge=0.5, kernel=kernel).fit(users)
    scores = model.scores(nobody)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, scores_by_formula(kernel, 0.5, users, nobody), rtol=0, atol=2e-6)
    assert np.abs(model.scores(users)[:, 5]).max() < 1e-6
    assert model.scores(nobody[:0]).shape == (0, ITEMS)


def test_the_form_of_the_matrix_does_not_matter_and_it_stays():
    users, context = random_users(9, weighted=True), random_users(6, seed=1)
    expected = InfiniteAE().fit(users).scores(context)
    # Whole numbers, entries in two parts, another layout: the same interactions.
    assert np.array_equal(InfiniteAE().fit(users).scores(context.astype(np.int64)), expected)
    row, column = users.nonzero()
    pieces = (np.concatenate([users.data / 2] * 2), (np.tile(row, 2), np.tile(column, 2)))
    np.testing.assert_allclose(InfiniteAE().fit(coo_matrix(pieces, users.shape)).scores(context), expected, atol=1e-6)
    kept, copy = users.copy(), users.copy()
    model = InfiniteAE().fit(copy)
    assert (copy != kept).nnz == 0
    copy.data[:] = 9  # what the caller does with it afterwards
    assert np.array_equal(model.scores(context), expected)


def test_a_new_fit_replaces_the_old_one():
    model, context = InfiniteAE(), random_users(6, seed=1)
    model.fit(random_users(9, seed=2))
    assert model.fit(random_users(5)) is model
    assert np.array_equal(model.scores(context), InfiniteAE().fit(random_users(5)).scores(context))


def test_recommends_the_best_items_as_implicit_does():
    model, context = InfiniteAE().fit(random_users(9)), random_users(3, seed=1)
    scores = model.scores(context)
    items, values = model.recommend(np.array([7, 8, 9]), context, N=4)
    assert items.shape == values.shape == (3, 4)
    assert items.dtype == np.int32
    for user in range(3):
        left = np.setdiff1d(np.arange(ITEMS), context[user].indices)
        best = left[np.argsort(-scores[user, left])][:4]
        assert items[user].tolist() == best.tolist()
        np.testing.assert_allclose(values[user], scores[user, best], atol=1e-6)
        one, value = model.recommend(user, context[user], N=4)
        assert (one.shape, one.tolist()) == ((4,), best.tolist())
        np.testing.assert_allclose(value, values[user], atol=1e-6)


def test_recommends_among_some_items_only():
    model, context = InfiniteAE().fit(random_users(9)), random_users(1, seed=1)
    order = np.argsort(-model.scores(context)[0]).tolist()
    everything = model.recommend(0, context, N=ITEMS, filter_already_liked_items=False)[0]
    assert everything.tolist() == order
    without = model.recommend(0, context, N=3, filter_already_liked_items=False, filter_items=np.array(order[:2]))[0]
    assert without.tolist() == order[2:5]
    among = {"items": np.array([order[9], order[4]]), "filter_already_liked_items": False}
    items, scores = model.recommend(0, context, N=3, **among)
    assert items.tolist() == [order[4], order[9], -1]
    assert scores[2] == -np.inf
    assert model.recommend(0, context, N=1, filter_items=np.array([order[4]]), **among)[0].tolist() == [order[9]]
    assert np.array_equal(model.scores(context), InfiniteAE().fit(random_users(9)).scores(context))


def test_bad_input_fails_at_the_call():
    model = InfiniteAE()
    with pytest.raises(ValueError, match=r"infinite_ae knows no interactions yet; call fit\(user_items\) first"):
        model.scores(random_users(2))
    with pytest.raises(ValueError, match=r"has 30,001 users, .* needs 1 to 30,000, .*; condense them first"):
        model.fit(csr_matrix((30_001, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="has 0 users"):
        model.fit(csr_matrix((0, 3), dtype=np.float32))
    with pytest.raises(ValueError, match=r"holds no interactions \(shape \(4, 3\)\)"):
        model.fit(csr_matrix((4, 3), dtype=np.float32))
    broken = random_users(4)
    broken.data[2] = np.nan
    with pytest.raises(ValueError, match="must hold finite weights, but holds NaN"):
        model.fit(broken)
    model.fit(random_users(5))
    with pytest.raises(ValueError, match=f"must have the {ITEMS} items that the model was fitted on, got 3 columns"):
        model.scores(csr_matrix((2, 3), dtype=np.float32))
    with pytest.raises(ValueError, match=r"one row for each user, got 5 rows for 1 users; pass user_items\[userid\]"):
        model.recommend(0, random_users(5))


@pytest.mark.parametrize("ridge", [-1, float("nan"), float("inf"), "5", True, None])
def test_the_ridge_is_checked(ridge):
    with pytest.raises(ValueError, match="ridge must be a number of at least 0, got"):
        InfiniteAE(ridge=ridge)


def test_the_kernel_is_checked():
    with pytest.raises(TypeError, match=r"kernel must be an InfiniteWidth, such as InfiniteWidth\(depth=2\), got 2"):
        InfiniteAE(kernel=2)


def evaluated(split, ridge):
    counts = np.bincount(split.train.indices, minlength=split.num_items)
    model = InfiniteAE(ridge=ridge).fit(split.train)
    # As in the published code, negatives are drawn outside training and test interactions only.
    return score_lists(model, split.test, convention="distill_cf", train_counts=counts, known=split.train).values


# Percents of the published split under the published protocol; the full MovieLens takes half a minute.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ridge", "expected", "auc"),
    [
        ("magazine", 20.0, {"ndcg@10": 22.13, "hr@10": 25.57, "psp@10": 12.43, "hr@100": 61.10}, 85.39),
        ("ml-1m", 5.0, {"ndcg@10": 33.39, "hr@10": 31.91, "psp@10": 3.29, "hr@100": 60.91}, 94.57),
    ],
)  # fmt: skip
def test_scores_on_published_splits(real_data, name, ridge, expected, auc):
    values = evaluated(read_archive(real_data(f"recsys/{name}") / "recsys" / name), ridge)
    assert {key: 100 * values[key] for key in expected} == pytest.approx(expected, abs=0.02)
    assert 100 * values["auc"] == pytest.approx(auc, abs=0.1)  # of negatives that are drawn
