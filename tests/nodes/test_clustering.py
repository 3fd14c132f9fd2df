import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graphcond.nodes import clustering
from graphcond.nodes.points import DensePoints, group_means


def cluster(points: Tensor, count: int, seed: int) -> Tensor:
    return clustering.cluster(DensePoints(points), count, seed)


def blobs(sizes: list[int], features: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    centers = 100 * torch.randn(len(sizes), features, generator=generator)
    return centers[labels] + torch.randn(len(labels), features, generator=generator), labels


def inertia(points: Tensor, labels: Tensor, count: int) -> float:
    return float((points - group_means(points, labels, count)[labels]).square().sum())


# Of duplicate points; `cluster_classes` ignores it for all threads at once.
DUPLICATES = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@DUPLICATES
@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.data())
def test_no_cluster_is_empty_even_with_duplicates(size, data):
    points = torch.tensor(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))).float().unsqueeze(1)
    count = data.draw(st.integers(1, size))
    labels = cluster(points, count, seed=0)
    assert labels.shape == (size,)
    assert labels.dtype == torch.int64
    assert sorted(labels.unique().tolist()) == list(range(count))


@DUPLICATES
def test_equal_points():
    assert torch.bincount(cluster(torch.ones(9, 3), 4, seed=0)).min() >= 1


def test_one_cluster():
    assert torch.equal(cluster(torch.randn(7, 3), 1, seed=0), torch.zeros(7, dtype=torch.long))


def test_as_many_clusters_as_points():
    assert sorted(cluster(torch.ones(6, 3), 6, seed=0).tolist()) == list(range(6))


def test_separated_groups_are_found():
    points, groups = blobs([5, 9, 3])
    labels = cluster(points, 3, seed=0)
    for one, other in itertools.combinations(range(len(points)), 2):
        assert (labels[one] == labels[other]) == (groups[one] == groups[other])


def test_many_features_are_clustered_by_their_principal_components():
    points, groups = blobs([40, 50], features=200)
    labels = cluster(points, 2, seed=0)
    assert labels[groups == 0].unique().numel() == labels[groups == 1].unique().numel() == 1
    assert labels[0] != labels[-1]


def test_close_to_the_best_of_all_partitions():
    points = torch.randn(7, 2, generator=torch.Generator().manual_seed(3))
    partitions = (torch.tensor(p) for p in itertools.product(range(2), repeat=7) if 0 < sum(p) < 7)
    best = min(inertia(points, partition, 2) for partition in partitions)
    found = min(inertia(points, cluster(points, 2, seed), 2) for seed in range(10))
    assert found == pytest.approx(best, rel=1e-5)


def test_position_in_space_does_not_matter():
    points, _ = blobs([5, 9, 3])
    assert torch.equal(cluster(points, 4, seed=0), cluster(points + 10, 4, seed=0))


def test_seed_decides():
    points = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(cluster(points, 20, seed=1), cluster(points, 20, seed=1))
    assert not torch.equal(cluster(points, 20, seed=1), cluster(points, 20, seed=2))


def test_points_are_not_changed():
    points, _ = blobs([5, 4])
    before = points.clone()
    cluster(points, 3, seed=0)
    assert torch.equal(points, before)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_cluster_means_are_means(labels):
    labels = torch.tensor(labels)
    points = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(0))
    means = group_means(points, labels, 5)
    assert means.shape == (5, 3)
    for label in range(5):
        expected = points[labels == label].mean(dim=0) if bool((labels == label).any()) else torch.zeros(3)
        torch.testing.assert_close(means[label], expected)


def test_weighted_cluster_means_give_the_overall_mean():
    points, _ = blobs([5, 9, 3])
    labels = cluster(points, 6, seed=0)
    sizes = torch.bincount(labels, minlength=6).float()
    torch.testing.assert_close((sizes / sizes.sum()) @ group_means(points, labels, 6), points.mean(dim=0))


def test_leading_directions_hold_what_the_principal_components_hold():
    points = torch.randn(400, 60, generator=torch.Generator().manual_seed(0)) * torch.linspace(1, 0.01, 60) ** 2
    centred = points - points.mean(dim=0)
    basis = clustering._leading_directions(DensePoints(points), points.mean(dim=0), torch.Generator().manual_seed(1))
    torch.testing.assert_close(basis.T @ basis, torch.eye(clustering.DISTANCE_DIMENSIONS), atol=1e-5, rtol=0)
    most = torch.linalg.svdvals(centred)[: clustering.DISTANCE_DIMENSIONS].square().sum()
    assert (centred @ basis).square().sum() > 0.99 * most
