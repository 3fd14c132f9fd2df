"""Every row has two columns, plain and own; recommenders and metrics may be the user's own."""

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_matrix

import recsys
from recsys import EASE, DistillCF
from recsys.evaluation.report import UserReport, UserRow
from recsys.models.own import Own, maker_of

SPLIT = recsys.random_split(recsys.generate_interactions(120, 40, 1500))
QUICK = DistillCF(steps=3, validations=1, batch_users=50)
SEVERAL = [recsys.condense(SPLIT, users=8, method=QUICK, seed=seed) for seed in range(3)]


def ones(matrix: csr_matrix) -> csr_matrix:
    return csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def evaluate(condensed: object, models: object = ("ease",), **options: object) -> UserReport:
    return recsys.evaluate(condensed, SPLIT, models, **({"controls": False, "ks": (5,)} | options))


def test_plain_is_fitted_on_ones_and_own_on_the_weights_of_the_same_sets():
    (row,) = evaluate(SEVERAL).rows
    plain = [evaluate(ones(one.user_items)).rows[0] for one in SEVERAL]
    for metric in row.scores:
        assert row.scores[metric] == tuple(one.scores[metric][0] for one in plain)
        assert len(row.own_scores[metric]) == 3
    fitted = EASE(**row.own_choices[1]).fit(SEVERAL[1].user_items)
    found = recsys.models.scoring.score_lists(
        fitted, SPLIT.test, ks=(5,), train_counts=np.asarray(SPLIT.train.sum(axis=0)).ravel()
    )
    assert row.own_scores["ndcg@5"][1] == found.values["ndcg@5"]


def test_differences_are_paired():
    (row,) = evaluate(SEVERAL).rows
    gaps = np.subtract(row.own_scores["ndcg@5"], row.scores["ndcg@5"])
    users = (row.own_per_user["ndcg@5"] - row.per_user["ndcg@5"]).mean(axis=0)
    gain = row.own_gain("ndcg@5")
    of_runs, of_users = gaps.var(ddof=1) / 3, users.var(ddof=1) / len(users)
    freedom = 2 * ((of_runs + of_users) / of_runs) ** 2
    assert gain.difference == pytest.approx(gaps.mean())
    half = stats.t.ppf(0.975, freedom) * (of_runs + of_users) ** 0.5
    assert gain.high - gain.difference == pytest.approx(half)
    assert row.as_dict()["own_gain"]["ndcg@5"] == [gain.difference, gain.low, gain.high]
    (single,) = evaluate(SEVERAL[0]).rows
    assert single.own_gain("ndcg@5").verdict == "unknown"
    assert single.as_dict()["own_gain"]["ndcg@5"][1:] == [None, None]


def test_a_report_compares_its_users_with_all_others():
    report = evaluate(SEVERAL, controls=("random_users", "whole"))
    reported = {one.second: one for one in report.compare()}
    assert set(reported) == {"random_users", "whole"}
    assert reported["whole"].how == (
        f"3 condensations and one score, whose noise is taken alike; {len(SPLIT.test.asked())} test items, paired"
    )
    assert f"{report.rows[0].data} / ease, plain: " in str(report)
    assert report.compare("hr@5")[0].first == report.rows[0].data
    with pytest.raises(ValueError, match="metric must be one of ndcg@5"):
        report.compare("ndcg@7")


def test_values_of_users_are_those_that_the_scores_are_means_of():
    (row,) = evaluate(SEVERAL).rows
    for scores, values in ((row.scores, row.per_user), (row.own_scores, row.own_per_user)):
        assert set(values) == set(scores) - {"auc"}
        for metric, each in values.items():
            assert each.shape == (3, len(SPLIT.test.asked()))
            assert each.mean(axis=1) == pytest.approx(scores[metric])


def test_what_has_one_value_shows_it_once():
    report = evaluate(SEVERAL[0], ("ease", "popularity"), controls=("head_users", "whole", "popularity"))
    two = {(row.data, row.model) for row in report.rows if row.own_scores}
    assert two == {("distill_cf", "ease")}
    assert all(row.scores and row.own_gain("ndcg@5") is None for row in report.rows[1:])
    assert report.row("head_users", "ease").own_mean("ndcg@5") == report.row("head_users", "ease").mean("ndcg@5")
    binary = recsys.condense(SPLIT, users=8, interactions=90, method=QUICK)
    assert not evaluate(binary).rows[0].own_scores


def test_tables_fit_a_terminal_and_show_both_columns_of_ndcg_first():
    report = evaluate(SEVERAL, ("infinite_ae", "ease"), controls=("stratified_users", "whole"), ks=(5, 10, 20))
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 80
    header = next(line for line in lines if "trained on" in line)
    assert header.split() == ["trained", "on", "model", "users", "kB", "plain", "own"]
    assert "plain, own: ndcg@5" in " ".join(" ".join(lines[:2]).split())
    assert any("stratified_users" in line for line in lines)
    row = report.row("distill_cf", "ease")
    shown = f"{100 * row.mean('ndcg@5'):.2f} ± {100 * row.deviation('ndcg@5'):.2f}"
    assert any(shown in line and f"{100 * row.own_mean('ndcg@5'):.2f} ±" in line for line in lines)


class InTheirManner:
    """EASE as ``implicit`` would have it: ``fit`` returns nothing, ``recommend`` gives lists."""

    def __init__(self, ridge: float = 50.0) -> None:
        self.model = EASE(ridge=ridge)
        self.fits = 0

    def fit(self, user_items: csr_matrix, show_progress: bool = True) -> None:
        self.model.fit(user_items)
        self.fits += 1

    def recommend(self, userid, user_items, N=10, filter_already_liked_items=True, recalculate_user=False):
        assert recalculate_user
        assert user_items.shape[0] == len(userid)
        return self.model.recommend(userid, user_items, N, filter_already_liked_items)


@pytest.mark.parametrize("model", [InTheirManner(), InTheirManner, lambda: InTheirManner(50.0), EASE(ridge=50.0)])
def test_a_users_own_recommender_is_fitted_and_evaluated_as_it_is(model):
    (row,) = evaluate(SEVERAL[0], [model]).rows
    assert row.model == ("ease" if isinstance(model, EASE) else "InTheirManner")
    name = "auc"
    for matrix, scores in ((ones(SEVERAL[0].user_items), row.scores), (SEVERAL[0].user_items, row.own_scores)):
        counts = np.asarray(SPLIT.train.sum(axis=0)).ravel()
        fitted = EASE(ridge=50.0).fit(matrix)
        known = SPLIT.train
        found = recsys.models.scoring.score_lists(fitted, SPLIT.test, ks=(5,), train_counts=counts, known=known).values
        assert {key: value[0] for key, value in scores.items() if key != name} == {
            key: value for key, value in found.items() if key != name
        }
    assert not getattr(model, "fits", 0)  # a copy was fitted


def test_lists_that_leave_items_out_rank_them_last():
    class Short(InTheirManner):
        def recommend(self, userid, user_items, N=10):
            return self.model.recommend(userid, user_items, 3, False)

    scores = Own(Short()).fit(SPLIT.train).scores(SPLIT.train[:4])
    assert (np.isfinite(scores).sum(axis=1) == 3).all()


def test_models_that_cannot_serve_or_are_none_are_reported():
    class Closed(InTheirManner):
        def recommend(self, userid, user_items, N=10):
            raise NotImplementedError("recalculate_user is not supported")

    (row,) = evaluate(SEVERAL[0], [Closed()]).rows
    assert row.note == "not possible: Closed cannot take in users that it was not fitted on"
    assert not row.scores
    with pytest.raises(TypeError, match=r"object has no fit and no recommend; pass one in the manner of implicit's"):
        evaluate(SEVERAL[0], [object])
    with pytest.raises(TypeError, match=r"models must be names, recommenders or functions that make one, got 3"):
        evaluate(SEVERAL[0], [3])
    with pytest.raises(ValueError, match="models must have different names, got several InTheirManner"):
        evaluate(SEVERAL[0], [InTheirManner(), InTheirManner(2.0)])
    assert maker_of(InTheirManner)[0] == "InTheirManner"


def test_own_metrics_of_lists():
    report = evaluate(SEVERAL[0], convention={"first": lambda lists: lists.hits[:, 0]}, ks=(1,))
    precision = evaluate(SEVERAL[0], convention="recbole", ks=(1,)).rows[0]
    assert report.rows[0].scores == {"first@1": precision.scores["precision@1"]}
    with pytest.raises(TypeError, match="convention must be a name, a Convention or a mapping"):
        evaluate(SEVERAL[0], convention={"first": 3})
    with pytest.raises(ValueError, match="there is no metric convention 'ndcg'"):
        evaluate(SEVERAL[0], convention="ndcg")
    assert "must give one finite number for each" in evaluate(SEVERAL[0], convention={"x": lambda _: 1.0}).rows[0].note


def test_rows_made_by_hand_have_one_column():
    row = UserRow("users", "ease", {"ndcg@5": (0.5,)}, 1, 2, 3, 0.0, 0.1)
    assert row.own_mean("ndcg@5") == 0.5
    assert row.as_dict()["own_scores"] == {}
