"""Images that a teacher chooses, recovers and labels: pruned, rded, sre2l, cda; and the teacher itself."""

import pytest
import torch
from torch import Tensor, nn

import graphcond
from graphcond import RDED, ConvNet, ImageDataset, PrunedImages, SRe2L, Teaching
from graphcond.core.data_pruning import ForgettingEvents
from graphcond.images.distortion import Distortion
from graphcond.images.methods.pruned import KEEPS
from graphcond.images.task import ImageTask

QUICK = Teaching(architecture=ConvNet(width=8, depth=1), min_steps=60)
BATCH = Teaching(architecture=ConvNet(width=8, depth=1, normalized="batch"), min_steps=60)


def bars(each: int = 20, size: int = 8) -> tuple[Tensor, Tensor]:
    """Return noise with a bright band for each class, which some images show weakly."""
    generator = torch.Generator().manual_seed(each)
    y = torch.arange(3).repeat_interleave(each)
    x = 0.3 * torch.randn(len(y), 1, size, size, generator=generator)
    strength = torch.rand(len(y), generator=generator) + 0.1
    for label in range(3):
        x[y == label, :, 2 * label : 2 * label + 2] += strength[y == label].view(-1, 1, 1, 1)
    return x, y


@pytest.fixture(scope="module")
def dataset() -> ImageDataset:
    return ImageDataset(bars(20), val=bars(10), name="bars")


@pytest.fixture(scope="module")
def task(dataset) -> ImageTask:
    return graphcond.read(dataset)


def test_batch_normalisation_has_the_statistics_of_training_images(task):
    torch.manual_seed(0)
    teacher = BATCH.teacher(task)
    module = teacher.surrogate.build()
    norm = next(part for part in module.modules() if isinstance(part, nn.BatchNorm2d))
    convolution = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
    with torch.no_grad():
        seen = convolution(task.batch(task.train).x)
    torch.testing.assert_close(norm.running_mean, seen.mean(dim=(0, 2, 3)), rtol=0.1, atol=0.05)
    one, many = task.train.take(torch.tensor([3])), task.train
    torch.testing.assert_close(teacher.logits(one), teacher.logits(many)[3:4], rtol=1e-4, atol=1e-4)
    assert (teacher.logits(task.val).argmax(dim=1) == task.val.y).float().mean() > 0.9


def test_networks_without_it_are_left_as_they_are(task):
    torch.manual_seed(0)
    teacher = QUICK.teacher(task)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in teacher.surrogate.build().modules())


@pytest.mark.parametrize("size", [1, 2, 4, 7, 16])
def test_a_teacher_fits_small_images(size):
    task = graphcond.read(ImageDataset((torch.rand(8, 1, size, size), torch.arange(8) % 2)))
    teacher = Teaching(min_steps=1, epochs=1).teacher(task)
    assert teacher.logits(task.train).shape == (len(task.train), 2)


@pytest.mark.parametrize("score", ["el2n", "margin"])
def test_easy_images_are_clear_and_hard_ones_are_not(dataset, score):
    means = {}
    for keep in KEEPS:
        method = PrunedImages(score=score, keep=keep, teacher=QUICK)
        small = graphcond.condense(dataset, size="5/class", method=method)
        x, y = (part[small.members.index] for part in dataset.train)
        means[keep] = float(
            torch.stack([image[0, 2 * label :][:2].mean() for image, label in zip(x, y, strict=True)]).mean()
        )
        assert torch.equal(small[0].y, torch.arange(3).repeat_interleave(5))
    assert means["easy"] > means["hard"]


def test_images_that_are_forgotten_are_counted(dataset):
    method = PrunedImages(score="forgetting", keep="easy", teacher=QUICK)
    assert len(graphcond.condense(dataset, size="5/class", method=method)[0].y) == 15


def test_images_are_read_as_often_as_asked_the_last_time_at_the_end(dataset, monkeypatch):
    seen: list[int] = []
    monkeypatch.setattr(ForgettingEvents, "see", lambda self, right: seen.append(int(right.sum())))
    monkeypatch.setattr(ForgettingEvents, "scores", lambda self: torch.zeros(len(self._right)))
    graphcond.condense(dataset, size=3, method=PrunedImages(score="forgetting", readings=3, teacher=QUICK))
    assert len(seen) == 3
    with pytest.raises(ValueError, match="readings must be at least 2, got 1"):
        PrunedImages(readings=1)


def test_what_is_kept_is_chosen_on_validation_images(dataset):
    small = graphcond.condense(dataset, size="2/class", method=PrunedImages(teacher=QUICK))
    scores = small.record.choices["validation"]
    assert small.record.choices["keep"] == max(scores, key=scores.get)
    assert set(scores) == set(KEEPS)
    fixed = PrunedImages(teacher=QUICK, keep=small.record.choices["keep"])
    assert torch.equal(graphcond.condense(dataset, size="2/class", method=fixed)[0].x, small[0].x)


def test_whole_images_are_what_rded_takes_of_them(dataset):
    small = graphcond.condense(dataset, size="3/class", method=RDED(least=1.0, crops=1, images=20, teacher=QUICK))
    for x, members in zip(small[0].x, small.members, strict=True):
        real = dataset.train[0][int(members)]
        torch.testing.assert_close(x, real, rtol=1e-4, atol=1e-4)


def test_tiles_are_crops_of_different_images(dataset):
    small = graphcond.condense(dataset, size="2/class", method=RDED(factor=2, teacher=QUICK))
    assert small[0].formation.tolist() == [2]
    assert small.images()[0].shape == (24, 1, 8, 8)
    assert [len(set(group.tolist())) for group in small.members] == [4] * 6
    with pytest.raises(ValueError, match="24 crops of different images of class 0 were asked for"):
        graphcond.condense(dataset, size="6/class", method=RDED(factor=2, teacher=QUICK))


def test_the_curriculum_goes_from_whole_images_to_small_crops():
    shares = [Distortion(least=0.1, steps=10).least_at(step) for step in range(12)]
    assert shares[0] == 1.0
    assert shares[10] == shares[11] == pytest.approx(0.1)
    assert shares == sorted(shares, reverse=True)
    assert Distortion(least=0.1).least_at(0) == 0.1


def test_recovered_images_are_what_the_teacher_recognises(dataset):
    method = SRe2L(teacher=BATCH, steps=60, validations=1, jitter=0, least=1.0)
    small = graphcond.condense(dataset, size="2/class", method=method)
    assert (small[0].y_soft.argmax(dim=1) == small[0].y).all()
    bands = torch.stack([small[0].x[:, 0, 2 * label : 2 * label + 2].mean(dim=(1, 2)) for label in range(3)], dim=1)
    assert (bands.argmax(dim=1) == small[0].y).float().mean() > 0.6
    assert small.record.method == "sre2l"
    curriculum = graphcond.condense(dataset, size="1/class", method=SRe2L(teacher=BATCH, steps=4, curriculum=True))
    assert curriculum.record.method == "cda"


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: PrunedImages(score="el3n"), ValueError, "there is no score 'el3n'; did you mean 'el2n'"),
        (lambda: PrunedImages(keep="all"), ValueError, "there is no part that is kept: keep= 'all'"),
        (lambda: PrunedImages(readings=0), ValueError, "readings must be positive"),
        (lambda: RDED(least=1.5), ValueError, r"least must be in \(0, 1\], got 1.5"),
        (lambda: RDED(crops=0), ValueError, "crops must be positive"),
        (lambda: SRe2L(least=2.0), ValueError, r"least must be in \(0, 1\], got 2.0"),
        (lambda: SRe2L(crops=-1), ValueError, "crops must be at least 0"),
        (lambda: Teaching(architecture=3), TypeError, "architecture must be a value such as ConvNet"),
        (lambda: ConvNet(normalized="layer"), TypeError, "normalized must be True or False, or 'batch', got 'layer'"),
        (lambda: SRe2L.preset("fast"), ValueError, "there is no preset 'fast'"),
    ],
)
def test_settings_are_checked(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_a_teacher_without_normalised_layers_is_refused(dataset):
    plain = Teaching(architecture=ConvNet(width=4, depth=1, normalized=False), min_steps=1, epochs=1)
    with pytest.raises(ValueError, match=r"teacher must have normalised layers.*normalized='batch'"):
        graphcond.condense(dataset, size="1/class", method=SRe2L(teacher=plain))


def test_published_settings_are_values():
    assert SRe2L.preset("published").images_rate == 0.25
    assert SRe2L.preset("published cda").curriculum
