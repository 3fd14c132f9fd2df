import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.objectives.distances import DISTANCES, EPSILON, columns, normalized, squared
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
CLASSES = 3
SURROGATES = {"linear": Linear(4, SingleLabel(CLASSES), LIKE), "two_layer": TwoLayer(4, 5, SingleLabel(CLASSES), LIKE)}
REAL_LABELS = torch.tensor([0, 2, 1, 0, 0, 1, 2, 0, 0])
MADE_LABELS = torch.tensor([2, 0, 1, 0])
SHAPES = [(5, 4), (5,), (2, 3, 2, 2), (2,)]  # a matrix and a convolution, each with its bias


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(seed: int) -> list[Tensor]:
    return [random(CLASSES, *shape, seed=seed + i) for i, shape in enumerate(SHAPES)]


def rows(labels: Tensor, seed: int) -> Batch:
    return Batch(random(len(labels), 4, seed=seed) + labels.unsqueeze(1), labels)


def distance_to(objective: Objective, surrogate: Surrogate, weights: Weights, real: Batch, made: Batch) -> Tensor:
    return objective.loss(surrogate, weights, objective.observe(surrogate, weights, real), made)


@pytest.fixture(params=SURROGATES)
def surrogate(request):
    return SURROGATES[request.param]


@pytest.fixture
def weights(surrogate):
    torch.manual_seed(3)
    return surrogate.init()


def columns_by_loop(real: list[Tensor], made: list[Tensor], label: int) -> float:
    """One minus the cosine of what flows into each output unit, summed over units and layers, biases aside."""
    total = 0.0
    for g, h in zip(real, made, strict=True):
        if g[label].dim() == 1:
            continue
        for one, other in zip(g[label], h[label], strict=True):
            one, other = one.flatten().tolist(), other.flatten().tolist()
            product = sum(a * b for a, b in zip(one, other, strict=True))
            norms = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
            total += 1 - product / (norms + 1e-6)
    return total


def squared_by_loop(real: list[Tensor], made: list[Tensor], label: int) -> float:
    gaps = torch.cat([(g[label] - h[label]).flatten() for g, h in zip(real, made, strict=True)])
    return sum(gap**2 for gap in gaps.tolist())


def normalized_by_loop(real: list[Tensor], made: list[Tensor], label: int) -> float:
    one = [float(a) for g in real for a in g[label].flatten()]
    other = [float(b) for h in made for b in h[label].flatten()]
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / (sum(a * a for a in one) + 1e-6)


BY_LOOP = {"columns": columns_by_loop, "squared": squared_by_loop, "normalized": normalized_by_loop}


@pytest.mark.parametrize("name", DISTANCES)
def test_distance_equals_a_plain_loop_for_each_class(name):
    real, made = gradients(0), gradients(10)
    expected = [BY_LOOP[name](real, made, label) for label in range(CLASSES)]
    assert DISTANCES[name](real, made).tolist() == pytest.approx(expected, rel=1e-10)


def test_columns_ignore_the_scale_of_each_output():
    real, made = gradients(0), gradients(10)
    scaled = [g * torch.linspace(2, 9, g.size(1)).view(-1, *[1] * (g.dim() - 2)) for g in made]
    torch.testing.assert_close(columns(real, scaled), columns(real, made), rtol=0, atol=20 * EPSILON)
    torch.testing.assert_close(columns(scaled, real), columns(made, real), rtol=0, atol=20 * EPSILON)


def test_columns_of_opposite_gradients_are_two_for_each_output():
    real = gradients(0)
    assert columns(real, [-g for g in real]).tolist() == pytest.approx([2 * (5 + 2)] * CLASSES, abs=1e-4)


def test_normalized_ignores_a_common_scale():
    real, made = gradients(0), gradients(10)
    scaled = [7 * g for g in real], [7 * g for g in made]
    torch.testing.assert_close(normalized(*scaled), normalized(real, made), rtol=1e-6, atol=0)
    torch.testing.assert_close(squared(*scaled), 49 * squared(real, made))


def test_vanished_gradients_have_a_finite_derivative():
    real, made = gradients(0), [torch.zeros_like(g, requires_grad=True) for g in gradients(0)]
    for distance in DISTANCES.values():
        for gradient in torch.autograd.grad(distance(real, made).sum(), made, allow_unused=True):
            assert gradient is None or bool(gradient.isfinite().all())


def mean_gradients(surrogate: Surrogate, weights: Weights, batch: Batch, label: int) -> list[Tensor]:
    leaves = [weight.clone().requires_grad_() for weight in weights]
    mine = batch.y == label
    loss = F.cross_entropy(surrogate.layers(tuple(leaves), batch)[-1][mine], batch.y[mine])
    return [gradient.unsqueeze(0) for gradient in torch.autograd.grad(loss, leaves)]


@pytest.mark.parametrize("class_weight", [None, [0.5, 0.0, 3.0]])
@pytest.mark.parametrize("name", DISTANCES)
def test_gradient_matching_sums_the_distances_of_mean_gradients(surrogate, weights, name, class_weight):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    expected = 0.0
    for label, weight in enumerate(class_weight or [1.0] * CLASSES):
        pair = (mean_gradients(surrogate, weights, batch, label) for batch in (real, made))
        expected += weight * BY_LOOP[name](*pair, 0)
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float64)
    found = distance_to(GradientMatching(distance=name, class_weight=weight), surrogate, weights, real, made)
    assert found.item() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("class_weight", [None, [0.5, 0.0, 3.0]])
@pytest.mark.parametrize("name", DISTANCES)
def test_classes_together_are_one_summed_gradient(surrogate, weights, name, class_weight):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    scales = class_weight or [1.0] * CLASSES
    summed = []
    for batch in (real, made):
        each = [mean_gradients(surrogate, weights, batch, label) for label in range(CLASSES)]
        summed.append([sum(s * g for s, g in zip(scales, of, strict=True)) for of in zip(*each, strict=True)])
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float64)
    objective = GradientMatching(distance=name, per_class=False, class_weight=weight)
    found = distance_to(objective, surrogate, weights, real, made)
    assert found.item() == pytest.approx(BY_LOOP[name](*summed, 0), rel=1e-8)


OBJECTIVES = {
    **{name: GradientMatching(distance=name) for name in DISTANCES},
    **{f"{name} together": GradientMatching(distance=name, per_class=False) for name in DISTANCES},
    **{kernel: DistributionMatching(kernel=kernel) for kernel in ("linear", "quadratic")},
}
each_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


@each_objective
def test_identical_data_are_at_distance_zero(surrogate, weights, objective):
    # Large gradients, and no dead unit, against the epsilon of the cosines.
    weights = tuple(weight.abs() / 1000 if weight.dim() == 2 else weight.abs() for weight in weights)
    batch = Batch(1000 ** (len(weights) // 2) * random(9, 4, seed=0).abs(), REAL_LABELS)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    assert abs(distance_to(objective, surrogate, weights, batch, batch.take(order)).item()) < 1e-6
    assert distance_to(objective, surrogate, weights, batch, rows(MADE_LABELS, 1)).item() > 1e-3


@each_objective
def test_rows_said_twice_change_nothing(surrogate, weights, objective):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    twice = [batch.take(torch.arange(len(batch)).repeat(2)) for batch in (real, made)]
    found = distance_to(objective, surrogate, weights, *twice)
    torch.testing.assert_close(found, distance_to(objective, surrogate, weights, real, made))


@each_objective
def test_class_that_one_side_lacks_does_not_count(surrogate, weights, objective):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    fewer_real, fewer_made = real.take((real.y != 1).nonzero().flatten()), made.take((made.y != 1).nonzero().flatten())
    both = distance_to(objective, surrogate, weights, fewer_real, fewer_made)
    torch.testing.assert_close(distance_to(objective, surrogate, weights, real, fewer_made), both)
    torch.testing.assert_close(distance_to(objective, surrogate, weights, fewer_real, made), both)
    assert abs(distance_to(objective, surrogate, weights, real, made) - both) > 1e-6


@each_objective
def test_class_weights_of_ones_are_the_default(surrogate, weights, objective):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    fields = {**vars(objective), "class_weight": torch.ones(CLASSES, dtype=torch.float64)}
    found = distance_to(type(objective)(**fields), surrogate, weights, real, made)
    torch.testing.assert_close(found, distance_to(objective, surrogate, weights, real, made))


@each_objective
def test_loss_has_the_derivative_of_its_differences(surrogate, weights, objective):
    statistic = objective.observe(surrogate, weights, rows(REAL_LABELS, 0))
    x = rows(MADE_LABELS, 1).x.requires_grad_()

    def loss(x: Tensor) -> Tensor:
        return objective.loss(surrogate, weights, statistic, Batch(x, MADE_LABELS))

    assert torch.autograd.gradcheck(loss, (x,))


@pytest.mark.parametrize("name", ["columns", "linear"])
def test_loss_has_the_derivative_of_its_differences_in_the_edges(surrogate, weights, name):
    objective = OBJECTIVES[name]
    statistic = objective.observe(surrogate, weights, rows(REAL_LABELS, 0))
    x, adj = rows(MADE_LABELS, 1).x.requires_grad_(), random(4, 4, seed=2).sigmoid().requires_grad_()

    def loss(x: Tensor, adj: Tensor) -> Tensor:
        return objective.loss(surrogate, weights, statistic, Batch(adj @ x, MADE_LABELS, adj))

    assert torch.autograd.gradcheck(loss, (x, adj))


def linear_kernel(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a, b)


def quadratic_kernel(a: Tensor, b: Tensor) -> Tensor:
    return (torch.dot(a, b) + 1) ** 2 / 2


def mean_over_pairs(kernel, one: Tensor, other: Tensor) -> float:
    return sum(kernel(a, b).item() for a in one for b in other) / (len(one) * len(other))


def discrepancy(kernel, real: Tensor, made: Tensor) -> float:
    within = mean_over_pairs(kernel, real, real) + mean_over_pairs(kernel, made, made)
    return within - 2 * mean_over_pairs(kernel, real, made)


@pytest.mark.parametrize("class_weight", [None, [0.5, 0.0, 3.0]])
@pytest.mark.parametrize("name", ["linear", "quadratic"])
def test_discrepancy_equals_the_double_sums_of_its_kernel(surrogate, weights, name, class_weight):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    kernel = {"linear": linear_kernel, "quadratic": quadratic_kernel}[name]
    expected = 0.0
    for one, other in zip(surrogate.layers(weights, real), surrogate.layers(weights, made), strict=True):
        for label, weight in enumerate(class_weight or [1.0] * CLASSES):
            expected += weight * discrepancy(kernel, one[real.y == label], other[made.y == label])
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float64)
    found = distance_to(DistributionMatching(kernel=name, class_weight=weight), surrogate, weights, real, made)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_linear_discrepancy_is_the_squared_distance_of_class_means(surrogate, weights):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    expected = 0.0
    for one, other in zip(surrogate.layers(weights, real), surrogate.layers(weights, made), strict=True):
        for label in range(CLASSES):
            gap = one[real.y == label].mean(dim=0) - other[made.y == label].mean(dim=0)
            expected += gap.square().sum().item()
    assert distance_to(DistributionMatching(), surrogate, weights, real, made).item() == pytest.approx(expected)


@pytest.mark.parametrize("kernel", ["linear", "quadratic"])
def test_layers_are_chosen_from_either_end(surrogate, weights, kernel):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)

    def of(*layers: int) -> float:
        objective = DistributionMatching(layers=layers, kernel=kernel)
        return distance_to(objective, surrogate, weights, real, made).item()

    count = len(surrogate.layers(weights, real))
    assert of(-1) == of(count - 1)
    assert of(0) == of(-count)
    assert of(0) != of(-1)
    assert of(0, -1) == pytest.approx(of(0) + of(-1))
    whole = distance_to(DistributionMatching(kernel=kernel), surrogate, weights, real, made).item()
    assert of(*range(count)) == pytest.approx(whole)


def test_discrepancy_of_the_features_does_not_ask_for_weights(surrogate, weights):
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    objective = DistributionMatching(layers=[0])
    others = tuple(2 * weight + 1 for weight in weights)
    found = distance_to(objective, surrogate, others, real, made)
    assert torch.equal(found, distance_to(objective, surrogate, weights, real, made))


def test_images_are_compared_pixel_by_pixel():
    surrogate = Linear(4, SingleLabel(CLASSES), LIKE)
    real, made = rows(REAL_LABELS, 0), rows(MADE_LABELS, 1)
    images = [Batch(batch.x.view(-1, 1, 2, 2), batch.y) for batch in (real, made)]
    weights = surrogate.init()
    for objective in OBJECTIVES.values():
        found = distance_to(objective, surrogate, weights, *images)
        torch.testing.assert_close(found, distance_to(objective, surrogate, weights, real, made))


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="distance must be one of columns, squared, normalized, got 'cosine'"):
        GradientMatching(distance="cosine")
    with pytest.raises(ValueError, match="kernel must be 'linear' or 'quadratic', got 'rbf'"):
        DistributionMatching(kernel="rbf")
