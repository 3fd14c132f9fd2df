"""Sizes of node datasets in bytes: what a file's data take never exceeds them."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

import graphcond
from graphcond.core.targets import MultiLabel, Regression, SingleLabel
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.modality import as_data

TAKE_BYTES = [name for name in METHODS if METHODS.quick(name).takes_bytes]
CASES = [
    (name, kind.kind)
    for name in TAKE_BYTES
    for kind in (SingleLabel, MultiLabel, Regression)
    if kind in METHODS[name]().targets
]
CHEAP = ["class_mean", "random_means", "random_propagated", "random_soft", "pruned", "bonsai"]


def graph(targets: str = "single_label", features: int = 8) -> Data:
    """Return a graph of three groups of nodes that keep to themselves."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3
    x = 2 * torch.randn(3, features, generator=generator)[y] + torch.randn(60, features, generator=generator)
    chance = torch.where(y.unsqueeze(0) == y.unsqueeze(1), 0.25, 0.02)
    upper = (torch.rand(60, 60, generator=generator) < chance).triu(diagonal=1)
    data = Data(x=x, y=y, edge_index=(upper | upper.T).nonzero().T.contiguous())
    if targets == "multi_label":
        data.y = torch.stack([y == 0, y > 0, torch.arange(60) % 2 == 0], dim=1).float()
    if targets == "regression":
        data.y = torch.stack([y, 30 - 10 * y], dim=1) + torch.rand(60, 2, generator=generator)
    for name, part in zip(("train_mask", "val_mask", "test_mask"), torch.arange(60).chunk(3), strict=True):
        data[name] = torch.zeros(60, dtype=torch.bool)
        data[name][part] = True
    return data


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(1, 30), st.integers(2, 5), st.integers(0, 20), st.booleans(), st.booleans())
def test_bytes_are_those_of_the_format(count, features, outputs, edges, classes, soft):
    made = SyntheticNodes(
        x=torch.zeros(count, features),
        y=torch.zeros(count, dtype=torch.int64) if classes else torch.zeros(count, outputs),
        edge_index=torch.zeros(2, edges, dtype=torch.int64) if edges else None,
        y_soft=torch.zeros(count, outputs) if soft else None,
    )
    unit = NodeBytes(features, outputs, classes)
    taken = NODE_FORMAT.nbytes([as_data(made, SingleLabel(outputs))])
    assert taken == unit.graph(count, edges or count, soft)
    assert edges or taken == count * unit.alone(soft)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(CHEAP), st.integers(300, 12_000), st.integers(0, 5))
def test_no_result_exceeds_the_bytes(name, most, seed):
    small = graphcond.condense(graph(), size=f"{most}B", method=name, seed=seed)
    assert small.nbytes <= most
    assert small.record.budget["spent"]["bytes"] == small.nbytes
    data = small[0]
    assert data.y[data.train_mask].unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize(("name", "targets"), CASES)
def test_every_method_that_takes_bytes_keeps_to_them(name, targets, monkeypatch):
    monkeypatch.setattr("graphcond.nodes.quick_validation.STEPS", 6)
    method, data = METHODS.quick(name), graph(targets)
    small = graphcond.condense(data, size="1kB", method=method)
    asked = sum(small.record.budget["allocated"])
    assert small.nbytes <= 1000
    assert small[0].num_nodes <= asked
    assert ("y_soft" in small[0]) == method.has_soft_labels
    if small[0].num_nodes == asked < 20 and small[0].num_edges == asked:  # as many as fit
        assert 1000 - small.nbytes < small.nbytes / asked


def test_a_number_of_bytes_gives_what_the_number_of_nodes_gives():
    for name in ("random_means", "bonsai", "random_soft"):
        for targets in ("single_label", "regression"):
            by_bytes = graphcond.condense(graph(targets), size="0.8kB", method=name)
            count = sum(by_bytes.record.budget["allocated"])
            by_count = graphcond.condense(graph(targets), size=count, method=name)
            assert torch.equal(by_bytes[0].x, by_count[0].x)
            assert by_bytes.record.budget["asked"] == {"size": "800B"}


def test_relabelled_nodes_count_their_labels():
    for name in ("random_means", "bonsai"):
        small = graphcond.condense(graph(), size="1kB", method=graphcond.Relabelled(name))
        assert "y_soft" in small[0]
        assert small.nbytes <= 1000


def test_more_than_there_is_gives_all_there_is():
    data = graph()
    assert graphcond.condense(data, size="1MB", method="random_soft")[0].num_nodes == 60
    for name in ("random_propagated", "pruned"):
        small = graphcond.condense(data, size="1MB", method=name)
        assert sorted(small.members.index.tolist()) == list(range(20))


@pytest.mark.parametrize("name", TAKE_BYTES)
def test_bytes_for_more_nodes_than_classes_have_are_no_error(name, monkeypatch):
    monkeypatch.setattr("graphcond.nodes.quick_validation.STEPS", 6)
    data = graph()
    data.train_mask = torch.isin(torch.arange(60), torch.tensor([0, 3, 6, 9, 12, 1, 2]))
    small = graphcond.condense(data, size="1.5kB", method=METHODS.quick(name))
    assert small.nbytes <= 1500
    if METHODS[name]().capped_by_class and not METHODS[name]().label_free:
        assert small.record.spent["nodes_per_class"] == [5, 1, 1]


def test_gdem_takes_bytes_where_it_makes_no_edges():
    method = graphcond.GDEM(edges=False, steps=2, eigenvectors_steps=1, features_steps=1)
    assert graphcond.condense(graph(), size="0.8kB", method=method).nbytes <= 800


def test_auto_leaves_out_candidates_whose_edges_do_not_fit(monkeypatch):
    monkeypatch.setattr("graphcond.nodes.quick_validation.STEPS", 6)
    small = graphcond.condense(graph(), size="1kB")
    assert "cluster graph" not in small.record.choices["candidates"]
    assert "cluster graph" in graphcond.condense(graph(), size=12).record.choices["candidates"]
    with pytest.raises(ValueError, match="candidate='cluster graph' is not possible for this size and data"):
        graphcond.condense(graph(), size="1kB", method=graphcond.Auto(candidate="cluster graph"))


def test_too_few_bytes_name_the_least():
    with pytest.raises(ValueError, match=r"^size='100B' is too little for one node of each of 3 classes") as told:
        graphcond.condense(graph(), size="100B", method="class_mean")
    least = re.search(r"at least size='(\d+)B'", str(told.value))[1]
    assert graphcond.condense(graph(), size=f"{least}B", method="class_mean").nbytes == int(least)
    with pytest.raises(ValueError, match="too little"):
        graphcond.condense(graph(), size=f"{int(least) - 1}B", method="class_mean")
    with pytest.raises(ValueError, match=r"^size='20B' is too little for a node, which takes 65 bytes; ask for at"):
        graphcond.condense(graph("regression"), size="20B", method="random_means")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in TAKE_BYTES and METHODS[name]().sized])
def test_methods_whose_edges_are_not_known_say_so(name):
    message = rf"^size='10kB' is not for method='{name}', whose edges are not known before .* or choose from auto, "
    for verb in (graphcond.condense, graphcond.plan):
        with pytest.raises(ValueError, match=message) as told:
            verb(graph(), size="10kB", method=name)
    assert str(told.value).endswith(", ".join(one for one in METHODS if METHODS[one]().takes_bytes))


@pytest.mark.parametrize("name", ["random_means", "bonsai", "random_propagated"])
def test_a_plan_counts_the_same_nodes(name):
    small = graphcond.condense(graph(), size="2kB", method=name)
    assert graphcond.plan(graph(), size="2kB", method=name).num_nodes == sum(small.record.budget["allocated"])
