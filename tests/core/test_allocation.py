import itertools
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.core.allocation import Available, allocate, largest_remainder
from graphcond.core.size import Size

CORA_NODES = 2708
CORA_COUNTS = torch.full((7,), 20)

COUNTS = st.lists(st.integers(1, 300), min_size=2, max_size=10)
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


def graph(counts: list[int] | torch.Tensor, num_nodes: int) -> Available:
    """What there is of a node dataset: any node of the graph may be stood for."""
    return Available("nodes", torch.as_tensor(counts), "of the graph", num_nodes)


def images(counts: list[int] | torch.Tensor) -> Available:
    """What there is of images: no class can have more than it has."""
    return Available("images", torch.as_tensor(counts), "to train on", real=True)


CORA, IMAGES = graph(CORA_COUNTS, CORA_NODES), images([10, 2, 30])


@pytest.mark.parametrize(("ratio", "total"), [(0.01, 27), (0.013, 35), (0.026, 70), (0.052, 141), (1.0, CORA_NODES)])
def test_cora_by_all_nodes(ratio, total):
    assert int(allocate(Size.ratio(ratio), CORA).sum()) == total


@pytest.mark.parametrize(("ratio", "total"), [(0.05, 7), (0.25, 35), (0.5, 70), (1.0, 140)])
def test_cora_by_training_nodes(ratio, total):
    assert allocate(Size.ratio(ratio, of="train"), CORA).tolist() == [total // 7] * 7


def test_cora_at_one_percent_is_balanced():
    assert allocate(Size.ratio(0.01), CORA).tolist() == [4, 4, 4, 4, 4, 4, 3]


def test_without_a_total_a_ratio_is_of_what_is_for_training():
    counts = torch.tensor([30, 10])
    both = [allocate(Size.ratio(0.5, of=of), images(counts)) for of in ("all", "train")]
    assert both[0].tolist() == both[1].tolist() == [15, 5]


@without_deadline
@given(COUNTS, st.data())
def test_number_asked_is_the_number_delivered(counts, data):
    available = data.draw(st.sampled_from([graph(counts, sum(counts)), images(counts)]))
    total = data.draw(st.integers(len(counts), sum(counts)))
    allocation = allocate(Size.count(total), available)
    assert allocation.dtype == torch.int64
    assert int(allocation.sum()) == total
    assert int(allocation.min()) >= 1


@without_deadline
@given(COUNTS, st.data())
def test_real_items_are_shared_in_proportion_and_no_class_has_more_than_it_has(counts, data):
    total = data.draw(st.integers(len(counts), sum(counts)))
    shares, weights = allocate(Size.count(total), images(counts)), torch.tensor(counts)
    assert bool((shares <= weights).all())
    quota = total * weights / weights.sum()
    if bool((quota >= 1).all()):
        assert bool(((shares - quota).abs() < 1 + 1e-9).all())


@without_deadline
@given(COUNTS, st.floats(0.001, 1))
def test_a_ratio_is_a_count(counts, ratio):
    total = int(ratio * sum(counts) + 0.5)
    if total < len(counts):
        with pytest.raises(ValueError, match=rf"^ratio={ratio} gives {total} images, fewer than the {len(counts)} "):
            allocate(Size.ratio(ratio), images(counts))
    else:
        assert allocate(Size.ratio(ratio), images(counts)).equal(allocate(Size.count(total), images(counts)))


@without_deadline
@given(COUNTS, st.integers(1, 310))
def test_each_class_alike(counts, number):
    size, smallest = Size.per_class(number), min(counts)
    if number * len(counts) <= 1000:
        assert allocate(size, graph(counts, 1000)).tolist() == [number] * len(counts)
    if number <= smallest:
        assert allocate(size, images(counts)).tolist() == [number] * len(counts)
    else:
        with pytest.raises(ValueError, match=rf"^size='{number}/class' asks for more than the {smallest} training "):
            allocate(size, images(counts))


def test_known_shares():
    available = images([10, 2, 30])
    assert allocate(Size.count(21), available).tolist() == [5, 1, 15]
    assert allocate(Size.ratio(1.0), available).tolist() == [10, 2, 30]
    assert allocate(Size.per_class(2), available).tolist() == [2, 2, 2]
    assert allocate(Size.per_class(50), images([6000] * 10)).tolist() == [50] * 10
    assert allocate(Size.per_class(3), graph([50, 5, 1], 100)).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("size", "available", "message"),
    [
        (0.002, CORA, "ratio=0.002 gives 5 nodes, fewer than the 7 classes; ask for at least one per class: size=7"),
        (6, CORA, "size=6 gives 6 nodes, fewer than the 7 classes; ask for at least one per class: size=7"),
        ("1%train", CORA, "size='1%train' gives 1 nodes, fewer than the 7 classes; ask for at least one per class: "
                          "size=7"),
        (2709, CORA, "size=2709 asks for 2709 nodes, more than the 2708 of the graph; ask less"),
        ("387/class", CORA, "size='387/class' asks for 2709 nodes, more than the 2708 of the graph; ask less"),
        (2, IMAGES, "size=2 gives 2 images, fewer than the 3 classes; ask for at least one per class: size=3"),
        (0.01, IMAGES, "ratio=0.01 gives 0 images, fewer than the 3 classes; ask for at least one per class: size=3"),
        (43, IMAGES, "size=43 asks for 43 images, more than the 42 to train on; ask less"),
        ("3/class", IMAGES, "size='3/class' asks for more than the 2 training images of class 1; ask for at most "
                            "'2/class', or for a total, such as size=6"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit(size, available, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        allocate(Size.parse(size), available)
