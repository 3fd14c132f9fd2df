"""What every method for images keeps to."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import graphcond
from graphcond import Checkpoint, CondensedDataset, ConvNet, ImageDataset, Perceptron, Progress
from graphcond.core.matching import driver
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.images.methods import matching as image_matching
from graphcond.images.methods.base import ImageMethod

QUICK: dict[str, Any] = {
    "steps": 4, "looks": 2, "architecture": ConvNet(width=4, depth=1), "real_per_class": 5, "real_rows": 16,
    "expert_rows": 8, "inner_rows": 8, "batch_size": 8, "epochs": 1, "least_steps": 3,
    "unroll_steps": 2, "networks": 2, "inner_steps": 2,
}  # fmt: skip
NAMES = sorted(IMAGE_METHODS)
STEPWISE = [name for name in NAMES if IMAGE_METHODS[name]().stepwise]
FIXED = {"class_mean", "herding", "k_center"}  # draw nothing
PER_CLASS = 4


@pytest.fixture(autouse=True)
def brief_looks(monkeypatch):
    monkeypatch.setattr(image_matching, "LOOK_STEPS", 3)


def pictures(counts: tuple[int, ...] = (30, 12, 9), side: int = 6, channels: int = 1, seed: int = 0) -> ImageDataset:
    """Images of unequal classes, each with a bright corner of its own; 4 of each class for validation."""
    generator = torch.Generator().manual_seed(seed)

    def draw(sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        y = torch.repeat_interleave(torch.tensor(sizes))
        x = torch.rand(len(y), channels, side, side, generator=generator)
        for label in range(len(sizes)):
            x[y == label, :, label : label + 2, :3] += 1.0
        return x, y

    return ImageDataset(draw(counts), val=draw((4,) * len(counts)), test=draw((5,) * len(counts)), name="corners")


def quick(name: str, **more: Any) -> ImageMethod:
    """The method of a name with little to do."""
    method = IMAGE_METHODS[name]()
    fields = {field.name for field in dataclasses.fields(method)}
    settings = {key: value for key, value in (QUICK | more).items() if key in fields}
    if "experts" in fields:
        settings["experts"] = dataclasses.replace(method.experts, number=2, interval=1)
    return dataclasses.replace(method, **settings)


def condense(name: str, dataset: object = None, **options: Any) -> CondensedDataset:
    sizes = {} if {"ratio", "num_images", "per_class"} & options.keys() else {"per_class": PER_CLASS}
    return graphcond.condense_images(dataset or pictures(), method=quick(name), **sizes, **options)


def same(one: CondensedDataset, other: CondensedDataset) -> bool:
    first, second = one[0].to_dict(), other[0].to_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


each_method = pytest.mark.parametrize("name", NAMES)
each_stepwise = pytest.mark.parametrize("name", STEPWISE)


@pytest.fixture(scope="module")
def results() -> dict[str, CondensedDataset]:
    return {}


@pytest.fixture
def small(results, name, brief_looks) -> CondensedDataset:
    if name not in results:
        results[name] = condense(name)
    return results[name]


@each_method
def test_what_is_asked_is_delivered(small, name):
    data = small[0]
    spent = small.record.budget["spent"]
    assert torch.isfinite(data.x).all()
    assert data.x.dtype == torch.float32
    assert data.x.shape[1:] == (1, 6, 6)
    assert torch.bincount(data.y).tolist() == spent["images_per_class"]
    stored = spent["images"]
    if "learned_bytes" not in spent:
        assert spent["images_per_class"] == [1 if name == "class_mean" else PER_CLASS] * 3
    assert small.nbytes == spent["bytes"] == sum(v.numel() * v.element_size() for v in data.to_dict().values())
    assert small.num_classes == 3
    assert small.modality == "images"
    assert len(data.y) == stored == len(data.x)


@each_method
def test_labels_and_images_go_into_training(small, name):
    x, y = small.images()
    data = small[0]
    factor = int(data.formation) if "formation" in data else 1
    assert len(x) == len(y) == len(data.x) * factor**2
    if factor == 1:
        torch.testing.assert_close(x, (data.x - data.mean.view(-1, 1, 1)) / data.std.view(-1, 1, 1))
    if "y_soft" in data:
        torch.testing.assert_close(y.sum(dim=1), torch.ones(len(y)))
        assert (y >= 0).all()
    else:
        assert torch.equal(y, data.y.repeat_interleave(factor**2))
    network = Perceptron(width=4, depth=1)((1, 6, 6), 3)
    nn.functional.cross_entropy(network(x), y).backward()


@each_method
def test_same_seed_same_bits_and_nothing_else_is_touched(small, name):
    dataset = pictures()
    before = [part.clone() for part in dataset.train]
    state = torch.get_rng_state()
    again = condense(name, dataset)
    assert same(small, again)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(before, dataset.train, strict=True))
    assert same(small, condense(name, seed=1)) == (name in FIXED)


@each_method
def test_test_images_are_not_seen(small, name):
    dataset = pictures()
    hidden = ImageDataset(dataset.train, val=dataset.val, test=(dataset.test[0].flip(0), dataset.test[1]))
    assert same(small, condense(name, hidden))


@each_method
def test_saved_and_loaded_is_the_same(small, name, tmp_path):
    loaded = graphcond.load(small.save(tmp_path / "small.safetensors"))
    assert same(small, loaded)
    assert loaded.record == small.record
    assert all(torch.equal(a, b) for a, b in zip(small.images(), loaded.images(), strict=True))


@each_stepwise
def test_progress_is_told(name):
    reports: list[Progress] = []
    condense(name, progress=reports.append)
    assert reports[-1].done == reports[-1].total


class StopError(Exception):
    pass


@each_stepwise
@pytest.mark.parametrize("cut", [1, 3])
def test_interrupted_run_goes_on_to_the_same_bits(small, name, cut, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)

    def stop(report: Progress) -> None:
        if report.what == "matching" and report.done == cut:
            raise StopError

    checkpoint = Checkpoint(tmp_path / "state.safetensors", every_seconds=0)
    with pytest.raises(StopError):
        condense(name, progress=stop, checkpoint=checkpoint)
    torch.manual_seed(123)
    assert same(small, condense(name, checkpoint=checkpoint))
    with pytest.raises(ValueError, match="another run"):
        condense(name, checkpoint=checkpoint, seed=1)


@each_method
def test_colour_and_unequal_classes(name):
    small = condense(name, pictures((20, 9, 5, 4), side=8, channels=3), num_images=14)
    assert small[0].x.shape[1:] == (3, 8, 8)
    if "learned_bytes" not in small.record.budget["spent"] and name != "class_mean":
        assert small.record.budget["spent"]["images_per_class"] == [7, 3, 2, 2]


@each_method
def test_real_images_are_told_apart_from_made_ones(small, name):
    if name in STEPWISE:
        assert small.members is None
        with pytest.raises(ValueError, match=r"work in steps"):
            graphcond.condense_images(pictures(), per_class=1, method="random", max_seconds=1)
        return
    train = pictures().train
    for image, label, rows in zip(small[0].x, small[0].y, small.members, strict=True):
        assert (train[1][rows] == label).all()
        torch.testing.assert_close(image, train[0][rows].mean(dim=0))


@each_method
def test_every_method_is_listed_with_a_line(name):
    assert IMAGE_METHODS.lines()[name].endswith(".")
    assert graphcond.list_methods("images")[name] == IMAGE_METHODS.lines()[name]
    label = IMAGE_METHODS.resolve(name).label
    assert label == name or name in ("auto", "haba", "linba")  # these are a method in another form


@each_stepwise
def test_without_validation_images_the_last_step_is_kept(name):
    dataset = pictures((3, 3, 3))
    alone = ImageDataset(dataset.train, val=(dataset.val[0][:0], dataset.val[1][:0]))
    small = condense(name, alone, per_class=1)
    assert small.record.choices["kept_step"] == QUICK["steps"]
    assert small.record.choices["scores"] == []


def test_condense_hands_images_on():
    dataset = pictures()
    small = graphcond.condense(dataset, 0.2, method=quick("dm"))
    assert same(small, graphcond.condense_images(dataset, 0.2, method=quick("dm")))
    for wrong in ({"num_nodes": 3}, {"num_graphs": 3}, {"inductive": True}, {"split": 1}):
        with pytest.raises(ValueError, match="makes no sense for images"):
            graphcond.condense(dataset, method="dm", **wrong)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, ValueError, "exactly one of"),
        ({"per_class": 1, "ratio": 0.1}, ValueError, "exactly one of"),
        ({"per_class": 13}, ValueError, "of class 2"),
        ({"per_class": 0}, ValueError, "per_class"),
        ({"ratio": 1.5}, ValueError, "ratio"),
        ({"num_images": 2}, ValueError, "3 classes"),
        ({"per_class": 1, "method": "dn"}, ValueError, "did you mean 'dm'"),
        ({"per_class": 1, "method": 3}, TypeError, "method"),
        ({"per_class": 1, "seed": -1}, ValueError, "seed"),
        ({"per_class": 1, "max_seconds": 0}, ValueError, "max_seconds"),
    ],
)
def test_wrong_arguments(options, error, words):
    with pytest.raises(error, match=words):
        graphcond.condense_images(pictures(), **options)


def test_not_images():
    with pytest.raises(TypeError, match="pair"):
        graphcond.condense_images(graphcond.datasets.load("digits"), per_class=1)
    digits = graphcond.condense(graphcond.datasets.load("digits"), num_nodes=10, method="random")
    with pytest.raises(ValueError, match="made of nodes"):
        digits.images()


@pytest.mark.parametrize(
    ("architecture", "error", "words"),
    [
        (lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(36, classes + 1)), ValueError, "one for each"),
        (lambda shape, classes: nn.Linear(7, classes), ValueError, "cannot look at images"),
        (lambda shape, classes: None, TypeError, r"torch\.nn\.Module"),
        (ConvNet(depth=4), ValueError, "depth=4"),
    ],
)
def test_networks_that_do_not_fit(architecture, error, words):
    with pytest.raises(error, match=words):
        graphcond.condense_images(pictures(), per_class=1, method=graphcond.DC(architecture=architecture))


@pytest.mark.parametrize("wrong", [3, "convnet"])
def test_architecture_has_to_be_one(wrong):
    with pytest.raises(TypeError, match="architecture"):
        graphcond.DM(architecture=wrong)


def test_any_module_can_be_the_eyes():
    def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(shape[0], 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, classes))

    for name in ("dc", "dm", "cafe", "frepo", "mtt"):
        method = dataclasses.replace(quick(name), architecture=build)
        assert len(graphcond.condense_images(pictures(), per_class=1, method=method)[0].y) == 3


@pytest.mark.parametrize("method", [graphcond.DC, graphcond.DM, graphcond.MTT, graphcond.KIP, graphcond.FRePO])
def test_fields_are_checked(method):
    with pytest.raises(ValueError, match="steps"):
        method(steps=0)
    with pytest.raises(TypeError, match="form"):
        method(form="stored")


@pytest.mark.parametrize("name", ["frepo", "mtt"])
@pytest.mark.parametrize(("per_class", "rate"), [(1, 0.3), (4, 0.15)])
def test_images_move_slower_the_more_there_are(name, per_class, rate):
    unsaid, said, other = (
        graphcond.condense_images(
            pictures(), per_class=per_class, method=dataclasses.replace(quick(name), images_rate=asked)
        )
        for asked in (None, rate, 0.2)
    )
    assert same(unsaid, said)
    assert not same(unsaid, other)


@each_method
def test_published_settings_where_there_are_any(name):
    method = IMAGE_METHODS[name]()
    presets = getattr(type(method), "presets", {})
    if presets:
        assert type(method).preset("published").architecture == ConvNet()


def test_experts_of_another_run_are_refused(tmp_path):
    folder = str(tmp_path / "experts")
    method = dataclasses.replace(quick("mtt"), folder=folder)
    graphcond.condense_images(pictures(), per_class=1, method=method)
    with pytest.raises(ValueError, match="another run"):
        graphcond.condense_images(pictures(seed=1), per_class=1, method=method)


def test_record_says_what_was_done():
    record = condense("dm").record
    assert record.method == "dm"
    assert record.source["shape"] == [1, 6, 6]
    assert record.source["num_images"] == 51
    assert record.budget["asked"] == {"per_class": PER_CLASS}
    assert record.settings["networks"] == 2
    assert copy.deepcopy(record) == record
