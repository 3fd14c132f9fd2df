"""Rows of features in the manner of scikit-learn and imbalanced-learn."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)
from torch_geometric.data import Data, HeteroData

import graphcond
from graphcond.sampler import Condenser

NAMES = np.array(["barbera", "barolo", "grignolino"])  # in order


@pytest.fixture(scope="module")
def wine():
    x, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(x), y


def quick(**settings):
    return Condenser(**{"size": 6, "method": "class_mean", "random_state": 0} | settings)


@pytest.mark.parametrize(
    "check",
    [check_parameters_default_constructible, check_no_attributes_set_in_init, check_get_params_invariance,
     check_set_params],
    ids=lambda check: check.__name__,
)  # fmt: skip
def test_scikit_learns_own_checks(check):
    check("Condenser", Condenser())


def test_a_clone_has_the_same_settings():
    sampler = Condenser(size=0.1, method=graphcond.Herding(), random_state=3)
    other = clone(sampler)
    assert other is not sampler
    assert other.get_params() == sampler.get_params()
    assert repr(Condenser(size=12)) == "Condenser(size=12)"


def test_few_rows_train_nearly_as_well(wine):
    x, y = wine
    small, labels = Condenser(size="4/class", random_state=0).fit_resample(x[::2], y[::2])
    assert small.shape == (12, 13)
    assert small.dtype == np.float32
    assert np.bincount(labels).tolist() == [4, 4, 4]
    whole = LogisticRegression().fit(x[::2], y[::2]).score(x[1::2], y[1::2])
    assert LogisticRegression().fit(small, labels).score(x[1::2], y[1::2]) > whole - 0.05


def test_what_is_condensed_are_nodes_without_edges(wine):
    x, y = wine
    sampler = Condenser(size="1/class", method="class_mean", random_state=0)
    small, labels = sampler.fit_resample(x, y)
    record = sampler.record_
    assert (record.source["num_nodes"], record.source["num_edges"], record.notes) == (178, 0, ())
    order = np.argsort(labels)
    for row, label in zip(small[order], labels[order], strict=True):  # of the nine tenths that are trained on
        assert np.abs(row - x[y == label].mean(axis=0)).max() < 0.2


def test_real_rows_stay_real(wine):
    x, y = wine
    small, labels = quick(method="herding").fit_resample(x, y)
    for row, label in zip(small, labels, strict=True):
        found = np.flatnonzero((x.astype(np.float32) == row).all(axis=1))
        assert y[found].tolist() == [label]


def test_same_seed_same_rows(wine):
    x, y = wine
    before, states = x.copy(), (torch.get_rng_state(), np.random.get_state()[1].copy())  # noqa: NPY002
    first, again, other = (quick(method="random", random_state=seed).fit_resample(x, y)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(x, before)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    drawn = [quick(method="random", random_state=np.random.RandomState(5)).fit_resample(x, y)[0] for _ in range(2)]
    assert np.array_equal(*drawn)
    generator = np.random.RandomState(5)
    drawn = [quick(method="random", random_state=generator).fit_resample(x, y)[0] for _ in range(2)]
    assert not np.array_equal(*drawn)


def test_classes_and_containers_come_back(wine):
    x, y = wine
    frame = pd.DataFrame(x, columns=[f"f{i}" for i in range(13)])
    small, labels = quick(method="herding").fit_resample(frame, pd.Series(NAMES[y], name="sort"))
    assert list(small.columns) == list(frame.columns)
    assert labels.name == "sort"
    assert set(labels) == set(NAMES)
    sampler = quick(method="herding")
    numbers = sampler.fit_resample(x.tolist(), (y * 5 - 7).tolist())[1]
    assert NAMES[(numbers + 7) // 5].tolist() == labels.tolist()
    assert sampler.classes_.tolist() == [-7, -2, 3]
    assert sampler.n_features_in_ == 13


def test_weights_and_soft_labels_are_there(wine):
    sampler = Condenser(size="2/class", random_state=0)
    small, labels = sampler.fit_resample(*wine)
    assert sampler.sample_weight_.mean() == pytest.approx(1)
    assert sampler.y_soft_.shape == (6, 3)
    assert sampler.y_soft_.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    LogisticRegression().fit(small, labels, sample_weight=sampler.sample_weight_)
    sampler = quick(method="random")
    sampler.fit_resample(*wine)
    assert sampler.y_soft_ is None
    assert sampler.sample_weight_.shape == (6,)


def test_in_a_pipeline_of_imbalanced_learn(wine):
    pipelines = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    x, y = wine
    pipeline = pipelines.make_pipeline(StandardScaler(), quick(method="herding"), LogisticRegression())
    assert pipeline.fit(x, y).score(x, y) > 0.85
    assert len(pipeline.predict(x)) == len(x)  # resampled for training only
    search = GridSearchCV(pipeline, {"condenser__size": [3, "4/class"]}, cv=2).fit(x, y)
    assert search.best_params_["condenser__size"] in (3, "4/class")
    assert len(search.cv_results_["mean_test_score"]) == 2


def test_scikit_learns_own_pipeline_has_no_place_for_it(wine):
    with pytest.raises(TypeError, match="fit"):
        make_pipeline(quick(), LogisticRegression()).fit(*wine)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda x, y: (np.where(x > 1, np.nan, x), y), "contains NaN"),
        (lambda x, y: (x, y + 0.5), "Unknown label type"),
        (lambda x, y: (x, y[:-1]), "inconsistent numbers of samples"),
        (lambda x, y: (x[:, 0], y), "Expected 2D array"),
    ],
)
def test_what_cannot_be_condensed(wine, changed, message):
    with pytest.raises(ValueError, match=message):
        quick().fit_resample(*changed(*wine))


def test_graphs_are_no_rows(wine):
    for graph in (Data(x=torch.ones(3, 2)), HeteroData()):
        with pytest.raises(TypeError, match=r"X must hold rows of features, got \w*Data; graphs are for"):
            quick().fit_resample(graph, wine[1])


def test_wrong_settings(wine):
    with pytest.raises(ValueError, match="there is no method 'herdin'; did you mean 'herding'"):
        quick(method="herdin").fit_resample(*wine)
    with pytest.raises(ValueError, match="size=2 gives 2 nodes, fewer than the 3 classes"):
        quick(size=2).fit_resample(*wine)
    with pytest.raises(ValueError, match="random"):
        quick(random_state="some").fit_resample(*wine)


@pytest.mark.parametrize("dtype", ["category", "string", "bool", "Int64"])
def test_a_series_keeps_its_type(wine, dtype):
    x, y = wine
    classes = {"category": NAMES[y], "string": NAMES[y], "bool": y == 1, "Int64": y}[dtype]
    given = pd.Series(classes, dtype=dtype, index=np.arange(len(y)) + 7)
    labels = quick().fit_resample(pd.DataFrame(x.astype(np.float32), columns=list("abcdefghijklm")), given)[1]
    assert labels.dtype == given.dtype
    assert set(labels) == set(given)


def test_names_of_features_are_those_of_the_last_frame(wine):
    x, y = wine
    sampler = quick().fit(pd.DataFrame(x, columns=list("abcdefghijklm")), y)
    assert sampler.feature_names_in_.tolist() == list("abcdefghijklm")
    assert not hasattr(sampler.fit(x, y), "feature_names_in_")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(178, int), "y must hold at least two classes"),
        (np.array(["a", None] * 89, object), "one type"),
        (np.array(["a", 1] * 89, object), "one type"),
    ],
    ids=["one class", "none", "mixed"],
)
def test_classes_that_cannot_be_used(wine, labels, message):
    with pytest.raises(ValueError, match=message):
        quick().fit_resample(wine[0], labels)


def test_a_method_without_classes_is_refused(wine):
    with pytest.raises(ValueError, match="reads no classes"):
        quick(method="krr_st(steps=1)", size=8).fit_resample(*wine)


def test_a_pipeline_may_end_with_it(wine):
    pipelines = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    assert pipelines.make_pipeline(StandardScaler(), quick()).fit_resample(*wine)[0].shape[1] == 13
