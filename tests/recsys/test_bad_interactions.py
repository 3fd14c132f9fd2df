"""Unusable input: defined behaviour or one clear sentence, before any work is done."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import coo_matrix, csc_array, csr_array, csr_matrix, eye
from torch_geometric.data import Data

import graphcond
import recsys
from recsys import DistillCF, Holdout, InfiniteAE
from recsys.methods import METHODS

REAL = recsys.generate_interactions(120, 40, 1500)
SPLIT = recsys.random_split(REAL)
QUICK = DistillCF(steps=2, validations=1, batch_users=50)
NAMES = sorted(set(METHODS) - {"auto"})
PAIRS = (np.arange(6), np.arange(6))


def method_of(name: str) -> object:
    return QUICK if name == "distill_cf" else METHODS[name](**({"epochs": 2} if name == "forgetting" else {}))


def never(*_: object, **__: object) -> None:
    raise AssertionError("work was done")


@pytest.fixture
def idle(monkeypatch):
    """Fail where a method begins."""
    for method in METHODS.values():
        monkeypatch.setattr(method, "condense", never)


@pytest.fixture
def unread(monkeypatch, idle):
    """Fail where interactions are looked at."""
    for name in ("read_interactions", "hold_out_users", "check_split"):
        monkeypatch.setattr(f"recsys.modality.{name}", never)


def refused(kind: type[Exception], message: str, call: Callable[[], object]) -> None:
    with pytest.raises(kind, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": [1, 2, 2]} | columns)


def with_weight(value: float) -> csr_matrix:
    matrix = REAL.copy()
    matrix.data[7] = value
    return matrix


NEITHER = "interactions must be a SciPy sparse matrix, a pandas frame with user_id and item_id, .*, got"
SOURCES: dict[str, tuple[type[Exception], str, object]] = {
    "NaN": (ValueError, "weights must be finite, but 1 are NaN", with_weight(np.nan)),
    "infinity": (ValueError, "weights must be finite, but 1 are NaN, infinite or too", with_weight(np.inf)),
    "negative": (ValueError, "weights must be positive, but 1 are negative; drop .* min_weight=", with_weight(-1)),
    "complex": (TypeError, "weights must be real numbers, got complex", REAL.astype(complex)),
    "no entries": (ValueError, "there are no interactions; pass at least one", csr_matrix((5, 4))),
    "zeros only": (ValueError, "there are no interactions|leave", csr_matrix(np.zeros((5, 4)))),
    "no users": (ValueError, "there are no interactions", csr_matrix((0, 4))),
    "no items": (ValueError, "there are no interactions", csr_matrix((4, 0))),
    "dense": (TypeError, rf"{NEITHER} ndarray; pass scipy\.sparse\.csr_matrix\(matrix\)", REAL.toarray()),
    "matrix": (TypeError, f"{NEITHER} matrix", np.asmatrix(np.eye(3))),
    "tensor": (TypeError, f"{NEITHER} Tensor", torch.eye(3)),
    "list": (TypeError, f"{NEITHER} list", [[0, 1], [1, 2]]),
    "nothing": (TypeError, f"{NEITHER} NoneType", None),
    "number": (TypeError, f"{NEITHER} int", 5),
    "graph": (TypeError, f"{NEITHER} Data", Data(x=torch.eye(2))),
    "holdout": (TypeError, f"{NEITHER} Holdout", SPLIT.test),
    "condensed": (TypeError, f"{NEITHER} CondensedInteractions", recsys.condense(SPLIT, users=2, method="head_users")),
    "series": (TypeError, f"{NEITHER} Series", pd.Series([1, 2])),
    "empty frame": (ValueError, "there are no interactions", frame()[:0]),
    "no item_id": (ValueError, r"no column is known to hold items, got user_id", frame()[["user_id"]]),
    "other names": (ValueError, r"columns=\{'user': 'a', 'item'", frame().rename(columns={"user_id": "who"})),
    "missing user": (ValueError, "user_id must name .*, but 1 are missing", frame(user_id=["a", None, "b"])),
    "missing item": (ValueError, "item_id must name .*, but 1 are missing", frame(item_id=[1, np.nan, 2])),
    "mixed ids": (TypeError, "item_id must hold integers or strings, all of one kind", frame(item_id=[1, "2", 3])),
    "fractions": (TypeError, "item_id must hold integers or strings", frame(item_id=[0.5, 1.5, 2])),
    "words": (TypeError, "weights must be", frame(weight=["good", "bad", "good"])),
    "NaN in a frame": (ValueError, "weights must be finite, but 1 are NaN", frame(weight=[1, np.nan, 2])),
    "one array": (ValueError, r"arrays must be \(users, items\) or \(users, items, weights\), got 1", (np.arange(3),)),
    "four arrays": (ValueError, "got 4; pass a frame where there are times", (np.arange(3),) * 4),
    "lengths": (ValueError, "got 3 users, 2 items; pass arrays of one length", (np.arange(3), np.arange(2))),
    "two dimensions": (ValueError, "users must have one dimension", (np.eye(3, dtype=int), np.arange(3))),
    "no file": (FileNotFoundError, "there is no file nowhere.csv", "nowhere.csv"),
    "no format": (ValueError, "the path must end in .csv, .tsv, .parquet, .*, got data.json", "data.json"),
}  # fmt: skip


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("case", SOURCES)
def test_unusable_interactions_are_one_sentence_before_any_work(case):
    kind, message, source = SOURCES[case]
    refused(kind, message, lambda: recsys.condense(source, users=2))


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("case", ["NaN", "infinity", "negative", "complex", "no entries", "no users"])
def test_graphcond_says_the_same(case):
    kind, message, source = SOURCES[case]
    refused(kind, message, lambda: graphcond.condense(source, ratio=0.5))


SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "none": (r"give exactly one of users= and ratio= .*, got none", {}),
    "both": (r"give exactly one of users= and ratio= .*, got both", {"users": 2, "ratio": 0.1}),
    "all": (r"give exactly one of users= and ratio= .*, got both", {"users": 2, "ratio": 0.1, "interactions": 9}),
    "no users": (r"^users must be a positive integer, got 0$", {"users": 0}),
    "negative": (r"^users must be a positive integer, got -3$", {"users": -3}),
    "a fraction": (r"^users must be a positive integer, got 2\.5$", {"users": 2.5}),
    "a float": (r"^users must be a positive integer, got 2\.0$", {"users": 2.0}),
    "text": (r"^users must be a positive integer, got '2'$", {"users": "2"}),
    "truth": (r"^users must be a positive integer, got True$", {"users": True}),
    "no interactions": (r"^interactions must be a positive integer, got 0$", {"interactions": 0}),
    "half an interaction": (r"^interactions must be a positive integer, got 0\.5$", {"users": 2, "interactions": 0.5}),
    "text for interactions": (r"^interactions must be a positive integer, got 'all'$", {"interactions": "all"}),
    "ratio 0": (r"^ratio must be in \(0, 1\], got 0; for a number of users use users=$", {"ratio": 0}),
    "ratio above 1": (r"^ratio must be in \(0, 1\], got 500; for a number", {"ratio": 500}),
    "negative ratio": (r"^ratio must be in \(0, 1\], got -0\.1", {"ratio": -0.1}),
    "ratio NaN": (r"^ratio must be in \(0, 1\], got nan", {"ratio": float("nan")}),
    "ratio as text": (r"^ratio must be in \(0, 1\], got '0\.1'", {"ratio": "0.1"}),
    "ratio true": (r"^ratio must be in \(0, 1\], got True", {"ratio": True}),
}


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("case", SIZES)
def test_impossible_sizes_are_reported_before_anything_is_read(case):
    message, size = SIZES[case]
    for source in (REAL, SPLIT, "nowhere.csv"):
        refused(ValueError, message, lambda source=source: recsys.condense(source, **size))


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("size", "range_"),
    [
        ({"users": 5, "interactions": 4}, "5 to 200"),
        ({"users": 5, "interactions": 201}, "5 to 200"),
        ({"ratio": 0.1, "interactions": 11}, "12 to 480"),
        ({"interactions": 5000}, "120 to 4800"),
    ],
)
def test_interactions_that_users_cannot_share_are_refused(size, range_):
    total = size["interactions"]
    refused(ValueError, rf"^interactions={total} cannot be shared by .* ask for {range_}$",
            lambda: recsys.condense(REAL, **size))  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"distill_cf"}))
def test_selections_cannot_make_more_users_than_there_are(name):
    for source, most in ((REAL, 120), (SPLIT, 120), (recsys.strong_split(REAL), 96)):
        refused(
            ValueError,
            rf"users must be in \[1, {most}\], the number of training users with interactions, got {most + 1}",
            lambda source=source, most=most: recsys.condense(source, users=most + 1, method=method_of(name)),
        )


LIMITED = graphcond.Run(max_seconds=3)
NO_METHOD = "method must be a name or a method for interactions such as DistillCF"
ARGUMENTS: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "method": (
        ValueError,
        r"there is no method 'distil' .*; did you mean 'distill_cf'\? \(all: ",
        {"method": "distil"},
    ),
    "graph method": (ValueError, r"there is no method 'herding' for interactions", {"method": "herding"}),
    "method of graphs": (TypeError, rf"{NO_METHOD}\(\), got GCond", {"method": graphcond.GCond()}),
    "class": (TypeError, r"must be a value, got the class DistillCF; write DistillCF\(\)", {"method": DistillCF}),
    "no method": (TypeError, rf"{NO_METHOD}\(\), got NoneType", {"method": None}),
    "negative seed": (ValueError, r"seed must be an integer in \[0, 4294967295\], got -1", {"seed": -1}),
    "text for a seed": (ValueError, r"seed must be an integer in .*, got '1'", {"seed": "1"}),
    "device": (ValueError, r"device='tpu' cannot be used here .*; use device='cpu'", {"device": "tpu"}),
    "run": (TypeError, r"run must be a Run, such as graphcond\.Run\(max_seconds=60\), got 3", {"run": 3}),
    "steps": (ValueError, r"max_seconds=...\) is for methods that work in", {"run": LIMITED, "method": "head_users"}),
    "memory": (ValueError, r"memory='4GB' makes no sense for interactions", {"run": graphcond.Run(memory="4GB")}),
}


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("case", ARGUMENTS)
def test_wrong_arguments_are_reported_before_anything_is_read(case):
    kind, message, change = ARGUMENTS[case]
    for source in (REAL, SPLIT, "nowhere.csv"):
        refused(kind, message, lambda source=source: recsys.condense(source, users=3, **change))


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (2, "min_weight=2 needs weights, but the interactions have none, or all are 1; leave it out"),
        ("2", "min_weight must be a finite number or None, got '2'"),
        (float("nan"), "min_weight must be a finite number or None, got nan"),
    ],
)
@pytest.mark.usefixtures("idle")
def test_wrong_bounds_of_weights(bound, message):
    refused(ValueError, message, lambda: recsys.read_interactions(REAL, min_weight=bound))


@pytest.mark.usefixtures("idle")
def test_a_bound_of_weights_is_not_for_a_split():
    refused(TypeError, rf"^{NEITHER} Split$", lambda: recsys.read_interactions(SPLIT, min_weight=3))


def weights(matrix: csr_matrix, value: float) -> csr_matrix:
    other = matrix.copy()
    other.data[3] = value
    return other


def disordered() -> csr_matrix:
    rows = SPLIT.train
    ends = zip(rows.indptr, rows.indptr[1:], strict=False)
    backwards = np.concatenate([np.arange(stop - 1, start - 1, -1) for start, stop in ends])
    return csr_matrix((rows.data[backwards], rows.indices[backwards], rows.indptr), shape=rows.shape)


TRAIN = SPLIT.train
NARROW = csr_matrix(TRAIN[:, :7])
NO_CSR = r"split\.train must be a scipy\.sparse\.csr_matrix, got"
ALL_ITEMS = "must have a column for each of the"
POSITIVE = "must hold positive finite weights only"
BY_HAND: dict[str, tuple[type[Exception], str, dict[str, object]]] = {
    "no training": (ValueError, r"split\.train holds no interactions", {"train": csr_matrix((120, 40))}),
    "format": (TypeError, f"{NO_CSR} coo_matrix", {"train": coo_matrix(TRAIN)}),
    "array": (TypeError, f"{NO_CSR} csr_array", {"train": csr_array(TRAIN)}),
    "dense": (TypeError, f"{NO_CSR} ndarray", {"train": TRAIN.toarray()}),
    "NaN": (ValueError, rf"split\.train {POSITIVE}", {"train": weights(TRAIN, np.nan)}),
    "infinity": (ValueError, rf"split\.train {POSITIVE}", {"train": weights(TRAIN, np.inf)}),
    "negative": (ValueError, rf"split\.train {POSITIVE}", {"train": weights(TRAIN, -1)}),
    "zeros": (ValueError, rf"split\.train {POSITIVE}; .*eliminate_zeros\(\)", {"train": weights(TRAIN, 0)}),
    "disorder": (ValueError, r"in order; call split\.train\.sum_duplicates\(\)", {"train": disordered()}),
    "item_ids": (ValueError, rf"split\.train {ALL_ITEMS} 39 item_ids, got 40", {"item_ids": np.arange(39)}),
    "user_ids": (ValueError, r"split\.user_ids must name each of the 120 rows .*, got 3", {"user_ids": np.arange(3)}),
    "context": (ValueError, r"split\.val must have a row of context", {"val": Holdout(TRAIN[:5], TRAIN)}),
    "val": (ValueError, rf"split\.val\.context {ALL_ITEMS} 40 item_ids, got 7", {"val": Holdout(NARROW, NARROW)}),
    "test": (ValueError, rf"split\.test\.targets {POSITIVE}", {"test": Holdout(TRAIN, weights(TRAIN, np.nan))}),
}


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("case", BY_HAND)
def test_a_split_made_by_hand_must_fit_together(case, monkeypatch):
    monkeypatch.setattr("recsys.evaluation.evaluate.evaluate_task", never)
    kind, message, changes = BY_HAND[case]
    split = dataclasses.replace(SPLIT, **changes)
    refused(kind, message, lambda: recsys.condense(split, users=3))
    refused(kind, message, lambda: recsys.evaluate(REAL, split))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("interactions", [None, 1])
def test_one_user_and_one_item(name, interactions):
    small = recsys.condense(csr_matrix([[1.0]]), users=1, interactions=interactions, method=method_of(name))
    assert small.user_items.shape == (1, 1)
    assert small.num_interactions == 1


@pytest.mark.parametrize("name", NAMES)
def test_one_user(name):
    small = recsys.condense(csr_matrix(REAL[5]), ratio=1.0, method=method_of(name))
    assert small.user_items.shape == (1, 40)
    assert small.num_interactions >= 1


@pytest.mark.parametrize("name", NAMES)
def test_one_item(name):
    small = recsys.condense(csr_matrix(np.ones((150, 1))), users=3, interactions=3, method=method_of(name))
    assert small.user_items.toarray().tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("name", NAMES)
def test_users_who_all_like_the_same(name):
    small = recsys.condense(csr_matrix(np.tile([1.0, 0, 1, 1, 0], (150, 1))), users=20, method=method_of(name))
    assert small.user_items.shape == (20, 5)
    assert np.isfinite(small.user_items.data).all()


@pytest.mark.parametrize("name", NAMES)
def test_users_who_like_everything(name):
    everything = csr_matrix(np.ones((30, 5)))
    small = recsys.condense(everything, users=4, interactions=10, method=method_of(name))
    assert small.num_interactions == 10
    assert recsys.condense(everything, users=4, method=method_of(name)).user_items.shape == (4, 5)


@pytest.mark.parametrize("name", NAMES)
def test_a_user_without_interactions_is_left_out_and_told_of(name):
    holes = REAL.tolil()
    holes[[3, 80]] = 0
    small = recsys.condense(holes.tocsr(), ratio=1.0, method=method_of(name))
    assert small.user_items.shape == (118, 40)
    assert "2 users without any interaction were left out." in small.record.notes
    assert (np.diff(small.user_items.indptr) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_users_without_training_interactions_in_a_split(name):
    entries = REAL.tocoo()
    late = recsys.temporal_split(
        pd.DataFrame({"user_id": entries.row, "item_id": entries.col, "datetime": entries.row})
    )
    assert (np.diff(late.train.indptr) == 0).any()
    small = recsys.condense(late, users=30, interactions=60, method=method_of(name))
    assert small.user_items.shape == (30, 40)
    assert small.num_interactions == 60
    report = recsys.evaluate(small, late, controls=("whole",))
    assert [row.note for row in report.rows] == ["", ""]


@pytest.mark.parametrize("name", NAMES)
def test_repeated_interactions_count_once(name):
    users, items = REAL.nonzero()
    once = recsys.condense((users, items), users=5, method=method_of(name))
    often = recsys.condense((np.tile(users, 3), np.tile(items, 3)), users=5, method=method_of(name))
    assert (once.user_items != often.user_items).nnz == 0
    assert "3000 interactions repeat a user and an item that met before; they were merged." in often.record.notes


def test_zeros_are_no_interactions():
    zeros = csr_matrix((np.array([1.0, 0, 2]), np.array([0, 1, 2]), np.array([0, 2, 3])), shape=(2, 3))
    small = recsys.condense(zeros, users=2, method="head_users")
    assert small.num_interactions == 2
    assert small.item_ids.tolist() == [0, 1, 2]


def test_tiny_weights_are_interactions():
    small = recsys.condense((*PAIRS, np.full(6, 1e-6)), users=6, method="random_users")
    assert small.num_interactions == 6


def test_other_items_are_refused_by_those_who_were_fitted():
    small = recsys.condense(REAL, users=5, method="random_users")
    wider = recsys.random_split(recsys.generate_interactions(50, 41, 300))
    refused(ValueError, "the condensed users have 40 items, the split 41", lambda: recsys.evaluate(small, wider))
    model = InfiniteAE().fit(small.user_items)
    refused(ValueError, "40 .*41|41 .*40",
            lambda: model.recommend(np.arange(50), wider.train))  # fmt: skip


def test_the_same_number_of_other_items_is_refused_as_well():
    entries = REAL.tocoo()
    renamed = recsys.random_split((entries.row, entries.col + 1))
    small = recsys.condense(SPLIT, users=5, method="random_users")
    assert (renamed.train != SPLIT.train).nnz == 0
    refused(ValueError, "condense the split itself", lambda: recsys.evaluate(small, renamed))


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "5/class"}, r"^size='5/class' makes no sense for interactions; use one of ratio=0\.01, size=35$"),
        ({"size": "5kB"}, r"^size='5kB' makes no sense for interactions; use one of ratio=0\.01, size=35$"),
        ({"size": 0}, "^size must be a positive integer for a number of items, got 0$"),
        ({"ratio": 0}, r"^ratio must be in \(0, 1\], got 0; a number of items is whole, such as size=35$"),
        ({}, "^give exactly one of ratio= and size=, such as .*, got none$"),
        ({"ratio": 0.1, "size": 5}, "^give exactly one of ratio= and size=, such as .*, got both$"),
        ({"method": "gcond", "ratio": 0.1}, "there is no method 'gcond' for interactions"),
    ],
)
@pytest.mark.parametrize("make", [csr_matrix, csc_array])
def test_what_is_not_for_a_matrix_is_refused_by_graphcond(make, options, message):
    refused(ValueError, message, lambda: graphcond.condense(make(REAL), **options))


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("reading", "message"),
    [({"inductive": True}, "inductive=True makes no sense for"), ({"split": 2}, "split=2 makes no sense for")],
)
@pytest.mark.parametrize("make", [csr_matrix, csc_array])
def test_a_matrix_is_read_in_one_way(make, reading, message):
    refused(ValueError, f"^{message} interactions; leave it out$", lambda: graphcond.read(make(REAL), **reading))


def test_a_size_that_keeps_everything_is_none():
    message = "^size='everything' makes no sense for interactions; ask for a number of users, size=500$"
    refused(ValueError, message, lambda: graphcond.condense(REAL, size="everything"))


def test_a_square_matrix_is_no_graph():
    assert graphcond.condense(csr_matrix(eye(30)), ratio=0.1, method="random_users").user_items.shape == (3, 30)
