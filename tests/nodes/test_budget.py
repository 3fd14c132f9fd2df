import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.core.allocation import largest_remainder
from graphcond.nodes.budget import Budget

CORA_NODES = 2708
CORA_COUNTS = torch.full((7,), 20)

weight_lists = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)
without_deadline = settings(deadline=None, max_examples=200)


@st.composite
def splits(draw: st.DrawFn) -> tuple[int, list[int]]:
    weights = draw(weight_lists)
    return draw(st.integers(len(weights), 5000)), weights


@st.composite
def capped_splits(draw: st.DrawFn, least: int, most: int, classes: int) -> tuple[int, list[int], list[int]]:
    weights = draw(st.lists(st.integers(least, 40), min_size=1, max_size=classes).filter(any))
    capacity = draw(st.lists(st.integers(1, most), min_size=len(weights), max_size=len(weights)))
    return draw(st.integers(len(weights), sum(capacity))), weights, capacity


def quotas(total: int, weights: list[int], capacity: list[int]) -> list[float]:
    """Return ``clip(t * weight, 1, capacity)`` with the ``t`` at which it sums to ``total``, by bisection."""

    def clipped(t: float) -> list[float]:
        return [min(max(t * w, 1.0), c) for w, c in zip(weights, capacity, strict=True)]

    low, high = 0.0, 10.0 * (total + max(capacity))
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(clipped(middle)) < total else (low, middle)
    return clipped(high)


def distance(allocation: list[int], quota: list[float]) -> float:
    return sum((a - q) ** 2 for a, q in zip(allocation, quota, strict=True))


def allocations(total: int, capacity: list[int]) -> list[tuple[int, ...]]:
    return [a for a in itertools.product(*(range(1, c + 1) for c in capacity)) if sum(a) == total]


@without_deadline
@given(splits())
def test_sum_is_exact_and_nobody_is_left_out(case):
    total, weights = case
    result = largest_remainder(total, torch.tensor(weights))
    assert result.dtype == torch.int64
    assert int(result.sum()) == total
    assert int(result.min()) >= 1


@without_deadline
@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 500))
def test_quota_rule_where_no_floor_binds(weights, extra):
    total = sum(weights) + extra  # so that every quota is at least its weight, hence at least one
    result = largest_remainder(total, torch.tensor(weights)).tolist()
    for got, weight in zip(result, weights, strict=True):
        assert abs(got - total * weight / sum(weights)) < 1


@without_deadline
@given(st.integers(1, 20), st.integers(0, 500), st.integers(1, 100))
def test_equal_weights_get_equal_shares(num_classes, extra, weight):
    result = largest_remainder(num_classes + extra, torch.full((num_classes,), weight)).tolist()
    assert max(result) - min(result) <= 1
    assert result == sorted(result, reverse=True)  # ties go to the lower class


@without_deadline
@given(splits())
def test_heavier_class_never_gets_less(case):
    total, weights = case
    result = largest_remainder(total, torch.tensor(weights)).tolist()
    for (w, a), (v, b) in itertools.permutations(zip(weights, result, strict=True), 2):
        assert w <= v or a >= b


@without_deadline
@given(splits(), st.integers(2, 9))
def test_scale_of_the_weights_does_not_matter(case, factor):
    total, weights = case
    scaled = [w * factor for w in weights]
    assert torch.equal(largest_remainder(total, torch.tensor(weights)), largest_remainder(total, torch.tensor(scaled)))


@without_deadline
@given(capped_splits(least=0, most=60, classes=8))
def test_capacity_is_respected_and_used_up(case):
    total, weights, capacity = case
    result = largest_remainder(total, torch.tensor(weights), torch.tensor(capacity))
    assert int(result.sum()) == total
    assert bool((result >= 1).all())
    assert bool((result <= torch.tensor(capacity)).all())


@without_deadline
@given(capped_splits(least=1, most=5, classes=4))
def test_closest_allocation_of_all(case):
    total, weights, capacity = case
    quota = quotas(total, weights, capacity)
    result = largest_remainder(total, torch.tensor(weights), torch.tensor(capacity)).tolist()
    best = min(distance(a, quota) for a in allocations(total, capacity))
    assert distance(result, quota) == pytest.approx(best, abs=1e-6)


@without_deadline
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 7))
def test_closest_allocation_without_capacity(weights, extra):
    total = len(weights) + extra
    result = largest_remainder(total, torch.tensor(weights)).tolist()
    quota = quotas(total, weights, [total] * len(weights))
    best = min(distance(a, quota) for a in allocations(total, [total] * len(weights)))
    assert distance(result, quota) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, [5, 3, 2], [5, 3, 2]),
        (10, [1, 1, 1], [4, 3, 3]),
        (7, [47, 16, 37], [3, 1, 3]),  # quotas 3.29, 1.12, 2.59
        (5, [1000, 1, 1], [3, 1, 1]),
        (3, [1000, 1, 1], [1, 1, 1]),
        (4, [0, 1], [1, 3]),
    ],
)
def test_known_answers(total, weights, expected):
    assert largest_remainder(total, torch.tensor(weights)).tolist() == expected


def test_overflow_of_a_full_class_goes_to_the_others():
    result = largest_remainder(12, torch.tensor([100, 1, 1]), torch.tensor([2, 10, 10]))
    assert result.tolist() == [2, 5, 5]


def test_capacity_below_the_total_is_refused():
    with pytest.raises(ValueError, match="only 5 are available"):
        largest_remainder(6, torch.ones(2), torch.tensor([2, 3]))


@pytest.mark.parametrize("sizes", [{}, {"ratio": 0.1, "num_nodes": 5}, {"num_nodes": 5, "nodes_per_class": 1}])
def test_exactly_one_size(sizes):
    with pytest.raises(ValueError, match="exactly one of ratio=, num_nodes= and nodes_per_class=") as caught:
        Budget(**sizes)
    assert (" and ".join(sizes) or "none") in str(caught.value)


@pytest.mark.parametrize("ratio", [0, -0.1, 1.0001, float("nan"), float("inf"), True, "0.1"])
def test_ratio_outside_its_range(ratio):
    with pytest.raises(ValueError, match=r"ratio must be in \(0, 1\], got .*num_nodes="):
        Budget(ratio=ratio)


@pytest.mark.parametrize("name", ["num_nodes", "nodes_per_class"])
@pytest.mark.parametrize("value", [0, -3, 2.5, True, "4"])
def test_counts_are_positive_integers(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got"):
        Budget(**{name: value})


def test_unknown_ratio_of():
    with pytest.raises(ValueError, match="ratio_of must be 'nodes' or 'train', got 'edges'"):
        Budget(ratio=0.1, ratio_of="edges")


@pytest.mark.parametrize(("ratio", "total"), [(0.01, 27), (0.013, 35), (0.026, 70), (0.052, 141), (1.0, CORA_NODES)])
def test_cora_by_all_nodes(ratio, total):
    assert int(Budget(ratio=ratio).allocate(CORA_NODES, CORA_COUNTS).sum()) == total


@pytest.mark.parametrize(("ratio", "total"), [(0.05, 7), (0.25, 35), (0.5, 70), (1.0, 140)])
def test_cora_by_training_nodes(ratio, total):
    allocation = Budget(ratio=ratio, ratio_of="train").allocate(CORA_NODES, CORA_COUNTS)
    assert allocation.tolist() == [total // 7] * 7


def test_cora_at_one_percent_is_balanced():
    assert Budget(ratio=0.01).allocate(CORA_NODES, CORA_COUNTS).tolist() == [4, 4, 4, 4, 4, 4, 3]


@without_deadline
@given(st.lists(st.integers(1, 300), min_size=2, max_size=10), st.data())
def test_number_asked_is_the_number_delivered(counts, data):
    num_nodes = data.draw(st.integers(len(counts), sum(counts)))
    allocation = Budget(num_nodes=num_nodes).allocate(sum(counts), torch.tensor(counts))
    assert int(allocation.sum()) == num_nodes
    assert allocation.dtype == torch.int64


def test_nodes_per_class():
    allocation = Budget(nodes_per_class=3).allocate(100, torch.tensor([50, 5, 1]))
    assert allocation.tolist() == [3, 3, 3]


@pytest.mark.parametrize("sizes", [{"ratio": 0.002}, {"num_nodes": 6}, {"ratio": 0.01, "ratio_of": "train"}])
def test_budget_below_the_number_of_classes(sizes):
    with pytest.raises(ValueError, match=r"fewer than the 7 classes; .*num_nodes=7"):
        Budget(**sizes).allocate(CORA_NODES, CORA_COUNTS)


@pytest.mark.parametrize("sizes", [{"num_nodes": 2709}, {"nodes_per_class": 387}])
def test_budget_above_the_graph(sizes):
    (name, value), *_ = sizes.items()
    with pytest.raises(ValueError, match=f"{name}={value} asks for 2709 nodes, more than the 2708"):
        Budget(**sizes).allocate(CORA_NODES, CORA_COUNTS)


def test_numbers_of_numpy_are_welcome_and_recorded_as_plain_ones() -> None:
    assert type(Budget(num_nodes=np.int64(6)).asked()["num_nodes"]) is int
    assert type(Budget(ratio=np.float32(0.5)).asked()["ratio"]) is float
