"""Codes through shared decoders: what they are, how a budget is divided, and where they start."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import graphcond
from graphcond import DM, ConvNet, ImageDataset, LatentCodes
from graphcond.images.formation import expand
from graphcond.images.methods.coded import CodedImages, Decoders
from graphcond.images.methods.groups import grouped
from graphcond.images.methods.matching import hard_labels
from graphcond.images.reading import read_images
from graphcond.images.task import ImageTask
from graphcond.synthetic.learned_rows import HardLabels

SHAPE = (3, 10, 7)  # neither side is a multiple of four


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def task(counts: tuple[int, ...] = (20, 9, 8), shape: tuple[int, int, int] = (1, 12, 12)) -> ImageTask:
    y = torch.repeat_interleave(torch.tensor(counts))
    x = random(len(y), *shape) / 4 + y.view(-1, 1, 1, 1)
    return read_images(ImageDataset((x, y), val=(x[:0], y[:0])))


def test_all_decoders_at_once_are_each_by_itself():
    decoders, codes = Decoders(3, 2, 5, SHAPE, like=torch.zeros(())), random(4, 2, 3, 2)
    with torch.no_grad():
        decoders.first_bias.copy_(random(15, seed=1))
        decoders.last_bias.copy_(random(9, seed=2))
    together = decoders(codes)
    assert together.shape == (4, 3, *SHAPE)
    for j in range(3):
        mine, out = slice(5 * j, 5 * j + 5), slice(3 * j, 3 * j + 3)
        hidden = F.conv_transpose2d(codes, decoders.first[:, mine], decoders.first_bias[mine], stride=2, padding=1)
        x = F.conv_transpose2d(hidden.relu(), decoders.last[mine], decoders.last_bias[out], stride=2, padding=1)
        torch.testing.assert_close(together[:, j], x[:, :, 1:11, :7])
    assert sum(weight.numel() for weight in decoders.parameters()) == 3 * Decoders.numbers(2, 5, SHAPE)


def test_images_are_tiles_of_each_code_through_each_decoder():
    decoders, codes = Decoders(2, 1, 2, (1, 8, 8), like=torch.zeros(())), random(3, 1, 2, 2)
    x, y = CodedImages(codes, decoders, HardLabels(torch.tensor([0, 1, 1])), factor=2).decode()
    torch.testing.assert_close(x[:8], expand(decoders(codes[:1])[0], 2))
    assert y.tolist() == [0] * 8 + [1] * 16


@pytest.mark.parametrize("counts", [(5,), (1, 7, 3), (4, 4)])
@pytest.mark.parametrize("most", [None, 1, 2, 3, 9])
def test_groups_hold_every_row_and_every_class(counts, most):
    groups = grouped(torch.tensor(counts), most)
    classes = torch.repeat_interleave(torch.tensor(counts))
    assert torch.cat(groups).unique().tolist() == list(range(sum(counts)))
    for group in groups:
        assert classes[group].unique().tolist() == list(range(len(counts)))
        assert most is None or int(torch.bincount(classes[group]).max()) <= most


@pytest.mark.parametrize("given", [(5, 5, 5), (9, 1, 1), (40, 3, 1)])
@pytest.mark.parametrize("width", [None, 3])
def test_codes_and_decoders_fill_the_budget(given, width):
    value, allocation = LatentCodes(decoders=2, channels=2, width=width, fit_steps=1), torch.tensor(given)
    images, budget = value.build(task(), allocation, "real", hard_labels, None), int(allocation.sum()) * 144
    layout, numbers = value.layout(task(), allocation), images.learned_bytes() // 4
    assert numbers <= budget
    assert budget - numbers < len(given) * math.prod(layout.size)  # another code of each class does not fit
    assert int(layout.codes.min()) >= 1
    x, y = images.decoded()
    assert x.shape == (len(y), 1, 12, 12)
    assert torch.equal(torch.bincount(y), value.delivered(task(), allocation))


def test_too_small_a_budget_names_the_smallest_that_is_not():
    value, small = LatentCodes(channels=3, decoders=9), torch.tensor([1, 1, 1])
    with pytest.raises(ValueError, match="ask for at least") as refused:
        value.layout(task(), small)
    least = int(str(refused.value).split("at least ")[1].split("/")[0])
    assert int(value.layout(task(), least * small).codes.min()) >= 1
    with pytest.raises(ValueError, match=f"at least {least}/class"):
        value.layout(task(), (least - 1) * small)


def test_the_start_is_near_real_images():
    def gap(steps: int) -> float:
        torch.manual_seed(0)
        value = LatentCodes(width=4, fit_steps=steps, images_at_once=None)
        x, y = value.build(task(), torch.tensor([8, 8, 8]), "real", hard_labels, None).decoded()
        means = torch.stack([task().scale.normalized(task().train.x[task().train.y == k]).mean(0) for k in range(3)])
        return float((x - means[y]).square().mean())

    assert gap(150) < gap(1) / 4


def test_records_count_what_is_learned():
    data = task()
    dataset = ImageDataset((data.train.x, data.train.y), val=(data.train.x[:9], data.train.y[:9]))
    method = DM(
        architecture=ConvNet(width=2, depth=1), steps=2, validations=1,
        parameterization=LatentCodes(decoders=2, factor=2, fit_steps=2),
    )  # fmt: skip
    small = graphcond.condense(dataset, size="5/class", method=method)
    spent = small.record.budget["spent"]
    assert 0 < spent["learned_bytes"] <= 15 * 144 * 4
    assert spent["images"] == len(small[0].y) > 15
    assert "generator_bytes" not in spent
    assert small.record.method == "kfs"


@pytest.mark.parametrize(("setting", "words"), [({"decoders": 0}, "decoders"), ({"factor": -1}, "factor")])
def test_impossible_settings_are_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        LatentCodes(**setting)
