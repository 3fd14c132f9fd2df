from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.reading import read_nodes


def test_clusters_share_out_all_nodes_and_the_weight_of_the_classes(toy: Data) -> None:
    small = graphcond.condense(toy, nodes_per_class=4)
    if small.record.choices["placement"]["labelled"]:
        pytest.skip("only training nodes were clustered")
    assert sorted(small.members.index.tolist()) == list(range(toy.num_nodes))
    weight = small[0].node_weight
    counts = torch.bincount(toy.y[toy.train_mask]).float()
    per_class = torch.zeros(3).index_add_(0, small[0].y, weight)
    assert torch.allclose(per_class / per_class.sum(), counts / counts.sum())


def test_without_residual_all_nodes_of_a_class_stand_at_its_anchor(toy: Data) -> None:
    small = graphcond.condense(toy, nodes_per_class=3, method=graphcond.Auto(residual=0.0))
    placement = small.record.choices["placement"]
    x, y = small[0].x, small[0].y
    if placement["spread"] is None:
        pytest.skip("plain means were chosen")
    anchors = torch.stack([x[y == label][0] for label in range(3)])
    assert torch.allclose(x, anchors[y], atol=1e-5)
    # The directions of a centred one-hot fit add up to nothing, so the anchors surround the mean of the space.
    graph = read_nodes(toy).train.graph
    mean = propagate(normalized_adjacency(graph), graph.x, 2).mean(0)
    assert torch.allclose(anchors.mean(0), mean, atol=1e-3)


def test_features_scaled_by_a_constant_scale_the_result(toy: Data) -> None:
    # Unit rows, relative penalties and relative spreads make the geometry follow the features.
    first = graphcond.condense(toy, nodes_per_class=2)
    scaled = toy.clone()
    scaled.x = 2 * toy.x
    second = graphcond.condense(scaled, nodes_per_class=2)
    if first.record.choices["placement"]["spread"] == second.record.choices["placement"]["spread"]:
        assert torch.allclose(2 * first[0].x, second[0].x, atol=1e-2)
    assert first.record.choices["teacher"]["hops"] == second.record.choices["teacher"]["hops"]


def test_more_nodes_than_training_nodes_come_from_unlabelled_ones(toy: Data) -> None:
    assert int(toy.train_mask.sum()) == 20
    assert graphcond.condense(toy, num_nodes=45)[0].num_nodes == 45


@pytest.mark.parametrize("arguments", [{"depth": -1}, {"depth": 1.5}, {"residual": 2.0}, {"penalty": 0.0}])
def test_settings_are_checked(arguments: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        graphcond.Auto(**arguments)


def test_progress_is_reported(toy: Data) -> None:
    reports = []
    graphcond.condense(toy, nodes_per_class=1, progress=reports.append)
    assert [report.done for report in reports] == list(range(len(reports)))
    assert reports[-1].done == reports[-1].total


BARS = [
    ("cora", "Planetoid/Cora", 7, 81.1),
    ("cora", "Planetoid/Cora", 35, 82.0),
    ("pubmed", "Planetoid/PubMed", 15, 79.0),
]


@pytest.mark.parametrize(("name", "folder", "nodes", "bar"), BARS)
def test_accuracy_bars(real_data: Callable[[str], Path], name: str, folder: str, nodes: int, bar: float) -> None:
    dataset = graphcond.datasets.load(name, real_data(folder))
    made = [graphcond.condense(dataset, num_nodes=nodes, seed=seed) for seed in range(3)]
    report = graphcond.evaluate(made, dataset, runs=2, controls=False)
    assert 100 * report.best.mean > bar


def test_accuracy_bar_on_the_embedded_citeseer() -> None:
    dataset = graphcond.datasets.load("citeseer")
    report = graphcond.evaluate(graphcond.condense(dataset, ratio=0.009), dataset, runs=2, controls=["random_soft"])
    assert report.best.nodes == 30
    assert 100 * report.best.mean > 72.5
    assert report.best.mean > report.row("random_soft").mean
