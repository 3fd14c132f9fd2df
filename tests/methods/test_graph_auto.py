"""The default for graphs: what it chooses among, and how."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond import AutoGraphs, Histograms
from graphcond.core.run import Run
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.counts import Vocabulary
from graphcond.graphs.packing import packed_bytes
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.refinement import refine
from graphcond.graphs.task import GraphTask
from graphcond.methods import bag_rehearsal, graph_auto
from graphcond.methods.bag_rehearsal import BagRehearsal
from graphcond.methods.bags import BagPlan, Draws, TooFewBytesError

SPLIT = {"train": range(40), "valid": range(40, 60), "test": range(60, 70)}
EACH = GraphBudget(graphs_per_class=4)


@pytest.fixture
def items(make_graphs: Callable[..., list[Data]]) -> list[Data]:
    return make_graphs(70, classes=2)


@pytest.fixture
def task(items: list[Data]) -> GraphTask:
    return read_graphs(items, split=SPLIT)


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What rehearsals are going to give, one after the other."""
    planned: list[float] = []
    monkeypatch.setattr(BagRehearsal, "score", lambda self, items: planned.pop(0))
    monkeypatch.setattr(graph_auto, "FURTHER", 2)
    return planned


# Groups, then two draws; then twice groups and both draws, the better one first.
@pytest.mark.parametrize(
    ("planned", "drawn", "means"),
    [
        ([0.6, 0.5, 0.4, 0.6, 0.5, 0.4, 0.6, 0.5, 0.4], False, [0.6, 0.5, 0.4]),
        ([0.6, 0.5, 0.7, 0.6, 0.7, 0.5, 0.6, 0.7, 0.5], True, [0.6, 0.5, 0.7]),
        ([0.5, 0.4, 0.6, 0.6, 0.6, 0.4, 0.7, 0.64, 0.4], False, [0.6, 0.4, 0.6133]),  # within a standard error
        ([0.5, 0.9, 0.8, 0.5, 0.3, 0.8, 0.5, 0.3, 0.8], True, [0.5, 0.5, 0.8]),  # one lucky training is not enough
    ],
)
def test_a_draw_is_taken_if_it_rehearses_clearly_better(task, scores, planned, drawn, means):
    scores[:] = planned
    torch.manual_seed(3)
    made = AutoGraphs(draws=2).condense(task, EACH)
    assert not scores  # all were asked for
    assert made.choices["drawn"] is drawn
    assert made.choices["rehearsals"] == means
    assert made.members is not None
    sizes = made.members.ptr.diff()
    assert bool((sizes == 1).all()) is drawn
    assert int(sizes.sum()) == (8 if drawn else 40)


def test_without_validation_graphs_it_is_the_histograms(items):
    split = {"train": range(60), "test": range(60, 70)}
    small = graphcond.condense(items, graphs_per_class=4, split=split, method=AutoGraphs())
    other = graphcond.condense(items, graphs_per_class=4, split=split, method=Histograms())
    assert [item.to_dict().keys() for item in small] == [item.to_dict().keys() for item in other]
    for one, two in zip(small, other, strict=True):
        assert all(torch.equal(one[key], two[key]) for key in one.keys())  # noqa: SIM118 (not a mapping)


def test_single_graphs_have_the_trees_of_training_graphs(task):
    torch.manual_seed(0)
    made = Histograms(grouped=False, trees=10**6, depth=2).condense(task, EACH)
    assert made.members is not None
    originals = task.train.take(made.members.index)
    vocabulary = Vocabulary.of(originals, 2)
    top = refine(originals, 2).levels[-1]
    expected = vocabulary.count(originals).toarray()[:, -len(np.unique(top)) :].sum(axis=1)
    for i, item in enumerate(made.items):
        assert int(item.y) == int(originals.y[i])
        assert float(item.root_weight.sum()) == int(originals.sizes[i]) == expected[i]
        assert int(item.root_mask.sum()) == len(np.unique(top[originals.graph.numpy() == i]))


def test_single_graphs_are_drawn_anew_for_each_seed(items):
    def members(seed: int) -> list[int]:
        method = Histograms(grouped=False)
        return graphcond.condense(
            items, graphs_per_class=4, split=SPLIT, method=method, seed=seed
        ).members.index.tolist()

    assert members(0) == members(0)
    assert members(0) != members(1)
    assert len(set(members(0))) == 8


@pytest.mark.parametrize("limit", [400, 1000, 4000])
def test_bytes_bound_whatever_is_taken(task, limit, monkeypatch):
    monkeypatch.setattr(bag_rehearsal, "STEPS", 15)
    for method in (AutoGraphs(draws=2), Histograms(grouped=False)):
        assert packed_bytes(method.condense(task, GraphBudget(max_bytes=limit)).items) <= limit


@pytest.mark.parametrize("limit", [300, 1000, 3000])
def test_the_search_in_bytes_ends_near_the_limit_wherever_it_starts(task, limit):
    torch.manual_seed(0)
    plan, _ = Histograms(depth=1).planned(task)
    draws, budget = Draws(plan), GraphBudget(max_bytes=limit)
    found = [plan.condense(draws, budget, 600)]
    for count in (1, 5, 16):
        like = plan.condense(draws, GraphBudget(graphs_per_class=count), 600)
        found.append(plan.condense(draws, budget, 600, like=like))
    for made in found:
        assert packed_bytes(made.items) <= limit
        each, most = len(made.items) // 2, int(task.class_counts.max())
        more = GraphBudget(graphs_per_class=min(each + max(1, each // 16), most))
        assert each == most or packed_bytes(plan.condense(draws, more, 600).items) > limit


def test_draws_that_do_not_fit_are_left_out(task, scores, monkeypatch):
    whole = BagPlan.condense

    def condense(plan: BagPlan, grouping: Any, *size: Any, **options: Any) -> Any:
        if isinstance(grouping, Draws):
            raise TooFewBytesError("too large")
        return whole(plan, grouping, *size, **options)

    monkeypatch.setattr(BagPlan, "condense", condense)
    scores[:] = [0.5, 0.6, 0.7]
    made = AutoGraphs(draws=3).condense(task, GraphBudget(max_bytes=1000))
    assert made.choices["drawn"] is False
    assert made.choices["rehearsals"] == [0.6]


def test_rehearsals_tell_good_labels_from_bad_ones(task):
    torch.manual_seed(0)
    good = Histograms(depth=1).condense(task, EACH).items
    bad = [item.clone() for item in good]
    for item in bad:
        item.y_soft = item.y_soft.flip(1)
    rehearsal = BagRehearsal(task, 1)
    assert rehearsal.score(good) > rehearsal.score(bad) + 0.1


def test_progress_ends_at_the_total(task, scores):
    scores[:] = [0.5] * 20
    seen: list[graphcond.Progress] = []
    AutoGraphs(draws=3).condense(task, EACH, dataclasses.replace(Run(), progress=seen.append))
    assert [one.done for one in seen] == list(range(10))
    assert {one.total for one in seen} == {10}


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"draws": 0}, ValueError, "draws must be a positive integer, got 0"),
        ({"draws": True}, ValueError, "draws must be a positive integer, got True"),
        ({"bags": "histograms"}, TypeError, r"bags must be Histograms\(\), got 'histograms'"),
    ],
)
def test_bad_fields(options, kind, message):
    with pytest.raises(kind, match=f"^{message}$"):
        AutoGraphs(**options)
