"""Real images as controls: which ones are chosen, what their labels are, and what is refused."""

from dataclasses import replace

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from graphcond.core.matching.training import Training
from graphcond.core.runtime.randomness import seeded
from graphcond.core.selection import herd
from graphcond.images.dataset import ImageDataset
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.selection import (
    ClassMeanImages,
    HerdingImages,
    ImageTeacher,
    KCenterImages,
    RandomImages,
    RandomSoftImages,
)
from graphcond.images.reading import read_images
from graphcond.images.task import ImageTask, pixels
from graphcond.surrogates.convnet import Perceptron

QUICK = RandomSoftImages(architecture=Perceptron(width=16, depth=1), min_steps=20)
KEEP_REAL_IMAGES = [RandomImages(), QUICK, HerdingImages(), KCenterImages()]
UNEVEN = torch.tensor([3, 1, 2, 1, 1, 4, 1, 1, 1, 2])


def digits(*, as_bytes: bool = False) -> ImageTask:
    data = load_digits()
    x, y = torch.from_numpy(data.images).float().unsqueeze(1) / 16, torch.from_numpy(data.target)
    x = (255 * x).to(torch.uint8) if as_bytes else x
    return read_images(ImageDataset((x[:400], y[:400]), val=(x[400:600], y[400:600]), test=(x[600:700], y[600:700])))


def made(method: ImageMethod, task: ImageTask, allocation: Tensor, seed: int = 0) -> SyntheticImages:
    with seeded(seed):
        return method.condense(task, allocation)


def named(method: ImageMethod) -> str:
    return method.name


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("method", KEEP_REAL_IMAGES, ids=named)
def test_images_are_those_of_their_members_and_as_many_as_asked_for(method: ImageMethod, as_bytes: bool) -> None:
    task = digits(as_bytes=as_bytes)
    result = made(method, task, UNEVEN)
    assert torch.equal(torch.bincount(result.y), UNEVEN)
    assert result.members is not None
    rows = torch.cat(list(result.members))
    assert len(torch.unique(rows)) == len(rows) == len(result.y) == len(result.members)
    assert torch.equal(task.train.y[rows], result.y)
    assert torch.allclose(task.scale.restored(result.x), pixels(task.train.x[rows]), atol=1e-6)


@pytest.mark.parametrize("method", KEEP_REAL_IMAGES, ids=named)
def test_a_class_that_is_too_small_is_named(method: ImageMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    task = digits()
    monkeypatch.setattr(RandomSoftImages, "teacher", lambda *_: pytest.fail("trained before the size was checked"))
    count = int(task.class_counts[3])
    asked = torch.ones(10, dtype=torch.int64)
    asked[3] = count + 1
    message = f"class 3 has {count} training images, but {count + 1} were asked for; ask for fewer images"
    with pytest.raises(ValueError, match=message):
        method.condense(task, asked)


@pytest.mark.parametrize("method", [RandomImages(), QUICK], ids=named)
def test_the_draw_follows_the_seed(method: ImageMethod) -> None:
    task = digits()
    first, again, other = (made(method, task, UNEVEN, seed) for seed in (0, 0, 1))
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)
    if first.y_soft is not None and again.y_soft is not None:
        assert torch.equal(first.y_soft, again.y_soft)


def test_every_image_is_drawn_now_and_then() -> None:
    task = digits()
    counts = torch.zeros(len(task.train))
    for seed in range(60):
        members = made(RandomImages(), task, torch.full((10,), 10), seed).members
        assert members is not None
        counts[members.index] += 1
    assert counts.min() > 0  # a class of about 40 gives 10: the chance to miss one is below 1e-5


def test_herding_and_k_center_read_normalised_pixels() -> None:
    task = digits()
    for method in (HerdingImages(), KCenterImages()):
        members = made(method, task, UNEVEN).members
        assert members is not None
        for label, count in enumerate(UNEVEN.tolist()):
            rows = (task.train.y == label).nonzero().flatten()
            mine = members.index[task.train.y[members.index] == label]
            points = task.batch(task.train.take(rows)).x.flatten(1)
            first = (points - points.mean(dim=0)).norm(dim=1).argmin()
            assert mine[0] == rows[first]  # both start at the image closest to the class mean
            if isinstance(method, HerdingImages):
                assert torch.equal(mine, rows[herd(points, count)])
            else:
                left = torch.cdist(points, task.batch(task.train.take(mine)).x.flatten(1)).min(dim=1).values
                gaps = torch.pdist(task.batch(task.train.take(mine)).x.flatten(1))
                assert count == 1 or gaps.min() >= left.max() - 1e-4  # farthest first: a packing is a covering


def test_a_class_mean_is_the_mean_of_its_images() -> None:
    task = digits(as_bytes=True)
    result = made(ClassMeanImages(), task, UNEVEN)
    expected = torch.stack([pixels(task.train.x[task.train.y == label]).mean(dim=0) for label in range(10)])
    assert torch.allclose(task.scale.restored(result.x), expected, atol=1e-5)
    assert torch.equal(result.y, torch.arange(10))
    assert result.members is not None
    assert [len(group) for group in result.members] == task.class_counts.tolist()


def test_soft_labels_are_the_teachers_probabilities() -> None:
    task = digits()
    with seeded(0):
        teacher = QUICK.teacher(task)
        result = QUICK.taught(task, UNEVEN, teacher)
    assert result.y_soft is not None
    assert result.members is not None
    (logits,) = teacher.surrogate.layers(teacher.weights, task.batch(task.train.take(result.members.index)))[-1:]
    assert torch.allclose(result.y_soft, (logits / teacher.temperature).softmax(dim=1), atol=1e-6)
    assert result.choices == {"temperature": teacher.temperature}


def test_the_teacher_learns() -> None:
    task = digits()
    with seeded(0):
        teacher = replace(QUICK, min_steps=150, training=Training(learning_rate=0.01)).teacher(task)
    right = teacher.logits(task.val).argmax(dim=1) == task.val.y
    assert float(right.double().mean()) > 0.7


def test_labels_are_softer_than_the_teacher_is_sure_of_them() -> None:
    task, teachers = digits(), []
    for temperature_factor in (1.0, 4.0):
        with seeded(0):
            teachers.append(replace(QUICK, temperature_factor=temperature_factor).teacher(task))
    assert teachers[0].calibrated().temperature == teachers[0].temperature
    assert teachers[1].temperature == 4 * teachers[0].temperature


def test_a_teacher_passes_over_the_images_as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    task = digits()
    steps = []
    monkeypatch.setattr("graphcond.core.matching.training.Student.train", lambda *given: steps.append(len(given[2])))
    replace(QUICK, min_steps=1, epochs=3, batch_size=50).teacher(task)
    assert steps == [50] * (3 * 400 // 50)


@pytest.mark.parametrize("temperature", [0.25, 4.0])
def test_the_temperature_is_that_of_the_logits(temperature: float) -> None:
    task = digits()

    class Sharpened:
        """Logits that say the truth with probability 1/2 at one temperature: they are calibrated there only."""

        def layers(self, weights: object, batch: object) -> list[Tensor]:
            right = torch.nn.functional.one_hot(batch.y, 10).double()  # type: ignore[attr-defined]
            wrong = torch.nn.functional.one_hot((batch.y + 1) % 10, 10).double()  # type: ignore[attr-defined]
            mixed = torch.where((torch.arange(len(right)) % 2 == 0).unsqueeze(1), right, wrong)
            share = torch.tensor(0.5).double()
            return [temperature * (mixed * share + (1 - mixed) * (1 - share) / 9).log()]

    teacher = ImageTeacher(task, Sharpened(), ())  # type: ignore[arg-type]
    assert teacher.calibrated().temperature == temperature
    none = replace(task, val=task.val.take(torch.tensor([], dtype=torch.int64)))
    assert ImageTeacher(none, Sharpened(), ()).calibrated().temperature == 1.0  # type: ignore[arg-type]
    assert replace(teacher, temperature=2.0).calibrated().temperature == temperature
    assert torch.allclose(replace(teacher, temperature=2.0).logits(task.val) * 2, teacher.logits(task.val))


@pytest.mark.parametrize(("field", "value"), [("temperature_factor", 0.0), ("epochs", 0), ("batch_size", -1)])
def test_bad_settings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} must be positive"):
        replace(QUICK, **{field: value})
