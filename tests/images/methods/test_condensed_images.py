"""What methods for images deliver, what surrogates they take, and what they refuse."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import graphcond
from graphcond import CondensedDataset, ConvNet, ImageDataset, Perceptron, Progress, Run
from graphcond.images import quick_validation as image_validation
from graphcond.images.methods import METHODS
from graphcond.images.methods.base import ImageMethod

RESUMABLE = [name for name in METHODS if METHODS[name]().resumable]
PER_CLASS = 4


@pytest.fixture(scope="module", autouse=True)
def quick_validations() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_validation, "STEPS", 3)
        yield


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
    return dataclasses.replace(METHODS.quick(name), **more)


def condense(name: str, dataset: object = None, **options: Any) -> CondensedDataset:
    return graphcond.condense(
        dataset or pictures(), **({"size": f"{PER_CLASS}/class", "method": quick(name)} | options)
    )


def same(one: CondensedDataset, other: CondensedDataset) -> bool:
    first, second = one[0].to_dict(), other[0].to_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module", params=METHODS)
def made(request: pytest.FixtureRequest, quick_validations: None) -> tuple[str, CondensedDataset, list[Progress]]:
    """One condensation per method, with what was told of its progress."""
    reports: list[Progress] = []
    return request.param, condense(request.param, run=Run(progress=reports.append)), reports


def test_what_is_asked_is_delivered(made):
    name, small, reports = made
    data, spent = small[0], small.record.budget["spent"]
    assert data.x.dtype == torch.float32
    assert data.x.shape[1:] == (1, 6, 6)
    assert torch.bincount(data.y).tolist() == spent["images_per_class"]
    if quick(name).label_free:
        assert sum(spent["images_per_class"]) == 3 * PER_CLASS
    elif "learned_bytes" not in spent:
        assert spent["images_per_class"] == [1 if name == "class_mean" else PER_CLASS] * 3
    assert small.nbytes == spent["bytes"] == sum(v.numel() * v.element_size() for v in data.to_dict().values())
    assert len(data.y) == spent["images"] == len(data.x)
    assert small.record.source["shape"] == [1, 6, 6]
    assert small.record.source["num_images"] == 51
    if name in RESUMABLE:
        assert reports[-1].done == reports[-1].total


def test_labels_and_images_go_into_training(made):
    _, small, _ = made
    x, y = small.images()
    data = small[0]
    factor = int(data.formation) if "formation" in data else 1
    crops = data.crop_box.size(1) if "crop_box" in data else 0
    assert len(x) == len(y) == len(data.x) * factor**2 * (1 + crops)
    if factor == 1:
        torch.testing.assert_close(x[: len(data.x)], (data.x - data.mean.view(-1, 1, 1)) / data.std.view(-1, 1, 1))
    if "y_soft" in data:
        torch.testing.assert_close(y.sum(dim=1), torch.ones(len(y)))
        assert (y >= 0).all()
    elif "vectors" in data:
        assert torch.equal(y, data.vectors)
        return
    else:
        assert torch.equal(y, data.y.repeat_interleave(factor**2))
    network = Perceptron(width=4, depth=1)((1, 6, 6), 3)
    nn.functional.cross_entropy(network(x), y).backward()


def test_real_images_are_distinguished_from_made_ones(made):
    name, small, _ = made
    assert (small.members is None) == (name in RESUMABLE)
    train = pictures().train
    for image, label, rows in zip(small[0].x, small[0].y, small.members or [], strict=small.members is not None):
        assert (train[1][rows] == label).all()
        if name != "rded":  # whose images are crops
            torch.testing.assert_close(image, train[0][rows].mean(dim=0))


@pytest.mark.parametrize(("name", "fixed"), [("dm", False), ("kip", False), ("random", False), ("herding", True)])
def test_the_seed_matters_where_something_is_drawn(name, fixed):
    assert same(condense(name), condense(name, seed=1)) == fixed


@pytest.mark.parametrize("name", ["dsa", "idc", "linba", "kip", "mtt", "random_soft"])
def test_colour_and_unequal_classes(name):
    small = condense(name, pictures((20, 9, 5, 4), side=8, channels=3), size=14)
    assert small[0].x.shape[1:] == (3, 8, 8)
    if "learned_bytes" not in small.record.budget["spent"]:
        assert small.record.budget["spent"]["images_per_class"] == [7, 3, 2, 2]


@pytest.mark.parametrize("name", ["dm", "kip", "mtt"])
def test_without_validation_images_the_last_step_is_kept(name):
    dataset = pictures((3, 3, 3))
    alone = ImageDataset(dataset.train, val=(dataset.val[0][:0], dataset.val[1][:0]))
    small = condense(name, alone, size="1/class")
    assert small.record.choices["kept_step"] == quick(name).steps
    assert small.record.choices["scores"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "13/class", "method": "random"}, "of class 2"),
        ({"size": 2}, "3 classes"),
        ({"method": "dn"}, "did you mean 'dm'"),
    ],
)
def test_what_there_is_not_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        condense("random", **options)


def test_nodes_are_no_images():
    digits = graphcond.condense(graphcond.datasets.load("digits"), size=10, method="random")
    with pytest.raises(ValueError, match="made of nodes"):
        digits.images()


@pytest.mark.parametrize(
    ("architecture", "error", "words"),
    [
        (lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(36, classes + 1)), ValueError, "one for each"),
        (lambda shape, classes: nn.Linear(7, classes), ValueError, "cannot take images"),
        (lambda shape, classes: None, TypeError, r"torch\.nn\.Module"),
        (ConvNet(depth=4), ValueError, "depth=4"),
    ],
)
def test_networks_that_do_not_fit(architecture, error, words):
    with pytest.raises(error, match=words):
        condense("dc", size="1/class", method=graphcond.DC(architecture=architecture))


@pytest.mark.parametrize("wrong", [3, "convnet"])
def test_architecture_has_to_be_one(wrong):
    with pytest.raises(TypeError, match="architecture"):
        graphcond.DM(architecture=wrong)


def test_any_module_can_be_the_surrogate():
    def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(shape[0], 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, classes))

    for name in ("dc", "dm", "cafe", "frepo", "mtt"):
        assert len(condense(name, size="1/class", method=quick(name, architecture=build))[0].y) == 3


@pytest.mark.parametrize("method", [graphcond.DC, graphcond.DM, graphcond.MTT, graphcond.KIP, graphcond.FRePO])
def test_fields_are_checked(method):
    with pytest.raises(ValueError, match="steps"):
        method(steps=0)
    with pytest.raises(TypeError, match="parameterization"):
        method(parameterization="stored")


@pytest.mark.parametrize(("name", "per_class", "rate"), [("frepo", 1, 0.3), ("frepo", 4, 0.15), ("mtt", 4, 0.15)])
def test_images_move_slower_the_more_there_are(name, per_class, rate):
    unsaid, said, other = (
        condense(name, size=f"{per_class}/class", method=quick(name, images_rate=asked)) for asked in (None, rate, 0.2)
    )
    assert same(unsaid, said)
    assert not same(unsaid, other)


def test_published_settings_where_there_are_any():
    for one in METHODS.classes:
        if "published" in getattr(one, "presets", {}) and hasattr(one, "architecture"):
            assert one.preset("published").architecture == ConvNet()


def test_experts_of_another_run_are_refused(tmp_path):
    method = quick("mtt", folder=str(tmp_path / "experts"))
    condense("mtt", size="1/class", method=method)
    with pytest.raises(ValueError, match="another run"):
        condense("mtt", pictures(seed=1), size="1/class", method=method)
