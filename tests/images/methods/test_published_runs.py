"""Presets hold the settings of the published runs, those that depend on the images per class among them."""

from dataclasses import replace

import torch

import graphcond
from graphcond import DC, DM, IDC, IDM, ConvNet, ImageDataset, Pixels
from graphcond.core.run_context import RunContext
from graphcond.images.augmentation import DIGITS
from graphcond.images.methods import METHODS


def pictures() -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(180, 1, 6, 6, generator=generator), torch.arange(180) % 3
    return ImageDataset((x[:170], y[:170]), val=(x[170:175], y[170:175]), test=(x[175:], y[175:]), name="pictures")


def test_the_published_runs_depend_on_the_images_per_class_where_they_do():
    task = graphcond.read(pictures())
    found = {}
    for per_class in (1, 10, 20, 50):
        allocation = torch.full((task.num_classes,), per_class)
        dc = replace(DC.preset("published"), architecture=ConvNet(width=4, depth=1))
        recipe = dc.recipe(task, allocation, RunContext())
        idm = replace(IDM.preset("published"), architecture=ConvNet(width=4, depth=1), parameterization=Pixels())
        pool = idm.recipe(task, allocation, RunContext())
        idc = replace(IDC.preset("published"), architecture=ConvNet(width=4, depth=1), parameterization=Pixels())
        rate = idc.recipe(task, allocation, RunContext()).schedule.rates["features"]
        found[per_class] = (
            recipe.steps, recipe.sampler.outer_steps,
            recipe.sampler.inner_steps, pool.sampler.max_age, pool.objective.cross_entropy,
            round(rate * float(task.scale.std.square().mean()), 6),
        )  # fmt: skip
    assert found == {
        1: (1000, 1, 50, 5, 0.5, 0.0005), 10: (10_000, 10, 50, 30, 0.5, 0.005), 20: (20_000, 20, 25, 30, 0.1, 0.01),
        50: (50_000, 50, 10, 30, 0.1, 0.025),
    }  # fmt: skip


def test_published_runs():
    dc, dsa, dm, idm, idc = DC.preset("published"), DC.preset("dsa"), *(m.preset("published") for m in (DM, IDM, IDC))
    assert (dc.start, dc.operations, dc.iterations, dc.networks, dc.momentum) == ("noise", (), 1000, None, 0.5)
    assert dsa == replace(dc, start="real", operations=DIGITS)
    assert (dm.operations, dm.steps, dm.images_rate, dm.real_per_class) == (DIGITS, 20_000, 1.0, 256)
    assert (idm.networks, idm.train_steps, idm.inner_batch_size, idm.weight_decay) == (100, 20, 256, 5e-4)
    assert (idc.operations, idc.cut_mix, idc.steps) == (("color", "crop", "cutout"), 0.5, 200_000)
    assert (idc.outer_steps, idc.inner_steps, idc.inner_batch_size) == (100, 31, 64)
    assert METHODS.resolve("dsa").operations == DIGITS  # a mirrored digit is none
