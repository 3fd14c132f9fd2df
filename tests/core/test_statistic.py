import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.statistic import Statistic, class_counts, class_sums
from graphcond.core.sparse import compressed_rows
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
SURROGATES = {"linear": Linear(3, SingleLabel(4), LIKE), "two_layer": TwoLayer(3, 5, SingleLabel(4), LIKE)}
OBJECTIVES = {
    "gradients": GradientMatching(),
    "means": DistributionMatching(kernel="linear"),
    "second moments": DistributionMatching(kernel="quadratic"),
}
LABELS = torch.tensor([0, 3, 0, 0, 1, 3, 0, 1])  # class 2 is absent
SHARDS = [torch.tensor([1, 6, 0]), torch.tensor([5]), torch.tensor([2, 3, 4, 7])]


def batch_of(kind: str) -> Batch:
    generator = torch.Generator().manual_seed(0)
    if kind == "rows":
        return Batch(torch.randn(8, 3, generator=generator, dtype=torch.float64), LABELS)
    x = torch.randn(14, 3, generator=generator, dtype=torch.float64)
    rows = torch.randperm(14, generator=generator)[:8]
    adj = torch.rand(8, 14, generator=generator, dtype=torch.float64)
    adj[torch.rand(8, 14, generator=generator) < 0.6] = 0
    adj[torch.arange(8), rows] = 0.5
    return Batch(x, LABELS, compressed_rows(adj), rows)


def assert_same(one: Statistic, other: Statistic) -> None:
    torch.testing.assert_close(one.sums, other.sums, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(one.counts, other.counts)


@pytest.fixture(params=SURROGATES)
def surrogate(request):
    torch.manual_seed(0)
    return SURROGATES[request.param]


@pytest.mark.parametrize("kind", ["rows", "sparse"])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_shards_add_up_to_the_union(surrogate, objective, kind):
    batch, weights = batch_of(kind), surrogate.init()
    whole = objective.observe(surrogate, weights, batch)
    first, second, third = (objective.observe(surrogate, weights, batch.take(shard)) for shard in SHARDS)
    assert_same(first + second + third, whole)
    assert_same(third + (second + first), whole)
    assert any(bool(value.abs().max() > 0.1) for value in whole.sums)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_rows_can_be_taken_back(surrogate, objective):
    batch, weights = batch_of("sparse"), surrogate.init()
    whole = objective.observe(surrogate, weights, batch)
    gone = objective.observe(surrogate, weights, batch.take(torch.cat(SHARDS[:2])))
    assert_same(whole - gone, objective.observe(surrogate, weights, batch.take(SHARDS[2])))


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_class_without_rows_has_a_zero_mean(surrogate, objective):
    statistic = objective.observe(surrogate, surrogate.init(), batch_of("rows"))
    assert statistic.counts.tolist() == [4, 2, 0, 2]
    for mean in statistic.means():
        assert bool((mean[2] == 0).all())
        assert bool((mean[0] != 0).any())


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_observed_statistics_carry_no_history(surrogate, objective):
    batch = batch_of("rows")
    batch = Batch(batch.x.requires_grad_(), batch.y)
    weights = tuple(weight.requires_grad_() for weight in surrogate.init())
    statistic = objective.observe(surrogate, weights, batch)
    assert not any(value.requires_grad for value in (*statistic.sums, statistic.counts))


def test_means_are_sums_over_counts():
    sums = (torch.arange(12.0).view(3, 2, 2), torch.tensor([6.0, 0.0, 5.0]))
    matrix, vector = Statistic(sums, torch.tensor([1.0, 0.0, 4.0])).means()
    torch.testing.assert_close(matrix[2], torch.tensor([[2.0, 2.25], [2.5, 2.75]]))
    torch.testing.assert_close(vector, torch.tensor([6.0, 0.0, 1.25]))


def test_statistics_of_different_shape_do_not_add():
    value, count = torch.zeros(2), torch.zeros(2)
    with pytest.raises(ValueError, match="zip"):
        Statistic((value, value), count) + Statistic((value,), count)
    with pytest.raises(ValueError, match="zip"):
        Statistic((value,), count) - Statistic((value, value), count)


def by_loop(values: Tensor, y: Tensor, num_classes: int) -> Tensor:
    sums = torch.zeros(num_classes, *values.shape[1:])
    for value, label in zip(values, y.tolist(), strict=True):
        sums[label] += value
    return sums


@pytest.mark.parametrize("shape", [(8,), (8, 3), (8, 2, 3)])
def test_class_sums_equal_a_loop_over_rows(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(class_sums(values, LABELS, 5), by_loop(values, LABELS, 5))


def test_class_counts_have_the_type_they_are_asked_for():
    counts = class_counts(LABELS, 5, LIKE)
    assert counts.tolist() == [4, 2, 0, 2, 0]
    assert counts.dtype == torch.float64
