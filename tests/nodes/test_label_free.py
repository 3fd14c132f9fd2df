"""Nodes without labels: the vectors that they learn, the method that takes nothing else, and linear probes."""

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.metrics import METRICS
from graphcond.core.targets import Regression, SingleLabel
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.singular_vectors import SingularVectors, resolve_target

QUICK = "krr_st(hidden=8, steps=3, networks=2, real_batch_size=32)"
PROBE = "linear_probe(epochs=10, hidden=8, runs=1)"
VECTORS = "singular_vectors(columns=4)"


def blocks() -> Data:
    """Return a graph of three blocks that differ in features, with masks."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(90) % 3
    x = 2 * torch.randn(3, 12, generator=generator)[y] + torch.randn(90, 12, generator=generator)
    chance = torch.where(y.unsqueeze(0) == y.unsqueeze(1), 0.2, 0.02)
    upper = (torch.rand(90, 90, generator=generator) < chance).triu(diagonal=1)
    data = Data(x=x, y=y, edge_index=(upper | upper.T).nonzero().T.contiguous())
    for name, part in zip(("train_mask", "val_mask", "test_mask"), torch.arange(90).chunk(3), strict=True):
        data[name] = torch.zeros(90, dtype=torch.bool)
        data[name][part] = True
    return data


def unlabelled(data: Data) -> Data:
    free = data.clone()
    for name in ("y", "train_mask", "val_mask", "test_mask"):
        del free[name]
    return free


def centred(task) -> np.ndarray:
    graph = task.train.graph
    adjacency = normalized_adjacency(graph).to_dense().double()
    z = (adjacency @ adjacency @ graph.x.double()).numpy()
    return z - z.mean(axis=0)


def test_vectors_are_those_of_the_singular_value_decomposition():
    task = graphcond.read(unlabelled(blocks()), target=VECTORS)
    left, length, _ = np.linalg.svd(centred(task), full_matrices=False)
    expected = left[:, :4] * length[:4] / (length[0] / np.sqrt(90))
    found = task.train.graph.targets.double().numpy()
    assert np.abs(np.abs(found) - np.abs(expected)).max() < 1e-4
    assert len(task.train.nodes) == 90
    assert isinstance(task.targets, Regression)
    assert task.targets.source == {"target": "singular_vectors(columns=4, hops=2)"}
    assert any("data.y is missing" in note for note in graphcond.read(unlabelled(blocks())).notes)


def test_other_parts_of_an_inductive_task_have_coordinates_in_the_same_directions():
    task = graphcond.read(blocks(), target=VECTORS, inductive=True)
    assert len(task.train.nodes) == 30
    z = centred(task)
    directions = np.linalg.lstsq(z, task.train.graph.targets.double().numpy(), rcond=None)[0]
    graph = task.test.graph
    adjacency = normalized_adjacency(graph).to_dense().double()
    train = task.train.graph
    hops = normalized_adjacency(train).to_dense().double()
    mean = (hops @ hops @ train.x.double()).mean(dim=0)
    rows = (adjacency @ adjacency @ graph.x.double() - mean).numpy()
    assert np.abs(rows @ directions - graph.targets.double().numpy()).max() < 1e-3


def test_there_are_no_more_vectors_than_directions():
    data = unlabelled(blocks())
    data.x = data.x[:, :3] @ torch.ones(3, 5).triu()
    assert graphcond.read(data, target="singular_vectors").targets.outputs == 3
    data.x = torch.ones(90, 5)
    data.edge_index = data.edge_index[:, :0]
    with pytest.raises(ValueError, match="nothing to learn without labels"):
        graphcond.read(data)


@pytest.mark.parametrize("wide", [False, True])
def test_sparse_features_give_the_vectors_of_dense_ones(wide):
    data = unlabelled(blocks())
    data.x = torch.where(data.x > 2, data.x, 0.0)
    if wide:
        data.x = torch.cat([data.x, torch.zeros(90, 1)], dim=1)
    other = data.clone()
    other.x = data.x.to_sparse_csr()
    dense, sparse = (graphcond.read(one, target=VECTORS).train.graph.targets for one in (data, other))
    assert torch.allclose(dense, sparse, atol=1e-4)


def test_labels_are_not_read():
    data, other = blocks(), blocks()
    other.y = other.y.flip(0)
    made = [graphcond.condense(one, size=6, method=QUICK)[0] for one in (data, other)]
    assert torch.equal(made[0].x, made[1].x)
    assert torch.equal(made[0].y, made[1].y)
    record = graphcond.condense(data, size=6, method=QUICK).record
    assert record.source["target"] == str(SingularVectors())
    asked = graphcond.condense(graphcond.read(data, target="singular_vectors"), size=6, method=QUICK)
    assert torch.equal(asked[0].x, made[0].x)
    assert asked.record.source["fingerprint"] == record.source["fingerprint"]


@pytest.mark.parametrize("method", ["auto", "gcond_x(epochs=1, outer_steps=2)", "random", "k_center"])
def test_methods_for_numbers_need_no_labels(method):
    small = graphcond.condense(graphcond.read(unlabelled(blocks()), target=VECTORS), size=6, method=method)
    assert small[0].y.shape == (6, 4)


def test_methods_for_labels_say_so():
    with pytest.raises(ValueError, match=r"'geom' is not for items without labels; choose from .*krr_st"):
        graphcond.condense(unlabelled(blocks()), size=6, method="geom")


def test_nodes_without_features_and_labels_get_both():
    data = unlabelled(blocks())
    del data.x
    data.num_nodes = 90
    small = graphcond.condense(data, size=6, method=QUICK)
    assert small.record.source["features"].startswith("eigenvectors")


def test_one_condensation_serves_two_label_sets(tmp_path):
    data = blocks()
    small = graphcond.condense(graphcond.read(unlabelled(data), target=VECTORS), size=9, method="auto")
    small = graphcond.load(small.save(tmp_path / "small.safetensors"))
    other = blocks()
    other.y = (other.y == 1).long()
    names = ("prior", "random", "untrained", "whole")
    for one, classes in ((data, 3), (other, 2)):
        report = graphcond.evaluate(small, one, protocol=PROBE, controls=names)
        rows = {row.data: row for row in report.rows}
        assert rows.keys() == {"auto", *names}
        assert sum(rows["whole"].scores) > 1 / classes + 0.2
        assert sum(rows["prior"].scores) < 0.8
    task = graphcond.read(data)
    again = graphcond.evaluate(small, task, protocol=PROBE, controls=False)
    assert again.rows[0].scores == graphcond.evaluate(small, data, protocol=PROBE, controls=False).rows[0].scores
    usual = graphcond.evaluate(small, data, controls=False)
    assert usual.protocol == "linear_probe"


def test_vectors_themselves_are_scored_where_that_is_asked_for():
    small = graphcond.condense(blocks(), size=6, method=QUICK)
    report = graphcond.evaluate(small, blocks(), protocol="standard(epochs=5, runs=1)", controls=("prior",))
    assert report.metric == "rmse"
    free = blocks()
    del free.y
    with pytest.raises(ValueError, match="a linear probe needs labels"):
        graphcond.evaluate(small, free, controls=False)


def test_a_probe_is_a_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.randn(3, 5, generator=generator)[y] + torch.randn(120, 5, generator=generator)
    head, score = LinearProbe(strengths=(0.1,)).fit(SingleLabel(3), (x, y), None, METRICS["accuracy"])
    assert score is None
    rows = (x - x.mean(dim=0)) / (x - x.mean(dim=0)).square().mean().sqrt()
    model = LogisticRegression(C=1 / (0.1 * 120), tol=1e-8, max_iter=1000).fit(rows, y)
    assert np.abs(head(x).softmax(dim=1).numpy() - model.predict_proba(rows)).max() < 1e-3
    best, score = LinearProbe(strengths=(1e6, 0.1)).fit(SingleLabel(3), (x, y), (x, y), METRICS["accuracy"])
    assert score == METRICS["accuracy"](head(x), y)
    assert torch.allclose(best(x), head(x), atol=1e-2)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"target must be one of .*'singular_vectors', got 'vectors'"):
        graphcond.read(blocks(), target="vectors")
    with pytest.raises(ValueError, match="columns must be positive"):
        graphcond.read(blocks(), target="singular_vectors(columns=0)")
    with pytest.raises(ValueError, match="strengths must be positive"):
        LinearProbe(strengths=())
    assert resolve_target("singular_vectors( hops = 1 )") == SingularVectors(hops=1)
