import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.graphs.splits import FOLDS, fold_split, stratified_folds

LABELS = st.lists(st.integers(-1, 4), min_size=1, max_size=120).map(torch.tensor)


@settings(deadline=None, max_examples=50)
@given(LABELS, st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_classes_and_all_graphs_are_spread_evenly(y, seed, folds):
    found = stratified_folds(y, seed, folds)
    assert found.shape == y.shape
    assert found.dtype == torch.int64
    for label in [None, *y.unique().tolist()]:
        counts = torch.bincount(found if label is None else found[y == label], minlength=folds)
        assert len(counts) == folds
        assert int(counts.max() - counts.min()) <= 1


@settings(deadline=None, max_examples=50)
@given(LABELS, st.integers(0, FOLDS - 1), st.integers(0, 2**32 - 1))
def test_parts_are_disjoint_and_hold_everything(y, fold, seed):
    split = fold_split(y, fold, seed)
    assert list(split) == ["train", "valid", "test"]
    assert torch.cat(list(split.values())).sort().values.tolist() == list(range(len(y)))
    folds = stratified_folds(y, seed)
    assert bool((folds[split["test"]] == fold).all())
    assert bool((folds[split["valid"]] == (fold + 1) % FOLDS).all())


@pytest.mark.parametrize("seed", [0, 7])
def test_each_graph_is_tested_once(seed):
    y = torch.arange(53) % 3
    tested = torch.cat([fold_split(y, fold, seed)["test"] for fold in range(FOLDS)])
    validated = torch.cat([fold_split(y, fold, seed)["valid"] for fold in range(FOLDS)])
    assert tested.sort().values.tolist() == validated.sort().values.tolist() == list(range(53))


def test_same_seed_same_folds_and_another_one_others():
    y = torch.arange(60) % 2
    assert torch.equal(stratified_folds(y, 3), stratified_folds(y, 3))
    assert not torch.equal(stratified_folds(y, 3), stratified_folds(y, 4))


def test_order_of_graphs_is_no_pattern():
    folds = stratified_folds(torch.zeros(1000, dtype=torch.int64))
    assert not torch.equal(folds, torch.arange(1000) % FOLDS)
    assert not torch.equal(folds, folds.sort().values)


def test_random_states_are_untouched():
    def state():
        legacy = np.random.get_state()  # noqa: NPY002 (the global state is what is tested)
        return [torch.get_rng_state().tolist(), legacy[1].tolist(), random.getstate()]

    before = state()
    stratified_folds(torch.arange(30) % 2)
    assert state() == before


@pytest.mark.parametrize("fold", [-1, 10, 99])
def test_no_such_fold(fold):
    with pytest.raises(ValueError, match=rf"^split must be a fold in \[0, 9\] .* got {fold}$"):
        fold_split(torch.arange(30) % 2, fold)
