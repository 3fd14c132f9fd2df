"""Metric conventions: parity with ``implicit``, and with the formulas of RecBole and Distill-CF in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recsys.data.split import Holdout
from recsys.metrics.conventions import CONVENTIONS, DISTILL_CF, resolve_convention
from recsys.metrics.lists import Lists
from recsys.models.base import Recommender
from recsys.models.scoring import score_lists

few = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 10**6)


class Fixed(Recommender):
    """Scores from a table, by user number."""

    name = "fixed"
    folds_in = False

    def __init__(self, table):
        self.table = table

    def fit(self, user_items):
        return self

    def scores(self, context):
        return self.table

    def scores_of(self, users, context):
        return self.table[users]


def question(seed, num_users=7, num_items=24):
    """Return scores without ties and a holdout; some users have no context, some no targets, some a single one."""
    rng = np.random.default_rng(seed)
    table = np.argsort(rng.random((num_users, num_items)), axis=1).astype(np.float32) - num_items / 2
    kind = rng.choice(3, (num_users, num_items), p=[0.6, 0.2, 0.2])
    kind[rng.integers(num_users), :] = 0
    kind[rng.integers(num_users), 3] = 2
    context, targets = (csr_matrix((kind == one).astype(np.float32)) for one in (1, 2))
    return table, Holdout(context, targets)


def plain_lists(table, holdout, k):
    """Yield each asked user's list of items and set of targets."""
    for user, scores in enumerate(table):
        targets = set(holdout.targets[user].indices.tolist())
        shown = set(holdout.context[user].indices.tolist())
        if targets:
            left = [i for i in np.argsort(-scores).tolist() if i not in shown]
            yield left[:k], targets


@few
@given(seed=seeds, k=st.integers(1, 10))
def test_implicit(seed, k):
    als = pytest.importorskip("implicit.cpu.als")
    evaluation = pytest.importorskip("implicit.evaluation")
    table, holdout = question(seed)
    with threadpool_limits(1, "blas"):  # else it warns
        theirs = als.AlternatingLeastSquares(factors=table.shape[1])
    theirs.user_factors, theirs.item_factors = table, np.eye(table.shape[1], dtype=np.float32)
    counts = np.ones(table.shape[1])
    ours = score_lists(Fixed(table), holdout, ks=(k,), convention="implicit", train_counts=counts, block=2)
    # Their model and their metrics; our model and their metrics.
    for model in (theirs, Fixed(table)):
        expected = evaluation.ranking_metrics_at_k(model, holdout.context, holdout.targets, K=k, show_progress=False)
        assert ours.values == pytest.approx({f"{name}@{k}": value for name, value in expected.items()}, abs=1e-12)
    assert set(ours.per_user) == {f"{name}@{k}" for name in ("map", "ndcg", "auc")}


@few
@given(seed=seeds, k=st.integers(1, 24))
def test_recbole(seed, k):
    table, holdout = question(seed)
    rows = []
    for items, targets in plain_lists(table, holdout, k):
        found = [1 if item in targets else 0 for item in items] + [0] * (k - len(items))
        ranks = [rank for rank, is_hit in enumerate(found, start=1) if is_hit]
        ideal = sum(1 / math.log2(i + 1) for i in range(1, min(len(targets), k) + 1))
        rows.append(
            {
                "recall": len(ranks) / len(targets),
                "hit": 1.0 if ranks else 0.0,
                "ndcg": sum(1 / math.log2(rank + 1) for rank in ranks) / ideal,
                "precision": len(ranks) / k,
                "mrr": 1 / ranks[0] if ranks else 0.0,
                "map": sum(sum(found[:rank]) / rank for rank in ranks) / min(len(targets), k),
            }
        )
    scores = score_lists(Fixed(table), holdout, ks=(k,), convention="recbole", train_counts=np.ones(24), block=3)
    for name in rows[0]:
        assert scores.per_user[f"{name}@{k}"] == pytest.approx([row[name] for row in rows], abs=1e-12)
        assert scores.values[f"{name}@{k}"] == pytest.approx(sum(row[name] for row in rows) / len(rows), abs=1e-12)


@few
@given(seed=seeds)
def test_recbole_gauc_by_its_formula_of_ranks(seed):
    table, holdout = question(seed)
    weighted, total = 0.0, 0
    for items, targets in plain_lists(table, holdout, table.shape[1]):
        n, positives = len(items), len(targets)
        ranks = sum(rank for rank, item in enumerate(items, start=1) if item in targets)
        area = (positives * (n + 1) - positives * (positives + 1) / 2 - ranks) / (positives * (n - positives))
        weighted, total = weighted + positives * area, total + positives
    scores = score_lists(Fixed(table), holdout, ks=(1,), convention="recbole", train_counts=np.ones(24), block=3)
    assert scores.values["gauc"] == pytest.approx(weighted / total, abs=1e-12)


@few
@given(seed=seeds, k=st.integers(1, 24))
def test_distill_cf(seed, k):
    table, holdout = question(seed)
    counts = np.random.default_rng(seed).integers(0, 9, 24)
    factor = (math.log(counts.sum()) - 1) * 2.5**0.55
    worth = [1 + factor * (count + 1.5) ** -0.55 for count in counts]
    rows = []
    for items, targets in plain_lists(table, holdout, k):
        reach = min(len(targets), k)
        hits = [item for item in items if item in targets]
        ideal = sum(1 / math.log2(i + 1) for i in range(1, reach + 1))
        rows.append(
            {
                "hr": len(hits) / reach,
                "ndcg": sum(1 / math.log2(items.index(item) + 2) for item in hits) / ideal,
                "psp": sum(worth[item] for item in hits)
                / reach
                / sum(sorted((worth[item] for item in targets), reverse=True)[:reach]),
            }
        )
    scores = score_lists(Fixed(table), holdout, ks=(k,), train_counts=counts, block=4)
    assert set(scores.values) == {f"hr@{k}", f"ndcg@{k}", f"psp@{k}", "auc"}
    for name in rows[0]:
        assert scores.per_user[f"{name}@{k}"] == pytest.approx([row[name] for row in rows], abs=1e-12)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_perfect_and_worst_lists(name):
    targets = csr_matrix(np.array([[1.0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]))
    for perfect in (True, False):
        table = targets.toarray() * (1 if perfect else -1)
        scores = score_lists(
            Fixed(table), Holdout(csr_matrix((2, 5)), targets), ks=(2,), convention=name, train_counts=np.ones(5)
        ).values
        top = {"psp@2": 0.75, "precision@2": 0.75 if name == "recbole" else 1.0}  # see the Note of psp
        for metric, value in scores.items():
            # Unseen positives are taken to lie in the middle of what is not in the list.
            worst = 0.0 if metric != "auc@2" else (2 / 2 * 1 / 6 + 1 / 2 * 2 / 4) / 2
            expected = top.get(metric, 1.0) if perfect else worst
            assert value == pytest.approx(expected, abs=1e-12), metric


def test_a_short_list_has_no_hit_in_its_empty_places():
    """-1 in the second user's list must not be looked up as the last item of the first user."""
    lists = Lists.compare(np.array([[0, 1], [-1, -1]]), csr_matrix(np.array([[0.0, 0, 1], [1, 0, 0]])))
    assert not lists.hits.any()


def test_users_without_targets_are_refused_by_lists():
    with pytest.raises(ValueError, match=r"1 users have none \(first: row 1\)"):
        Lists.compare(np.array([[0], [0]]), csr_matrix(np.array([[1.0], [0.0]])))
    with pytest.raises(ValueError, match="one row for each list, got 1 rows for 2"):
        Lists.compare(np.array([[0], [0]]), csr_matrix([[1.0]]))


def test_a_convention_is_found_by_name_or_given():
    assert resolve_convention("distill_cf") is DISTILL_CF
    assert resolve_convention(DISTILL_CF) is DISTILL_CF
    with pytest.raises(ValueError, match="no metric convention 'recboll'; did you mean 'recbole'"):
        resolve_convention("recboll")
    with pytest.raises(TypeError):
        DISTILL_CF.at_k["hr"] = DISTILL_CF.at_k["ndcg"]
