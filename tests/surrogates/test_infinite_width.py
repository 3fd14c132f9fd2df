"""The kernel of infinitely wide networks: against its limits, quadrature, finite networks and finite differences."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.surrogates.infinite_width import InfiniteWidth, arc_cosine

DEPTHS = (1, 2, 3)
DUPLICATES = torch.tensor([[1.0, 0, 1, 1, 0], [0, 1, 0, 1, 0], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 1, 0]])
ONE_HOT = torch.eye(5)[[0, 1, 3]]
ZERO = torch.tensor([[0.0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 2, 0, 0]])


def rows(x: Tensor) -> Batch:
    return Batch(x, x)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gram(kernel: InfiniteWidth, x: Tensor) -> Tensor:
    return kernel.gram((), rows(x))


def cross(kernel: InfiniteWidth, x: Tensor, y: Tensor) -> Tensor:
    return kernel.cross((), rows(x), rows(y))


def at_angle(degrees: float) -> tuple[Tensor, Tensor]:
    """Two rows of squared length 2, the number of inputs, so that their variances are w²."""
    angle = math.radians(degrees)
    x = math.sqrt(2) * torch.tensor([[1.0, 0.0], [math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    return x[:1], x[1:]


def gaussian_means(covariance: float, left: float, right: float) -> tuple[float, float]:
    """Means of relu(u) relu(v) and [u > 0][v > 0]: the radius in closed form, the angle by the midpoint rule."""
    steps = 400_000
    theta = (np.arange(steps) + 0.5) * 2 * np.pi / steps
    u = np.sqrt(left) * np.cos(theta)
    v = covariance / np.sqrt(left) * np.cos(theta) + np.sqrt(right - covariance**2 / left) * np.sin(theta)
    # The mean of r² for a radius of two Gaussians is 2.
    return float(2 * np.mean(np.maximum(u, 0) * np.maximum(v, 0))), float(np.mean((u > 0) & (v > 0)))


def recursion(kernel: InfiniteWidth, x: Tensor, y: Tensor) -> float:
    """The tangent kernel of any activation, with means by quadrature; also the variances take that way."""
    w, b, inputs = kernel.weight_variance, kernel.bias_variance, len(x)
    covariance, left, right = (float(w * one @ other / inputs + b) for one, other in ((x, y), (x, x), (y, y)))
    tangent = covariance
    for _ in range(kernel.depth):
        value, slope = gaussian_means(covariance, left, right)
        left, right = (w * gaussian_means(norm, norm, norm)[0] + b for norm in (left, right))
        covariance = w * value + b
        tangent = covariance + w * tangent * slope
    return tangent


def naive(kernel: InfiniteWidth, x: Tensor, y: Tensor) -> Tensor:
    """The textbook's formulas, whose derivatives autograd finds wherever no two rows are parallel."""
    w, b, inputs = kernel.weight_variance, kernel.bias_variance, x.size(1)
    sigma = w * x @ y.T / inputs + b
    left, right = ((w * z.square().sum(1) / inputs + b) for z in (x, y))
    theta = sigma
    for _ in range(kernel.depth):
        lengths = torch.outer(left, right).sqrt()
        phi = torch.acos(sigma / lengths)
        sigma = w * lengths * (phi.sin() + (math.pi - phi) * phi.cos()) / (2 * math.pi) + b
        theta = sigma + w * theta * (math.pi - phi) / (2 * math.pi)
        left, right = w * left / 2 + b, w * right / 2 + b
    return theta


def finite_network(kernel: InfiniteWidth, x: Tensor, width: int) -> Tensor:
    """The empirical tangent kernel of a network of that width with the parameters drawn anew."""
    generator = torch.Generator().manual_seed(0)
    sizes = [x.size(1), *[width] * kernel.depth, 1]
    parameters = [
        torch.randn(shape, generator=generator, dtype=x.dtype).requires_grad_()
        for inputs, outputs in itertools.pairwise(sizes)
        for shape in ((inputs, outputs), (outputs,))
    ]
    hidden = x
    for i in range(0, len(parameters), 2):
        hidden = hidden.relu() if i else hidden
        hidden = math.sqrt(kernel.weight_variance / hidden.size(1)) * hidden @ parameters[i]
        hidden = hidden + math.sqrt(kernel.bias_variance) * parameters[i + 1]
    jacobian = [torch.autograd.grad(output, parameters, retain_graph=True) for output in hidden[:, 0]]
    flat = torch.stack([torch.cat([part.flatten() for part in row]) for row in jacobian])
    return flat @ flat.T


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(0, 4), (60, 2 / math.pi * (math.sqrt(3) / 2 + 2 * math.pi / 3)), (90, 2 / math.pi), (180, 0)],
)
def test_one_layer_at_known_angles(degrees, expected):
    x, y = at_angle(degrees)
    assert cross(InfiniteWidth(bias_variance=0.0), x, y).item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("depth", range(1, 6))
def test_parallel_rows_add_up_their_variance_layer_by_layer(depth):
    kernel = InfiniteWidth(depth=depth, bias_variance=0.0)
    x, same = at_angle(0)
    assert cross(kernel, x, same).item() == pytest.approx((depth + 1) * 2)
    assert gram(kernel, x).item() == pytest.approx((depth + 1) * 2)
    assert cross(kernel, x, 3 * same).item() == pytest.approx((depth + 1) * 6)


@pytest.mark.parametrize("kernel", [InfiniteWidth(), InfiniteWidth(depth=3, weight_variance=1.3, bias_variance=0.2)])
def test_equals_the_recursion_by_quadrature(kernel):
    x, y = random(2, 4)
    assert cross(kernel, x[None], y[None]).item() == pytest.approx(recursion(kernel, x, y), rel=2e-5)


@pytest.mark.parametrize(("depth", "width", "tolerance"), [(1, 200_000, 0.01), (2, 1500, 0.08)])
def test_equals_a_wide_network(depth, width, tolerance):
    kernel = InfiniteWidth(depth=depth, weight_variance=1.5, bias_variance=0.3)
    x = torch.tensor([[1.0, 0.0, 2.0], [1.0, -1.0, 0.5], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]])
    torch.testing.assert_close(finite_network(kernel, x, width).double(), gram(kernel, x), rtol=tolerance, atol=0)


@pytest.mark.parametrize("kind", ["ntk", "nngp"])
def test_without_hidden_layers_it_is_linear(kind):
    kernel = InfiniteWidth(depth=0, weight_variance=1.5, bias_variance=0.3, kind=kind)
    x, y = random(3, 4), random(2, 4, seed=1)
    torch.testing.assert_close(cross(kernel, x, y), 1.5 * x @ y.T / 4 + 0.3)
    torch.testing.assert_close(gram(kernel, x), 1.5 * x @ x.T / 4 + 0.3)
    torch.testing.assert_close(kernel.diagonal(x.square().sum(1), 4), gram(kernel, x).diagonal())


@pytest.mark.parametrize(("degrees", "expected"), [(0, 2), (90, 2 / math.pi), (180, 0)])
def test_the_covariance_of_one_layer_at_known_angles(degrees, expected):
    # Two Gaussians of variance 2: the mean of relu(u) relu(v), times w² = 2, is (sin + (π - φ) cos) 2 / π.
    x, y = at_angle(degrees)
    kernel = InfiniteWidth(bias_variance=0.0, kind="nngp")
    assert cross(kernel, x, y).item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("depth", range(5))
def test_the_covariance_of_parallel_rows_does_not_grow_with_depth(depth):
    kernel = InfiniteWidth(depth=depth, bias_variance=0.0, kind="nngp")
    x, same = at_angle(0)
    assert cross(kernel, x, 3 * same).item() == pytest.approx(6)
    assert gram(kernel, x).item() == pytest.approx(2)


def test_deep_networks_forget_angles():
    # Each layer brings rows closer together, without bias all the way to parallel ones.
    x, y = at_angle(120)
    cosines = [cross(InfiniteWidth(depth=depth, bias_variance=0.0, kind="nngp"), x, y).item() / 2
               for depth in (0, 1, 2, 8, 100)]  # fmt: skip
    assert cosines == sorted(cosines)
    assert cosines[0] == pytest.approx(-0.5)
    assert cosines[-1] > 0.99


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_tangents_are_the_covariance_and_what_lies_below_it(depth):
    # The gradient of the readout alone, plus that of the network below passed through κ₀ of the layer between.
    x, y = random(3, 5), random(4, 5, seed=1)
    fields = {"weight_variance": 1.7, "bias_variance": 0.2}
    ntk, nngp = (InfiniteWidth(depth=depth, kind=kind, **fields) for kind in ("ntk", "nngp"))
    below = {kind: InfiniteWidth(depth=depth - 1, kind=kind, **fields) for kind in ("ntk", "nngp")}
    left, right = (below["nngp"].diagonal(z.square().sum(1), 5) for z in (x, y))
    _, slope = arc_cosine(cross(below["nngp"], x, y), left, right)
    expected = cross(nngp, x, y) + 1.7 * slope * cross(below["ntk"], x, y)
    torch.testing.assert_close(cross(ntk, x, y), expected)


@pytest.mark.parametrize(("depth", "width", "networks"), [(1, 100, 4000), (2, 500, 400)])
def test_the_covariance_is_that_of_the_outputs_of_wide_networks(depth, width, networks):
    kernel = InfiniteWidth(depth=depth, weight_variance=1.5, bias_variance=0.3, kind="nngp")
    x = torch.tensor([[1.0, 0.0, 2.0], [1.0, -1.0, 0.5], [0.0, 0.0, 0.0]])
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(3, 3)
    for _ in range(networks):
        hidden = x
        for _ in range(depth):
            weight = torch.randn(hidden.size(1), width, generator=generator)
            hidden = hidden @ weight * math.sqrt(1.5 / hidden.size(1))
            hidden = (hidden + math.sqrt(0.3) * torch.randn(width, generator=generator)).relu()
        # The mean over the readout's weights is known.
        total += 1.5 * hidden @ hidden.T / width + 0.3
    torch.testing.assert_close((total / networks).double(), gram(kernel, x), rtol=0.02, atol=0.02)


def test_the_covariance_and_its_gradients_at_every_entrance():
    kernel = InfiniteWidth(depth=2, weight_variance=1.7, bias_variance=0.05, kind="nngp")
    x, y = random(4, 3).requires_grad_(), random(2, 3, seed=5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: (gram(kernel, x), cross(kernel, x, y)), (x, y))
    matrix, norms = gram(kernel, x.detach()), x.detach().square().sum(1)
    assert torch.equal(matrix.diagonal(), kernel.diagonal(norms, 3))
    torch.testing.assert_close(kernel.from_products(x @ y.T, norms, y.square().sum(1), 3), cross(kernel, x, y))


def test_one_layer_equals_the_published_kernel():
    x, y = random(3, 4), random(5, 4, seed=1)
    products, squares = 0.5 * x @ y.T + 0.01, torch.outer(*(0.5 * z.square().sum(1) + 0.01 for z in (x, y)))
    root = (squares - products.square()).sqrt()
    expected = (root + 2 * (math.pi - torch.atan2(root, products)) * products) / math.pi + 0.01
    torch.testing.assert_close(cross(InfiniteWidth(), x, y), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), depth=st.integers(1, 4), factor=st.floats(0.01, 100))
def test_without_bias_it_is_homogeneous(seed, depth, factor):
    kernel, (x, y) = InfiniteWidth(depth=depth, bias_variance=0.0), random(2, 3, 4, seed=seed)
    torch.testing.assert_close(cross(kernel, factor * x, y), factor * cross(kernel, x, y), rtol=1e-6, atol=1e-9)


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), depth=st.integers(1, 4), bias=st.sampled_from([0.0, 0.01, 1.0]))
def test_the_gram_matrix_is_positive_semidefinite(seed, depth, bias):
    # Few columns: most batches have duplicates and zero rows.
    x = torch.tensor(np.random.default_rng(seed).integers(0, 2, (8, 3)), dtype=torch.float64)
    matrix = gram(InfiniteWidth(depth=depth, bias_variance=bias), x)
    assert torch.linalg.eigvalsh(matrix).min() >= -1e-12 * matrix.trace()


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), depth=st.integers(1, 3), bias=st.sampled_from([0.0, 0.01, 1.0]))
def test_gram_cross_and_diagonal_agree(seed, depth, bias):
    kernel = InfiniteWidth(depth=depth, bias_variance=bias)
    x = random(5, 4, seed=seed)
    matrix, norms = gram(kernel, x), x.square().sum(1)
    assert torch.equal(matrix.diagonal(), kernel.diagonal(norms, 4))
    apart = ~torch.eye(5, dtype=torch.bool)  # a row's angle with itself is 0 in exact arithmetic only
    torch.testing.assert_close(matrix[apart], cross(kernel, x, x)[apart], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(cross(kernel, x, x).diagonal(), matrix.diagonal(), rtol=1e-7, atol=0)
    torch.testing.assert_close(kernel.from_products(x @ x[:2].T, norms, norms[:2], 4), cross(kernel, x, x[:2]))
    y = random(2, 4, seed=seed + 1)
    torch.testing.assert_close(cross(kernel, y, x), cross(kernel, x, y).T, rtol=1e-12, atol=1e-12)


def test_only_the_content_of_rows_counts():
    kernel, x = InfiniteWidth(depth=2), random(4, 6)
    torch.testing.assert_close(gram(kernel, x.reshape(4, 2, 3)), gram(kernel, x))
    torch.testing.assert_close(gram(kernel, x[:, [3, 1, 5, 0, 2, 4]]), gram(kernel, x))
    single = x.float()
    assert torch.equal(gram(kernel, single), gram(kernel, single.double()))  # the one that is inverted
    assert cross(kernel, single, single[:2]).dtype == torch.float32
    torch.testing.assert_close(cross(kernel, single, -single).double(), cross(kernel, x, -x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("bias", [0.0, 0.01])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("x", [DUPLICATES, ONE_HOT, ZERO, torch.zeros(2, 5), -DUPLICATES])
def test_values_and_gradients_are_finite(x, dtype, bias):
    kernel, x = InfiniteWidth(depth=2, bias_variance=bias), x.to(dtype).requires_grad_()
    value = gram(kernel, x) + cross(kernel, x, -x) + cross(kernel, x, x)
    assert value.isfinite().all()
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.isfinite().all()


def test_a_row_of_zeros_sees_the_biases_only():
    x = torch.zeros(1, 5, dtype=torch.float64)
    assert gram(InfiniteWidth(), x).item() == pytest.approx(3 * 0.01)
    assert gram(InfiniteWidth(bias_variance=0.0), x).item() == 0


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("x", [random(4, 3), ONE_HOT.double(), ZERO.double()], ids=["random", "one_hot", "zero"])
def test_gradients_by_finite_differences(depth, x):
    kernel = InfiniteWidth(depth=depth, weight_variance=1.7, bias_variance=0.05)
    assert torch.autograd.gradcheck(lambda x: gram(kernel, x), x.clone().requires_grad_())
    other = random(2, x.size(1), seed=5)
    both = (x.clone().requires_grad_(), other.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, y: cross(kernel, x, y), both)


@pytest.mark.parametrize("depth", DEPTHS)
def test_gradients_equal_autograd_of_the_textbook(depth):
    kernel, upstream = InfiniteWidth(depth=depth), random(4, 3, seed=9)
    ours, theirs = ([random(4, 5).requires_grad_(), random(3, 5, seed=1).requires_grad_()] for _ in range(2))
    (upstream * cross(kernel, *ours)).sum().backward()
    (upstream * naive(kernel, *theirs)).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("seed", range(3))
def test_gradients_at_duplicates_are_those_of_the_symmetric_difference(depth, seed):
    # Where two rows meet, the kernel has a kink: its two sides cancel in a central difference.
    kernel, x, upstream = InfiniteWidth(depth=depth), DUPLICATES.double().requires_grad_(), random(5, 5, seed=seed)
    direction, step = random(5, 5, seed=seed + 10), 1e-5
    (gradient,) = torch.autograd.grad((upstream * gram(kernel, x)).sum(), x)
    ahead, behind = (gram(kernel, x.detach() + sign * step * direction) for sign in (1, -1))
    slope = (upstream * (ahead - behind)).sum() / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("depth", DEPTHS)
def test_rows_that_all_but_meet_have_the_gradients_of_duplicates(depth):
    # The side of the kink on which they are is an accident.
    kernel, upstream, x = InfiniteWidth(depth=depth), random(5, 5, seed=1), DUPLICATES.double()
    gradients = []
    for apart in (0.0, 1e-6):
        rows_apart = (x + apart * random(5, 5, seed=2)).requires_grad_()
        gradients += torch.autograd.grad((upstream * gram(kernel, rows_apart)).sum(), rows_apart)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("depth", DEPTHS)
def test_gradients_of_nearly_parallel_rows(depth):
    kernel, x = InfiniteWidth(depth=depth), random(3, 5)
    x[1] = 0.7 * x[0] + 1e-3 * random(5, seed=1)  # far enough apart for the exact formula
    assert torch.autograd.gradcheck(lambda x: gram(kernel, x), x.requires_grad_(), eps=1e-7, atol=1e-4)


def test_single_precision_gets_the_gradient_at_duplicates_right():
    weighted = torch.softmax(random(4, 50), dim=1)[[0, 1, 0, 2, 0, 3]] * 20  # not exact in float32, unlike 0 and 1
    gradients = []
    for dtype in (torch.float64, torch.float32):
        x = weighted.to(dtype).requires_grad_()
        gradients += torch.autograd.grad(gram(InfiniteWidth(), x).square().sum(), x)
    torch.testing.assert_close(gradients[1].double(), gradients[0], rtol=0, atol=1e-5 * gradients[0].abs().max())


def test_the_arc_cosine_kernels_are_means_of_gaussians():
    covariance, left, right = torch.tensor([[0.3, -1.1]]), torch.tensor([2.0]), torch.tensor([0.5, 1.5])
    value, slope = arc_cosine(covariance.double(), left.double(), right.double())
    for i in range(2):
        expected = gaussian_means(covariance[0, i].item(), 2.0, right[i].item())
        assert (value[0, i].item(), slope[0, i].item()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"depth": -1}, ValueError, "depth must be at least 0, got -1"),
        ({"depth": 1.5}, TypeError, "depth must be a whole number, got 1.5"),
        ({"weight_variance": 0.0}, ValueError, "weight_variance must be positive"),
        ({"bias_variance": -0.1}, ValueError, "bias_variance must be at least 0, got -0.1"),
        ({"bias_variance": math.nan}, ValueError, "bias_variance"),
        ({"kind": "nngk"}, ValueError, "kind must be 'ntk' or 'nngp', got 'nngk'"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        InfiniteWidth(**fields)
