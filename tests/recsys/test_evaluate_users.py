import dataclasses
import importlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from scipy.sparse import csr_matrix

import recsys
from graphcond.core.evaluation.controls import Selection
from graphcond.core.run import Run
from recsys import EASE, CondensedInteractions, DistillCF, Holdout, InfiniteAE, Split
from recsys.evaluation import value as evaluation
from recsys.evaluation.report import UserReport
from recsys.evaluation.value import CONTROLS
from recsys.metrics.conventions import CONVENTIONS, resolve_convention
from recsys.models import tuning
from recsys.models.base import Recommender
from recsys.models.implicit_models import ALS, BPR, ItemKNN
from recsys.models.popularity import Popularity
from recsys.models.scoring import score_lists
from recsys.models.tuning import tuned_ease

USERS = 8
REAL = recsys.generate_interactions(120, 40, 1500)
SPLIT = recsys.random_split(REAL)
QUICK = DistillCF(steps=3, validations=1, batch_users=50)
MODELS = ("infinite_ae", "ease", "als", "item_knn", "bpr", "popularity")
FOLDS_IN = tuple(name for name in MODELS if name != "bpr")
REAL_USERS = tuple(name for name in CONTROLS if name not in ("popularity", "whole"))
IMPLICIT = ("als", "item_knn", "bpr")


@pytest.fixture(autouse=True)
def few_settings(monkeypatch):
    """What is chosen among is not what is tested here."""
    monkeypatch.setattr(tuning, "ALS_REGULARIZATIONS", (1.0, 30.0))
    monkeypatch.setattr(tuning, "ALS_FACTORS", (8, 4))
    monkeypatch.setattr(tuning, "ITEM_KNN_NEIGHBOURS", (5, 20))


def condense(split: Split = SPLIT, method: object = QUICK, **options: Any) -> CondensedInteractions:
    return recsys.condense(split, method=method, **({"users": USERS} | options))


def evaluate(condensed: object, split: Split = SPLIT, models: Sequence[str] = ("ease",), **options: Any) -> UserReport:
    if set(models) & set(IMPLICIT):
        pytest.importorskip("implicit")
    return recsys.evaluate(condensed, split, models, **({"controls": False, "ks": (5, 10)} | options))


def scores(report: UserReport) -> list[tuple[object, ...]]:
    """Everything but the seconds."""
    return [
        (row.data, row.model, row.scores, row.users, row.interactions, row.choices, row.note) for row in report.rows
    ]


def shuffled(matrix: csr_matrix, seed: int = 0) -> csr_matrix:
    """The same number of interactions a row, of other users."""
    other = csr_matrix(matrix[np.random.default_rng(seed).permutation(matrix.shape[0])])
    other.sum_duplicates()
    return other


def test_every_control_stands_beside_every_model():
    report = evaluate(condense(), models=("infinite_ae", "ease"), controls=True)
    sets = ["distill_cf", *REAL_USERS, "whole"]
    expected = [(name, model) for model in ("infinite_ae", "ease") for name in sets]
    assert [(row.data, row.model) for row in report.rows] == [*expected, ("whole", "popularity")]
    assert (report.dataset, report.split, report.convention) == ("interactions", "random", "distill_cf")
    for row in report.rows:
        assert row.scores.keys() == {"hr@5", "hr@10", "ndcg@5", "ndcg@10", "psp@5", "psp@10", "auc"}
        assert all(len(values) == 1 and 0 <= values[0] <= 1 for values in row.scores.values())
        assert row.train_seconds > 0
        assert row.note == ""


@pytest.mark.parametrize("interactions", [None, 30])
def test_controls_are_as_large_as_the_result(interactions):
    small = condense(interactions=interactions)
    report = evaluate(small, controls=True)
    own, *others = report.rows
    assert (own.users, own.interactions, own.bytes) == (USERS, small.num_interactions, small.nbytes)
    assert own.condense_seconds == small.record.seconds
    for row in others:
        if row.data == "whole":
            assert (row.users, row.interactions, row.condense_seconds) == (120, SPLIT.train.nnz, 0)
        else:
            assert row.users == USERS
            assert row.condense_seconds > 0
            assert interactions is None or row.interactions == interactions


@pytest.mark.parametrize("interactions", [None, 30])
@pytest.mark.parametrize("name", [name for name in REAL_USERS if name != "forgetting"])
def test_each_condensation_has_a_control_whose_seed_is_its_position(name, interactions):
    several = [condense(interactions=interactions, seed=seed) for seed in (5, 7)]
    report = evaluate(several, controls=(name,), seed=5)
    made = [condense(method=name, interactions=interactions, seed=seed) for seed in (0, 1)]
    assert report.row(name, "ease").scores == evaluate(made, seed=5).row(name, "ease").scores
    assert len(report.row(name, "ease").scores["auc"]) == 2


def test_a_control_that_cannot_be_says_why():
    report = evaluate(condense(users=150), controls=("random_users", "whole"))
    row = report.row("random_users", "ease")
    assert row.scores == {}
    assert row.note.startswith("not possible: users must be in [1, 120]")
    assert np.isnan(row.mean("ndcg@10"))
    assert report.row("whole", "ease").scores
    assert "random_users / ease: not possible" in str(report)
    json.loads(report.to_json())
    report.to_pandas()


BUILDS: dict[str, Callable[[dict[str, Any]], Recommender]] = {
    "infinite_ae": lambda choice: InfiniteAE(**choice),
    "ease": lambda choice: EASE(**choice),
    "als": lambda choice: ALS(**choice, seed=4),
    "item_knn": lambda choice: ItemKNN(**choice),
    "popularity": lambda choice: Popularity(**choice),
    "bpr": lambda choice: BPR(**choice, seed=4),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("model", MODELS)
def test_scores_are_those_of_the_model_with_the_chosen_settings(model, convention):
    report = evaluate(condense(interactions=60), models=(model,), controls=("whole",), convention=convention, seed=4)
    sets = {"whole": SPLIT.train} if model == "bpr" else {"distill_cf": condense(interactions=60).user_items}
    counts = np.bincount(SPLIT.train.indices, minlength=40)
    for name, train in sets.items():
        row = report.row(name, model)
        (choice,) = row.choices
        expected = score_lists(
            BUILDS[model](choice).fit(train), SPLIT.test, ks=(5, 10), convention=convention, train_counts=counts,
            known=SPLIT.train, seed=4,
        )  # fmt: skip
        assert row.scores == {metric: (pytest.approx(value, abs=1e-6),) for metric, value in expected.values.items()}


@pytest.mark.parametrize("model", FOLDS_IN)
def test_settings_are_chosen_without_the_test_part(model):
    small = condense(interactions=60)
    test = Holdout(SPLIT.test.context, shuffled(SPLIT.test.targets - SPLIT.test.targets.multiply(SPLIT.test.context)))
    other = dataclasses.replace(SPLIT, test=test)
    rows = [evaluate(small, split, (model,), controls=("whole",)).rows for split in (SPLIT, other)]
    for first, second in zip(*rows, strict=True):
        assert first.choices == second.choices
        assert first.scores != second.scores


def test_settings_are_the_best_on_the_validation_part():
    small = condense()
    (row,) = evaluate(small).rows
    ones = small.user_items.copy()
    ones.data[:] = 1
    assert row.choices == ({"ridge": tuned_ease(ones, SPLIT.val).choice},)
    assert row.own_choices == ({"ridge": tuned_ease(small.user_items, SPLIT.val).choice},)
    # Nothing is chosen once and for all: other validation data ask for other settings.
    choices = set()
    for seed in range(8):
        val = Holdout(SPLIT.val.context, shuffled(SPLIT.val.targets, seed))
        (row,) = evaluate(small, dataclasses.replace(SPLIT, val=val)).rows
        choices.add(row.choices[0]["ridge"])
    assert len(choices) > 1


@pytest.mark.parametrize("condensed", [condense, lambda: condense().user_items])
def test_bpr_serves_only_those_it_was_fitted_on(condensed):
    report = evaluate(condensed(), models=("bpr",), controls=("random_users", "whole"))
    *small, whole = report.rows
    assert [row.note for row in small] == ["bpr cannot fold in users that it was not fitted on"] * 2
    assert [row.scores for row in small] == [{}, {}]
    assert whole.data == "whole"
    assert whole.scores["ndcg@10"][0] > 0
    assert "distill_cf / bpr: bpr cannot fold in users" in str(report) or report.rows[0].data == "users"


@pytest.mark.parametrize("controls", [False, ("whole", "random_users")])
@pytest.mark.parametrize("model", ["bpr", "ease"])
def test_all_users_given_as_a_matrix_are_the_whole(model, controls):
    report = evaluate(SPLIT.train.astype(np.float64), models=(model,), controls=controls)
    expected = evaluate(condense(), models=(model,), controls=("whole",)).row("whole", model)
    assert [row.data for row in report.rows] == ["whole", *(controls or ())[1:]]
    assert report.row("whole", model).scores == expected.scores


def test_other_users_given_as_a_matrix_are_not_the_whole():
    others = SPLIT.train.copy()
    others.data[0] += 1
    for matrix in (others, SPLIT.train[1:], SPLIT.train[::-1]):
        assert [row.data for row in evaluate(matrix, models=("ease",), controls=False).rows] == ["users"]


@pytest.mark.parametrize(("models", "rows"), [(("ease",), 1), (("ease", "popularity"), 2), (("popularity",), 2)])
def test_popularity_is_reported_once_for_all_users(models, rows):
    report = evaluate(condense(), models=models, controls=("popularity", "whole"))
    reported = [row for row in report.rows if row.model == "popularity"]
    assert len(reported) == rows
    assert reported[-1].data == "whole"
    best = np.argsort(-np.asarray(SPLIT.train.sum(axis=0)).ravel(), kind="stable")
    first = score_lists(Fixed(best), SPLIT.test, ks=(5, 10), train_counts=np.ones(40))
    assert reported[-1].scores["hr@10"] == (pytest.approx(first.values["hr@10"]),)


class Fixed(Recommender):
    """The same order for all."""

    name = "fixed"

    def __init__(self, order: np.ndarray) -> None:
        self.values = np.empty(len(order), np.float32)
        self.values[order] = -np.arange(len(order))

    def fit(self, user_items: csr_matrix) -> "Fixed":
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        return np.tile(self.values, (context.shape[0], 1))


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_condensations_are_one_row(kind):
    several = kind(condense(seed=seed) for seed in range(3))
    alone = [evaluate(one).rows[0] for one in several]
    (row,) = evaluate(several).rows
    for metric, values in row.scores.items():
        each = [one.scores[metric][0] for one in alone]
        assert values == tuple(each)
        assert row.mean(metric) == pytest.approx(np.mean(each))
        assert row.deviation(metric) == pytest.approx(np.std(each, ddof=1))
    assert row.choices == tuple(one.choices[0] for one in alone)
    assert row.condense_seconds == pytest.approx(np.mean([one.record.seconds for one in several]))
    assert f"{100 * row.mean('ndcg@10'):.2f} ± {100 * row.deviation('ndcg@10'):.2f}" in str(evaluate(several))


@pytest.mark.parametrize("other", [{"method": "random_users"}, {"users": 9}, {"interactions": 40}, {"depth": 2}])
def test_what_was_made_differently_is_not_one_row(other):
    if "depth" in other:
        other = {"method": dataclasses.replace(QUICK, **other)}
    with pytest.raises(ValueError, match=r"must differ in nothing but the seed.* evaluate one after the other"):
        evaluate([condense(), condense(**other)])


def test_what_was_saved_goes_with_what_was_not(tmp_path):
    several = [condense(seed=0), recsys.load(condense(seed=1).save(tmp_path / "small.safetensors"))]
    assert len(evaluate(several).rows[0].scores["auc"]) == 2


@pytest.mark.parametrize("make", ["csr_matrix", "coo_matrix", "csc_array", "lil_matrix"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_of_ones_own_is_evaluated_as_well(make, dtype):
    small = condense()
    matrix = getattr(scipy.sparse, make)(small.user_items, dtype=dtype)
    report = evaluate(matrix, models=("infinite_ae", "ease"), controls=("random_users",))
    expected = evaluate(small, models=("infinite_ae", "ease"), controls=("random_users",))
    assert [row.data for row in report.rows] == ["users", "random_users"] * 2
    for found, row in zip(report.rows, expected.rows, strict=True):
        assert found.scores == row.scores
        assert (found.users, found.interactions, found.bytes) == (row.users, row.interactions, row.bytes)


def at_times(make: Callable[[scipy.sparse.coo_matrix], np.ndarray]) -> Split:
    entries = REAL.tocoo()
    frame = pd.DataFrame({"user_id": entries.row, "item_id": entries.col, "datetime": make(entries)})
    return recsys.temporal_split(frame)


def sparse_split() -> Split:
    """Hardly anybody has a validation item, many have no test item, and some nothing at all to train on."""
    small = recsys.generate_interactions(120, 40, 300)
    return recsys.random_split(small, val=0.05)


SPLITS: dict[str, Callable[[], Split]] = {
    "strong": lambda: recsys.strong_split(REAL),
    "strong, test as large as train": lambda: recsys.strong_split(REAL, 0.2, 0.4),
    "leave one out": lambda: recsys.leave_one_out(REAL),
    "temporal": lambda: at_times(lambda entries: np.random.default_rng(0).permutation(entries.nnz)),
    "temporal, new users": lambda: at_times(lambda entries: entries.row),
    "temporal, new items": lambda: at_times(lambda entries: entries.col),
    "sparse": sparse_split,
}


@pytest.mark.parametrize("kind", SPLITS)
def test_every_kind_of_split_is_evaluated(kind):
    split = SPLITS[kind]()
    counts = np.bincount(split.train.indices, minlength=40)
    report = evaluate(condense(split), split, ("infinite_ae", "ease", "item_knn"), controls=("random_users", "whole"))
    assert len(report.rows) == 9
    for row in report.rows:
        assert row.note == ""
        assert all(0 <= value <= 1 for values in row.scores.values() for value in values)
    row = report.row("whole", "ease")
    model = EASE(ridge=row.choices[0]["ridge"]).fit(split.train)
    # Those who are asked are others than those who were trained on, even where there are as many of them.
    known = None if kind.startswith("strong") else split.train
    expected = score_lists(model, split.test, ks=(5, 10), train_counts=counts, known=known)
    assert row.scores == {metric: (pytest.approx(value),) for metric, value in expected.values.items()}


def test_the_splits_are_what_they_are_meant_to_be():
    assert len({part.shape[0] for part in (lambda s: (s.train, s.test.targets))(SPLITS["strong"]())}) == 2
    equal = SPLITS["strong, test as large as train"]()
    assert equal.train.shape == equal.test.targets.shape
    late = SPLITS["temporal, new users"]()
    assert (np.diff(late.test.context.indptr) == 0)[late.test.asked()].any()
    assert (np.diff(SPLITS["sparse"]().val.targets.indptr) == 0).mean() > 0.8


def test_bpr_on_other_users_says_why_not():
    split = recsys.strong_split(REAL)
    report = evaluate(condense(split), split, ("bpr",), controls=("whole",))
    assert report.row("whole", "bpr").note.startswith("not possible: bpr cannot fold users in")


@pytest.mark.parametrize("num_items", [1, 2, 12])
def test_few_items_make_short_lists(num_items):
    dense = np.random.default_rng(0).random((60, num_items)) < 0.6
    split = recsys.leave_one_out(csr_matrix(dense)) if num_items > 2 else None
    if split is None:
        first = csr_matrix(np.ones((60, num_items), np.float32))
        none = csr_matrix(first.shape, dtype=np.float32)
        split = Split(first, Holdout(none, first), Holdout(none, first), np.arange(60), np.arange(num_items))
    report = recsys.evaluate(condense(split), split, ("infinite_ae", "ease", "popularity"), controls=True)
    lengths = {metric.split("@")[1] for metric in report.rows[0].scores if "@" in metric}
    assert lengths == {str(min(10, num_items)), str(num_items)}
    assert {row.note for row in report.rows} == {""}
    if num_items == 1:
        assert report.row("distill_cf").scores["hr@1"] == (1.0,)


def test_lists_are_10_and_100_long_where_there_are_so_many_items():
    split = recsys.random_split(recsys.generate_interactions(50, 150, 2000))
    report = recsys.evaluate(condense(split), split, ("ease",), controls=False)
    assert report.rows[0].scores.keys() == {"hr@10", "hr@100", "ndcg@10", "ndcg@100", "psp@10", "psp@100", "auc"}


@pytest.mark.parametrize("convention", [*CONVENTIONS, resolve_convention("recbole")])
def test_metrics_are_those_of_the_convention(convention):
    rules = resolve_convention(convention)
    report = evaluate(condense(), convention=convention, ks=(3,))
    assert report.convention == rules.name
    assert report.rows[0].scores.keys() == {*(f"{name}@3" for name in rules.at_k), *rules.whole}
    assert rules.name in str(report)


def test_the_same_seed_gives_the_same_scores_and_nothing_changes():
    small, split = condense(interactions=60), recsys.random_split(REAL)
    before = [small.user_items.copy(), split.train.copy(), split.test.targets.copy(), split.val.context.copy()]
    torch_state = torch.get_rng_state()
    legacy = np.random.get_state()[1].tolist()  # noqa: NPY002 (the global state is what is tested)
    models = ("infinite_ae", "als", "bpr")
    first = evaluate(small, split, models, controls=("random_users", "whole"), seed=3)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state()[1].tolist() == legacy  # noqa: NPY002
    torch.rand(3)
    assert scores(evaluate(small, split, models, controls=("random_users", "whole"), seed=3)) == scores(first)
    after = [small.user_items, split.train, split.test.targets, split.val.context]
    assert all((one != other).nnz == 0 for one, other in zip(before, after, strict=True))


def test_the_seed_is_that_of_models_and_not_of_controls():
    first, second = (evaluate(condense(), controls=("random_users",), seed=seed) for seed in (0, 1))
    of_controls = [one.row("random_users", "ease").scores["ndcg@10"] for one in (first, second)]
    assert of_controls[0] == of_controls[1]
    assert first.row("distill_cf", "ease").scores["ndcg@10"] == second.row("distill_cf", "ease").scores["ndcg@10"]


def test_progress_is_reported_after_each_training():
    reports = []
    evaluate(
        condense(),
        models=("ease", "infinite_ae"),
        controls=("whole", "popularity"),
        run=Run(progress=reports.append),
    )
    assert [(report.done, report.total) for report in reports] == [(i + 1, 7) for i in range(7)]  # two with weights
    assert reports[0].what == "distill_cf / ease"
    assert reports[-1].what == "whole / popularity"


def test_the_report_converts_to_text_json_and_pandas():
    report = evaluate(condense(), models=("ease", "bpr"), controls=("whole",))
    reported = json.loads(report.to_json())
    assert reported == json.loads(json.dumps(report.to_dict()))
    assert reported["split"] == "random"
    assert [row["data"] for row in reported["rows"]] == ["distill_cf", "whole"] * 2
    assert reported["rows"][0]["scores"]["ndcg@10"] == [report.rows[0].mean("ndcg@10")]
    frame = report.to_pandas()
    assert frame["ndcg@10"].tolist()[:2] == [row.mean("ndcg@10") for row in report.rows[:2]]
    assert np.isnan(frame["ndcg@10"][2])
    assert {"data", "model", "users", "interactions", "bytes", "choices", "note"} <= set(frame.columns)
    text = str(report)
    assert text.startswith("interactions: test scores in % (distill_cf metrics, random split)")
    assert text.splitlines()[-1] == "distill_cf / bpr: bpr cannot fold in users that it was not fitted on"
    assert f"{100 * report.rows[0].mean('ndcg@10'):.2f}" in text
    with pytest.raises(KeyError, match="no row for 'whole' under 'infinite_ae'"):
        report.row("whole", "infinite_ae")


def never(*_: object, **__: object) -> None:
    raise AssertionError("work was done")


@pytest.fixture
def idle(monkeypatch):
    """Fail where any work is done."""
    monkeypatch.setattr(evaluation, "score_lists", never)
    monkeypatch.setattr(Selection, "candidate", never)


def with_part(name: str, **changes: object) -> Split:
    part = getattr(SPLIT, name)
    return dataclasses.replace(SPLIT, **{name: dataclasses.replace(part, **changes)})


NONE = csr_matrix(SPLIT.train.shape, dtype=np.float32)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "split": (TypeError, r"split must be a recsys\.Split, such as .*, got csr_matrix", {"split": REAL}),
    "val": (ValueError, r"split\.val holds nothing out; .* val=0\.1", {"split": dataclasses.replace(SPLIT, val=None)}),
    "test": (ValueError, r"split\.test holds nothing out; .*", {"split": dataclasses.replace(SPLIT, test=None)}),
    "val targets": (ValueError, r"split\.val asks no user for anything", {"split": with_part("val", targets=NONE)}),
    "test targets": (ValueError, r"split\.test asks no user for anything", {"split": with_part("test", targets=NONE)}),
    "no models": (ValueError, r"models must name at least one", {"models": ()}),
    "model": (ValueError, r"there is no model 'eas'; did you mean 'ease'\? \(all: infinite_ae, ", {"models": ("eas",)}),
    "model's name": (TypeError, r"models must be a sequence .*, got 'ease'; pass \('ease',\)", {"models": "ease"}),
    "model's type": (TypeError, "models must be names, recommenders or functions .*, got 3", {"models": (3,)}),
    "control": (ValueError, r"there is no control 'random'; choose from .*random_users", {"controls": ("random",)}),
    "control's name": (TypeError, r"controls must be .* got 'whole'; pass \('whole',\)", {"controls": "whole"}),
    "convention": (ValueError, r"there is no metric convention 'r'; did you mean 'recbole'", {"convention": "r"}),
    "ks": (ValueError, r"ks must be .* from 1 to the number of items, 40, got \(10, 41\)", {"ks": (10, 41)}),
    "zero": (ValueError, r"ks must be .*, got \(0,\)", {"ks": (0,)}),
    "no ks": (ValueError, r"ks must be .*, got \(\)", {"ks": ()}),
    "one k": (ValueError, r"ks must be a sequence .*, got 10", {"ks": 10}),
    "half": (ValueError, r"ks must be .*, got \(2\.5,\)", {"ks": (2.5,)}),
    "truth": (ValueError, r"ks must be .*, got \(True,\)", {"ks": (True,)}),
    "seed": (ValueError, r"seed must be an integer in \[0, ", {"seed": -1}),
    "array": (TypeError, r"condensed must be what recsys\.condense\(\) .* got ndarray", {"condensed": REAL.toarray()}),
    "nothing": (TypeError, r"condensed must be .* got list", {"condensed": []}),
    "mixture": (TypeError, r"condensed must be .* got list", {"condensed": [condense(), REAL]}),
    "items": (ValueError, r"the condensed users have 39 items, the split 40", {"condensed": csr_matrix(REAL[:, 1:])}),
    "NaN": (ValueError, r"must hold finite weights", {"condensed": csr_matrix(np.full((2, 40), np.nan))}),
    "no interactions": (ValueError, r"holds no interactions", {"condensed": csr_matrix((5, 40))}),
}


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_one_sentence_before_any_work(case):
    kind, message, change = BAD[case]
    arguments = {"condensed": condense(), "split": SPLIT, "models": ("ease",), "controls": True} | change
    with pytest.raises(kind, match=message) as error:
        recsys.evaluate(arguments.pop("condensed"), arguments.pop("split"), arguments.pop("models"), **arguments)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    "condensed",
    [
        lambda: condense(recsys.random_split(REAL, seed=1)),
        lambda: condense(REAL),
        lambda: [condense(), condense(recsys.random_split(REAL, seed=1))],
        lambda: condense(dataclasses.replace(SPLIT, item_ids=SPLIT.item_ids + 1)),
    ],
    ids=["another split", "no split", "one of two", "other items"],
)
def test_what_may_have_seen_the_test_part_is_refused(condensed):
    with pytest.raises(
        ValueError, match=r"was condensed from other training interactions .*; condense the split itself"
    ):
        evaluate(condensed())


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("model", IMPLICIT)
def test_a_package_that_is_missing_is_reported_before_any_work(monkeypatch, model):
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name.startswith("implicit"):
            raise ImportError(f"no module named {name}")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ImportError, match=r'pip install "graphcond\[recsys\]"'):
        recsys.evaluate(condense(), SPLIT, ("infinite_ae", model))
