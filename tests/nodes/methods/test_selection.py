import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond.core.runtime.randomness import seeded
from graphcond.core.selection import farthest_first, herd
from graphcond.nodes.methods.random import draw
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.reading import read_nodes

KEEPS_REAL_NODES = {
    "herding": graphcond.Herding(),
    "k_center": graphcond.KCenter(),
    "random": graphcond.Random(),
    "random_propagated": graphcond.RandomPropagated(),
}
few_points = st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(0, 1000))
coarse_points = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=7)


def cloud(count: int, features: int, seed: int) -> Tensor:
    return torch.randn(count, features, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def covering_radius(points: Tensor, chosen: tuple[int, ...]) -> float:
    return float(torch.cdist(points, points[list(chosen)]).min(dim=1).values.max())


def two_components() -> Data:
    """A path 0 - 1 - 2 of class 0 and a triangle 3, 4, 5 of class 1; nodes 0, 1 and 3 are labelled."""
    edges = torch.tensor([[0, 1, 3, 4, 5], [1, 2, 4, 5, 3]])
    return Data(
        x=torch.tensor([[2.0], [6**0.5], [4.0], [1.0], [2.0], [9.0]]),
        edge_index=torch.cat([edges, edges.flip(0)], dim=1),
        y=torch.tensor([0, 0, 0, 1, 1, 1]),
        train_mask=torch.tensor([True, True, False, True, False, False]),
    )


@settings(deadline=None, max_examples=60)
@given(few_points)
def test_herding_takes_the_best_step_each_time(case):
    points = cloud(*case)
    mean, picked = points.mean(dim=0), herd(points, len(points)).tolist()
    assert sorted(picked) == list(range(len(points)))
    for step in range(len(points)):
        errors = {
            row: float((points[[*picked[:step], row]].mean(dim=0) - mean).norm())
            for row in range(len(points))
            if row not in picked[:step]
        }
        assert errors[picked[step]] <= min(errors.values()) + 1e-9


@settings(deadline=None, max_examples=60)
@given(coarse_points)
def test_herding_and_farthest_first_repeat_no_row_among_duplicates(points):
    points = torch.tensor(points).float()
    for count in range(1, len(points) + 1):
        for pick in (herd, farthest_first):
            assert len(set(pick(points, count).tolist())) == count


@settings(deadline=None, max_examples=60)
@given(few_points)
def test_farthest_first_takes_the_farthest_each_time(case):
    points = cloud(*case)
    picked = farthest_first(points, len(points)).tolist()
    to_mean = (points - points.mean(dim=0)).norm(dim=1)
    assert float(to_mean[picked[0]]) <= float(to_mean.min()) + 1e-9
    for step in range(1, len(points)):
        nearest = torch.cdist(points, points[picked[:step]]).min(dim=1).values
        assert float(nearest[picked[step]]) >= float(nearest.max()) - 1e-9


@settings(deadline=None, max_examples=60)
@given(few_points)
def test_farthest_first_covers_at_most_twice_as_far_as_the_best(case):
    points = cloud(*case)
    for count in range(1, len(points) + 1):
        best = min(covering_radius(points, chosen) for chosen in itertools.combinations(range(len(points)), count))
        assert covering_radius(points, tuple(farthest_first(points, count).tolist())) <= 2 * best + 1e-9


@pytest.mark.parametrize("pick", [herd, farthest_first])
def test_more_nodes_extend_fewer(pick):
    points = cloud(12, 3, 0)
    whole = pick(points, 12)
    for count in range(1, 12):
        assert torch.equal(pick(points, count), whole[:count])


@pytest.mark.parametrize("pick", [herd, farthest_first])
def test_position_scale_and_rotation_of_the_space_do_not_matter(pick):
    points = cloud(12, 3, 0)
    rotation = torch.linalg.qr(cloud(3, 3, 1)).Q
    assert torch.equal(pick(5 * points @ rotation - 7, 6), pick(points, 6))


def test_herding_on_a_line():
    # The mean is 4: first 3, then 6 (mean 4.5), then 2 (mean 11/3).
    assert herd(torch.tensor([[0.0], [2.0], [3.0], [6.0], [9.0]]), 3).tolist() == [2, 3, 1]


def test_farthest_first_on_a_line():
    # The mean is 4: first 3, then 9, then 0, then 6.
    assert farthest_first(torch.tensor([[0.0], [2.0], [3.0], [6.0], [9.0]]), 4).tolist() == [2, 4, 0, 3]


@pytest.mark.parametrize(
    ("depth", "first", "second"),
    [
        (0, (2 + 6**0.5) / 2, 1.0),
        # Degrees with self-loops: 2, 3, 2 on the path. Node 0 sees 2/2 + sqrt(6)/sqrt(6) = 2,
        # node 1 sees (2 + 4)/sqrt(6) + sqrt(6)/3 = 4 sqrt(6)/3. On the triangle every node sees the mean, 4.
        (1, 1 + 2 * 6**0.5 / 3, 4.0),
    ],
)
def test_class_mean_by_hand(depth, first, second):
    small = graphcond.condense(two_components(), size=2, method=graphcond.ClassMean(depth=depth))
    torch.testing.assert_close(small[0].x, torch.tensor([[first], [second]]))
    assert small[0].y.tolist() == [0, 1]
    torch.testing.assert_close(small[0].node_weight, torch.tensor([4 / 3, 2 / 3]))
    assert [group.tolist() for group in small.members] == [[0, 1], [3]]
    assert small[0].edge_index.tolist() == [[0, 1], [0, 1]]


def test_class_mean_leaves_the_rest_of_the_budget_unspent(toy):
    small = graphcond.condense(toy, size=9, method="class_mean")
    assert small[0].num_nodes == 3
    assert sum(small.record.budget["allocated"]) == 9
    assert small.record.budget["spent"]["nodes"] == 3
    assert small.record.budget["spent"]["nodes_per_class"] == [1, 1, 1]


def test_draws_are_distinct_labelled_nodes_of_the_right_class(toy):
    task = read_nodes(toy)
    allocation = torch.tensor([1, 4, 2])
    for seed in range(20):
        with seeded(seed):
            groups = draw(task, allocation)
        for label, (group, count) in enumerate(zip(groups, allocation.tolist(), strict=True)):
            assert len(set(group.tolist())) == len(group) == count
            assert bool((toy.y[group] == label).all())
            assert bool(toy.train_mask[group].all())


def test_every_labelled_node_can_be_drawn(toy):
    task, seen = read_nodes(toy), set()
    for seed in range(60):
        with seeded(seed):
            seen.update(torch.cat(draw(task, torch.tensor([1, 1, 1]))).tolist())
    assert seen == set(toy.train_mask.nonzero().flatten().tolist())


def test_drawing_all_gives_all(toy):
    task = read_nodes(toy)
    with seeded(0):
        chosen = torch.cat(draw(task, task.class_counts))
    assert torch.equal(chosen.sort().values, task.train.nodes)


@pytest.mark.parametrize("name", KEEPS_REAL_NODES)
def test_members_are_the_chosen_nodes(toy, name):
    small = graphcond.condense(toy, size=9, method=KEEPS_REAL_NODES[name])
    chosen = torch.cat(list(small.members))
    assert len(chosen.unique()) == len(small.members) == 9
    assert torch.equal(small[0].y, toy.y[chosen])
    assert bool(toy.train_mask[chosen].all())
    assert torch.equal(small[0].node_weight, torch.ones(9))


@pytest.mark.parametrize("name", ["herding", "k_center", "random"])
def test_real_nodes_bring_their_features_and_the_edges_among_them(toy, name):
    toy.edge_weight = torch.rand(toy.num_edges)
    small = graphcond.condense(toy, size=int(toy.train_mask.sum()), method=name)
    chosen = torch.cat(list(small.members))
    assert torch.equal(small[0].x, toy.x[chosen])
    whole = torch.zeros(60, 60).index_put_(tuple(toy.edge_index), toy.edge_weight)
    part = torch.zeros(len(chosen), len(chosen)).index_put_(tuple(small[0].edge_index), small[0].edge_weight)
    assert torch.equal(part, whole[chosen][:, chosen])
    assert small[0].num_edges > 0


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_random_propagated_takes_propagated_features_and_no_edges(toy, depth):
    small = graphcond.condense(toy, size=6, method=graphcond.RandomPropagated(depth=depth))
    graph = read_nodes(toy).train.graph
    space = propagate(normalized_adjacency(graph), graph.x, depth)
    torch.testing.assert_close(small[0].x, space[torch.cat(list(small.members))])
    assert torch.equal(small[0].edge_index, torch.arange(6).repeat(2, 1))
    assert torch.equal(small[0].edge_weight, torch.ones(6))


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize(("method", "pick"), [(graphcond.Herding, herd), (graphcond.KCenter, farthest_first)])
def test_nodes_are_picked_class_by_class_in_the_propagated_space(toy, method, pick, depth):
    small = graphcond.condense(toy, size=7, method=method(depth=depth))
    graph = read_nodes(toy).train.graph
    space = propagate(normalized_adjacency(graph), graph.x, depth)
    expected = []
    for label, count in enumerate(small.record.budget["allocated"]):
        rows = (toy.train_mask & (toy.y == label)).nonzero().flatten()
        expected.append(rows[pick(space[rows], count)])
    assert torch.equal(torch.cat(list(small.members)), torch.cat(expected))


def test_random_soft_may_take_unlabelled_nodes_and_trusts_labels(toy):
    small = graphcond.condense(toy, size=30, method="random_soft")
    chosen = torch.cat(list(small.members))
    labelled = toy.train_mask[chosen]
    assert 0 < int(labelled.sum()) < 30
    one_hot = torch.nn.functional.one_hot(toy.y[chosen], 3).float()
    assert torch.equal(small[0].y_soft[labelled], one_hot[labelled])
    assert not torch.equal(small[0].y_soft[~labelled], one_hot[~labelled])
    assert torch.equal(small[0].y[labelled], toy.y[chosen][labelled])


@pytest.mark.parametrize("name", KEEPS_REAL_NODES)
def test_real_nodes_cannot_be_invented(toy, name):
    counts = read_nodes(toy).class_counts
    per_class = int(counts.max()) + 1
    with pytest.raises(ValueError, match=rf"{per_class} nodes of class 0 .* only {int(counts[0])} training nodes"):
        graphcond.condense(toy, size=f"{per_class}/class", method=name)
