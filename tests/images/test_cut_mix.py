"""CutMix: what is pasted where, and how labels are mixed."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.images.cut_mix import CutMix

CLASSES = 4


def numbered(count: int, height: int = 6, width: int = 9) -> Tensor:
    """Return images whose pixels are all the image's own number."""
    return torch.arange(count, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 2, height, width)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_labels_are_mixed_by_the_area_of_the_box(count):
    torch.manual_seed(0)
    y = torch.arange(count) % CLASSES
    areas = set()
    for _ in range(60):
        mixed = CutMix(num_classes=CLASSES).draw()(Batch(numbered(count), y))
        pasted = mixed.x != numbered(count)
        area = pasted.double().mean(dim=(1, 2, 3))
        assert (area == area[0]).all()
        partners = mixed.x.flatten(1)[pasted.flatten(1)].view(count, -1)
        if area[0] == 0:
            assert torch.equal(mixed.y, F.one_hot(y, CLASSES).double())
            continue
        assert (partners == partners[:, :1]).all()
        shifts = (partners[:, 0] - torch.arange(count)) % count
        assert (shifts == shifts[0]).all()
        other = F.one_hot(y[partners[:, 0].long()], CLASSES)
        torch.testing.assert_close(mixed.y, (1 - area[0]) * F.one_hot(y, CLASSES) + area[0] * other)
        torch.testing.assert_close(mixed.y.sum(dim=1), torch.ones(count, dtype=torch.float64))
        areas.add(float(area[0]))
    assert len(areas) > 10


def test_the_box_is_a_rectangle_of_the_share_that_was_drawn():
    torch.manual_seed(0)
    whole = 0
    for _ in range(200):
        mixed = CutMix(num_classes=2, alpha=1e6).draw()(Batch(numbered(2, 40, 20), torch.tensor([0, 1])))  # half of it
        pasted = (mixed.x != numbered(2, 40, 20))[0, 0]
        rows, columns = pasted.any(dim=1), pasted.any(dim=0)
        assert torch.equal(pasted, rows.unsqueeze(1) & columns)
        assert not rows.int().diff().abs().sum() > 2
        assert int(rows.sum()) <= 28  # sqrt(1/2) of 40
        assert int(columns.sum()) <= 14
        whole += int(rows.sum()) == 28 and int(columns.sum()) == 14
    assert whole > 5


def test_all_partners_but_itself_occur():
    torch.manual_seed(0)
    seen = set()
    for _ in range(200):
        mixed = CutMix(num_classes=CLASSES).draw()(Batch(numbered(4), torch.arange(4)))
        seen |= set(torch.unique(mixed.x[0]).tolist())
    assert seen == {0.0, 1.0, 2.0, 3.0}


def test_a_draw_holds_for_batches_of_any_size():
    torch.manual_seed(0)
    change = CutMix(num_classes=CLASSES).draw()
    before = torch.get_rng_state()
    boxes = [(change(Batch(numbered(n), torch.zeros(n).long())).x != numbered(n))[0, 0] for n in (2, 5, 7)]
    assert torch.equal(torch.get_rng_state(), before)
    assert boxes[0].any()
    assert all(torch.equal(box, boxes[0]) for box in boxes)
    alone = change(Batch(numbered(1), torch.tensor([3])))
    assert torch.equal(alone.x, numbered(1))
    assert torch.equal(alone.y, F.one_hot(torch.tensor([3]), CLASSES).double())


def test_probability_is_that_of_mixing_at_all():
    torch.manual_seed(0)
    y = torch.tensor([1, 3])
    unmixed = CutMix(num_classes=CLASSES, probability=0.0).draw()(Batch(numbered(2), y))
    assert torch.equal(unmixed.x, numbered(2))
    assert torch.equal(unmixed.y, F.one_hot(y, CLASSES).double())
    large = CutMix(num_classes=CLASSES, probability=0.5, alpha=1e6)
    mixed = [bool((large.draw()(Batch(numbered(2), y)).x != numbered(2)).any()) for _ in range(200)]
    assert sum(mixed) / 200 == pytest.approx(0.5, abs=0.12)


def test_soft_labels_are_mixed_as_they_are():
    torch.manual_seed(0)
    change = CutMix(num_classes=CLASSES).draw()
    soft = torch.rand(3, CLASSES, dtype=torch.float64).softmax(dim=1)
    mixed = change(Batch(numbered(3), soft, step_size=torch.tensor(0.5)))
    hard = change(Batch(numbered(3), torch.tensor([0, 1, 2])))
    torch.testing.assert_close(mixed.y, hard.y[:, :3] @ soft)
    assert torch.equal(mixed.x, hard.x)
    assert mixed.step_size is not None


def test_mixing_is_differentiable():
    torch.manual_seed(0)
    change = CutMix(num_classes=2).draw()
    x = torch.randn(3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    mix = lambda x, y: (lambda batch: (batch.x, batch.y))(change(Batch(x, y)))  # noqa: E731
    assert torch.autograd.gradcheck(mix, (x, y))
    assert torch.autograd.gradgradcheck(lambda x, y: mix(x.square(), y), (x, y))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 0}, "num_classes must be positive"),
        ({"num_classes": 2, "probability": 1.5}, r"probability must be in \[0, 1\]"),
        ({"num_classes": 2, "alpha": 0.0}, "alpha must be positive"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CutMix(**settings)
