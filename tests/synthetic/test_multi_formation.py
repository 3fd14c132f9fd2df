"""Multi-formation images: each stands for its tiles."""

import torch
from torch import Tensor

from graphcond.images.formation import expand, pack
from graphcond.images.methods.multi_formation import MultiFormationImages
from graphcond.synthetic.learned_rows import HardLabels, SoftLabels

CLASSES = torch.tensor([1, 0])


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_a_batch_holds_the_tiles_of_what_is_stored():
    x = random(2, 3, 7, 8)
    synthetic = MultiFormationImages(x, HardLabels(CLASSES), 3)
    batch = synthetic.batch()
    assert torch.equal(batch.x, expand(x, 3))
    assert batch.y.tolist() == [1] * 9 + [0] * 9
    assert torch.equal(synthetic.x, x)
    assert synthetic.learned_bytes() == x.numel() * 4


def test_tiles_share_a_soft_label():
    logits = random(2, 5)
    batch = MultiFormationImages(random(2, 1, 4, 4), SoftLabels(logits), 2).batch()
    assert torch.equal(batch.y, logits.softmax(dim=1)[[0] * 4 + [1] * 4])


def test_what_was_packed_is_what_is_seen_first():
    real = random(8, 1, 1, 1).expand(-1, -1, 6, 6)
    torch.testing.assert_close(MultiFormationImages(pack(real, 2), HardLabels(CLASSES), 2).batch().x, real)


def test_a_factor_of_one_is_free():
    x = random(2, 1, 4, 4)
    assert torch.equal(MultiFormationImages(x, HardLabels(CLASSES), 1).batch().x, x)
