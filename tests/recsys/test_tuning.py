"""Choosing settings: the best on validation data, the strongest of equals, and nothing from the test data."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recsys.data.split import Holdout
from recsys.models.base import Recommender
from recsys.models.ease import EASE
from recsys.models.scoring import score_lists
from recsys.models.tuning import (
    ALS_FACTORS,
    EASE_RIDGES,
    INFINITE_AE_RIDGES,
    ITEM_KNN_NEIGHBOURS,
    tuned,
    tuned_als,
    tuned_ease,
    tuned_infinite_ae,
    tuned_item_knn,
)


class Partly(Recommender):
    """Recommends the right item to as many users as its setting says."""

    name = "partly"

    def __init__(self, right):
        self.right = right

    def fit(self, user_items):
        self.fitted = user_items
        return self

    def scores(self, context):
        scores = np.zeros(context.shape, dtype=np.float32)
        scores[: self.right, 2] = 1
        return scores


def holdout(num_users=6):
    targets = np.zeros((num_users, 5), dtype=np.float32)
    targets[:, 2] = 1
    return Holdout(csr_matrix((num_users, 5), dtype=np.float32), csr_matrix(targets))


def communities(num_users=60, num_items=30, seed=0):
    """Return training interactions and a validation holdout of two tastes."""
    rng = np.random.default_rng(seed)
    taste = np.add.outer(np.arange(num_users), np.arange(num_items)) % 2 == 0
    kind = np.where(rng.random(taste.shape) < np.where(taste, 0.5, 0.05), rng.choice([1, 1, 2], taste.shape), 0)
    train, val = (csr_matrix((kind == one).astype(np.float32)) for one in (1, 2))
    return train, Holdout(train, val)


def test_the_best_is_kept_with_all_scores():
    train = csr_matrix(np.ones((2, 5), dtype=np.float32))
    result = tuned(Partly, [1, 5, 3], train, holdout(), metric="hr@1")
    assert result.choice == result.model.right == 5
    assert result.model.fitted is train
    assert result.scores == ((1, pytest.approx(1 / 6)), (5, pytest.approx(5 / 6)), (3, pytest.approx(3 / 6)))
    assert result.score == pytest.approx(5 / 6)


def test_of_equals_the_last_counts():
    train = csr_matrix(np.ones((2, 5), dtype=np.float32))
    assert tuned(Partly, [6, 7, 8, 2], train, holdout(), metric="psp@2").choice == 8


@pytest.mark.parametrize(("metric", "convention"), [("auc", "distill_cf"), ("gauc", "recbole"), ("map@3", "implicit")])
def test_any_metric_of_the_convention_can_be_maximised(metric, convention):
    train = csr_matrix(np.ones((2, 5), dtype=np.float32))
    assert tuned(Partly, [6, 1], train, holdout(), metric=metric, convention=convention).choice == 6


def test_ease_is_tuned_relative_to_the_data():
    train, val = communities()
    result = tuned_ease(train, val)
    ridges = [ridge for ridge, _ in result.scores]
    assert ridges == pytest.approx([ratio * train.nnz / train.shape[1] for ratio in EASE_RIDGES])
    counts = np.bincount(train.indices, minlength=train.shape[1])
    for ridge, score in result.scores:
        assert score_lists(EASE(ridge=ridge).fit(train), val, ks=(10,), train_counts=counts).values["ndcg@10"] == score
    scaled = tuned_ease(3 * train, val)
    assert scaled.choice == pytest.approx(9 * result.choice)


@pytest.mark.parametrize("widths", [(1, 4, 3), (4, 1, 3)])
def test_als_keeps_the_best_width_whichever_round_it_is_in(widths, monkeypatch):
    monkeypatch.setattr("recsys.models.tuning.ALS_FACTORS", widths)
    monkeypatch.setattr("recsys.models.tuning.ALS", lambda factors, **others: Partly(factors))
    result = tuned_als(csr_matrix(np.ones((2, 5), dtype=np.float32)), holdout(), metric="hr@1")
    assert result.choice["factors"] == result.model.right == 4
    assert result.score == pytest.approx(4 / 6)


def test_als_is_tuned_in_two_rounds():
    pytest.importorskip("implicit")
    train, val = communities(num_users=24, num_items=12)
    result = tuned_als(train, val, metric="ndcg@5")
    widths = [setting["factors"] for setting, _ in result.scores]
    assert widths == [ALS_FACTORS[0]] * 8 + list(ALS_FACTORS[1:])
    assert dict(result.choice) in [setting for setting, score in result.scores if score == result.score]
    assert {name: getattr(result.model, name) for name in result.choice} == result.choice
    assert result.scores == tuned_als(train, val, metric="ndcg@5").scores


def test_the_infinite_autoencoder_is_tuned():
    train, val = communities()
    result = tuned_infinite_ae(train, val)
    assert [ridge for ridge, _ in result.scores] == list(INFINITE_AE_RIDGES)
    assert dict(result.scores)[result.choice] == result.score
    assert result.model.ridge == result.choice


def test_item_knn_is_tuned():
    pytest.importorskip("implicit")
    train, val = communities()
    result = tuned_item_knn(train, val)
    assert len(result.scores) == 2 * len(ITEM_KNN_NEIGHBOURS)
    assert (result.model.neighbours, result.model.kind) == (result.choice["neighbours"], result.choice["kind"])


@pytest.mark.parametrize("metric", ["ndcg", "ndcg@", "ndcg@x", "mrr@10", "auc@10", ""])
def test_an_unknown_metric_is_refused_before_any_work(metric):
    with pytest.raises(ValueError, match=r"metric must be one of hr@k, ndcg@k, psp@k, auc \(with a length for k\)"):
        tuned(None, [1], csr_matrix((2, 5)), holdout(), metric=metric)


def test_an_empty_grid_is_refused():
    with pytest.raises(ValueError, match="grid must hold at least one setting"):
        tuned(Partly, [], csr_matrix((2, 5)), holdout())
