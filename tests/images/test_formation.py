"""Multi-formation: tiles, their order, and the way back."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.images.formation import expand, expand_labels, pack


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("factor", [2, 3])
def test_tiles_are_cut_row_by_row_and_enlarged_bilinearly(factor):
    x = random(3, 2, 6, 12)
    seen = expand(x, factor).view(3, factor, factor, 2, 6, 12)
    height, width = 6 // factor, 12 // factor
    for i in range(factor):
        for j in range(factor):
            tile = x[:, :, i * height : (i + 1) * height, j * width : (j + 1) * width]
            torch.testing.assert_close(seen[:, i, j], F.interpolate(tile, (6, 12), mode="bilinear"))


def test_bilinear_by_hand():
    x = torch.tensor([[[[0.0, 4.0, 9.0, 9.0]] * 4]])
    first = expand(x, 2)[0, 0]
    assert torch.equal(first, torch.tensor([[0.0, 1.0, 3.0, 4.0]] * 4))


@pytest.mark.parametrize("shape", [(6, 6), (7, 10), (5, 4)])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_constant_images_come_back_from_packing(shape, factor):
    x = random(2 * factor**2, 3, 1, 1).expand(-1, -1, *shape)
    packed = pack(x, factor)
    assert packed.shape == (2, 3, *shape)
    torch.testing.assert_close(expand(packed, factor), x)


def test_packing_averages_pixels():
    x = random(4, 1, 4, 4)
    packed = pack(x, 2)
    averages = x.view(4, 1, 2, 2, 2, 2).mean(dim=(3, 5))
    for image, (row, column) in zip(averages, ((0, 0), (0, 2), (2, 0), (2, 2)), strict=True):
        torch.testing.assert_close(packed[0, :, row : row + 2, column : column + 2], image)
    assert torch.equal(x, random(4, 1, 4, 4))


@pytest.mark.parametrize("shape", [(6, 6), (7, 10), (28, 28)])
@pytest.mark.parametrize("factor", [2, 3, 5])
def test_every_pixel_is_used_once(shape, factor):
    x = random(1, 1, *shape).requires_grad_()
    seen = expand(x, factor)
    owners = torch.zeros(x.shape, dtype=torch.int64)
    for tile in seen:
        (gradient,) = torch.autograd.grad(tile.sum(), x, retain_graph=True)
        used = gradient != 0
        assert torch.equal(used[0, 0], used[0, 0].any(dim=1, keepdim=True) & used[0, 0].any(dim=0))
        owners += used
    assert (owners == 1).all()


def test_a_factor_of_one_changes_nothing():
    x = random(2, 1, 5, 4)
    assert torch.equal(expand(x, 1), x)
    assert torch.equal(pack(x, 1), x)


def test_labels_follow_their_tiles():
    y = torch.tensor([3, 5])
    assert expand_labels(y, 2).tolist() == [3, 3, 3, 3, 5, 5, 5, 5]
    x = y.view(-1, 1, 1, 1).double().expand(-1, 1, 4, 4)
    assert torch.equal(expand(x, 2)[:, 0, 0, 0].long(), expand_labels(y, 2))
    soft = random(2, 3)
    assert torch.equal(expand_labels(soft, 2), soft[[0] * 4 + [1] * 4])


def test_expansion_is_differentiable_twice():
    x = random(2, 1, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: expand(x, 2), x)
    assert torch.autograd.gradgradcheck(lambda x: expand(x, 2).square(), x)


def test_bad_factors_are_refused():
    for factor in (0, 5):
        with pytest.raises(ValueError, match="factor must be between 1 and the 4 pixels"):
            expand(random(1, 1, 4, 6), factor)
    with pytest.raises(ValueError, match="puts 4 images into one, but there are 6"):
        pack(random(6, 1, 4, 4), 2)
