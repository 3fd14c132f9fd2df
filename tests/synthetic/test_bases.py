"""Images as combinations of bases, and the bases to start from."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.images.methods.bases import Bases, nearest_bases
from graphcond.synthetic.learned_rows import HardLabels, SoftLabels

CLASSES = torch.tensor([0, 1, 1, 0, 2])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def combined(bases: Tensor, addresses: Tensor) -> Tensor:
    """Return the combinations by the textbook, image by image."""
    return torch.stack([sum(a * basis for a, basis in zip(row, bases, strict=True)) for row in addresses])


def test_an_image_is_the_combination_of_its_address():
    bases, addresses = random(3, 2, 4, 6), random(5, 3, seed=1)
    synthetic = Bases(bases, addresses, HardLabels(CLASSES))
    batch = synthetic.batch()
    torch.testing.assert_close(batch.x, combined(bases, addresses))
    assert torch.equal(batch.y, CLASSES)
    assert synthetic.learned_bytes() == 8 * (bases.numel() + addresses.numel())
    assert Bases(bases, addresses, SoftLabels(random(5, 3))).learned_bytes() == synthetic.learned_bytes() + 8 * 15


def test_one_hot_addresses_are_the_bases_themselves():
    bases = random(3, 1, 4, 4)
    picks = torch.tensor([2, 0, 0, 1, 2])
    synthetic = Bases(bases, F.one_hot(picks, 3).double(), HardLabels(CLASSES))
    assert torch.equal(synthetic.batch().x, bases[picks])


def test_small_bases_are_enlarged():
    bases, addresses = random(3, 1, 4, 3), random(5, 3, seed=1)
    batch = Bases(bases, addresses, HardLabels(CLASSES), size=(8, 6)).batch()
    expected = F.interpolate(combined(bases, addresses), size=(8, 6), mode="bilinear")
    torch.testing.assert_close(batch.x, expected)


def test_all_classes_move_the_same_bases():
    bases, addresses = random(2, 1, 2, 2), random(5, 2, seed=1)
    synthetic = Bases(bases, addresses, HardLabels(CLASSES))
    for row in range(5):
        gradients = torch.autograd.grad(synthetic.batch().x[row].sum(), [synthetic.bases, synthetic.addresses])
        torch.testing.assert_close(gradients[0][:, 0, 0, 0], addresses[row])
        assert (gradients[1] != 0).any(dim=1).nonzero().flatten().tolist() == [row]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_no_bases_are_nearer_than_the_nearest(count):
    x = random(7, 2, 3, 4)
    bases, addresses = nearest_bases(x, count)
    decoded = Bases(bases, addresses, HardLabels(CLASSES)).batch().x
    tail = torch.linalg.svdvals(x.flatten(1))[count:].square().sum()  # Eckart and Young
    torch.testing.assert_close((decoded - x).square().sum(), tail)
    torch.testing.assert_close(bases.square().mean(dim=(1, 2, 3)), x.square().mean().expand(count))


def test_nearest_bases_of_images_that_say_nothing():
    bases, addresses = nearest_bases(torch.zeros(3, 1, 2, 2), 2)
    assert bases.isfinite().all()
    assert bases.flatten(1).any(dim=1).all()  # else neither they nor their addresses would ever move
    assert not addresses.any()
    same, coefficients = nearest_bases(random(1, 1, 2, 3).repeat(4, 1, 1, 1), 3)
    torch.testing.assert_close(combined(same, coefficients), random(1, 1, 2, 3).repeat(4, 1, 1, 1))
    assert nearest_bases(random(3, 1, 2, 2).float(), 2)[0].dtype == torch.float32


@pytest.mark.parametrize("count", [0, 4])
def test_more_bases_than_images_are_refused(count):
    with pytest.raises(ValueError, match="the number of bases must be between 1 and 3"):
        nearest_bases(random(3, 1, 4, 4), count)
