import pytest
import torch
from torch import nn

from graphcond.core.matching.batch import Batch
from graphcond.surrogates.convnet import ConvNet, Perceptron, network

LIKE = torch.zeros(())


@pytest.mark.parametrize(("shape", "parameters"), [((1, 28, 28), 317_706), ((3, 32, 32), 320_010)])
def test_it_is_the_network_of_the_literature(shape, parameters):
    made = ConvNet()(shape, 10)
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters


@pytest.mark.parametrize("side", range(8, 23))
def test_pooling_loses_no_pixel(side):
    """Every pixel of an image moves some output, whatever its size."""
    torch.manual_seed(0)
    made = ConvNet(width=3, depth=3, normalized=False)((1, side, 30 - side), 2).double()
    image = torch.rand(1, 1, side, 30 - side, dtype=torch.float64).requires_grad_()
    made(image).square().sum().backward()
    assert (image.grad != 0).double().mean() > 0.5
    assert (image.grad[..., -1, :] != 0).any()
    assert (image.grad[..., 0, :] != 0).any()


def test_images_that_are_too_small():
    with pytest.raises(ValueError, match="depth=3"):
        ConvNet()((1, 7, 7), 10)


@pytest.mark.parametrize(("depth", "layers"), [(0, 1), (1, 2), (3, 4)])
def test_perceptron_has_its_hidden_layers(depth, layers):
    made = Perceptron(width=5, depth=depth)((2, 3, 3), 4)
    assert sum(isinstance(module, nn.Linear) for module in made) == layers
    assert made(torch.zeros(6, 2, 3, 3)).shape == (6, 4)


def test_embeddings_of_all_layers_and_of_the_last():
    x = torch.rand(4, 1, 8, 8)
    for every, shapes in ((True, [(4, 3, 4, 4), (4, 3, 2, 2)]), (False, [(4, 12)])):
        surrogate = network(ConvNet(width=3, depth=2), (1, 8, 8), 5, LIKE, all_layers=every)
        layers = surrogate.layers(surrogate.init(), _batch(x))
        assert [tuple(layer.shape) for layer in layers[1:-1]] == shapes
        assert layers[0] is x
        assert layers[-1].shape == (4, 5)


def test_weights_are_those_that_are_given():
    surrogate = network(ConvNet(width=3, depth=2), (1, 8, 8), 5, LIKE)
    zeros = tuple(torch.zeros_like(weight) for weight in surrogate.init())
    assert (surrogate.layers(zeros, _batch(torch.rand(4, 1, 8, 8)))[-1] == 0).all()


@pytest.mark.parametrize("settings", [{"width": 0}, {"depth": 0}, {"width": 2.5}])
def test_settings_are_checked(settings):
    with pytest.raises((ValueError, TypeError)):
        ConvNet(**settings)


def _batch(x):

    return Batch(x, torch.zeros(len(x), dtype=torch.int64))
