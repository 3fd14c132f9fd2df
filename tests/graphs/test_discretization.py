import numpy as np
import pytest
import torch

import graphcond
from graphcond.graphs.discretization import BINS, as_categories, check_bins, fitting_bins
from graphcond.graphs.methods import validation as graph_validation
from graphcond.graphs.task import GraphSet


def numbers(values, attr=None):
    x = torch.as_tensor(values, dtype=torch.float32)
    x = x.reshape(-1, 1) if x.dim() == 1 else x
    edge_index = torch.zeros(2, 0 if attr is None else len(attr), dtype=torch.int64)
    return GraphSet(x, edge_index, attr, torch.tensor([0, len(x)]), torch.tensor([0]))


def test_bins_hold_equally_many_and_are_named_by_their_means():
    values = torch.rand(100, generator=torch.Generator().manual_seed(0))
    binned, record = as_categories(numbers(values), 4)
    groups = values.sort().values.reshape(4, 25)
    expected = torch.repeat_interleave(groups.mean(dim=1), 25)[values.argsort().argsort()]
    torch.testing.assert_close(binned.x[:, 0], expected)
    assert list(record["bin_errors"]) == ["x[0]"]
    assert record["bin_errors"]["x[0]"] == pytest.approx(
        float((expected - values).abs().mean() / values.std(correction=0)), abs=1e-4
    )


@pytest.mark.parametrize("bins", [2, 3, 8, 50])
def test_equal_values_share_a_bin_and_order_is_kept(bins):
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 12, 300) / 7).float()
    binned = as_categories(numbers(values), bins)[0].x[:, 0]
    assert len(binned.unique()) <= min(bins, 12)
    assert len(set(zip(values.tolist(), binned.tolist(), strict=True))) == len(values.unique())
    assert bool((binned[values.argsort()].diff() >= 0).all())
    assert float(binned.mean()) == pytest.approx(float(values.mean()), abs=1e-5)


def test_as_many_bins_as_values_change_nothing():
    values = torch.tensor([0.5, 1.25, 0.5, 3.0, 2.5])
    binned, record = as_categories(numbers(values), 5)
    assert torch.equal(binned.x[:, 0], values)
    assert record == {"bins": 5, "bin_errors": {"x[0]": 0}}


def test_columns_of_whole_numbers_stay_as_they_are():
    x = torch.stack([torch.arange(20.0) - 5, torch.arange(20) / 8], dim=1)
    binned, record = as_categories(numbers(x), 3)
    assert torch.equal(binned.x[:, 0], x[:, 0])
    assert len(binned.x[:, 1].unique()) == 3
    assert list(record["bin_errors"]) == ["x[1]"]


def test_columns_are_cut_without_a_warning():
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        as_categories(numbers(torch.arange(40.0).reshape(20, 2) / 8), 3)
    finally:
        torch.set_warn_always(before)


def test_edge_features_are_cut_too():
    graphs = numbers([1.0, 2.0], attr=torch.tensor([[0.1], [0.2], [0.9], [1.0]]))
    binned, record = as_categories(graphs, 2)
    torch.testing.assert_close(binned.edge_attr.flatten(), torch.tensor([0.15, 0.15, 0.95, 0.95]))
    assert list(record["bin_errors"]) == ["edge_attr[0]"]
    assert torch.equal(binned.x, graphs.x)


@pytest.mark.parametrize("bins", [None, 4])
@pytest.mark.parametrize("features", ["codes", "one_hot"])
def test_categories_are_left_alone(make_set, features, bins):
    graphs = make_set(features=features, edge_attr=True)
    same, record = as_categories(graphs, bins)
    assert same is graphs
    assert record == {}


def test_input_is_untouched(make_set):
    graphs = make_set(features="numbers")
    before = graphs.fingerprint()
    as_categories(graphs, 3)
    assert graphs.fingerprint() == before


@pytest.mark.parametrize("method", ["mirage", "histograms", "wl_fold", "auto"])
def test_quantities_need_no_setting(make_graphs, method, monkeypatch):
    monkeypatch.setattr(graph_validation, "STEPS", 10)
    items = make_graphs(20, features="numbers")
    for item in items:
        item.edge_attr = torch.rand(item.num_edges, 1)
    size = None if method == "wl_fold" else "2/class"
    small = graphcond.condense(items, method=method, size=size)
    if method in ("mirage", "histograms"):
        assert small.record.choices["bins"] in BINS
        assert set(small.record.choices["bin_errors"]) == {"x[0]", "x[1]", "edge_attr[0]"}


def test_as_many_bins_as_leave_ten_nodes_of_a_kind():
    draws = torch.rand(400, 8, generator=torch.Generator().manual_seed(0))
    assert fitting_bins(numbers(draws[:, :1])) == 8
    assert fitting_bins(numbers(draws[:, :2])) == 4  # 64 kinds of 400 nodes are too many, 16 are not
    assert fitting_bins(numbers(draws)) == 2


@pytest.mark.parametrize("make", [graphcond.Mirage, graphcond.Histograms])
def test_what_was_lost_is_in_the_record(make_graphs, make):
    small = graphcond.condense(make_graphs(20, features="numbers"), size="2/class", method=make(bins=3))
    assert set(small.record.choices["bin_errors"]) == {"x[0]", "x[1]"}
    assert all(0 < value < 1 for value in small.record.choices["bin_errors"].values())
    rows = torch.cat([item.x for item in small])
    assert all(len(column.unique()) <= 3 for column in rows.T)


def test_bins_without_quantities_are_not_in_the_record(make_graphs):
    small = graphcond.condense(make_graphs(20), size="2/class", method=graphcond.Mirage(bins=3))
    assert "bin_errors" not in small.record.choices


@pytest.mark.parametrize("bins", [1, 0, -3, 2.0, True, "8"])
def test_bad_numbers_of_bins(bins):
    for make in (check_bins, lambda bins: graphcond.Mirage(bins=bins), lambda bins: graphcond.Histograms(bins=bins)):
        with pytest.raises(ValueError, match=rf"^bins must be a whole number, 2 or more, got {bins!r}$"):
            make(bins)


def test_a_constant_column_of_fractions():
    binned, record = as_categories(numbers([0.5] * 6), 4)
    assert binned.x.flatten().tolist() == [0.5] * 6
    assert record == {"bins": 4, "bin_errors": {"x[0]": 0}}


def test_a_single_value():
    assert as_categories(numbers([0.5]), 4)[1]["bin_errors"] == {"x[0]": 0}
