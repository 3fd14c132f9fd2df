"""GECC: aggregated features, the steps of fuzzy c-means, and a start from an earlier result."""

import copy

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import to_dense_adj

import graphcond
from graphcond import GECC
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.gecc import further_centers, fuzzy_means
from graphcond.nodes.reading import read_nodes

PLAIN = GECC(fuzzifier=1.0, restarts=5)


def blobs(*sizes: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    middles = 10.0 * torch.eye(3)
    return torch.cat([middles[i] + 0.1 * torch.randn(size, 3, generator=generator) for i, size in enumerate(sizes)])


def aggregated(data: Data, weights: tuple[float, ...]) -> torch.Tensor:
    """The equation in float64 with dense matrices."""
    edge_index, weight = gcn_norm(data.edge_index, None, len(data.y), add_self_loops=True, dtype=torch.float64)
    operator = to_dense_adj(edge_index, edge_attr=weight, max_num_nodes=len(data.y))[0].T
    x = data.x.double()
    return sum(one * torch.matrix_power(operator, hop) @ x for hop, one in enumerate(weights))


def test_it_is_registered_with_presets():
    assert METHODS.resolve("gecc") == GECC()
    assert GECC.preset("citeseer").hop_weights == (-0.3, 0.5, 0.9)
    assert METHODS.resolve("gecc(hop_weights=(0.0, 1.0), fuzzifier=1.0)") == GECC(hop_weights=(0.0, 1.0), fuzzifier=1.0)


@pytest.mark.parametrize("weights", [(1.0,), (-0.3, 0.5, 0.9), (0.0, 0.0, 0.0, 2.0)])
def test_features_are_aggregated_as_the_equation_says(toy, weights):
    task = read_nodes(toy)
    found = GECC(hop_weights=weights).aggregated(task, task.train.nodes)
    torch.testing.assert_close(found.double(), aggregated(toy, weights)[task.train.nodes], rtol=1e-5, atol=1e-5)


def test_nodes_are_the_means_of_their_members(toy):
    small = graphcond.condense(toy, size=6, method=PLAIN)
    rows = aggregated(toy, PLAIN.hop_weights)
    for node, members in enumerate(small.members):
        torch.testing.assert_close(small[0].x[node].double(), rows[members].mean(dim=0), rtol=1e-4, atol=1e-5)
        assert (toy.y[members] == small[0].y[node]).all()
    assert sorted(small.members.index.tolist()) == toy.train_mask.nonzero().flatten().tolist()


def test_clusters_that_are_far_apart_are_found():
    x = blobs(5, 20, 9)
    for method in (PLAIN, GECC(fuzzifier=1.3)):
        with seeded(0):
            centers, assigned = method.clusters(x, 3)
        assert torch.bincount(assigned).sort().values.tolist() == [5, 9, 20]
        nearest = torch.cdist(centers, 10.0 * torch.eye(3)).amin(dim=1)
        assert (nearest < 0.2).all()


@pytest.mark.parametrize("fuzzifier", [1.3, 2.0])
def test_fuzzy_means_end_where_their_two_equations_hold(fuzzifier):
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    centers, belongs = fuzzy_means(x, x[:3], fuzzifier)
    distances = torch.cdist(x, centers).double()
    for j in range(3):
        expected = 1 / ((distances[:, j : j + 1] / distances) ** (2 / (fuzzifier - 1))).sum(dim=1)
        torch.testing.assert_close(belongs[:, j].double(), expected, rtol=1e-4, atol=1e-5)
    weight = belongs.double() ** fuzzifier
    fixed = weight.T @ x.double() / weight.sum(dim=0).unsqueeze(1)
    torch.testing.assert_close(centers.double(), fixed, rtol=5e-3, atol=5e-3)


def test_with_a_fuzzifier_near_one_fuzzy_means_are_means():
    x = blobs(5, 20, 9)
    centers, belongs = fuzzy_means(x, 10.0 * torch.eye(3), 1.01)
    torch.testing.assert_close(centers, torch.stack([part.mean(dim=0) for part in x.split([5, 20, 9])]))
    assert (belongs.amax(dim=1) > 0.99).all()


def test_further_centers_are_far_from_those_before():
    x = blobs(5, 20, 9)
    with seeded(0):
        centers = further_centers(x, 10.0 * torch.eye(3)[:2], 3)
    torch.testing.assert_close(centers[:2], 10.0 * torch.eye(3)[:2])
    assert (centers[2] - torch.tensor([0.0, 0.0, 10.0])).norm() < 1


def test_an_unchanged_graph_stays_where_it_was(toy, tmp_path):
    path = tmp_path / "small.safetensors"
    first = graphcond.condense(toy, size=6, method=PLAIN)
    first.save(path)
    again = graphcond.condense(toy, size=6, method=GECC(fuzzifier=1.0, start=path), seed=5)
    torch.testing.assert_close(again[0].x, first[0].x)
    assert again.record.settings["start"] == str(path)


def test_a_graph_that_grew_keeps_its_nodes_and_gets_further_ones(tmp_path):
    x, y = blobs(20, 20, 20), torch.zeros(60, dtype=torch.int64)
    train = torch.arange(60) % 2 == 0
    data = Data(x=x, y=y, edge_index=torch.empty(2, 0, dtype=torch.int64), train_mask=train, test_mask=~train)
    data.y[58], data.y[59] = 1, 1
    before = copy.copy(data)
    before.train_mask = train & ((torch.arange(60) < 40) | (y == 1))
    method = GECC(hop_weights=(1.0,), fuzzifier=1.0)
    first = graphcond.condense(before, size=3, method=method)
    first.save(tmp_path / "small.safetensors")
    grown = graphcond.condense(
        data, size=4, method=GECC(hop_weights=(1.0,), fuzzifier=1.0, start=str(tmp_path / "small.safetensors"))
    )
    torch.testing.assert_close(grown[0].x[:2], first[0].x[:2])
    assert (grown[0].x[2] - torch.tensor([0.0, 0.0, 10.0])).norm() < 0.5


def test_a_class_that_the_start_has_no_node_of_begins_anew(toy, tmp_path):
    path, y = str(tmp_path / "small.safetensors"), toy.y.clone()
    toy.y = y.clamp(max=1)
    graphcond.condense(toy, size=4, method=PLAIN).save(path)
    toy.y = y
    grown = graphcond.condense(toy, size=12, method=GECC(fuzzifier=1.0, start=path))
    assert all(grown.record.spent["nodes_per_class"])


@pytest.mark.parametrize("method", [GECC(hop_weights=(1, 0)), "random", "relabelled(method=gecc)"])
def test_a_start_from_other_features_is_refused(toy, tmp_path, method):
    path = str(tmp_path / "small.safetensors")
    graphcond.condense(toy, size=6, method=method).save(path)
    with pytest.raises(ValueError, match=r"was made with (hop_weights=\(1.0, 0.0\)|method='.*'), and its nodes are no"):
        graphcond.condense(toy, size=6, method=GECC(start=path))


def test_weights_of_hops_are_the_same_as_whole_numbers_and_as_floats():
    assert repr(GECC(hop_weights=(1, 0))) == repr(GECC(hop_weights=(1.0, 0.0)))


def test_a_start_that_does_not_fit_is_refused(toy, tmp_path):
    path = str(tmp_path / "small.safetensors")
    graphcond.condense(toy, size=6, method=PLAIN).save(path)
    with pytest.raises(ValueError, match="has 3 nodes of class 0 and 1 were asked for; ask for as many or more"):
        graphcond.condense(toy, size=3, method=GECC(start=path))
    fewer = copy.copy(toy)
    fewer.y = toy.y.clamp(max=1)
    with pytest.raises(ValueError, match=r"start=.* does not fit the dataset: .*label 2, the dataset only 2 classes"):
        graphcond.condense(fewer, size=6, method=GECC(start=path))
    toy.x = toy.x[:, :5]
    with pytest.raises(ValueError, match="must hold a condensed graph with 5 features of a node"):
        graphcond.condense(toy, size=6, method=GECC(start=path))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"fuzzifier": 0.5}, ValueError, "fuzzifier must be at least 1, got 0.5"),
        ({"restarts": 0}, ValueError, "restarts must be positive, got 0"),
        ({"hop_weights": 1.0}, TypeError, "hop_weights must be a tuple of numbers"),
        ({"hop_weights": (0.0, 0.0)}, ValueError, "hop_weights must hold a number that is not 0"),
        ({"start": 3}, TypeError, "start must be the path of a file or None, got 3"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        GECC(**fields)
