"""Parts of images."""

import pytest
import torch
import torch.nn.functional as F

import graphcond
from graphcond import ImageDataset, Relabelled
from graphcond.images.contents import check_image_data
from graphcond.images.crops import cropped, drawn_boxes
from graphcond.images.evaluation.training import training_data_of
from graphcond.images.methods import relabelling
from graphcond.images.task import Scale
from graphcond.images.teacher import Teaching


def test_crops_are_what_interpolation_makes_of_parts():
    torch.manual_seed(0)
    x = torch.randn(3, 2, 9, 7, dtype=torch.float64)
    boxes = drawn_boxes((3, 5), (9, 7), least=0.05)
    made = cropped(x, boxes).view(3, 5, 2, 9, 7)
    for i in range(3):
        for k, (top, left, high, wide) in enumerate(boxes[i].tolist()):
            part = x[i : i + 1, :, top : top + high, left : left + wide]
            wanted = F.interpolate(part, size=(9, 7), mode="bilinear", align_corners=False)
            torch.testing.assert_close(made[i, k : k + 1], wanted)


def test_the_whole_image_is_itself():
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(cropped(x, torch.tensor([[[0, 0, 8, 8]]] * 2)), x)


def test_boxes_lie_in_the_image_and_have_their_share_of_it():
    torch.manual_seed(0)
    top, left, high, wide = drawn_boxes((4000,), (40, 40), 0.25, 0.5).long().unbind(dim=1)
    assert int(top.min()) >= 0
    assert int(left.min()) >= 0
    assert int((top + high).max()) == int((left + wide).max()) == 40
    share = (high * wide).double() / 1600
    assert 0.22 < float(share.min()) < 0.26
    assert 0.49 < float(share.max()) < 0.54
    assert float(share.mean()) == pytest.approx(0.375, abs=0.005)
    assert drawn_boxes((5,), (6, 9), 1.0).tolist() == [[0, 0, 6, 9]] * 5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> graphcond.CondensedDataset:
    quick = Teaching(architecture=graphcond.ConvNet(width=4, depth=1), min_steps=3)
    monkeypatch.setattr(relabelling, "TEACHING", quick)
    y = torch.arange(2).repeat_interleave(8)
    x = torch.rand(16, 1, 6, 6, generator=torch.Generator().manual_seed(0)) + y.view(-1, 1, 1, 1)
    images = ImageDataset((x, y), val=(x, y))
    return graphcond.condense(images, size="1/class", method=Relabelled("random", crops=3))


def test_a_file_holds_them(small, tmp_path):
    again = graphcond.load(small.save(tmp_path / "images.safetensors"))
    for mine, theirs in zip(small.images(), again.images(), strict=True):
        assert torch.equal(mine, theirs)


def test_only_the_own_column_trains_on_them(small):
    data, scale = small[0], Scale(small[0].mean, small[0].std)
    plain, own = (training_data_of(data, column, scale, torch.device("cpu")) for column in ("plain", "own"))
    assert (len(plain), len(own)) == (2, 8)
    assert plain.targets.dtype == torch.int64
    assert own.targets.shape == (8, 2)
    torch.testing.assert_close(own.batch(torch.arange(8)).x, small.images()[0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data.pop("crop_soft"), "crop_soft is missing"),
        (lambda data: data.pop("y_soft"), "y_soft is missing"),
        (lambda data: data["crop_box"].select(2, 3).fill_(7), "crop_box must hold boxes within the images"),
        (lambda data: data["crop_box"].select(2, 2).fill_(0), "crop_box must hold boxes within the images"),
        (lambda data: data["crop_box"].select(2, 0).fill_(-1), r"crop_box must be at least 0"),
        (lambda data: data["crop_soft"].mul_(2), "crop_soft must have rows that sum to 1"),
        (lambda data: data.update(crop_box=data["crop_box"].long()), "crop_box must hold int16"),
        (lambda data: data.update(crop_soft=data["crop_soft"][:, :2]), "crop_soft must have the shape"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(small, change, sentence):
    data = {name: value.clone() for name, value in small[0].to_dict().items()}
    check_image_data(data, 2)
    change(data)
    with pytest.raises(ValueError, match=sentence):
        check_image_data(data, 2)


def test_crops_of_ones_own_are_checked(small):
    data = small[0].clone()
    del data["crop_soft"]
    images = ImageDataset((data.x, data.y), val=(data.x, data.y), test=(data.x, data.y))
    with pytest.raises(ValueError, match="crops have boxes and labels, as their images have, but crop_soft is missing"):
        graphcond.evaluate(data, images, ["mlp"], controls=False)
