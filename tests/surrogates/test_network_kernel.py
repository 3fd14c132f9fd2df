"""Networks as kernels: against inner products by hand, wide networks' limits, and what samplers ask of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.weight_samplers import Fresh, Pool
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.network import Network
from graphcond.surrogates.network_kernel import Ensemble, NetworkKernel, random_features
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
NET = TwoLayer(4, 6, SingleLabel(3), LIKE)
WIDE = 3000


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch(count: int, seed: int = 0) -> Batch:
    return Batch(random(count, 4, seed=seed), torch.arange(count) % 3)


def targets(count: int, seed: int = 0) -> Batch:
    return Batch(random(count, 4, seed=seed), random(count, 3, seed=seed + 50))


def hidden(weights: tuple[Tensor, ...], x: Tensor) -> Tensor:
    return (x @ weights[0].T + weights[1]).relu()


@pytest.mark.parametrize(
    ("fields", "scale", "bias"),
    [
        ({}, 1, 1),
        ({"bias_variance": 0.0}, 1, 0),
        ({"mean": True, "weight_variance": 2.0, "bias_variance": 0.1}, 1 / 3, 0.1),
    ],
)
def test_equals_inner_products_of_the_last_hidden_layer(fields, scale, bias):
    kernel, left, right = NetworkKernel(NET, **fields), batch(5), batch(3, seed=1)
    weights = kernel.init()
    expected = scale * hidden(weights, left.x) @ hidden(weights, right.x).T + bias
    torch.testing.assert_close(kernel.cross(weights, left, right), expected)
    features = kernel.features(weights, left)
    assert features.shape == (5, 7)
    torch.testing.assert_close(features @ kernel.features(weights, right).T, expected)
    torch.testing.assert_close(kernel.gram(weights, left), kernel.cross(weights, left, left))


def test_feature_maps_are_flattened():
    conv = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    kernel = NetworkKernel(Network(lambda: conv, 3, taps=("1",)))
    images = Batch(torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 3)
    maps = conv[1](conv[0](images.x)).flatten(1)
    torch.testing.assert_close(kernel.cross(kernel.init(), images, images), maps @ maps.T + 1)
    assert kernel.gram(kernel.init(), images).dtype == torch.float64


def test_the_gram_matrix_is_made_in_float64():
    single = TwoLayer(4, 6, SingleLabel(3), torch.zeros(()))
    kernel, x = NetworkKernel(single), random(20, 4).float()
    rows = Batch(x, torch.zeros(20, dtype=torch.int64))
    weights = kernel.init()
    gram = kernel.gram(weights, rows)
    assert gram.dtype == torch.float64
    # More rows than features: what float32 would have lost are the eigenvalues of 0.
    assert torch.linalg.eigvalsh(gram).min() > -1e-12 * gram.trace()
    assert kernel.cross(weights, rows, rows).dtype == torch.float32


def test_gradients_reach_the_data():
    kernel = NetworkKernel(NET)
    weights, real = kernel.init(), batch(3, seed=1)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        made = Batch(x, torch.zeros(2, dtype=torch.int64))
        return kernel.gram(weights, made), kernel.cross(weights, real, made)

    assert torch.autograd.gradcheck(both, random(2, 4, seed=3).requires_grad_())


@pytest.mark.parametrize("surrogate", [NET, Ensemble(NET, 1)])
def test_it_trains_as_its_network_does(surrogate):
    kernel, rows = NetworkKernel(surrogate), batch(7)
    weights = kernel.init()
    assert kernel.num_classes == 3
    assert [layer.shape for layer in kernel.layers(weights, rows)] == [(7, 4), (7, 6), (7, 3)]
    for found, expected in zip(kernel.loss_gradients(weights, rows), NET.loss_gradients(weights, rows), strict=True):
        assert torch.equal(found, expected)
    found, expected = kernel.class_gradients(weights, rows), NET.class_gradients(weights, rows)
    assert all(torch.equal(one, other) for one, other in zip(found.sums, expected.sums, strict=True))
    assert torch.equal(found.counts, expected.counts)


@pytest.mark.parametrize("grad", [True, False])
def test_on_targets_it_trains_by_squared_errors(grad):
    kernel, rows = NetworkKernel(NET), targets(7)
    weights = kernel.init()
    with torch.set_grad_enabled(grad):
        found = kernel.loss_gradients(weights, rows)
    leaves = [weight.clone().requires_grad_() for weight in weights]
    logits = F.linear(hidden(leaves, rows.x), *leaves[2:])
    expected = torch.autograd.grad((logits - rows.y).square().sum() / 14, leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
        assert not one.requires_grad


def test_a_pool_trains_it_on_targets_and_on_classes():
    for rows in (targets(6), batch(6)):
        kernel = NetworkKernel(NET)
        pool = Pool(kernel, size=1, train_steps=200)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            pool.draw(0)
            pool.learn(0, lambda rows=rows: rows)
            trained = pool.draw(1)
        logits = kernel.layers(trained, rows)[-1]
        goal = rows.y if rows.y.dim() > 1 else F.one_hot(rows.y, 3).double()
        assert (logits.softmax(dim=1) if rows.y.dim() == 1 else logits).sub(goal).square().mean() < 0.2


def test_an_ensemble_is_its_members():
    ensemble, rows = Ensemble(NET, 3), batch(5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = ensemble.init()
        torch.manual_seed(0)
        members = [NET.init() for _ in range(3)]
    assert all(torch.equal(*pair) for pair in zip(weights, sum(members, ()), strict=True))
    layers, each = ensemble.layers(weights, rows), [NET.layers(own, rows) for own in members]
    assert [layer.shape for layer in layers] == [(5, 12), (5, 18), (5, 3)]
    torch.testing.assert_close(layers[1], torch.cat([own[1] for own in each], dim=1))
    torch.testing.assert_close(layers[2], sum(own[2] for own in each) / 3)
    gradients = [part for own in members for part in NET.loss_gradients(own, rows)]
    assert all(torch.equal(*pair) for pair in zip(ensemble.loss_gradients(weights, rows), gradients, strict=True))
    by_class = [part for own in members for part in NET.class_gradients(own, rows).sums]
    found = ensemble.class_gradients(weights, rows)
    assert all(torch.equal(*pair) for pair in zip(found.sums, by_class, strict=True))
    assert found.counts.tolist() == [2, 2, 1]


def test_random_features_are_the_mean_kernel_of_their_networks():
    kernel, left, right = random_features(NET, 3), batch(5), batch(2, seed=1)
    weights = Fresh(kernel).draw(0)
    single = NetworkKernel(NET, weight_variance=2.0, bias_variance=0.01, mean=True)
    each = [single.cross(weights[i : i + 4], left, right) for i in (0, 4, 8)]
    torch.testing.assert_close(kernel.cross(weights, left, right), sum(each) / 3)
    assert random_features(NET).surrogate == Ensemble(NET, 8)


def he_network() -> nn.Module:
    """A wide network with one hidden layer whose weights have the variances of the infinite one."""
    net = nn.Sequential(nn.Linear(4, WIDE), nn.ReLU(), nn.Linear(WIDE, 3))
    nn.init.normal_(net[0].weight, std=math.sqrt(2 / 4))
    nn.init.normal_(net[0].bias, std=0.1)
    return net


def test_random_features_of_wide_networks_go_to_the_infinite_one():
    rows = batch(6)
    rows = Batch(rows.x.float(), rows.y)
    kernel = random_features(Network(he_network, 3), 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = kernel.init()
    expected = InfiniteWidth(depth=1, kind="nngp").gram((), rows)
    error = (kernel.gram(weights, rows) - expected).abs()
    lengths = torch.outer(expected.diagonal(), expected.diagonal()).sqrt()
    assert (error / lengths).max() < 5 / math.sqrt(4 * WIDE)  # five standard errors: of a product, about its length


def test_a_linear_surrogate_has_a_linear_kernel():
    kernel, rows = NetworkKernel(Linear(4, SingleLabel(3), LIKE), bias_variance=0.0), batch(5)
    torch.testing.assert_close(kernel.gram(kernel.init(), rows), rows.x @ rows.x.T)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: NetworkKernel(NET, weight_variance=0.0), ValueError, "weight_variance must be positive, got 0.0"),
        (lambda: NetworkKernel(NET, bias_variance=-1.0), ValueError, "bias_variance must be at least 0, got -1.0"),
        (lambda: Ensemble(NET, 0), ValueError, "networks must be positive, got 0"),
        (lambda: random_features(NET, 1.5), TypeError, "networks must be a whole number, got 1.5"),
    ],
)
def test_settings_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()
